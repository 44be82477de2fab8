"""A container's numbers in cgroup v2, one tree for all controllers.

Source: the kernel's ``admin-guide/cgroup-v2.rst``. Files of a controller that is off are not there.
Block IO is read always, for what was written is charged when it gets to the disk; else what holds
of v1 holds here: who did not run did not change.
"""

from collections.abc import Sequence
from pathlib import Path

from tidegauge.cgroups.files import Files
from tidegauge.cgroups.parsing import Columns, io_stat, limit, number, stall
from tidegauge.cgroups.parts import LINE, Begin, Garbled, Part, Pressures, Sleep, Tasks, peak
from tidegauge.docker.frames import (
    BlkioStats,
    CpuUsage,
    MemoryDetail,
    MemoryStats,
    PidsStats,
    Throttling,
)


class Columns2:
    """Positions in the files of this kernel, learnt once for all containers."""

    def __init__(self) -> None:
        self._cpu = Columns(
            *("usage_usec", "user_usec", "system_usec", "nr_periods", "nr_throttled"),
            *("throttled_usec", "nr_bursts", "burst_usec"),
        )
        self._memory = Columns("inactive_file", "file", "anon", "pgfault", "pgmajfault")
        self._events = Columns("oom", "oom_kill")

    def cpu(self, data: bytes) -> tuple[CpuUsage, Throttling | None]:
        """``cpu.stat``; without the controller it has times only."""
        total, user, system, periods, held_back, seconds, bursts, burst = self._cpu(data)
        usage = CpuUsage(_ns(total), _ns(system), _ns(user))
        if periods is None:
            return usage, None
        return usage, Throttling(periods, held_back, _ns(seconds), bursts, _ns(burst))

    def memory(self, data: bytes) -> MemoryDetail:
        """``memory.stat``."""
        inactive, file, anon, faults, major = self._memory(data)
        return MemoryDetail(
            inactive_file=inactive, file=file, anon=anon, pgfault=faults, pgmajfault=major
        )

    def events(self, data: bytes) -> list[int | None]:
        """``memory.events``: how often memory ran out, and how many were killed for that."""
        return self._events(data)


class Version2:
    """Implements `Meter`; ``host_memory`` in bytes stands for no limit."""

    def __init__(
        self,
        files: Files,
        folder: Path,
        columns: Columns2,
        garbled: Garbled,
        host_memory: int | None,
    ) -> None:
        self._host_memory, self._sleep = host_memory, Sleep()
        f, g = files, garbled
        self._cpu = Part(f, folder / "cpu.stat", columns.cpu, g)
        self._charged = Part(f, folder / "memory.current", number, g)
        self._memory = Part(f, folder / "memory.stat", columns.memory, g)
        self._events = Part(f, folder / "memory.events", columns.events, g)
        self._most = Part(f, folder / "memory.peak", number, g)
        self._limit = Part(f, folder / "memory.max", limit, g)
        self._swap = Part(f, folder / "memory.swap.current", number, g)
        self._io = Part(f, folder / "io.stat", io_stat, g)
        self._tasks = Tasks(
            Part(f, folder / "pids.current", number, g), Part(f, folder / "pids.max", limit, g)
        )
        self._pressures = Pressures(
            Part(f, folder / "cpu.pressure", stall, g),
            Part(f, folder / "memory.pressure", stall, g),
            Part(f, folder / "io.pressure", stall, g),
        )
        self.usage: CpuUsage | None = None
        self.throttling: Throttling | None = None
        self.memory: MemoryStats | None = None
        self.block_io: BlkioStats | None = None
        self.pids: PidsStats | None = None
        self.pressure = self._pressures.now

    def stands(self, *, calm: bool) -> bool:
        """As `Meter`; what it wrote may go to a disk while it is asleep.

        The first line of ``cpu.stat`` is all the time it took. Periods of a quota may be counted
        behind that.
        """
        if self.usage is None:
            return False
        limited = self.throttling is not None and self.throttling.periods
        return (
            (self._cpu.same() if limited else self._cpu.stands())
            and self._charged.stands()
            and self._io.same()
            and (calm or self._pressures.stands())
        )

    def nap(self) -> Sequence[Begin]:
        """As `Meter`; several devices have more lines than a begin holds."""
        limited = self.throttling is not None and self.throttling.periods
        if limited or self.usage is None or self._charged.value is None:
            return ()
        used, charged, io = self._cpu.begin, self._charged.begin, self._io.begin
        if not used or not charged:
            return ()
        if not self._io.there:
            return used, charged
        return (used, charged, io) if io and len(io[1]) < LINE else ()

    def look(self, *, whole: bool) -> None:
        """As `Meter`."""
        used, charged = self._cpu.look(), self._charged.look()
        asleep = whole and not used and not charged and self._sleep.goes_on()
        whole = whole and not asleep
        self.usage, throttling = self._cpu.value or (None, None)
        if throttling != self.throttling:
            self.throttling = throttling
        ran = used or whole or self.usage is None
        if ran:
            self._tasks.look(whole=whole)
            self.pids = self._tasks.now
        if ran or charged or asleep:
            self._look_at_memory(charged=charged, whole=whole)
        if self._io.look():
            self.block_io = self._io.value
        self._pressures.look(ran=ran)
        self.pressure = self._pressures.now

    def _look_at_memory(self, *, charged: bool, whole: bool) -> None:
        changed = charged | self._memory.look() | self._events.look()
        if whole or charged:
            changed |= self._swap.look()
        if whole:
            changed |= self._most.look() | self._limit.look()
        if not changed:
            return
        most, host = self._limit.value, self._host_memory
        ran_out, kills = self._events.value or (None, None)
        self.memory = MemoryStats(
            self._charged.value,
            peak(self._most.value, self._charged.value),
            most if most is None or host is None else min(most, host),
            self._memory.value,
            ran_out,
            self._swap.value,
            kills,
        )


def _ns(microseconds: int | None) -> int | None:
    return None if microseconds is None else microseconds * 1000
