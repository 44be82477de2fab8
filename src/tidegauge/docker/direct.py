"""Containers that are read directly, without their engine: its kernel shows them here.

They are read in sweeps on a timer. Which containers these are is decided one by one, when they are
found and at each start; all others come by the engine's API.

Most containers stand still most of the time. Samples in which nothing moved wait, as two numbers
each, and are told together: when something moves, when somebody catches up, or after a while.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Literal, Protocol

from msgspec import Struct

from tidegauge.clock import Clock
from tidegauge.docker.client import InspectedContainer
from tidegauge.docker.frames import Container, StatsFrame
from tidegauge.docker.held import MOST_WAITING, WAIT_SECONDS
from tidegauge.docker.lives import state_in
from tidegauge.errors import OutOfReach
from tidegauge.globs import Glob
from tidegauge.journal import Journal

Wanted = Literal["auto", "cgroup", "api"]

AT_ONCE = 100
"""So many are read before others have a turn: some 5 ms."""

UNREACHED = "cgroups out of reach"
UNREAD = "sample not read"

ENDED = StatsFrame(datetime(1, 1, 1, tzinfo=UTC))
"""What an engine sends of a container that does not run; here once, when a run is over."""


class Probe(Protocol):
    """Reads one run of one container."""

    at: float
    """When it was last looked at, in Unix seconds."""

    def look(self) -> bool | None:
        """Read it; did anything move since the last frame? ``None`` when this run is over."""
        ...

    def frame(self) -> StatsFrame:
        """What the last look found."""
        ...

    def close(self) -> None:
        """Read no more."""
        ...


class Reader(Protocol):
    """Reads containers of this machine (`tidegauge.cgroups.reader`)."""

    @property
    def capacity(self) -> int | None:
        """CPU time that the machine could have given by now, in nanoseconds."""
        ...

    def begin(self) -> None:
        """A sweep begins: read what all containers share."""
        ...

    def open(self, key: str, pid: int, mode: str) -> Probe:
        """A container by its id, first process and network mode; raises `OutOfReach`."""
        ...

    def close(self) -> None:
        """Read no more containers."""
        ...


class Taker(Protocol):
    """Whose samples these are."""

    container: Container

    def take_direct(self, frame: StatsFrame, seconds: float) -> None:
        """A frame was read, so many seconds after the last one."""
        ...

    def take_still(
        self,
        frame: StatsFrame,
        reads: tuple[datetime, ...],
        capacities: tuple[int, ...],
        seconds: float,
    ) -> None:
        """Since this frame it was read so often, each time as many seconds later: see `Still`."""
        ...

    def run_over(self, *, reached: bool) -> None:
        """No more frames come of this run; none came if it was not ``reached``."""
        ...


class Paces(Struct, frozen=True):
    """Seconds from one sample to the next: of containers whose alias a glob matches, and others."""

    usual: float = 1.0
    chosen: tuple[tuple[str, float], ...] = ()

    def of(self, alias: str) -> float:
        """The first that matches."""
        found = (seconds for glob, seconds in self.chosen if Glob(glob).matches(alias))
        return next(found, self.usual)

    @property
    def all(self) -> set[float]:
        """Each pace there is."""
        return {self.usual, *(seconds for _, seconds in self.chosen)}


class _Run(Struct):
    """One run of a container that is read, its last frame, and the samples like it that wait."""

    taker: Taker
    probe: Probe
    seconds: float
    frame: StatsFrame | None = None
    reads: list[float] = []
    capacities: list[int] = []

    def wait(self, at: float, capacity: int) -> None:
        """One more sample waits."""
        self.reads.append(at)
        self.capacities.append(capacity)
        few = len(self.reads) < MOST_WAITING
        if not (few and 0 <= at - self.reads[0] < WAIT_SECONDS - self.seconds / 2):
            self.tell_waiting()

    def tell_waiting(self) -> None:
        """Tell what waits."""
        frame, reads, capacities = self.frame, self.reads, self.capacities
        if frame is not None and reads:
            self.reads, self.capacities = [], []
            moments = tuple([datetime.fromtimestamp(at, UTC) for at in reads])
            self.taker.take_still(frame, moments, tuple(capacities), self.seconds)


def waits(found: InspectedContainer) -> bool:
    """Is there nothing to read of a container before it starts again?"""
    return found.state.pid <= 0 and state_in(found.state.status) not in {"running", "paused"}


class Direct:
    """The containers of one engine that are read directly, and why others are not."""

    def __init__(
        self,
        engine: str,
        reader: Reader,
        wanted: Wanted,
        *,
        paces: Paces,
        clock: Clock,
        journal: Journal,
    ) -> None:
        self._engine, self._reader, self.wanted = engine, reader, wanted
        self._paces, self._clock, self._journal = paces, clock, journal
        self._runs: dict[float, dict[str, _Run]] = {seconds: {} for seconds in paces.all}
        self._paced: dict[str, float] = {}
        self._why: dict[str, tuple[str, str]] = {}
        self._told: set[str] = set()

    def __contains__(self, key: str) -> bool:
        return key in self._paced

    def __len__(self) -> int:
        return len(self._paced)

    @property
    def why_not(self) -> Mapping[str, str]:
        """Why containers are not read directly, by alias."""
        return dict(self._why.values())

    def open(self, taker: Taker, found: InspectedContainer) -> None:
        """Read this container from now on; raises `OutOfReach`, which is told, once."""
        container = taker.container
        key, alias = container.id, container.alias
        self.close([key])
        try:
            probe = self._reader.open(key, found.state.pid, found.host_config.network_mode)
        except OutOfReach as error:
            self._refuse(container, str(error))
            raise
        seconds = self._paces.of(alias)
        self._runs[seconds][key] = _Run(taker, probe, seconds)
        self._paced[key] = seconds
        self._why.pop(key, None)
        self._journal.over(UNREACHED, self._subject(container))

    def close(self, keys: Iterable[str]) -> None:
        """Read these no longer."""
        for key in keys:
            self._why.pop(key, None)
            if (seconds := self._paced.pop(key, None)) is not None:
                run = self._runs[seconds].pop(key)
                run.probe.close()
                run.tell_waiting()

    def tell_waiting(self, key: str) -> None:
        """Tell what waits of this one, before anything else is told of it."""
        if (seconds := self._paced.get(key)) is not None:
            self._runs[seconds][key].tell_waiting()

    def close_all(self) -> None:
        """Read none any longer."""
        self.close([*self._paced])
        self._reader.close()

    async def run(self, hurried: Callable[[], bool]) -> None:
        """Sweep until cancelled; nothing waits while somebody is ``hurried``."""
        async with asyncio.TaskGroup() as tasks:
            for seconds in self._runs:
                tasks.create_task(self._sweep_every(seconds, hurried))

    async def _sweep_every(self, seconds: float, hurried: Callable[[], bool]) -> None:
        while True:
            await self._sweep(self._runs[seconds], hurried=hurried())
            if seconds == self._paces.usual and self.wanted == "cgroup" and self._why:
                self._journal.drop(UNREAD, len(self._why))
            await self._clock.beat(seconds)  # a sweep that was missed is not made up for

    async def _sweep(self, runs: dict[str, _Run], *, hurried: bool) -> None:
        """Read each; samples in which nothing moved wait, unless somebody is ``hurried``."""
        if not runs:
            return
        self._reader.begin()
        capacity = self._reader.capacity
        for number, (key, run) in enumerate([*runs.items()], 1):
            if runs.get(key) is not run:
                continue  # closed while others had a turn
            try:
                moved = run.probe.look()
            except OutOfReach:
                self._journal.drop(UNREAD)
                run.tell_waiting()
                continue
            if moved is None:
                self._end(key, run)
            elif moved or run.frame is None or capacity is None or hurried:
                run.tell_waiting()
                run.frame = run.probe.frame()
                run.taker.take_direct(run.frame, run.seconds)
            else:
                run.wait(run.probe.at, capacity)
            if number % AT_ONCE == 0:
                await self._clock.sleep(0)

    def _end(self, key: str, run: _Run) -> None:
        """Its open files keep a network alive that is over, so they are closed at once."""
        self.close([key])
        if run.frame is not None:
            run.taker.take_direct(ENDED, 0.0)
        else:
            self._refuse(run.taker.container, "its cgroup files can't be read")
        run.taker.run_over(reached=run.frame is not None)

    def _refuse(self, container: Container, why: str) -> None:
        self._why[container.id] = container.alias, why
        if self.wanted == "cgroup":
            sentence = (
                f"container {container.alias} of engine {self._engine} has no samples, because"
                f' engines.source is "cgroup" and {why}.'
            )
            self._journal.trouble(UNREACHED, sentence, self._subject(container))
        elif why not in self._told:  # there are few reasons, whoever they are about
            self._told.add(why)
            self._journal.told("samples come by the API", engine=self._engine, because=why)

    def _subject(self, container: Container) -> str:
        return f"{self._engine}: {container.alias}"
