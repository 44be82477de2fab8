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
from tidegauge.docker.intervals import cpu_time
from tidegauge.docker.lives import Observation
from tidegauge.docker.repetition import Repetition
from tidegauge.streams import Outlet

WAIT_SECONDS = 20.0
"""So long samples wait at most in which nothing moved."""

MOST_WAITING = 25
"""So many wait at most, whatever the engine says of time."""


class Joined(Struct, frozen=True):
    """What lasts from the first list of an engine's containers until the engine is lost."""

    outlet: Outlet[Observation]
    tasks: asyncio.TaskGroup
    lost: Callable[[], bool]


class Holder(Protocol):
    """Who decides how samples come; ``known`` are the containers by id as they are now."""

    known: dict[str, Container]
    clock: Clock
    calm: bool
    """Is nobody waiting for samples as soon as they come?"""

    def run_over(self, held: "Held", *, reached: bool) -> None:
        """A container that was read directly has ended."""
        ...

    def garbage(self, subject: str, data: bytes, error: str) -> None:
        """Something came that is no message."""
        ...

    def notice(self, notice: Notice, held: "Held") -> None:
        """Something is remarkable in how the frames of a container come."""
        ...


class _Standing(Struct):
    """The last frame of a container that sleeps, its line, and the samples like it that wait."""

    frame: StatsFrame
    line: Repetition
    reads: list[datetime] = []
    capacities: list[int] = []


class Held:
    """One container, and how its frames come; a thousand of these are small.

    ``usual`` seconds are between two of its frames if it is asked for each, and ``asked_every``
    is what that was before the next one: the first one behind a change comes as late as any before.
    Who was ``learned`` of just now need not be inspected before its stream.
    """

    __slots__ = (
        *("asked_every", "attention", "backoff", "container", "holding", "joined", "learned"),
        *("notices", "standing", "used", "usual"),
    )

    def __init__(self, container: Container, holding: Holder, joined: Joined) -> None:
        self.container, self.holding, self.joined = container, holding, joined
        self.attention = Attention()
        self.backoff: Backoff | None = None
        self.notices: list[Notice] = []
        self.usual = self.asked_every = 0.0
        self.learned = False
        self.used: int | None = None
        """CPU time in the last frame of a stream."""
        self.standing: _Standing | None = None

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
        self.tell_waiting()
        container, holding = self.container, self.holding
        container = holding.known.get(container.id, container)
        self.joined.outlet.send_nowait(Sample(container, frame, line, self.asked_every))
        self.asked_every = self.usual
        self.backoff = None
        self._look_at(frame, line)
        notice = self.attention.sees(frame, holding.clock.monotonic())
        if notice is not None:
            holding.notice(notice, self)

    def _look_at(self, frame: StatsFrame, line: bytes) -> None:
        """Does it sleep? Then its next line may be the same; that of others is not kept."""
        used, self.used = self.used, cpu_time(frame)
        found = Repetition.of(line) if used is not None and used == self.used else None
        self.standing = _Standing(frame, found) if found else None

    def take_again(self, line: bytes) -> bool:
        """Take a line that says the same as the one before, but for its time; false of another."""
        standing = self.standing
        if standing is None or (again := standing.line.again(line)) is None:
            return False
        read, capacity = again
        standing.reads.append(read)
        standing.capacities.append(capacity)
        passed = (read - standing.reads[0]).total_seconds()
        few = len(standing.reads) < MOST_WAITING
        if not (self.holding.calm and few and 0 <= passed < WAIT_SECONDS):
            self.tell_waiting()
        notice = self.attention.goes_on(read, self.holding.clock.monotonic())
        if notice is not None:
            self.holding.notice(notice, self)
        return True

    def tell_waiting(self) -> None:
        """Tell of samples that wait."""
        standing = self.standing
        if standing is not None and (reads := standing.reads):
            capacities = tuple(standing.capacities)
            standing.reads, standing.capacities = [], []
            self.take_still(standing.frame, tuple(reads), capacities, self.asked_every)

    def garbage(self, data: bytes, error: str) -> None:
        """Something came that is none."""
        self.holding.garbage(self.container.alias, data, error)
