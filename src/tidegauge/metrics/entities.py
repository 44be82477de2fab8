"""What has series: a named container, an engine, the machine itself; each with its recorders."""

from array import array
from collections.abc import Iterator
from datetime import datetime
from itertools import chain
from typing import Protocol

from tidegauge.docker.frames import Container
from tidegauge.docker.lives import Condition
from tidegauge.metrics.catalogue import UPTIME
from tidegauge.metrics.instruments import Gauge, Instrument
from tidegauge.metrics.kernel import KernelRecorder
from tidegauge.metrics.life import LifeRecorder
from tidegauge.metrics.limits import Allowance, Share
from tidegauge.metrics.metric import Metric
from tidegauge.metrics.parts import DiskRecorder, NetworkRecorder
from tidegauge.metrics.recorders import CpuRecorder, MemoryRecorder, PidsRecorder
from tidegauge.metrics.snapshot import Attributes, Entity
from tidegauge.metrics.standing import (
    AboutRecorder,
    LimitsRecorder,
    cpu_limits,
    memory_limits,
)
from tidegauge.metrics.surroundings import CONTAINER_FILESYSTEM_USAGE, CONTAINER_ROOT_USAGE
from tidegauge.readings.layout import CPU, MISSED, Layout, Steady
from tidegauge.readings.time import seconds_up

USE_HOLDS = 30.0
"""Seconds for which the newest sample stands: engines at their slowest send one in 24.

Of a container that sleeps it may wait as long; whoever looks has it told before.
"""

Recorded = Iterator[tuple[Metric, Attributes, Instrument]]

Groups = Iterator[tuple[Recorded, bool]]


class Recorders(Protocol):
    """The recorders of one entity, and what of them holds at a moment."""

    since: float
    fresh_at: float | None
    """When there was last anything to collect, in Unix seconds."""

    @property
    def taken(self) -> int:
        """How many series they were allowed."""
        ...

    @property
    def entity(self) -> Entity:
        """Whom they are of."""
        ...

    def turn(self) -> None:
        """End a tick, of which `groups` then tell."""
        ...

    def groups(self, now: float) -> Groups:
        """Every instrument under its name, in groups of which the newest values stand or not."""
        ...

    def let_go(self) -> bool:
        """End a tick that nobody collects; true if there was anything to collect."""
        ...

    def holding(self, now: float) -> Recorded:
        """Those whose newest value still stands at ``now``, by the monotonic clock."""
        ...

    def shape(self, now: float) -> object:
        """Differs when what `holding` names does: what is made of names is kept until then."""
        ...


