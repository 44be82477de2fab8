"""Entity recorders: the instruments of one container, one recorder for each kind of reading."""

from collections.abc import Callable, Iterable, Iterator

from tidegauge.docker.frames import Throttling
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
from tidegauge.metrics.instruments import Counter, Gauge, Instrument
from tidegauge.metrics.levels import LevelColumn, LevelRows
from tidegauge.metrics.metric import Metric
from tidegauge.metrics.snapshot import Attributes
from tidegauge.metrics.totals import Column, Row, Sums, Totals
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

TotalColumns = tuple[tuple[Metric, Attributes], ...]

CPU_COLUMNS: TotalColumns = (
    (catalogue.CPU_TIME, ()),
    (catalogue.CPU_TIME, (USER,)),
    (catalogue.CPU_TIME, (SYSTEM,)),
    (catalogue.CPU_PERIODS, ()),
    (catalogue.CPU_THROTTLED_PERIODS, ()),
    (catalogue.CPU_THROTTLED_TIME, ()),
)
FAULT_COLUMNS: TotalColumns = (
    (catalogue.MEMORY_FAULTS, (MINOR,)),
    (catalogue.MEMORY_FAULTS, (MAJOR,)),
)

CPU_BOUNDS = {0: catalogue.CPU_USAGE.bounds}
MEMORY_BOUNDS = {1: catalogue.MEMORY_WORKING_SET.bounds}

_UNTHROTTLED = Throttling()


class CpuRecorder:
    """CPU time, cores in use, throttling.

    ``resources`` are what the container may use, while that is known.
    """

    def __init__(self) -> None:
        self.resources: Resources | None = None
        self._totals, self._capacity = Totals(), Counter()
        self._levels = LevelRows(CPU_BOUNDS)
        self._life = self._host = Life(from_birth=False)

    def record(self, reading: CpuReading) -> None:
        """Take one reading; what it lacks records nothing."""
        self.levels(reading)
        self.totals(reading)

    def levels(self, reading: CpuReading) -> None:
        """Take what holds of this reading alone."""
        cores, resources = reading.cores, self.resources
        if cores is not None:
            most = (resources.cpus or reading.online) if resources else None
            self._levels.put((cores, cores / most if most else None))

    def totals(self, reading: CpuReading) -> None:
        """Take what holds of all readings before, too."""
        life, throttling = reading.life, reading.throttling or _UNTHROTTLED
        used = reading.total, reading.user, reading.kernel
        held_back = throttling.periods, throttling.throttled_periods, throttling.throttled_time
        self._totals.observe(used + held_back, life)
        # The host's clock did not start with the container: a new life only sets its base.
        if life is not self._life:
            self._life, self._host = life, Life(from_birth=False)
        if reading.system is not None:
            self._capacity.observe(reading.system, self._host)

    @property
    def sampled(self) -> tuple[Instrument, ...]:
        """Those that keep something of a tick, besides totals."""
        return (self._capacity,)

    def turn(self) -> bool:
        """End the tick of its rows."""
        self._levels.turn()
        return self._totals.turn()

    @property
    def recorded(self) -> bool:
        """Was there a reading so far?"""
        return self._totals.now is not None

    def series(self) -> Recorded:
        """Each instrument under its name."""
        return (
            *_columns(CPU_COLUMNS, self._totals),
            (catalogue.CPU_USAGE, (), LevelColumn(self._levels, 0)),
            (catalogue.CPU_UTILIZATION, (), LevelColumn(self._levels, 1)),
            (catalogue.CPU_CAPACITY, (), self._capacity),
        )


class MemoryRecorder:
    """Memory levels, the limit in force, page faults.

    ``resources`` are what the container may use, while that is known.
    """

    def __init__(self) -> None:
        self.resources: Resources | None = None
        self._life: Life | None = None
        self._most = 0
        """The most it used at once in this life."""
        self._levels = LevelRows(MEMORY_BOUNDS)
        self._limit, self._max_usage, self._peak = Gauge(), Gauge(), Gauge()
        self._faults = Totals()
        self._at_limit, self._out_of_memory = Counter(), Counter()

    @property
    def recorded(self) -> bool:
        """Was there a reading so far?"""
        return self._life is not None

    def record(self, reading: MemoryReading) -> None:
        """Take one reading; what it lacks records nothing."""
        self.levels(reading)
        self.totals(reading)

    def levels(self, reading: MemoryReading) -> None:
        """Take what holds of this reading alone."""
        usage, working_set, limit = reading.usage, reading.working_set, reading.limit
        if reading.life is not self._life:
            self._life, self._most = reading.life, usage
        elif usage > self._most:
            self._most = usage
        allowed = self.resources.memory if self.resources else None
        share = None if limit is None else working_set / limit
        available = None if allowed is None else max(0, allowed - working_set)
        self._levels.put((usage, working_set, reading.cache, reading.rss, share, available))

    def totals(self, reading: MemoryReading) -> None:
        """Take what holds of all readings before, too, or seldom changes."""
        life = reading.life
        self._peak.set(self._most)
        if reading.limit is not None:
            self._limit.set(reading.limit)
        if reading.max_usage is not None:
            self._max_usage.set(reading.max_usage)
        self._faults.observe((reading.minor_faults, reading.major_faults), life)
        if reading.at_limit is not None:
            self._at_limit.observe(reading.at_limit, life)
        if reading.out_of_memory is not None:
            self._out_of_memory.observe(reading.out_of_memory, life)

    @property
    def sampled(self) -> tuple[Instrument, ...]:
        """Those that keep something of a tick, besides totals."""
        gauges = self._limit, self._max_usage, self._peak
        return *gauges, self._at_limit, self._out_of_memory

    def turn(self) -> bool:
        """End the tick of its rows."""
        self._faults.turn()
        return self._levels.turn()

    def series(self) -> Recorded:
        """Each instrument under its name."""
        levels = self._levels
        return (
            (catalogue.MEMORY_USAGE, (), LevelColumn(levels, 0)),
            (catalogue.MEMORY_WORKING_SET, (), LevelColumn(levels, 1)),
            (catalogue.MEMORY_EFFECTIVE_LIMIT, (), self._limit),
            (catalogue.MEMORY_UTILIZATION, (), LevelColumn(levels, 4)),
            (catalogue.MEMORY_AVAILABLE, (), LevelColumn(levels, 5)),
            (catalogue.MEMORY_FAILS, (AT_LIMIT,), self._at_limit),
            (catalogue.MEMORY_FAILS, (OUT_OF_MEMORY,), self._out_of_memory),
            *_columns(FAULT_COLUMNS, self._faults),
            (catalogue.MEMORY_PEAK, (), self._peak),
            (catalogue.MEMORY_MAX_USAGE, (), self._max_usage),
            (catalogue.MEMORY_CACHE, (), LevelColumn(levels, 2)),
            (catalogue.MEMORY_RSS, (), LevelColumn(levels, 3)),
        )


