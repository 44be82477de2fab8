"""The registry: all instruments, recorded into once a second, collected once a tick."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from itertools import chain, pairwise
from typing import TypeVar

from tidegauge.clock import Clock
from tidegauge.docker.frames import Container, Engine
from tidegauge.docker.intervals import Interval
from tidegauge.docker.lives import Condition, LifeEvent
from tidegauge.docker.stock import ContainerSize, DiskUse, Effort, EngineGone, FileSystems, Stock
from tidegauge.host import HostSample
from tidegauge.metrics.engines import ENGINE_SERIES, EngineRecorders
from tidegauge.metrics.entities import ContainerRecorders, Recorders
from tidegauge.metrics.instruments import Distribution
from tidegauge.metrics.levels import LevelColumn
from tidegauge.metrics.limits import BASE_SERIES, Allowance, Limits
from tidegauge.metrics.machine import HOST_SERIES, HostRecorders
from tidegauge.metrics.snapshot import Series, Snapshot
from tidegauge.readings import (
    ContinuityReading,
    CpuReading,
    DiskReading,
    KernelReading,
    MemoryReading,
    NetworkReading,
    PidsReading,
    UptimeReading,
)
from tidegauge.readings.layout import Steady

FORGET_AFTER = 24 * 3600.0
"""Seconds without anything new after which totals are given up: memory is bounded."""

GONE_KEPT = 100
"""Removed containers whose totals wait for one of the same name to be made anew."""


COUNTED_EVERY = 30
"""In each so manieth tick that nobody collects the series are counted, which takes most of it.

