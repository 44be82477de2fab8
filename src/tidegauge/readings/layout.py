"""What the rows of samples that go on are made of."""

from array import array
from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from tidegauge.docker.frames import Container, Source, StatsFrame
from tidegauge.docker.intervals import Interval, Life

MISSED, CPU, CAPACITY, MEMORY = 1, slice(2, 8), 8, slice(9, 12)
SWAP, USAGE, WORKING_SET, CACHE, RSS, MAX_USAGE, PIDS = range(-7, 0)
"""Where numbers stand in a row; see `Layout`."""

INTERFACE_COUNTS = 8
LEVELS = 7


class Layout(Struct, frozen=True, eq=False):
    """What the rows of a container are made of, for as long as nothing about it changes.

    At 0 are the microseconds since the sample before. Then come counts, which never fall: seconds
    `MISSED` since the first row; `CPU` time in all, in user and in kernel mode, periods, those
    throttled, and time throttled; the host's `CAPACITY`; of `MEMORY` minor and major faults, and
    fails; of each of ``interfaces`` what `NetworkStats` has; of each of ``devices`` bytes read and
    written, and as many operations where these ``operations`` are counted; of what only the kernel
    tells (`kernel_counts`) those that are ``told``. Levels are at the end. `MAX_USAGE` is 0 where
    it is unknown, `SWAP` less.
    """

    container: Container
    life: Life
    asked_every: float
    source: Source
    version_1: bool
    fails: bool
    online: int
    limit: int | None
    pids_limit: int | None
    interfaces: tuple[str, ...]
    devices: tuple[str, ...]
    operations: bool
    told: tuple[bool, ...]
    left_out: frozenset[str]
    """Categories that are not recorded of it."""

    @property
    def interfaces_at(self) -> tuple[tuple[str, slice], ...]:
        """Each interface, and where its counts are."""
        return _places(self.interfaces, MEMORY.stop, INTERFACE_COUNTS)

    @property
    def devices_at(self) -> tuple[tuple[str, slice], ...]:
        """Each device, and where its counts are."""
        begin = MEMORY.stop + INTERFACE_COUNTS * len(self.interfaces)
        return _places(self.devices, begin, self._device_counts)

    @property
    def kernel_at(self) -> int:
        """Where the counts begin that only the kernel tells."""
        devices = self._device_counts * len(self.devices)
        return MEMORY.stop + INTERFACE_COUNTS * len(self.interfaces) + devices

    @property
    def _device_counts(self) -> int:
        return 4 if self.operations else 2

    def records(self, category: str) -> bool:
        """Is it recorded?"""
        return category not in self.left_out


def _places(names: tuple[str, ...], begin: int, width: int) -> tuple[tuple[str, slice], ...]:
    ends = range(begin + width, begin + width * len(names) + 1, width)
    return tuple([(name, slice(end - width, end)) for name, end in zip(names, ends, strict=True)])


class Steady(Struct, frozen=True, gc=False):
    """An interval as rows of its ``layout``: one, or of more samples if nothing moved in them.

    ``reads`` are when each was taken.
    """

    layout: Layout
    interval: Interval
    rows: tuple["array[int]", ...]
    reads: tuple[datetime, ...]

    @property
    def last_but_one(self) -> StatsFrame:
        """The frame of the last but one, where there are several."""
        now = self.interval.now
        cpu = now.cpu_stats
        if cpu is not None:
            cpu = replace(cpu, system_cpu_usage=self.rows[-2][CAPACITY])
        return replace(now, read=now.read - timedelta(microseconds=self.rows[-1][0]), cpu_stats=cpu)