PartColumns = tuple[tuple[Metric, Metric, tuple[str, str]], ...]
"""Of each number a part has: its metric, the metric of the sum over parts, its direction."""

NETWORK_COLUMNS: PartColumns = tuple(
    (metric, total, direction)
    for direction in (RECEIVE, TRANSMIT)
    for metric, total in (
        (catalogue.NETWORK_IO, catalogue.NETWORK_IO_SUM),
        (catalogue.NETWORK_PACKETS, catalogue.NETWORK_PACKETS_SUM),
        (catalogue.NETWORK_ERRORS, catalogue.NETWORK_ERRORS_SUM),
        (catalogue.NETWORK_DROPPED, catalogue.NETWORK_DROPPED_SUM),
    )
)
DISK_COLUMNS: PartColumns = tuple(
    (metric, total, direction)
    for metric, total in (
        (catalogue.DISK_IO, catalogue.DISK_IO_SUM),
        (catalogue.DISK_OPERATIONS, catalogue.DISK_OPERATIONS_SUM),
    )
    for direction in (READ, WRITE)
)


class PartsRecorder:
    """Totals per part of a container (interface, device), and summed over the parts.

    ``allowed`` is asked for so many series before a part is recorded for the first time; one that
    is refused is not in the sums either.
    """

    def __init__(self, part: str, columns: PartColumns, allowed: Callable[[int], bool]) -> None:
        self._part, self._columns, self._allowed = part, columns, allowed
        self._parts: dict[str, Totals] = {}
        self._sums = Sums()
        self._life: Life | None = None
        self._refused: Life | None = None

    def observe(self, parts: Iterable[tuple[str, Row]], life: Life) -> None:
        """Take the cumulative values of all parts, in the order of the columns."""
        rows: list[Row] = []
        for name, values in parts:
            totals = self._parts.get(name) or self._appeared(name, values, life)
            if totals is not None and (row := totals.observe(values, life)) is not None:
                rows.append(row)
        if self._parts:
            self._sums.put(tuple(self._parts.values()), rows)
        self._life = life

    def _appeared(self, name: str, values: Row, life: Life) -> Totals | None:
        if not self._allowed(len(values)):
            self._refused = life
            return None
        totals = self._parts[name] = Totals()
        if life is self._refused:  # it may have been there before, and counts from now on
            totals.begin(life, tuple(value or 0 for value in values))
        elif life is self._life:  # it came while we watched, so it began at zero
            totals.begin(life, (0,) * len(values))
        return totals

    def turn(self) -> bool:
        """End the tick of its rows."""
        for totals in self._parts.values():
            totals.turn()
        return self._sums.turn()

    def series(self) -> Iterator[tuple[Metric, Attributes, Instrument]]:
        """Each instrument under its name: first the sums, then the parts."""
        for number, (_, metric, direction) in enumerate(self._columns):
            yield metric, (direction,), Column(self._sums, number)
        for name, totals in self._parts.items():
            part = self._part, name
            for number, (metric, _, direction) in enumerate(self._columns):
                yield metric, (direction, part), Column(totals, number)


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
        self._levels, self._limit = LevelRows(), Gauge()

    def record(self, reading: PidsReading) -> None:
        """Take one reading."""
        self._levels.put((reading.current,))
        limit = reading.limit
        if limit is None and self.resources is not None:
            limit = self.resources.pids
        if limit is not None:
            self._limit.set(limit)

    @property
    def sampled(self) -> tuple[Instrument, ...]:
        """Those that keep something of a tick, besides totals."""
        return (self._limit,)

    def turn(self) -> bool:
        """End the tick of its rows."""
        return self._levels.turn()

    def series(self) -> Recorded:
        """Each instrument under its name."""
        return (
            (catalogue.PIDS, (), LevelColumn(self._levels, 0)),
            (catalogue.PIDS_LIMIT, (), self._limit),
        )


def _columns(columns: TotalColumns, totals: Totals) -> Recorded:
    return [
        (metric, attributes, Column(totals, number))
        for number, (metric, attributes) in enumerate(columns)
    ]


def _traffic(interface: InterfaceTraffic) -> tuple[str, Row]:
    n = interface.stats
    return interface.name, (
        *(n.rx_bytes, n.rx_packets, n.rx_errors, n.rx_dropped),
        *(n.tx_bytes, n.tx_packets, n.tx_errors, n.tx_dropped),
    )


def _io(device: DeviceIo) -> tuple[str, Row]:
    return device.device, (device.read_bytes, device.write_bytes, device.reads, device.writes)
