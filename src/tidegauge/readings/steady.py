"""Samples that go on as the one before them did: nearly all, and so by the way that costs least.

Whatever may need a decision (a first sample, another life, a number that fell, came or went) takes
the way of the readings, one by one. What does not is a row of numbers, which is looked at when
somebody wants to know. Costs 4 us a sample; watched by ``make bench`` (T5).
"""

import struct
from array import array
from collections.abc import Mapping
from datetime import datetime, timedelta
from operator import is_
from typing import NamedTuple, cast

from msgspec.structs import astuple

from tidegauge.docker.frames import (
    BlkioEntry,
    BlkioStats,
    MemoryStats,
    StatsFrame,
    Still,
)
from tidegauge.docker.intervals import Interval
from tidegauge.docker.lives import Condition
from tidegauge.globs import Selection
from tidegauge.readings.disk import disk
from tidegauge.readings.kernel import kernel_counts
from tidegauge.readings.layout import (
    CAPACITY,
    CPU,
    LEVELS,
    MISSED,
    Layout,
    Steady,
)
from tidegauge.readings.network import interfaces
from tidegauge.readings.time import (
    SECONDS_BETWEEN_SAMPLES,
    UNMISSED,
    seconds_missed,
    seconds_missed_in,
)

LOOK_AGAIN = 900
"""So many rows in a row, then a sample takes the other way: it may have numbers that are new."""

_MICROSECOND = timedelta(microseconds=1)
_GREATEST = (1 << 63) - 1
"""What a row can hold."""

_COUNTS, _LEVELS = 8 * CPU.start, 8 * LEVELS
_TOP = (1 << 63).to_bytes(8, "little")

_Numbers = tuple[int, ...]
_Some = tuple[int | None, ...]
Sections = tuple[object, ...]


class _Entry(NamedTuple):
    """Where one number of a device stands: in the list of bytes or of operations, and as what."""

    operations: bool
    place: int
    major: int | None
    minor: int | None
    op: str | None


class _Known:
    """What is remembered of a container whose samples go on.

    Few objects, and of numbers one: what a thousand other containers have pushed out of the
    processor's cache costs more to look at than to compute with.
    """

    __slots__ = (
        *("blkio", "counts", "entries", "layout", "left", "missed", "pack", "row", "sections"),
        *("slow", "tops", "unmissed", "used", "usual"),
    )

    def __init__(
        self, layout: Layout, blkio: BlkioStats | None, entries: tuple[_Entry, ...], slow: bool
    ) -> None:
        self.layout, self.blkio, self.entries = layout, blkio, entries
        self.left, self.missed, self.used, self.counts = LOOK_AGAIN, 0, 0, 0
        self.slow = slow
        """Is a second missed with each sample? A single one is looked at by all who count them."""
        self.usual = layout.asked_every or SECONDS_BETWEEN_SAMPLES["docker"]
        self.unmissed = 1e6 * UNMISSED * self.usual
        """Up to so many microseconds nothing was missed."""
        self.row: array[int] = array("q")
        self.sections: Sections = ()
        """What of the last frame of the kernel's is the same in the next one if it stands still."""
        width = layout.kernel_at + sum(layout.told)
        self.tops = int.from_bytes(_TOP * (width - CPU.start), "little")
        """The upper bit of each count, which none has set."""
        self.pack = struct.Struct(f"{width + LEVELS}q").pack


class Steadying:
    """Tells intervals that go on from others; memory is that of one sample for each container.

    ``kept`` selects by alias which containers a category records; without an entry, all.
    """

    def __init__(self, kept: Mapping[str, Selection]) -> None:
        self._kept = kept
        self._known: dict[tuple[str, str], _Known] = {}

    def __call__(self, interval: Interval) -> Steady | Interval:
        """The interval as a row, if it goes on as those before; else itself."""
        container = interval.container
        key = container.engine.name, container.id
        known = self._known.get(key)
        if known is None:
            return interval
        steady = _steady(known, interval)
        if steady is None or not known.left:
            del self._known[key]
            return interval
        known.left -= 1
        return steady

    def standing(self, interval: Interval, still: Still) -> Steady | None:
        """The interval of several samples in which nothing moved as rows, if they go on."""
        container, before = interval.container, interval.before
        known = self._known.get((container.engine.name, container.id))
        if known is None or before is None or not _goes_on(known, interval):
            return None
        same = known.sections and all(map(is_, known.sections, _sections(still.frame)))
        if not same or known.left < len(still.reads):
            return None
        rows = _standing_rows(known, before.read, still)
        if rows is None:
            return None
        known.left -= len(rows)
        known.row = rows[-1]
        known.missed = known.row[MISSED]
        return Steady(known.layout, interval, rows, still.reads)

    def learn(self, interval: Interval) -> None:
        """From this sample on, which was recorded, others may go on."""
        container = interval.container
        known = _known_from(interval, self._kept)
        if known is not None:
            self._known[container.engine.name, container.id] = known

    def forget(self, seen: Condition) -> None:
        """Give up what is remembered of a container that is gone."""
        if seen.gone:
            self._known.pop((seen.container.engine.name, seen.container.id), None)


