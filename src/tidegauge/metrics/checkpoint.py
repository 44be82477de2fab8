"""What has to outlive the program for totals to go on: of each container, what was counted so far.

An engine counts from the start of a container's present life. Whoever began anew with that would
count once more what a container that was restarted, or made anew, had in this life before.
"""

from collections.abc import Mapping, Sequence

from msgspec import Struct

Numbers = Sequence[int | None]


class Counted(Struct, frozen=True):
    """The ``totals`` of a recorder, and the engine's values that were ``seen`` last."""

    totals: Numbers
    seen: Numbers

    @property
    def anew(self) -> "Counted":
        """For a life that began since: nothing of it was seen."""
        return Counted(self.totals, [0] * len(self.seen))


class Account(Struct, frozen=True):
    """A container by its ``engine`` and ``alias``, and which it was when this was written.

    ``since`` is what its totals count from, in Unix seconds, as is ``at``, when it was written.
    """

    engine: str
    alias: str
    id: str
    since: float
    at: float
    counted: Mapping[str, Counted]
    """By the names of recorders; those of interfaces and devices have a prefix."""
