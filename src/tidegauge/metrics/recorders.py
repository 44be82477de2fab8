"""Entity recorders: the instruments of one container, one recorder for each kind of reading."""

from collections.abc import Callable, Iterable, Iterator

from tidegauge.docker.intervals import Life
from tidegauge.docker.resources import Resources
from tidegauge.metrics import catalogue
from tidegauge.metrics.catalogue import (
    AT_LIMIT,
    MAJOR,
    MINOR,
    OUT_OF_MEMORY,
    READ,
    RECEIVE,
    SYSTEM,
    TRANSMIT,
    USER,
    WRITE,
)
from tidegauge.metrics.instruments import Counter, Distribution, Gauge, Instrument, Number
from tidegauge.metrics.metric import Metric
from tidegauge.metrics.snapshot import Attributes
from tidegauge.readings import (
    CpuReading,
    DeviceIo,
    DiskReading,
    InterfaceTraffic,
    MemoryReading,
    NetworkReading,
    PidsReading,
)

Recorded = Iterable[tuple[Metric, Attributes, Instrument]]


class CpuRecorder:
    """CPU time, cores in use, throttling.

    ``resources`` are what the container may use, while that is known.
    """

    def __init__(self) -> None:
        self.resources: Resources | None = None
        self._total, self._user, self._kernel = Counter(), Counter(), Counter()
        self._capacity = Counter()
        self._cores, self._share = Distribution(catalogue.CPU_USAGE.bounds), Distribution()
        self._periods, self._throttled, self._held_back = Counter(), Counter(), Counter()
        self._life = self._host = Life(from_birth=False)

    def record(self, reading: CpuReading) -> None:
        """Take one reading; what it lacks records nothing."""
        life = reading.life
        self._total.observe(reading.total, life)
        _observe(self._user, reading.user, life)
        _observe(self._kernel, reading.kernel, life)
        if reading.cores is not None:
            self._cores.record(reading.cores)
            self._record_share(reading.cores, reading.online)
        self._record_capacity(reading)
        throttling = reading.throttling
        if throttling is not None:
            _observe(self._periods, throttling.periods, life)
            _observe(self._throttled, throttling.throttled_periods, life)
            _observe(self._held_back, throttling.throttled_time, life)

    @property
    def recorded(self) -> bool:
        """Was there a reading so far?"""
        return self._total.last is not None

    def _record_share(self, cores: float, online: int | None) -> None:
        if self.resources and (most := self.resources.cpus or online):
            self._share.record(cores / most)

    def _record_capacity(self, reading: CpuReading) -> None:
        # The host's clock did not start with the container: a new life only sets its base.
        if reading.life is not self._life:
            self._life, self._host = reading.life, Life(from_birth=False)
        _observe(self._capacity, reading.system, self._host)

    def series(self) -> Recorded:
        """Each instrument under its name."""
        return (
            (catalogue.CPU_TIME, (), self._total),
            (catalogue.CPU_TIME, (USER,), self._user),
            (catalogue.CPU_TIME, (SYSTEM,), self._kernel),
            (catalogue.CPU_USAGE, (), self._cores),
            (catalogue.CPU_UTILIZATION, (), self._share),
            (catalogue.CPU_CAPACITY, (), self._capacity),
            (catalogue.CPU_PERIODS, (), self._periods),
            (catalogue.CPU_THROTTLED_PERIODS, (), self._throttled),
            (catalogue.CPU_THROTTLED_TIME, (), self._held_back),
        )


