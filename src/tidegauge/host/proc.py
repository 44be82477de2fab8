"""Linux's ``/proc``, read and parsed; what is not there, or not as expected, is ``None``.

Source: proc(5). The numbers of the line ``cpu`` of ``stat`` are ticks: user, nice, system, idle,
iowait, irq, softirq, steal. The guests' time that follows is within user and nice already.
"""

import math
import os
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from tidegauge.host.frames import HostMemory

MODES = ("user", "nice", "system", "idle", "iowait", "interrupt", "interrupt", "steal")


MEMORY = frozenset(
    (
        "MemTotal",
        "MemFree",
        "Buffers",
        "Cached",
        "SReclaimable",
        "MemAvailable",
        "SwapTotal",
        "SwapFree",
    )
)

MOST_BYTES = 2**18
"""Of one file; those of the kernel are read in one go."""


class Proc:
    """A ``/proc`` folder; reading all of it takes about 0.1 ms."""

    def __init__(self, folder: Path = Path("/proc")) -> None:
        self._folder = folder
        self._ticks = os.sysconf("SC_CLK_TCK")
        self._page = os.sysconf("SC_PAGE_SIZE")

    def cpu(self) -> tuple[Mapping[str, int] | None, int | None]:
        """Nanoseconds of all CPUs in each mode, and how many CPUs there are."""
        # Behind the lines of the CPUs are thousands of numbers of interrupts.
        told, _, _ = self._read("stat").partition("\nintr ")
        lines = [line.split() for line in told.splitlines() if line[:3] == "cpu"]
        if not lines or lines[0][0] != "cpu":
            return None, None
        times: Counter[str] = Counter()
        for mode, ticks in zip(MODES, lines[0][1:], strict=False):
            if not ticks.isdecimal():
                return None, None
            times[mode] += int(ticks) * 10**9 // self._ticks
        return times or None, (len(lines) - 1) or None

    def memory(self) -> HostMemory | None:
        """Memory and swap in bytes."""
        known: dict[str, int] = {}
        for line in self._read("meminfo").splitlines():
            name, _, rest = line.partition(":")
            if name not in MEMORY:
                continue
            number = rest.removesuffix("kB").strip()
            if number.isdecimal():
                known[name] = int(number) * 1024
        if not known.get("MemTotal") or "MemFree" not in known:
            return None
        return HostMemory(
            total=known["MemTotal"],
            free=known["MemFree"],
            buffers=known.get("Buffers", 0),
            cached=known.get("Cached", 0) + known.get("SReclaimable", 0),
            available=known.get("MemAvailable"),
            swap_total=known.get("SwapTotal", 0),
            swap_free=known.get("SwapFree", 0),
        )

    def load(self) -> tuple[float, float, float] | None:
        """How many tasks ran or waited to, on average over 1, 5 and 15 minutes."""
        try:
            one, five, fifteen = map(float, self._read("loadavg").split()[:3])
        except ValueError:
            return None
        known = all(0 <= each < math.inf for each in (one, five, fifteen))
        return (one, five, fifteen) if known else None

    def resident(self) -> int | None:
        """Memory of this process in bytes."""
        pages = self._read("self/statm").split()[1:2]
        return int(pages[0]) * self._page if pages and pages[0].isdecimal() else None

    def _read(self, name: str) -> str:
        try:
            descriptor = os.open(f"{self._folder}/{name}", os.O_RDONLY | os.O_CLOEXEC)
            try:
                return os.read(descriptor, MOST_BYTES).decode("ascii", errors="replace")
            finally:
                os.close(descriptor)
        except OSError:
            return ""
