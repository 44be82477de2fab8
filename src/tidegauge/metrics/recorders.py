"""Entity recorders: the instruments of one container, one recorder for each kind of reading."""

from array import array
from collections.abc import Iterable, Sequence
from operator import sub

from tidegauge.docker.frames import UNLIMITED, Throttling
from tidegauge.docker.intervals import Life
from tidegauge.docker.resources import Resources
from tidegauge.metrics import catalogue
from tidegauge.metrics.catalogue import (
    AT_LIMIT,
    MAJOR,
    MINOR,
    OUT_OF_MEMORY,
    SYSTEM,
    USER,
)
from tidegauge.metrics.instruments import Counter, Gauge, Instrument
from tidegauge.metrics.levels import LevelColumn, LevelRows
from tidegauge.metrics.metric import Metric
from tidegauge.metrics.snapshot import Attributes
from tidegauge.metrics.totals import Column, Totals
from tidegauge.readings import (
    CpuReading,
    MemoryReading,
    PidsReading,
)
from tidegauge.readings.layout import (
    CACHE,
    CAPACITY,
    CPU,
    MAX_USAGE,
    MEMORY,
    PIDS,
    RSS,
    USAGE,
    WORKING_SET,
    Layout,
)

Rows = Sequence["array[int]"]
"""Of a `Layout`, one for each sample."""

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


_Held = tuple[int, int, int | None, int | None]
"""Memory in use, the working set, cache and anonymous memory."""


class CpuRecorder:
    """CPU time, cores in use, throttling.

    ``resources`` are what the container may use, while that is known.
    """

    def __init__(self) -> None:
        self.resources: Resources | None = None
        self._totals, self._capacity = Totals(), Counter()
        self._levels = LevelRows(CPU_BOUNDS)
        self._life: Life = Life(from_birth=False)
        self._host: Life = self._life
        self.used = 0
        """CPU time in the last row."""

    def record(self, reading: CpuReading) -> None:
        """Take one reading; what it lacks records nothing."""
        if (cores := reading.cores) is not None:
            most = self._most(reading.online)
            self._levels.put((cores, cores / most if most else None))
        life, throttling = reading.life, reading.throttling or _UNTHROTTLED
        used = reading.total, reading.user, reading.kernel
        held_back = throttling.periods, throttling.throttled_periods, throttling.throttled_time
        self._totals.observe(used + held_back, life)
        self.used = reading.total
        # The host's clock did not start with the container: a new life only sets its base.
        if life is not self._life:
            self._life, self._host = life, Life(from_birth=False)
        if reading.system is not None:
            self._capacity.observe(reading.system, self._host)

    def extend(self, layout: Layout, rows: Rows) -> None:
        """Take several samples."""
        cores = _cores(rows, self.used)
        most = self._most(layout.online)
        self._levels.put_each([(each, each / most if most else None) for each in cores])
        self.used = rows[-1][CPU.start]
        self._totals.extend([row[CPU] for row in rows])
        self._capacity.observe_each([row[CAPACITY] for row in rows])

    def count(self, rows: Rows, used: int) -> None:
        """Take several samples into nothing but the histogram, from that CPU time on."""
        self._levels.count(0, _cores(rows, used))

    def _most(self, online: int | None) -> float | None:
        """Cores it may use."""
        return (self.resources.cpus or online) if self.resources else None

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
        life, usage = reading.life, reading.usage
        if life is not self._life:
            self._life, self._most = life, usage
        held = usage, reading.working_set, reading.cache, reading.rss
        self._put([held], reading.limit, reading.max_usage)
        self._faults.observe((reading.minor_faults, reading.major_faults), life)
        if reading.at_limit is not None:
            self._at_limit.observe(reading.at_limit, life)
        if reading.out_of_memory is not None:
            self._out_of_memory.observe(reading.out_of_memory, life)

    def _put(self, held: Sequence[_Held], limit: int | None, max_usage: int | None) -> None:
        allowed = self.resources.memory if self.resources else None
        self._levels.put_each(
            [
                (
                    *(usage, working_set, cache, rss),
                    None if limit is None else working_set / limit,
                    None if allowed is None else max(0, allowed - working_set),
                )
                for usage, working_set, cache, rss in held
            ]
        )
        self._most = max(self._most, *[usage for usage, _, _, _ in held])
        self._peak.set(self._most)
        if limit is not None:
            self._limit.set(limit)
        if max_usage is not None:
            self._max_usage.set(max_usage)

    def extend(self, layout: Layout, rows: Rows) -> None:
        """Take several samples."""
        limit = layout.limit if layout.limit and layout.limit < UNLIMITED else None
        held = [(row[USAGE], row[WORKING_SET], row[CACHE], row[RSS]) for row in rows]
        known = (most for row in reversed(rows) if (most := row[MAX_USAGE]))
        self._put(held, limit, next(known, None))
        begin, end = MEMORY.start, MEMORY.stop - 1
        self._faults.extend([row[begin:end] for row in rows])
        if layout.fails:
            fails = self._at_limit if layout.version_1 else self._out_of_memory
            fails.observe_each([row[end] for row in rows])

    def count(self, rows: Rows) -> None:
        """Take several samples into nothing but the histogram and the peak."""
        self._levels.count(1, [row[WORKING_SET] for row in rows])
        self._most = max(self._most, *[row[USAGE] for row in rows])

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


class PidsRecorder:
    """Tasks and their limit, for which Podman has to be asked: ``resources`` are what it said."""

    def __init__(self) -> None:
        self.resources: Resources | None = None
        self._levels, self._limit = LevelRows(), Gauge()

    def record(self, reading: PidsReading) -> None:
        """Take one reading."""
        self._levels.put((reading.current,))
        self._tell(reading.limit)

    def extend(self, layout: Layout, rows: Rows) -> None:
        """Take several samples."""
        self._levels.put_each([(row[PIDS],) for row in rows])
        limit = layout.pids_limit
        self._tell(limit if limit and limit < UNLIMITED else None)

    def _tell(self, limit: int | None) -> None:
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


def _cores(rows: Rows, used: int) -> list[float]:
    """Cores in use in each sample, from that CPU time on."""
    if rows[-1][CPU.start] == used:  # it never falls: a container that slept
        return [0.0] * len(rows)
    times = [row[CPU.start] for row in rows]
    added = map(sub, times, [used, *times])
    return [ns / (row[0] * 1000) for ns, row in zip(added, rows, strict=False)]


def _columns(columns: TotalColumns, totals: Totals) -> Recorded:
    return [
        (metric, attributes, Column(totals, number))
        for number, (metric, attributes) in enumerate(columns)
    ]