class MemoryRecorder:
    """Memory levels, the limit in force, page faults.

    ``resources`` are what the container may use, while that is known.
    """

    def __init__(self) -> None:
        self.resources: Resources | None = None
        self._life: Life | None = None
        self._usage = Distribution()
        self._working_set = Distribution(catalogue.MEMORY_WORKING_SET.bounds)
        self._cache, self._rss, self._share = Distribution(), Distribution(), Distribution()
        self._available = Distribution()
        self._limit, self._max_usage, self._peak = Gauge(), Gauge(), Gauge()
        self._minor, self._major = Counter(), Counter()
        self._at_limit, self._out_of_memory = Counter(), Counter()

    @property
    def recorded(self) -> bool:
        """Was there a reading so far?"""
        return self._usage.last is not None

    def record(self, reading: MemoryReading) -> None:
        """Take one reading; what it lacks records nothing."""
        self._record_peak(reading)
        self._usage.record(reading.usage)
        self._working_set.record(reading.working_set)
        for distribution, level in ((self._cache, reading.cache), (self._rss, reading.rss)):
            if level is not None:
                distribution.record(level)
        if reading.limit is not None:
            self._limit.set(reading.limit)
            self._share.record(reading.working_set / reading.limit)
        if reading.max_usage is not None:
            self._max_usage.set(reading.max_usage)
        if self.resources and self.resources.memory is not None:
            self._available.record(max(0, self.resources.memory - reading.working_set))
        self._record_events(reading)

    def _record_events(self, reading: MemoryReading) -> None:
        life = reading.life
        if reading.minor_faults is not None:
            self._minor.observe(reading.minor_faults, life)
        if reading.major_faults is not None:
            self._major.observe(reading.major_faults, life)
        if reading.at_limit is not None:
            self._at_limit.observe(reading.at_limit, life)
        if reading.out_of_memory is not None:
            self._out_of_memory.observe(reading.out_of_memory, life)

    def _record_peak(self, reading: MemoryReading) -> None:
        before = self._peak.last if reading.life is self._life else None
        self._life = reading.life
        self._peak.set(reading.usage if before is None else max(before, reading.usage))

    def series(self) -> Recorded:
        """Each instrument under its name."""
        return (
            (catalogue.MEMORY_USAGE, (), self._usage),
            (catalogue.MEMORY_WORKING_SET, (), self._working_set),
            (catalogue.MEMORY_EFFECTIVE_LIMIT, (), self._limit),
            (catalogue.MEMORY_UTILIZATION, (), self._share),
            (catalogue.MEMORY_AVAILABLE, (), self._available),
            (catalogue.MEMORY_FAILS, (AT_LIMIT,), self._at_limit),
            (catalogue.MEMORY_FAILS, (OUT_OF_MEMORY,), self._out_of_memory),
            (catalogue.MEMORY_FAULTS, (MINOR,), self._minor),
            (catalogue.MEMORY_FAULTS, (MAJOR,), self._major),
            (catalogue.MEMORY_PEAK, (), self._peak),
            (catalogue.MEMORY_MAX_USAGE, (), self._max_usage),
            (catalogue.MEMORY_CACHE, (), self._cache),
            (catalogue.MEMORY_RSS, (), self._rss),
        )


Columns = tuple[tuple[Metric, Metric, tuple[str, str]], ...]
"""Of each number a part has: its metric, the metric of the sum over parts, its direction."""

NETWORK_COLUMNS: Columns = tuple(
    (metric, total, direction)
    for direction in (RECEIVE, TRANSMIT)
    for metric, total in (
        (catalogue.NETWORK_IO, catalogue.NETWORK_IO_SUM),
        (catalogue.NETWORK_PACKETS, catalogue.NETWORK_PACKETS_SUM),
        (catalogue.NETWORK_ERRORS, catalogue.NETWORK_ERRORS_SUM),
        (catalogue.NETWORK_DROPPED, catalogue.NETWORK_DROPPED_SUM),
    )
)
DISK_COLUMNS: Columns = tuple(
    (metric, total, direction)
    for metric, total in (
        (catalogue.DISK_IO, catalogue.DISK_IO_SUM),
        (catalogue.DISK_OPERATIONS, catalogue.DISK_OPERATIONS_SUM),
    )
    for direction in (READ, WRITE)
)