def left_out(kept: Mapping[str, Selection], alias: str) -> frozenset[str]:
    """The categories that do not record a container of this alias."""
    return frozenset(category for category, chosen in kept.items() if not chosen.takes(alias))


def _known_from(interval: Interval, kept: Mapping[str, Selection]) -> _Known | None:
    """``None`` of containers that have not all numbers an engine of Docker's has."""
    container, now = interval.container, interval.now
    cpu, memory, pids = now.cpu_stats, now.memory_stats, now.pids_stats
    api = now.source == "api"
    if (api and container.engine.kind != "docker") or not (cpu and memory and pids):
        return None
    reading, detail = disk(interval), memory.stats
    devices = reading.devices if reading else ()
    operations = any(n is not None for each in devices for n in (each.reads, each.writes))
    layout = Layout(
        *(container, interval.life, interval.asked_every, now.source),
        detail is not None and detail.total_inactive_file is not None,
        api or memory.failcnt is not None,
        *(cpu.online_cpus or 0, memory.limit, pids.limit),
        tuple([each.name for each in interfaces(container, now)]),
        tuple([device.device for device in devices]),
        operations,
        tuple([count is not None for count in kernel_counts(now)]),
        left_out(kept, container.alias),
    )
    entries = _entries(now.blkio_stats, layout)
    if not layout.online or entries is None:
        return None
    known = _Known(layout, now.blkio_stats, entries, slow=seconds_missed(interval) > 0)
    return None if _packed(known, now, 0) is None else known


def _entries(blkio: BlkioStats | None, layout: Layout) -> tuple[_Entry, ...] | None:
    """Those that the counts of the devices are from; ``None`` if some are not there."""
    found: list[_Entry] = []
    lists = _lists(blkio)
    for device in layout.devices:
        for operations in (False, True) if layout.operations else (False,):
            by_op = {
                (each.op or "").lower(): _Entry(operations, n, each.major, each.minor, each.op)
                for n, each in enumerate(lists[operations])
                if f"{each.major}:{each.minor}" == device
            }
            if "read" not in by_op or "write" not in by_op:
                return None
            found += (by_op["read"], by_op["write"])
    return tuple(found)


def _lists(blkio: BlkioStats | None) -> tuple[list[BlkioEntry], list[BlkioEntry]]:
    if blkio is None:
        return [], []
    return blkio.io_service_bytes_recursive or [], blkio.io_serviced_recursive or []


def _steady(known: _Known, interval: Interval) -> Steady | None:
    layout, before = known.layout, interval.before
    if before is None or not _goes_on(known, interval):
        return None
    microseconds = (interval.now.read - before.read) // _MICROSECOND
    missed = 0 if microseconds < known.unmissed else seconds_missed(interval)
    if missed:
        if not known.slow:
            return None
        known.missed += missed
    row = _still(known, interval.now, microseconds)
    if row is None:
        used = known.used
        packed = _packed(known, interval.now, microseconds)
        if packed is None:
            return None
        row = array("q", packed)
        if known.sections and row[CAPACITY] < known.row[CAPACITY]:
            return None  # it fell behind rows that were copied
        if layout.source == "cgroup" or known.used == used:
            known.row, known.sections = row, _sections(interval.now)
        elif known.sections:  # whoever works has another one soon
            known.row, known.sections = array("q"), ()
    return Steady(layout, interval, (row,), (interval.now.read,))


def _goes_on(known: _Known, interval: Interval) -> bool:
    """Is it of the same container in the same life, and asked for as often?"""
    layout = known.layout
    return (
        interval.container is layout.container
        and interval.life is layout.life
        and interval.asked_every == layout.asked_every
    )


def _standing_rows(
    known: _Known, before: datetime, still: Still
) -> "tuple[array[int], ...] | None":
    """The row before, with the times and capacities of these samples."""
    rows: list[array[int]] = []
    at, capacity, missed = before, known.row[CAPACITY], known.missed
    for read, most in zip(still.reads, still.capacities, strict=True):
        microseconds = (read - at) // _MICROSECOND
        late = 0
        if microseconds >= known.unmissed:
            late = seconds_missed_in(microseconds / 1e6, known.usual)
        if (late and not known.slow) or not capacity <= most <= _GREATEST:
            return None
        missed += late
        row = known.row[:]
        row[0], row[MISSED], row[CAPACITY] = microseconds, missed, most
        at, capacity = read, most
        rows.append(row)
    return tuple(rows)


