"""The recorders of an engine: what it has, what of a disk that takes, how slow its stats are."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import chain

from tidegauge.docker.frames import Engine
from tidegauge.docker.intervals import Life
from tidegauge.docker.stock import DiskUse, Effort, FileSystem, FileSystems, Stock
from tidegauge.metrics import surroundings as rows
from tidegauge.metrics.instruments import Counter, Distribution, Gauge, Instrument, Number
from tidegauge.metrics.limits import Allowance
from tidegauge.metrics.metric import Metric
from tidegauge.metrics.snapshot import Attributes

ENGINE_SERIES = 14
"""What an engine may take besides volumes and file systems."""

CYCLE_HOLDS = 30.0
EFFORT_HOLDS = 90.0
STOCK_HOLDS = 180.0
"""Seconds: ``/info`` is asked for every minute."""

SET_BACK = timedelta(minutes=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Recorded = Iterator[tuple[Metric, Attributes, Instrument]]
Groups = Iterator[tuple[Recorded, bool]]
Levels = Mapping[Metric, Number | None]

STATES = {"running": rows.RUNNING, "paused": rows.PAUSED, "stopped": rows.STOPPED}


class PartGauges:
    """Levels of the parts of an engine (volumes, file systems); those that are gone end.

    ``generation`` goes up when a part comes or goes.
    """

    def __init__(self, attribute: str, size: int, owner: "EngineRecorders") -> None:
        self._attribute, self._size, self._owner = attribute, size, owner
        self._parts: dict[str, dict[Metric, Gauge]] = {}
        self.generation = 0

    def put(self, levels: Mapping[str, Levels]) -> None:
        """Take the levels of all parts there are."""
        for name in self._parts.keys() - levels.keys():
            del self._parts[name]
            self._owner.give_back(self._size)
            self.generation += 1
        for name, part in levels.items():
            if name not in self._parts:
                if not self._owner.allowed(self._size):
                    continue
                self._parts[name] = {metric: Gauge() for metric in part}
                self.generation += 1
            for metric, level in part.items():
                self._parts[name][metric].put(level)

    def series(self) -> Recorded:
        """Each instrument under its name."""
        for name, part in self._parts.items():
            for metric, gauge in part.items():
                yield metric, ((self._attribute, name),), gauge


class EngineRecorders:
    """Of an engine by its name. What it said stands until it is lost or is silent for long."""

    def __init__(self, engine: Engine, allowance: Allowance, since: float) -> None:
        self.engine, self.since = engine, since
        self.host: str | None = None
        """The name of its machine, as it last told."""
        self.fresh_at: float | None = None
        self.taken = ENGINE_SERIES
        self._allowance = allowance
        self._states = {state: Gauge() for state in STATES}
        self._stock = {
            metric: Gauge() for metric in (rows.ENGINE_IMAGES, rows.ENGINE_CPUS, rows.ENGINE_MEMORY)
        }
        self._disk = {
            metric: Gauge()
            for metric in (
                rows.ENGINE_IMAGES_SIZE,
                rows.ENGINE_VOLUMES,
                rows.ENGINE_VOLUMES_SIZE,
                rows.ENGINE_BUILD_CACHE_SIZE,
            )
        }
        self._volumes = PartGauges(rows.VOLUME, 1, self)
        self._file_systems = PartGauges(rows.MOUNTPOINT, 5, self)
        self._cycle = Distribution(rows.ENGINE_STATS_CYCLE.bounds)
        self.cycle_begin = self.cycle_end = _EPOCH
        self._rates = {rows.STREAM: Gauge(), rows.READ: Gauge()}
        self._cpu, self._cpu_life = Counter(), Life(from_birth=True)
        self._stock_until = self._disk_until = self._cycle_until = self._effort_until = 0.0

    @property
    def entity(self) -> Engine:
        """The engine as it last answered."""
        return self.engine

    def shape(self, now: float) -> object:
        """Differs when what `holding` names does: what is made of names is kept until then."""
        ends = self._stock_until, self._disk_until, self._cycle_until, self._effort_until
        holding = tuple(now < end for end in ends)
        return self.engine, self._volumes.generation, self._file_systems.generation, holding

    def allowed(self, amount: int) -> bool:
        """May so many more series begin?"""
        allowed = self._allowance.take(amount, self.taken, f"engine {self.engine.name}")
        self.taken += amount if allowed else 0
        return allowed

    def give_back(self, amount: int) -> None:
        """So many series ended."""
        self._allowance.give_back(amount)
        self.taken -= amount

    def stock(self, seen: Stock, now: float) -> None:
        """Take what it has."""
        self._stock_until = now + STOCK_HOLDS
        self.host = seen.host or self.host
        for state, gauge in self._states.items():
            gauge.put(seen.containers.get(state))
        _put(
            self._stock,
            {
                rows.ENGINE_IMAGES: seen.images,
                rows.ENGINE_CPUS: seen.cpus,
                rows.ENGINE_MEMORY: seen.memory,
            },
        )

    def disk_use(self, seen: DiskUse, now: float) -> None:
        """Take what of a disk is used."""
        self._disk_until = now + seen.holds
        _put(
            self._disk,
            {
                rows.ENGINE_IMAGES_SIZE: seen.images,
                rows.ENGINE_VOLUMES: seen.volumes,
                rows.ENGINE_VOLUMES_SIZE: seen.volumes_size,
                rows.ENGINE_BUILD_CACHE_SIZE: seen.build_cache,
            },
        )
        self._volumes.put(
            {name: {rows.ENGINE_VOLUME_SIZE: size} for name, size in seen.volume_sizes.items()}
        )

    def file_systems(self, seen: FileSystems) -> None:
        """Take how full they are; the stock says how long that stands."""
        self._file_systems.put({each.mountpoint: _levels(each) for each in seen.found})

    def cycle(self, begin: datetime, end: datetime, now: float) -> None:
        """Take the time between two samples of some container.

        Those that begin from ``cycle_begin`` to ``cycle_end`` need not be given: it is about one
        a cycle, whatever the number of containers. One long before is of a clock set back.
        """
        self.cycle_begin, self.cycle_end = end - SET_BACK, end
        self._cycle.record((end - begin).total_seconds())
        self._cycle_until = now + CYCLE_HOLDS

    def effort(self, seen: Effort, now: float) -> None:
        """Take what it costs it to be watched."""
        self._effort_until = now + EFFORT_HOLDS
        self._rates[rows.STREAM].put(seen.streamed)
        self._rates[rows.READ].put(seen.read)
        if seen.cpu is not None:
            self._cpu.observe(seen.cpu, self._cpu_life)

    def gone(self) -> None:
        """It was lost: nothing stands."""
        self._stock_until = self._disk_until = self._cycle_until = self._effort_until = 0.0

    def turn(self) -> None:
        """Nothing of it waits for the end of a tick."""

    def let_go(self) -> bool:
        """End a tick that nobody collects; true if there was anything to collect."""
        collected = [one.collect() for group, _ in self.groups(0.0) for _, _, one in group]
        return any(collected)

    def groups(self, now: float) -> Groups:
        """Every instrument: of its stock, of its disk, of its stats, of what they cost."""
        yield self._of_stock(), now < self._stock_until
        yield self._of_disk(), now < self._disk_until
        yield iter([(rows.ENGINE_STATS_CYCLE, (), self._cycle)]), now < self._cycle_until
        yield self._of_effort(), now < self._effort_until

    def holding(self, now: float) -> Recorded:
        """Those whose newest value still stands."""
        return chain.from_iterable(group for group, stands in self.groups(now) if stands)

    def _of_stock(self) -> Recorded:
        for state, gauge in self._states.items():
            yield rows.ENGINE_CONTAINERS, (STATES[state],), gauge
        for metric, gauge in self._stock.items():
            yield metric, (), gauge
        yield from self._file_systems.series()

    def _of_disk(self) -> Recorded:
        for metric, gauge in self._disk.items():
            yield metric, (), gauge
        yield from self._volumes.series()

    def _of_effort(self) -> Recorded:
        for way, gauge in self._rates.items():
            yield rows.ENGINE_STATS_RATE, (way,), gauge
        yield rows.ENGINE_CPU_TIME, (), self._cpu


def _put(gauges: Mapping[Metric, Gauge], levels: Levels) -> None:
    for metric, level in levels.items():
        gauges[metric].put(level)


def _levels(seen: FileSystem) -> Levels:
    return {
        rows.ENGINE_DISK_CAPACITY: seen.capacity,
        rows.ENGINE_DISK_USAGE: seen.usage,
        rows.ENGINE_DISK_AVAILABLE: seen.available,
        rows.ENGINE_INODES: seen.inodes,
        rows.ENGINE_INODES_USED: seen.inodes_used,
    }