class PartsRecorder:
    """Counters per part of a container (interface, device), and summed over the parts.

    A sum starts at the sum of the parts' first values and adds their increments, so a part that
    goes away takes nothing from it. ``allowed`` is asked for so many series before a part is
    recorded for the first time; one that is refused is not in the sums either.
    """

    def __init__(self, part: str, columns: Columns, allowed: Callable[[int], bool]) -> None:
        self._part, self._columns, self._allowed = part, columns, allowed
        self._parts: dict[str, tuple[Counter, ...]] = {}
        self._sums = tuple(Counter() for _ in columns)
        self._life: Life | None = None
        self._refused: Life | None = None

    def observe(self, parts: Iterable[tuple[str, tuple[int | None, ...]]], life: Life) -> None:
        """Take the cumulative values of all parts, in the order of the columns."""
        added: list[int | None] = [None] * len(self._columns)
        for name, values in parts:
            counters = self._parts.get(name) or self._appeared(name, values, life)
            if counters is None:
                continue
            for column, value in enumerate(values):
                if value is None:
                    continue
                increment = counters[column].observe(value, life)
                if increment is not None:
                    added[column] = (added[column] or 0) + increment
        for column, (total, amount) in enumerate(zip(self._sums, added, strict=True)):
            if total.last is None:
                total.last = self._base(column, amount or 0)
            if amount is not None:
                total.add(amount)
        self._life = life

    def _base(self, column: int, added: int) -> Number | None:
        """What a sum begins with: the first values of all parts, less what they just added."""
        known = [
            last for counters in self._parts.values() if (last := counters[column].last) is not None
        ]
        return sum(known) - added if known else None

    def _appeared(
        self, name: str, values: tuple[int | None, ...], life: Life
    ) -> tuple[Counter, ...] | None:
        if not self._allowed(len(values)):
            self._refused = life
            return None
        counters = self._parts[name] = tuple(Counter() for _ in values)
        for counter, value in zip(counters, values, strict=True):
            if life is self._refused:  # it may have been there before, and counts from now on
                counter.begin(life, value or 0)
            elif life is self._life:  # it came while we watched, so it began at zero
                counter.begin(life)
        return counters

    def series(self) -> Iterator[tuple[Metric, Attributes, Instrument]]:
        """Each instrument under its name: first the sums, then the parts."""
        for (_, metric, direction), total in zip(self._columns, self._sums, strict=True):
            yield metric, (direction,), total
        for name, counters in self._parts.items():
            for (metric, _, direction), counter in zip(self._columns, counters, strict=True):
                yield metric, (direction, (self._part, name)), counter


class NetworkRecorder(PartsRecorder):
    """Traffic of each interface and in all."""

    def __init__(self, allowed: Callable[[int], bool]) -> None:
        super().__init__("network.interface.name", NETWORK_COLUMNS, allowed)

    def record(self, reading: NetworkReading) -> None:
        """Take one reading."""
        self.observe(map(_traffic, reading.interfaces), reading.life)


class DiskRecorder(PartsRecorder):
    """Block IO of each device and in all."""

    def __init__(self, allowed: Callable[[int], bool]) -> None:
        super().__init__("system.device", DISK_COLUMNS, allowed)

    def record(self, reading: DiskReading) -> None:
        """Take one reading."""
        self.observe(map(_io, reading.devices), reading.life)


class PidsRecorder:
    """Tasks and their limit, for which Podman has to be asked: ``resources`` are what it said."""

    def __init__(self) -> None:
        self.resources: Resources | None = None
        self._current, self._limit = Distribution(), Gauge()

    def record(self, reading: PidsReading) -> None:
        """Take one reading."""
        self._current.record(reading.current)
        limit = reading.limit
        if limit is None and self.resources is not None:
            limit = self.resources.pids
        if limit is not None:
            self._limit.set(limit)

    def series(self) -> Recorded:
        """Each instrument under its name."""
        return ((catalogue.PIDS, (), self._current), (catalogue.PIDS_LIMIT, (), self._limit))


def _observe(counter: Counter, value: int | None, life: Life) -> None:
    if value is not None:
        counter.observe(value, life)


def _traffic(interface: InterfaceTraffic) -> tuple[str, tuple[int | None, ...]]:
    n = interface.stats
    return interface.name, (
        *(n.rx_bytes, n.rx_packets, n.rx_errors, n.rx_dropped),
        *(n.tx_bytes, n.tx_packets, n.tx_errors, n.tx_dropped),
    )


def _io(device: DeviceIo) -> tuple[str, tuple[int | None, ...]]:
    return device.device, (device.read_bytes, device.write_bytes, device.reads, device.writes)