def _sections(frame: StatsFrame) -> Sections:
    cpu = frame.cpu_stats
    return (
        *(cpu and cpu.cpu_usage, cpu and cpu.throttling_data, frame.memory_stats),
        *(frame.networks, frame.blkio_stats, frame.pids_stats, frame.pressure),
    )


def _still(known: _Known, frame: StatsFrame, microseconds: int) -> "array[int] | None":
    """The row before with the time that passed, if all of the frame is the same objects."""
    before, cpu = known.sections, frame.cpu_stats
    if not before or cpu is None or not all(map(is_, before, _sections(frame))):
        return None
    capacity = cpu.system_cpu_usage
    if capacity is None or cpu.online_cpus != known.layout.online or capacity < known.row[CAPACITY]:
        return None
    known.row = row = known.row[:]
    row[0], row[MISSED], row[CAPACITY] = microseconds, known.missed, capacity
    return row


def _packed(known: _Known, frame: StatsFrame, microseconds: int) -> bytes | None:
    """The row of a frame; ``None`` if it does not go on as before."""
    numbers = _numbers(known, frame)
    if numbers is None:
        return None
    try:
        packed = known.pack(microseconds, known.missed, *numbers)
    except struct.error:  # some are not known, or no numbers of this world
        return None
    # All counts at once, each in a lane of its own: none takes the upper bit from its neighbour.
    tops, counts = known.tops, int.from_bytes(packed[_COUNTS:-_LEVELS], "little")
    used = numbers[0]
    if ((counts | tops) - known.counts) & tops != tops:
        return None  # one fell
    if known.used and used - known.used > known.layout.online * microseconds * 1000:
        return None  # who believes that?
    known.counts, known.used = counts, used
    return packed


def _numbers(known: _Known, frame: StatsFrame) -> _Numbers | None:
    """Counts and levels of a frame; whether all are known is for the caller to see."""
    layout, cpu, memory, pids = known.layout, frame.cpu_stats, frame.memory_stats, frame.pids_stats
    if cpu is None or memory is None or pids is None:
        return None
    used, held_back, tasks = cpu.cpu_usage, cpu.throttling_data, pids.current
    if used is None or held_back is None or not used.total_usage or not tasks:
        return None
    if (
        frame.source != layout.source
        or cpu.online_cpus != layout.online
        or pids.limit != layout.pids_limit
        or (held := _memory(layout, memory)) is None
        or (traffic := _traffic(layout, frame)) is None
        or (io := _io(known, frame.blkio_stats)) is None
    ):
        return None
    counts, levels = held
    told = [count for count in kernel_counts(frame) if count is not None]
    numbers = (
        *(used.total_usage, used.usage_in_usermode, used.usage_in_kernelmode),
        *(held_back.periods, held_back.throttled_periods, held_back.throttled_time),
        *(cpu.system_cpu_usage, *counts, *traffic, *io, *told, *levels, tasks),
    )
    return cast("_Numbers", numbers)


def _memory(layout: Layout, memory: MemoryStats) -> tuple[_Some, _Some] | None:
    """Its counts and its levels."""
    usage, detail, fails = memory.usage, memory.stats, memory.failcnt
    if not usage or detail is None or memory.limit != layout.limit:
        return None
    if layout.source == "cgroup" and (fails is None) is layout.fails:
        return None
    if layout.version_1:
        inactive, cache, rss = detail.total_inactive_file, detail.total_cache, detail.total_rss
        faults, major = detail.total_pgfault, detail.total_pgmajfault
    else:
        inactive, cache, rss = detail.inactive_file, detail.file, detail.anon
        faults, major = detail.pgfault, detail.pgmajfault
    if inactive is None or faults is None or major is None:
        return None
    swap = -1 if memory.swap is None else memory.swap
    levels = swap, usage, max(0, usage - inactive), cache, rss, memory.max_usage or 0
    return (max(0, faults - major), major, fails or 0), levels


def _traffic(layout: Layout, frame: StatsFrame) -> list[int | None] | None:
    """What interfaces have counted; ``None`` if they are not the same any more."""
    networks, found = frame.networks or {}, list[int | None]()
    if layout.container.network_of:
        return found
    if tuple(networks) != layout.interfaces:
        return None
    for each in networks.values():
        if each is None:
            return None
        found += astuple(each)
    return found


def _io(known: _Known, blkio: BlkioStats | None) -> list[int | None] | None:
    """What devices have counted; ``None`` if they are not the same any more."""
    if not known.entries:
        return [] if blkio == known.blkio else None
    lists, before = _lists(blkio), _lists(known.blkio)
    if len(lists[0]) != len(before[0]) or len(lists[1]) != len(before[1]):
        return None
    found: list[int | None] = []
    for operations, index, major, minor, op in known.entries:
        entry = lists[operations][index]
        if entry.op != op or entry.major != major or entry.minor != minor:
            return None
        found.append(entry.value)
    return found