And where some began or were given up since.
"""

STEP = 50
"""Entities between two pauses: 5 ms at most."""

K = TypeVar("K")
R = TypeVar("R", bound=Recorders)


def _untold(_sentence: str, _subject: str) -> None:
    pass


class Registry:
    """Holds the recorders of all entities, within limits: of containers by engine and alias.

    The methods named after readings are the sinks of the collecting pipeline. They are plain
    calls without I/O: about 10 us for all five of a sample (watched by ``make bench``).
    ``refused`` is told of what is not recorded because of the limits.
    """

    def __init__(
        self,
        journal: Mapping[str, int],
        clock: Clock,
        refused: Callable[[str, str], None] = _untold,
    ) -> None:
        self._journal, self._clock = journal, clock
        self._entities: dict[tuple[str, str], ContainerRecorders] = {}
        self._gone: dict[tuple[str, str], None] = {}
        self._engines: dict[str, EngineRecorders] = {}
        self._hosts: dict[str, HostRecorders] = {}
        self._ticks = self._size = self._counted = 0
        self._allowance = Allowance(Limits(), refused)
        self._asked: tuple[Container, ContainerRecorders] | None = None

    def limit(self, limits: Limits) -> None:
        """Keep to these limits from now on; what is there already stays."""
        self._allowance.limits = limits

    def steady(self, sample: Steady) -> None:
        """Record a sample that goes on as the one before; 1 us, until somebody looks."""
        container = sample.layout.container
        entity = self._entities.get((container.engine.name, container.alias))
        if entity is not None:
            entity.steady(sample)
            entity.sampled_at = self._clock.monotonic()
        before = sample.interval.before
        if before is not None and not sample.interval.asked_every:
            for begin, end in pairwise((before.read, *sample.reads)):
                self._cycle(container.engine, begin, end)

    def cpu(self, reading: CpuReading) -> None:
        """Record CPU."""
        if entity := self._entity(reading.container):
            entity.cpu.record(reading)

    def memory(self, reading: MemoryReading) -> None:
        """Record memory."""
        if entity := self._entity(reading.container):
            entity.memory.record(reading)

    def network(self, reading: NetworkReading) -> None:
        """Record network."""
        if entity := self._entity(reading.container):
            entity.network.record(reading)

    def disk(self, reading: DiskReading) -> None:
        """Record block IO."""
        if entity := self._entity(reading.container):
            entity.disk.record(reading)

    def pids(self, reading: PidsReading) -> None:
        """Record tasks."""
        if entity := self._entity(reading.container):
            entity.pids.record(reading)

    def kernel(self, reading: KernelReading) -> None:
        """Record what only the kernel tells."""
        if entity := self._entity(reading.container):
            entity.kernel.record(reading)

    def uptime(self, reading: UptimeReading) -> None:
        """Record the time since the start."""
        if entity := self._entity(reading.container):
            entity.uptime.set(reading.seconds)

    def continuity(self, reading: ContinuityReading) -> None:
        """Record that a sample came, and what was missed before it."""
        if entity := self._entity(reading.container):
            if entity.sampled_at is None:
                entity.count_from(reading.container.started_at)
            entity.sampled_at = self._clock.monotonic()
            entity.life.continuity(reading.missed)

    def condition(self, seen: Condition) -> None:
        """Record a state; of a container that is gone the totals are kept for a while."""
        key = (seen.container.engine.name, seen.container.alias)
        if seen.gone and key not in self._entities:
            return
        if entity := self._found(seen.container):
            entity.condition(seen)
        if seen.gone:
            self._gone[key] = None
            self._asked = None

    def forget_states(self) -> None:
        """Tell no state until the next one is seen: others may be watched from now on."""
        for entity in self._entities.values():
            entity.condition(Condition(entity.container, ""))
        for engine in self._engines.values():
            engine.gone()
        for host in self._hosts.values():
            host.gone()

    def life(self, event: LifeEvent) -> None:
        """Record an event."""
        if entity := self._entity(event.container):
            entity.life.life(event)
            if event.kind == "die":  # the next life begins with its first sample
                entity.sampled_at = None

    def size(self, seen: ContainerSize) -> None:
        """Record the size of a container's own layer."""
        if entity := self._entity(seen.container):
            entity.size.set(seen.writable)
            entity.whole_size.put(seen.whole)
            entity.sized_until = self._clock.monotonic() + seen.holds

    def cycle(self, interval: Interval) -> None:
        """Record how long the engine took from one sample to the next."""
        before = interval.before
        if before is not None and not interval.asked_every:
            self._cycle(interval.container.engine, before.read, interval.now.read)

    def stock(self, seen: Stock) -> None:
        """Record what an engine has."""
        if entity := self._engine(seen.engine):
            entity.stock(seen, self._clock.monotonic())

    def disk_use(self, seen: DiskUse) -> None:
        """Record what of a disk an engine uses."""
        if entity := self._engine(seen.engine):
            entity.disk_use(seen, self._clock.monotonic())

    def file_systems(self, seen: FileSystems) -> None:
        """Record how full an engine's file systems are."""
        if entity := self._engine(seen.engine):
            entity.file_systems(seen)

    def effort(self, seen: Effort) -> None:
        """Record what it costs an engine to be watched."""
        if entity := self._engine(seen.engine):
            entity.effort(seen, self._clock.monotonic())

    def gone(self, seen: EngineGone) -> None:
        """Record that nothing an engine said stands any more."""
        if entity := self._engines.get(seen.engine.name):
            entity.gone()

    def host(self, seen: HostSample) -> None:
        """Record a look at the machine."""
        entity = self._hosts.get(seen.host.name)
        if entity is None:
            if not self._allowance.take(HOST_SERIES, 0, seen.host.name):
                return
            entity = HostRecorders(seen.host, self._allowance, self._clock.now())
            self._hosts[seen.host.name] = entity
        entity.record(seen, self._clock.monotonic())

    def collect(self, at: float, *, final: bool = False) -> Snapshot:
        """Everything recorded since the last call; ``at`` is the tick's end in Unix seconds."""
        collection = Collection(self._clock.monotonic(), at)
        for _ in self._collecting(collection):
            pass
        return collection.snapshot(self._journal, final=final)

    async def collect_in_turns(self, at: float, *, final: bool = False) -> Snapshot:
        """The same; no more than `STEP` entities at a time, so that samples go on being read."""
        collection = Collection(self._clock.monotonic(), at)
        await _in_turns(self._collecting(collection))
        return collection.snapshot(self._journal, final=final)

    async def let_go(self, at: float) -> None:
        """As `collect_in_turns`, for nobody."""
        await _in_turns(self._letting_go(at))

    def _letting_go(self, at: float) -> Iterator[None]:
        now, size = self._clock.monotonic(), 0
        taken = self._allowance.taken
        counts = taken != self._counted or self._ticks % COUNTED_EVERY == 0
        self._ticks += 1
        others: list[Recorders] = [*self._entities.values(), *self._engines.values()]
        for number, entity in enumerate(others, 1):
            _let_go(entity, at)
            if counts:
                size += sum(one.last is not None for _, _, one in entity.holding(now))
            if number % STEP == 0:
                yield
        if counts:
            self._size, self._counted = size, taken
        for host in self._hosts.values():
            host.tell_about_us(self._journal, self._size, now)
            _let_go(host, at)
        self._forget_old(at)

    def _collecting(self, collection: "Collection") -> Iterator[None]:
        others: list[Recorders] = [*self._entities.values(), *self._engines.values()]
        for number, entity in enumerate(others, 1):
            collection.add(entity)
            if number % STEP == 0:
                yield
        for host in self._hosts.values():
            host.tell_about_us(self._journal, collection.size, collection.now)
            collection.add(host)
        self._forget_old(collection.at)

    def container(self, container: Container) -> ContainerRecorders | None:
        """The recorders of a container, if anything of it was recorded."""
        return self._entities.get((container.engine.name, container.alias))

    def live(self) -> Iterator[Recorders]:
        """The recorders of everything there is, for those who look between ticks."""
        return chain(self._entities.values(), self._engines.values(), self._hosts.values())

    def _forget_old(self, at: float) -> None:
        self._asked = None
        for key in list(self._gone)[: max(0, len(self._gone) - GONE_KEPT)]:
            self._allowance.give_back(self._entities.pop(key).taken)
            del self._gone[key]
        self._forget_silent(self._entities, at)
        self._forget_silent(self._engines, at)
        self._forget_silent(self._hosts, at)
        for key in self._gone.keys() - self._entities.keys():
            del self._gone[key]

    def _forget_silent(self, entities: dict[K, R], at: float) -> None:
        for key, entity in list(entities.items()):
            if entity.fresh_at is not None and at - entity.fresh_at > FORGET_AFTER:
                self._allowance.give_back(entities.pop(key).taken)

    def _cycle(self, engine: Engine, begin: datetime, end: datetime) -> None:
        entity = self._engines.get(engine.name)
        # Most samples end here, after 0.1 us.
        if entity is not None and entity.cycle_begin <= begin < entity.cycle_end:
            return
        if entity := self._engine(engine):
            entity.cycle(begin, end, self._clock.monotonic())

    def _engine(self, engine: Engine) -> EngineRecorders | None:
        entity = self._engines.get(engine.name)
        if entity is None:
            if self._allowance.take(ENGINE_SERIES, 0, f"engine {engine.name}"):
                entity = EngineRecorders(engine, self._allowance, self._clock.now())
                self._engines[engine.name] = entity
        elif entity.engine is not engine:
            entity.engine = engine
        return entity

    def _entity(self, container: Container) -> ContainerRecorders | None:
        asked, entity = self._asked, None
        if asked is not None and asked[0] is container:  # all readings of a sample ask for it
            entity = asked[1]
        else:
            entity = self._found(container)
            self._asked = None if entity is None else (container, entity)
        if entity is not None:
            entity.settle()
        return entity

    def _found(self, container: Container) -> ContainerRecorders | None:
        key = (container.engine.name, container.alias)
        entity = self._entities.get(key)
        if self._gone:
            self._gone.pop(key, None)
        if entity is None:
            if self._allowance.take(BASE_SERIES, 0, container.alias):
                entity = ContainerRecorders(container, self._allowance, self._clock.now())
                self._entities[key] = entity
        elif entity.container is not container:
            if entity.container.id != container.id:
                entity.since = 0.0
            entity.container = container
        return entity


