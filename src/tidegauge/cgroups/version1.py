"""A container's numbers in cgroup v1, where each controller has a tree of its own.

A hybrid machine has the tree of v2 beside them, without controllers: its pressure is real, and its
``cpu.stat`` has user and system time in microseconds where ``cpuacct.stat`` has steps of 10 ms.
Source: the kernel's ``admin-guide/cgroup-v1``.

What cannot have changed is not read: a container whose CPU time stands still runs nothing, so its
throttling, tasks, hits of limits and block IO stand still too. Memory that is taken from a sleeping
one shows in its usage.
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from tidegauge.cgroups.files import Files
from tidegauge.cgroups.parsing import Columns, devices, limit, number, stall
from tidegauge.cgroups.parts import Begin, Garbled, Part, Pressures, Sleep, Tasks, peak
from tidegauge.cgroups.places import UNIFIED
from tidegauge.docker.frames import (
    BlkioEntry,
    BlkioStats,
    CpuUsage,
    MemoryDetail,
    MemoryStats,
    PidsStats,
    Throttling,
)

_MemoryStat = tuple[MemoryDetail, int | None, int | None]
"""With the limit, and what is swapped out."""


class Columns1:
    """Positions in the files of this kernel, learnt once for all containers."""

    def __init__(self) -> None:
        self.modes = Columns("user_usec", "system_usec")
        self.ticks = Columns("user", "system")
        self._throttling = Columns(
            *("nr_periods", "nr_throttled", "throttled_time", "nr_bursts", "burst_time")
        )
        self._memory = Columns(
            *("total_inactive_file", "total_cache", "total_rss", "total_pgfault"),
            *("total_pgmajfault", "hierarchical_memory_limit", "total_swap"),
        )
        self._kills = Columns("oom_kill")

    def throttling(self, data: bytes) -> Throttling:
        """``cpu.stat``."""
        return Throttling(*self._throttling(data))

    def memory(self, data: bytes) -> _MemoryStat:
        """``memory.stat``."""
        *detail, most, swap = self._memory(data)
        return MemoryDetail(*detail), most, swap

    def kills(self, data: bytes) -> int | None:
        """``memory.oom_control``."""
        return self._kills(data)[0]


class Version1:
    """Implements `Meter`; ``host_memory`` in bytes stands for a limit that is beyond it."""

    usage: CpuUsage | None = None
    throttling: Throttling | None = None
    memory: MemoryStats | None = None
    block_io: BlkioStats | None = None
    pids: PidsStats | None = None

    def __init__(
        self,
        files: Files,
        folders: Mapping[str, Path],
        columns: Columns1,
        garbled: Garbled,
        host_memory: int | None,
    ) -> None:
        def at(controller: str, name: str) -> Path | None:
            folder = folders.get(controller)
            return folder / name if folder else None

        self._host_memory, self._sleep = host_memory, Sleep()
        f, g = files, garbled
        self._used = Part(f, at("cpuacct", "cpuacct.usage"), number, g)
        exact = at(UNIFIED, "cpu.stat")
        self._unit_ns = 1000 if exact else 10**9 // os.sysconf("SC_CLK_TCK")
        modes = (exact, columns.modes) if exact else (at("cpuacct", "cpuacct.stat"), columns.ticks)
        self._modes = Part(f, *modes, g)
        self._held_back = Part(f, at("cpu", "cpu.stat"), columns.throttling, g)
        self._charged = Part(f, at("memory", "memory.usage_in_bytes"), number, g)
        self._memory = Part(f, at("memory", "memory.stat"), columns.memory, g)
        self._most = Part(f, at("memory", "memory.max_usage_in_bytes"), number, g)
        self._fails = Part(f, at("memory", "memory.failcnt"), number, g)
        self._kills = Part(f, at("memory", "memory.oom_control"), columns.kills, g)
        sizes, done = "io_service_bytes_recursive", "io_serviced_recursive"
        self._sizes: Part[list[BlkioEntry] | None]
        self._done: Part[list[BlkioEntry] | None]
        self._sizes = Part(f, at("blkio", f"blkio.throttle.{sizes}"), devices, g)
        self._done = Part(f, at("blkio", f"blkio.throttle.{done}"), devices, g)
        self._tasks = Tasks(
            Part(f, at("pids", "pids.current"), number, g),
            Part(f, at("pids", "pids.max"), limit, g),
        )
        self._pressures = Pressures(
            Part(f, at(UNIFIED, "cpu.pressure"), stall, g),
            Part(f, at(UNIFIED, "memory.pressure"), stall, g),
            Part(f, at(UNIFIED, "io.pressure"), stall, g),
        )
        self.pressure = self._pressures.now

    def stands(self, *, calm: bool) -> bool:
        """As `Meter`."""
        if self._used.value is None:
            return False
        return self._used.stands() and self._charged.stands() and (calm or self._pressures.stands())

    def nap(self) -> Sequence[Begin]:
        """As `Meter`."""
        used, charged = self._used.begin, self._charged.begin
        if self._used.value is None or self._charged.value is None or not used or not charged:
            return ()
        return used, charged

    def look(self, *, whole: bool) -> None:
        """As `Meter`."""
        used, charged = self._used.look(), self._charged.look()
        asleep = whole and not used and not charged and self._sleep.goes_on()
        whole = whole and not asleep
        # Untold is what was found by a look that failed half-way.
        untold = self.usage is None or self._used.value != self.usage.total_usage
        ran = used or whole or untold or self._used.value is None
        if ran:
            self._look_at_cpu(whole=whole)
            self._tasks.look(whole=whole)
            self.pids = self._tasks.now
            if whole or self.block_io is not None:
                self._look_at_block_io(whole=whole)
        if ran or charged or asleep:
            self._look_at_memory(charged=charged, whole=whole)
        self._pressures.look(ran=ran)
        self.pressure = self._pressures.now

    def _look_at_cpu(self, *, whole: bool) -> None:
        modes = self._modes.look()
        if modes or self.usage is None or self._used.value != self.usage.total_usage:
            user, system = self._modes.value or (None, None)
            self.usage = CpuUsage(
                self._used.value, _ns(system, self._unit_ns), _ns(user, self._unit_ns)
            )
        before = self.throttling
        # Without a quota no period passes. One that is given meanwhile is seen a little later.
        limited = before is not None and before.periods
        if (whole or limited) and self._held_back.look() and self._held_back.value != before:
            self.throttling = self._held_back.value

    def _look_at_block_io(self, *, whole: bool) -> None:
        changed = self._sizes.look()
        if changed or whole:
            changed |= self._done.look()
        if changed:
            sizes = self._sizes.value
            self.block_io = None if sizes is None else BlkioStats(sizes, self._done.value)

    def _look_at_memory(self, *, charged: bool, whole: bool) -> None:
        changed = self._memory.look() or charged
        detail, most, swap = self._memory.value or (None, None, None)
        host = self._host_memory
        limited = most is not None and host is not None and most < host
        if (whole or limited) and self._fails.look():
            changed = True
            self._kills.look()  # who runs out of memory met the limit before
        if whole:
            changed |= self._most.look() | self._kills.look()
        if not changed:
            return
        self.memory = MemoryStats(
            self._charged.value,
            peak(self._most.value, self._charged.value),
            most if most is None or host is None else min(most, host),
            detail,
            self._fails.value,
            swap,
            self._kills.value,
        )


def _ns(count: int | None, unit: int) -> int | None:
    return None if count is None else count * unit
