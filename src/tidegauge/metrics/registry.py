"""The registry: all instruments, recorded into once a second, collected once a tick."""

from collections.abc import Callable, Iterator, Mapping

from tidegauge.clock import Clock
from tidegauge.docker.frames import Container
from tidegauge.docker.lives import Condition, LifeEvent
from tidegauge.metrics.catalogue import Metric
from tidegauge.metrics.entities import ContainerRecorders
from tidegauge.metrics.instruments import Distribution, Instrument, Number
from tidegauge.metrics.limits import BASE_SERIES, Allowance, Limits
from tidegauge.metrics.snapshot import Attributes, Series, Snapshot
from tidegauge.readings import (
    ContinuityReading,
    CpuReading,
    DiskReading,
    MemoryReading,
    NetworkReading,
    PidsReading,
    UptimeReading,
)

FORGET_AFTER = 24 * 3600.0
"""Seconds without a sample after which a container's totals are given up: memory is bounded."""

GONE_KEPT = 100
"""Removed containers whose totals wait for one of the same name to be made anew."""


def _untold(_sentence: str, _subject: str) -> None:
    pass


class Registry:
    """Holds one entity for each engine and alias, within limits.

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
        self._allowance = Allowance(Limits(), refused)

    def limit(self, limits: Limits) -> None:
        """Keep to these limits from now on; what is there already stays."""
        self._allowance.limits = limits

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

    def uptime(self, reading: UptimeReading) -> None:
        """Record the time since the start."""
        if entity := self._entity(reading.container):
            entity.life.uptime(reading)

    def continuity(self, reading: ContinuityReading) -> None:
        """Record that a sample came, and what was missed before it."""
        if entity := self._entity(reading.container):
            entity.sampled_at = self._clock.monotonic()
            entity.life.continuity(reading)

    def condition(self, seen: Condition) -> None:
        """Record a state; of a container that is gone the totals are kept for a while."""
        key = (seen.container.engine.name, seen.container.alias)
        if seen.gone and key not in self._entities:
            return
        if entity := self._entity(seen.container):
            entity.life.condition(seen)
        if seen.gone:
            self._gone[key] = None

    def forget_states(self) -> None:
        """Tell no state until the next one is seen: others may be watched from now on."""
        for entity in self._entities.values():
            entity.life.condition(Condition(entity.container, ""))

    def life(self, event: LifeEvent) -> None:
        """Record an event."""
        if entity := self._entity(event.container):
            entity.life.life(event)

    def collect(self, at: float, *, final: bool = False) -> Snapshot:
        """Everything recorded since the last call; ``at`` is the tick's end in Unix seconds."""
        now = self._clock.monotonic()
        series: list[Series] = []
        standing: list[Series] = []
        for key, entity in list(self._entities.items()):
            fresh, held = _collect(entity, now)
            series += fresh
            standing += held
            if fresh or entity.fresh_at is None:
                entity.fresh_at = at
            elif at - entity.fresh_at > FORGET_AFTER:
                self._forget(key)
        for key in list(self._gone)[: max(0, len(self._gone) - GONE_KEPT)]:
            self._forget(key)
        return Snapshot(at, tuple(series), dict(self._journal), final, tuple(standing))

    def live(self) -> Iterator[ContainerRecorders]:
        """The recorders of everything there is, for those who look between ticks."""
        return iter(self._entities.values())

    def _forget(self, key: tuple[str, str]) -> None:
        self._gone.pop(key, None)
        self._allowance.give_back(self._entities.pop(key).taken)

    def _entity(self, container: Container) -> ContainerRecorders | None:
        key = (container.engine.name, container.alias)
        entity = self._entities.get(key)
        if self._gone:
            self._gone.pop(key, None)
        if entity is None:
            if self._allowance.take(BASE_SERIES, 0, container.alias):
                entity = ContainerRecorders(container, self._allowance, self._clock.now())
                self._entities[key] = entity
        elif entity.container is not container:
            entity.container = container
        return entity


def _collect(entity: ContainerRecorders, now: float) -> tuple[list[Series], list[Series]]:
    """What was recorded since the last time, and what was not and still stands."""
    fresh: list[Series] = []
    for metric, attributes, instrument in entity.series():
        if samples := instrument.collect():
            fresh.append(_series(entity, metric, attributes, instrument, samples))
    told = {(each.metric.name, each.attributes) for each in fresh}
    held = [
        _series(entity, metric, attributes, instrument, ())
        for metric, attributes, instrument in entity.holding(now)
        if (metric.name, attributes) not in told and instrument.last is not None
    ]
    return fresh, held


def _series(
    entity: ContainerRecorders,
    metric: Metric,
    attributes: Attributes,
    instrument: Instrument,
    samples: tuple[Number, ...],
) -> Series:
    histogram = instrument.histogram if isinstance(instrument, Distribution) else None
    last = 0 if instrument.last is None else instrument.last
    return Series(entity.entity, metric, attributes, last, samples, histogram, entity.since)
