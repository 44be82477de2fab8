"""What has series: a named container, an engine, the machine itself; each with its recorders."""

from collections.abc import Iterator
from itertools import chain
from typing import Protocol

from tidegauge.docker.frames import Container
from tidegauge.metrics.catalogue import Metric
from tidegauge.metrics.instruments import Instrument
from tidegauge.metrics.life import LifeRecorder
from tidegauge.metrics.limits import BASE_SERIES, Allowance
from tidegauge.metrics.recorders import (
    CpuRecorder,
    DiskRecorder,
    MemoryRecorder,
    NetworkRecorder,
    PidsRecorder,
)
from tidegauge.metrics.snapshot import Attributes, Entity

USE_HOLDS = 30.0
"""Seconds for which the newest sample stands: engines at their slowest send one in 24."""

Recorded = Iterator[tuple[Metric, Attributes, Instrument]]


class Recorders(Protocol):
    """The recorders of one entity, and what of them holds at a moment."""

    since: float

    @property
    def entity(self) -> Entity:
        """Whom they are of."""
        ...

    def series(self) -> Recorded:
        """Every instrument under its name."""
        ...

    def holding(self, now: float) -> Recorded:
        """Those whose newest value still stands at ``now``, by the monotonic clock."""
        ...


class ContainerRecorders:
    """Of a named container; the name outlives restarts and recreation.

    Its use of resources stands while samples come, and its life while the engine has it.
    """

    __slots__ = (
        *("_allowance", "container", "fresh_at", "sampled_at", "since", "taken"),
        *("cpu", "disk", "life", "memory", "network", "pids"),
    )

    def __init__(self, container: Container, allowance: Allowance, since: float) -> None:
        self.container, self.since = container, since
        self.fresh_at: float | None = None
        self.sampled_at: float | None = None
        self.taken = BASE_SERIES
        self._allowance = allowance
        self.cpu = CpuRecorder()
        self.memory = MemoryRecorder()
        self.network = NetworkRecorder(self._allowed)
        self.disk = DiskRecorder(self._allowed)
        self.pids = PidsRecorder()
        self.life = LifeRecorder()

    @property
    def entity(self) -> Container:
        """The container as it is now."""
        return self.container

    @property
    def shape(self) -> tuple[int, int, int]:
        """Differs when `series` does: so names made of it can be kept until then."""
        return id(self.container), self.taken, self.life.shape

    def _allowed(self, amount: int) -> bool:
        allowed = self._allowance.take(amount, self.taken, self.container.alias)
        self.taken += amount if allowed else 0
        return allowed

    def series(self) -> Recorded:
        """Every instrument under its name."""
        return chain(self._use(), self.life.series())

    def holding(self, now: float) -> Recorded:
        """Those whose newest value still stands."""
        sampled_at = self.sampled_at
        if self.life.running and sampled_at is not None and now - sampled_at <= USE_HOLDS:
            yield from self._use()
        if self.life.known:
            yield from self.life.series()

    def _use(self) -> Recorded:
        yield from self.cpu.series()
        yield from self.memory.series()
        yield from self.network.series()
        yield from self.disk.series()
        yield from self.pids.series()