class ContainerRecorders:
    """Of a named container; the name outlives restarts and recreation.

    Its use of resources stands while samples come; its life, and what it may use, while the
    engine has it. Limits are told where use is recorded, so that a category left out is whole.
    Samples that go on wait as rows until somebody looks (`settle`), at most for a tick.
    """

    __slots__ = (
        *("_share", "container", "fresh_at", "gone", "sampled_at", "since"),
        *("about", "cpu", "cpu_limits", "disk", "life", "memory", "memory_limits"),
        *("kernel", "network", "pids", "size", "sized_until", "uptime", "whole_size"),
        *("_ended", "_layout", "_missed", "_only_rows", "_read", "_rows"),
    )

    def __init__(self, container: Container, allowance: Allowance, since: float) -> None:
        self.container, self.since = container, since
        self.fresh_at: float | None = None
        self.sampled_at: float | None = None
        self.gone = False
        """Was the last known of it that its engine has it no more?"""
        self._share = share = Share(allowance, container.alias)
        self.cpu = CpuRecorder()
        self.memory = MemoryRecorder()
        self.network = NetworkRecorder(share.take)
        self.disk = DiskRecorder(share.take)
        self.pids = PidsRecorder()
        self.kernel = KernelRecorder()
        self.uptime, self.size, self.whole_size = Gauge(), Gauge(), Gauge()
        self.sized_until = 0.0
        self._rows: list[array[int]] = []
        self._layout: Layout | None = None
        self._missed = 0
        self._ended: tuple[int, array[int]] | None = None
        """The last row of ticks that nobody collected, and the CPU time before it."""
        self._only_rows = False
        """Was nothing but rows recorded since the end of the last tick, which nobody collected?"""
        self._read: datetime | None = None
        self.life = LifeRecorder()
        self.about = AboutRecorder()
        self.cpu_limits = LimitsRecorder(cpu_limits)
        self.memory_limits = LimitsRecorder(memory_limits)

    @property
    def entity(self) -> Container:
        """The container as it is now."""
        return self.container

    @property
    def taken(self) -> int:
        """How many series it was allowed."""
        return self._share.taken

    def count_from(self, started: datetime | None) -> None:
        """Its totals are the engine's of a life that began before recording did."""
        if started is not None and started.year > 1:
            self.since = min(self.since, started.timestamp())

    def steady(self, sample: Steady) -> None:
        """Take a sample that goes on as the one before."""
        if sample.layout is not self._layout:
            self.settle()
            self._layout, self._missed = sample.layout, 0
        self._rows += sample.rows
        self._read = sample.interval.now.read

    def settle(self) -> None:
        """Record what waits; 3 us a sample, and 5 us."""
        self._only_rows = False
        if self._ended is not None:
            (self.cpu.used, row), self._ended = self._ended, None
            self._record([row])
            self._end_tick()
        if self._rows:
            rows, self._rows = self._rows, []
            self._record(rows)

    def _record(self, rows: list["array[int]"]) -> None:
        layout = self._layout
        if layout is None:
            return
        for category, one in (
            ("docker-cpu", self.cpu),
            ("docker-memory", self.memory),
            ("docker-pids", self.pids),
        ):
            if layout.records(category):
                one.extend(layout, rows)
        if layout.told:
            self.kernel.extend(layout, rows)
        for category, recorder, parts in (
            ("docker-network", self.network, layout.interfaces_at),
            ("docker-blkio", self.disk, layout.devices_at),
        ):
            if parts and layout.records(category):
                recorder.extend(parts, rows, layout.life)
        up = seconds_up(layout.container, self._read) if self._read else None
        if up is not None:
            self.uptime.set(up)
        if rows[-1][MISSED] == self._missed:
            self.life.samples(len(rows))
        else:
            for row in rows:
                self.life.continuity(row[MISSED] - self._missed)
                self._missed = row[MISSED]

    def shape(self, now: float) -> object:
        """Differs when what `holding` names does: what is made of names is kept until then."""
        self.settle()
        return self.settled_shape(now)

    def settled_shape(self, now: float) -> object:
        """The same without what waits, which changes it only where samples do not go on.

        A size that is too old is given up, here as wherever somebody looks.
        """
        self._give_up_size(now)
        limits = self.cpu.recorded, self.memory.recorded
        holding = self.in_use(now), self.life.known
        return self.container, self.taken, self.life.shape, holding, limits

    def condition(self, seen: Condition) -> None:
        """Take a state and what came with it; what it may use is asked anew where one begins."""
        was_known = self.life.known
        if seen.resources is not None or seen.gone or bool(seen.state) is not was_known:
            self.settle()
        self.gone = seen.gone or (self.gone and not seen.state)
        self.life.condition(seen)
        self.about.record(seen.container if self.life.known else None)
        if self.life.known and (seen.resources is not None or not was_known):
            self.cpu.resources = self.memory.resources = self.pids.resources = seen.resources
            self.cpu_limits.record(seen.resources)
            self.memory_limits.record(seen.resources)

    def turn(self) -> None:
        """End a tick, of which `groups` then tell; while it runs, what stands is told in each."""
        self.settle()
        self._turn()
        if self.life.using:
            for each in (self.life, self.cpu_limits, self.memory_limits):
                each.repeat()

    def _turn(self) -> bool:
        in_rows = self.cpu, self.memory, self.network, self.disk, self.pids, self.kernel
        told = [each.turn() for each in in_rows]
        return any(told)

    def let_go(self) -> bool:
        """End a tick that nobody collects; 15 us where there were only rows, else 100 us."""
        if self._only_rows:
            if self._rows and self._layout is not None:
                self._give_up(self._layout)
                return True
            return self.life.known
        self.settle()
        fresh = self._end_tick() or self.life.known
        self._only_rows = True
        return fresh

    def _give_up(self, layout: Layout) -> None:
        """Of rows that nobody collects the last one is kept; the others are only counted."""
        used, row = self._ended or (self.cpu.used, None)
        rows = self._rows if row is None else [row, *self._rows]
        *counted, last = rows
        if counted:
            if layout.records("docker-cpu"):
                self.cpu.count(counted, used)
            if layout.records("docker-memory"):
                self.memory.count(counted)
            missed = counted[-1][MISSED]
            self.life.skip(len(counted), missed - self._missed)
            self._missed, used = missed, counted[-1][CPU.start]
        self._ended, self._rows = (used, last), []

    def _end_tick(self) -> bool:
        """Nobody collects it; true if there was anything to collect."""
        fresh = self._turn()
        for recorder in (self.cpu, self.memory, self.pids, self.kernel, self.life):
            for instrument in recorder.sampled:
                fresh = bool(instrument.collect()) or fresh
        for gauge in (self.uptime, self.size, self.whole_size):
            fresh = bool(gauge.collect()) or fresh
        self._turn()  # nor is what it had kept until the next one
        return fresh

    def groups(self, now: float) -> Groups:
        """Every instrument: of use, of life, of sizes."""
        self.settle()
        self._give_up_size(now)
        known = self.life.known
        yield self._use(), self.in_use(now)
        yield self._life(), known
        yield self._size(), known

    def _give_up_size(self, now: float) -> None:
        """If it was told too long ago: none is no other set of series, which would cost a look."""
        if now >= self.sized_until and self.size.last is not None:
            self.size.put(None)
            self.whole_size.put(None)

    def holding(self, now: float) -> Recorded:
        """Those whose newest value still stands."""
        return chain.from_iterable(group for group, stands in self.groups(now) if stands)

    def in_use(self, now: float) -> bool:
        """Does what its newest sample told still stand?"""
        sampled_at = self.sampled_at
        return self.life.running and sampled_at is not None and now - sampled_at <= USE_HOLDS

    def _use(self) -> Recorded:
        yield from self.cpu.series()
        yield from self.memory.series()
        yield from self.network.series()
        yield from self.disk.series()
        yield from self.pids.series()
        yield from self.kernel.series()
        yield UPTIME, (), self.uptime

    def _size(self) -> Recorded:
        yield CONTAINER_FILESYSTEM_USAGE, (), self.size
        yield CONTAINER_ROOT_USAGE, (), self.whole_size

    def _life(self) -> Recorded:
        yield from self.life.series()
        yield from self.about.series()
        if self.cpu.recorded:
            yield from self.cpu_limits.series()
        if self.memory.recorded:
            yield from self.memory_limits.series()
