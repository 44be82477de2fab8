"""The registry: all instruments, recorded into once a second, collected once a tick."""

from collections.abc import Callable, Iterator, Mapping

from tidegauge.docker.frames import Container
from tidegauge.docker.lives import Condition, LifeEvent
from tidegauge.metrics.catalogue import Metric
from tidegauge.metrics.instruments import Instrument
from tidegauge.metrics.life import LifeRecorder
from tidegauge.metrics.limits import BASE_SERIES, Allowance, Limits
from tidegauge.metrics.recorders import (
    CpuRecorder,
    DiskRecorder,
    MemoryRecorder,
    NetworkRecorder,
    PidsRecorder,
)
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


class _Entity:
    """A named container and its recorders; the name outlives restarts and recreation."""

    __slots__ = (
        *("_allowance", "container", "fresh_at", "taken"),
        *("cpu", "disk", "life", "memory", "network", "pids"),
    )

    def __init__(self, container: Container, allowance: Allowance) -> None:
        self.container = container
        self.fresh_at: float | None = None
        self.taken = BASE_SERIES
        self._allowance = allowance
        self.cpu = CpuRecorder()
        self.memory = MemoryRecorder()
        self.network = NetworkRecorder(self._allowed)
        self.disk = DiskRecorder(self._allowed)
        self.pids = PidsRecorder()
        self.life = LifeRecorder()

    def _allowed(self, amount: int) -> bool:
        allowed = self._allowance.take(amount, self.taken, self.container.alias)
        self.taken += amount if allowed else 0
        return allowed

    def series(self) -> Iterator[tuple[Metric, Attributes, Instrument]]:
        yield from self.cpu.series()
        yield from self.memory.series()
        yield from self.network.series()
        yield from self.disk.series()
        yield from self.pids.series()
        yield from self.life.series()


def _untold(_sentence: str, _subject: str) -> None:
    pass


class Registry:
    """Holds one entity for each engine and alias, within limits.

    The methods named after readings are the sinks of the collecting pipeline. They are plain
    calls without I/O: about 10 us for all five of a sample (watched by ``make bench``).
    ``refused`` is told of what is not recorded because of the limits.
    """

    def __init__(
        self, journal: Mapping[str, int], refused: Callable[[str, str], None] = _untold
    ) -> None:
        self._journal = journal
        self._entities: dict[tuple[str, str], _Entity] = {}
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
        series: list[Series] = []
        for key, entity in list(self._entities.items()):
            fresh = [
                Series(entity.container, metric, attributes, instrument.last, samples)
                for metric, attributes, instrument in entity.series()
                if (samples := instrument.collect()) and instrument.last is not None
            ]
            series += fresh
            if fresh or entity.fresh_at is None:
                entity.fresh_at = at
            elif at - entity.fresh_at > FORGET_AFTER:
                self._forget(key)
        for key in list(self._gone)[: max(0, len(self._gone) - GONE_KEPT)]:
            self._forget(key)
        return Snapshot(at, tuple(series), dict(self._journal), final)

    def _forget(self, key: tuple[str, str]) -> None:
        self._gone.pop(key, None)
        self._allowance.give_back(self._entities.pop(key).taken)

    def _entity(self, container: Container) -> _Entity | None:
        key = (container.engine.name, container.alias)
        entity = self._entities.get(key)
        if self._gone:
            self._gone.pop(key, None)
        if entity is None:
            if self._allowance.take(BASE_SERIES, 0, container.alias):
                entity = self._entities[key] = _Entity(container, self._allowance)
        elif entity.container is not container:
            entity.container = container
        return entity
