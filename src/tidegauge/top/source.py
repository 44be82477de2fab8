"""Where the view's states come from: an agent, or engines; the view does not know which."""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from msgspec import Struct
from msgspec.structs import replace

from tidegauge.web.views import ContainerView, EventView, Values

BEAT = 1.0
"""Seconds between two states."""

STOPPED = frozenset({"created", "exited", "dead"})
"""States in which nothing is used; an unknown one is none of them."""


class State(Struct, frozen=True):
    """What there is at a moment, in Unix seconds; ``trouble`` says in a sentence what is lacking.

    Containers are in base units, by key. Only the first state has their sparks, if any has.
    """

    at: float
    containers: Mapping[str, ContainerView]
    trouble: str = ""


class Source(Protocol):
    """Gives a state each second."""

    @property
    def title(self) -> str:
        """Whom it asks."""
        ...

    async def run(self, show: Callable[[State], None]) -> None:
        """Show states until cancelled; what is lost is told in them, and tried again."""
        ...

    async def events(self, key: str) -> Sequence[EventView]:
        """What happened to a container within the last hour, as far as is known; oldest first."""
        ...


def unknown(container: ContainerView) -> ContainerView:
    """The same, when nobody tells how it is."""
    return replace(container, state="unknown", health=None, values=Values())