def _let_go(entity: Recorders, at: float) -> None:
    if entity.let_go() or entity.fresh_at is None:
        entity.fresh_at = at


async def _in_turns(steps: Iterator[None]) -> None:
    for _ in steps:
        await asyncio.sleep(0)


class Collection:
    """A snapshot in the making: at ``now`` (monotonic), of a tick that ends ``at`` (Unix)."""

    def __init__(self, now: float, at: float) -> None:
        self.now, self.at = now, at
        self._series: list[Series] = []
        self._standing: list[Series] = []

    @property
    def size(self) -> int:
        """How many series it has."""
        return len(self._series) + len(self._standing)

    def add(self, recorders: Recorders) -> None:
        """Take what was recorded since the last time, and what was not and still stands."""
        before = len(self._series)
        entity, since = recorders.entity, recorders.since
        recorders.turn()
        for group, stands in recorders.groups(self.now):
            for metric, attributes, one in group:
                if samples := one.collect():
                    to = self._series
                elif stands and one.last is not None:
                    to = self._standing
                else:
                    continue
                histogram = None
                if metric.bounds and isinstance(one, Distribution | LevelColumn):
                    histogram = one.histogram
                last = samples[-1] if one.last is None else one.last
                to.append(Series(entity, metric, attributes, last, samples, histogram, since))
        if len(self._series) > before or recorders.fresh_at is None:
            recorders.fresh_at = self.at

    def snapshot(self, journal: Mapping[str, int], *, final: bool) -> Snapshot:
        """What was put into it."""
        return Snapshot(self.at, tuple(self._series), dict(journal), final, tuple(self._standing))
