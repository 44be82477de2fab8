"""One container whose samples come, by whatever way, into the pipeline."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from msgspec import Struct

from tidegauge.backoff import Backoff
from tidegauge.clock import Clock
from tidegauge.docker.attention import Attention, Notice
from tidegauge.docker.frames import Container, Sample, StatsFrame, Still
from tidegauge.docker.lives import Observation
from tidegauge.streams import Outlet


class Joined(Struct, frozen=True):
    """What lasts from the first list of an engine's containers until the engine is lost."""

    outlet: Outlet[Observation]
    tasks: asyncio.TaskGroup
    lost: Callable[[], bool]


class Holder(Protocol):
    """Who decides how samples come; ``known`` are the containers by id as they are now."""

    known: dict[str, Container]
    clock: Clock

    def run_over(self, held: "Held", *, reached: bool) -> None:
        """A container that was read directly has ended."""
        ...

    def garbage(self, subject: str, data: bytes, error: str) -> None:
        """Something came that is no message."""
        ...

    def notice(self, notice: Notice, held: "Held") -> None:
        """Something is remarkable in how the frames of a container come."""
        ...


class Held:
    """One container, and how its frames come; a thousand of these are small.

    ``usual`` seconds are between two of its frames if it is asked for each, and ``asked_every``
    is what that was before the next one: the first one behind a change comes as late as any before.
    Who was ``learned`` of just now need not be inspected before its stream.
    """

    __slots__ = (
        *("asked_every", "attention", "backoff", "container", "holding", "joined", "learned"),
        *("notices", "usual"),
    )

    def __init__(self, container: Container, holding: Holder, joined: Joined) -> None:
        self.container, self.holding, self.joined = container, holding, joined
        self.attention = Attention()
        self.backoff: Backoff | None = None
        self.notices: list[Notice] = []
        self.usual = self.asked_every = 0.0
        self.learned = False

    def take_direct(self, frame: StatsFrame, seconds: float) -> None:
        """A frame was read without the engine."""
        container = self.holding.known.get(self.container.id, self.container)
        self.joined.outlet.send_nowait(Sample(container, frame, b"", seconds))
        self.backoff = None

    def take_still(
        self,
        frame: StatsFrame,
        reads: tuple[datetime, ...],
        capacities: tuple[int, ...],
        seconds: float,
    ) -> None:
        """It was read so often since that frame, and nothing had moved."""
        container = self.holding.known.get(self.container.id, self.container)
        self.joined.outlet.send_nowait(Still(container, frame, reads, capacities, seconds))

    def run_over(self, *, reached: bool) -> None:
        """No more frames are read of this run."""
        self.holding.run_over(self, reached=reached)

    def take(self, frame: StatsFrame, line: bytes) -> None:
        """A frame came; so the next pause is a short one."""
        container, holding = self.container, self.holding
        container = holding.known.get(container.id, container)
        self.joined.outlet.send_nowait(Sample(container, frame, line, self.asked_every))
        self.asked_every = self.usual
        self.backoff = None
        notice = self.attention.sees(frame, holding.clock.monotonic())
        if notice is not None:
            holding.notice(notice, self)

    def garbage(self, data: bytes, error: str) -> None:
        """Something came that is none."""
        self.holding.garbage(self.container.alias, data, error)
