"""Streams, or reads in turn? Decided from what is known of an engine and of who wants its samples.

A stream makes its engine look at a container in every cycle, one after the other, which takes some
4 ms of CPU each; a read in turn costs the same once. Since 25.0 Docker answers such a read at
once, beside its cycle. Before, it waited for the next one, and Podman has a way of its own.
"""

import re
from typing import Literal

from msgspec import Struct

from tidegauge.docker.frames import Engine

Sampling = Literal["auto", "stream"]

DIRECT = 25
"""The first version of Docker that answers a read at once."""

SHORTEST_SECONDS = 5.0
"""Who wants a tick sooner than this wants streams."""

LONGEST_SECONDS = 15.0
"""A sample stands for 30 s, so one may be lost between two."""

FIRST_SECONDS = 60.0
"""All are streamed so long: whoever starts it looks at once, and a rate needs two samples."""

SLOW_CYCLE, CALM_CYCLE = 1.5, 1.25
SLOW_SECONDS = 30.0
TURN_SECONDS = 300.0
"""Reads in turn last so long at least: each change costs all containers a request."""

COLLECTION_SECONDS = 0.004
"""What an engine takes for one container, as long as that was not measured."""


class Demand(Struct, frozen=True):
    """What samples are wanted for: seconds of a tick, and does anybody keep every second?

    Does anybody want each ``at_once``, or do all who want them say so (`Follower.catch_up`)?
    """

    tick_interval: float
    each_second: bool
    at_once: bool = True

    @property
    def interval(self) -> float:
        """Seconds between two reads of a container."""
        return min(max(self.tick_interval, SHORTEST_SECONDS), LONGEST_SECONDS)


STREAMS = Demand(1.0, each_second=True)
"""Of who always wants streams."""


class Load(Struct, frozen=True):
    """What is known of an engine: ``cycle`` of its streams, ``read`` of one container, in seconds.

    Both are medians, and ``None`` while there is none.
    """

    containers: int
    cycle: float | None = None
    read: float | None = None

    @property
    def expected_cycle(self) -> float:
        """With a stream of each container: all of them, and a second of rest."""
        return 1.0 + self.containers * (self.read or COLLECTION_SECONDS)


def can_turn(engine: Engine, demand: Demand) -> bool:
    """Could its containers be read in turn at all?"""
    version = re.match(r"\d+(?=\.)", engine.version)
    direct = engine.kind == "docker" and version is not None and int(version[0]) >= DIRECT
    return direct and demand.tick_interval >= SHORTEST_SECONDS


class Pace:
    """Whether containers are read in turn now; to be asked every few seconds.

    In turn when nobody keeps every second, after the first minute, or when the engine is too slow
    for it anyway, as long as that is less work for the engine. Back when it could be faster again,
    or when it is more work. ``interval`` seconds are between two reads of a container.
    """

    def __init__(self, demand: Demand) -> None:
        self._demand, self.interval = demand, demand.interval
        self._asked_since: float | None = None
        self._slow_since: float | None = None
        self._turning_since: float | None = None

    def turns(self, load: Load, now: float) -> bool:
        """The decision at a (monotonic) time."""
        if self._asked_since is None:
            self._asked_since = now
        if self._turning_since is None:
            if self._begins(load, now, self._asked_since):
                self._turning_since, self.interval = now, self._interval(load)
        elif now - self._turning_since >= TURN_SECONDS and self._ends(load):
            self._turning_since = self._slow_since = None
        return self._turning_since is not None

    def _begins(self, load: Load, now: float, begun: float) -> bool:
        cycle = load.expected_cycle if load.cycle is None else load.cycle
        if cycle >= self._demand.interval:
            return False  # the engine looks at each less often than it would be asked to
        if not self._demand.each_second:
            return now - begun >= FIRST_SECONDS
        if load.cycle is None or load.cycle <= SLOW_CYCLE:
            self._slow_since = None
            return False
        if self._slow_since is None:
            self._slow_since = now
        return now - self._slow_since >= SLOW_SECONDS

    def _interval(self, load: Load) -> float:
        """Who keeps every second gets as many as half the work of streams gives."""
        if not self._demand.each_second or load.cycle is None:
            return self._demand.interval
        return min(2 * load.cycle, self._demand.interval)

    def _ends(self, load: Load) -> bool:
        if load.expected_cycle > 2 * self._demand.interval:
            return True
        return self._demand.each_second and load.expected_cycle < CALM_CYCLE
