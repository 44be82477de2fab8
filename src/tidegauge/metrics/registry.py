"""The registry: all instruments, recorded into once a second, collected once a tick."""

from collections.abc import Iterator, Mapping

from tidegauge.docker.frames import Container
from tidegauge.docker.lives import Condition, LifeEvent
from tidegauge.metrics.catalogue import Metric
from tidegauge.metrics.instruments import Instrument
from tidegauge.metrics.life import LifeRecorder
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


class _Entity:
    """A named container and its recorders; the name outlives restarts and recreation."""

    __slots__ = ("container", "cpu", "disk", "fresh_at", "life", "memory", "network", "pids")

    def __init__(self, container: Container) -> None:
        self.container = container
        self.fresh_at: float | None = None
        self.cpu = CpuRecorder()
        self.memory = MemoryRecorder()
        self.network = NetworkRecorder()
        self.disk = DiskRecorder()
        self.pids = PidsRecorder()
        self.life = LifeRecorder()

    def series(self) -> Iterator[tuple[Metric, Attributes, Instrument]]:
        yield from self.cpu.series()
        yield from self.memory.series()
        yield from self.network.series()
        yield from self.disk.series()
        yield from self.pids.series()
        yield from self.life.series()


class Registry:
    """Holds one entity for each engine and alias.

    The methods named after readings are the sinks of the collecting pipeline. They are plain
    calls without I/O: about 10 us for all five of a sample (watched by ``make bench``).
    """

    def __init__(self, journal: Mapping[str, int]) -> None:
        self._journal = journal
        self._entities: dict[tuple[str, str], _Entity] = {}

    def cpu(self, reading: CpuReading) -> None:
        """Record CPU."""
        self._entity(reading.container).cpu.record(reading)

    def memory(self, reading: MemoryReading) -> None:
        """Record memory."""
        self._entity(reading.container).memory.record(reading)

    def network(self, reading: NetworkReading) -> None:
        """Record network."""
        self._entity(reading.container).network.record(reading)

    def disk(self, reading: DiskReading) -> None:
        """Record block IO."""
        self._entity(reading.container).disk.record(reading)

    def pids(self, reading: PidsReading) -> None:
        """Record tasks."""
        self._entity(reading.container).pids.record(reading)

    def uptime(self, reading: UptimeReading) -> None:
        """Record the time since the start."""
        self._entity(reading.container).life.uptime(reading)

    def continuity(self, reading: ContinuityReading) -> None:
        """Record that a sample came, and what was missed before it."""
        self._entity(reading.container).life.continuity(reading)

    def condition(self, seen: Condition) -> None:
        """Record a state."""
        self._entity(seen.container).life.condition(seen)

    def life(self, event: LifeEvent) -> None:
        """Record an event."""
        self._entity(event.container).life.life(event)

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
                del self._entities[key]
        return Snapshot(at, tuple(series), dict(self._journal), final)

    def _entity(self, container: Container) -> _Entity:
        key = (container.engine.name, container.alias)
        entity = self._entities.get(key)
        if entity is None:
            entity = self._entities[key] = _Entity(container)
        elif entity.container is not container:
            entity.container = container
        return entity
