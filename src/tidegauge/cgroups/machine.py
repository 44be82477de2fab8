"""What all containers of a machine share: its CPUs and its memory. Source: proc(5)."""

import os
import re
from functools import partial
from pathlib import Path

from tidegauge.cgroups.files import read_once
from tidegauge.cgroups.parsing import capacity

_TOTAL = re.compile(r"^MemTotal:\s+(\d+) kB$", re.MULTILINE)


class Machine:
    """``cpu`` are nanoseconds all CPUs offered so far, ``cpus`` how many there are.

    ``memory`` is in bytes. All are ``None`` before the first look, and where it is not told.
    """

    def __init__(self, proc: Path) -> None:
        self._stat = partial(read_once, str(proc / "stat"))
        self._tick_ns = 10**9 // os.sysconf("SC_CLK_TCK")
        self.cpu: int | None = None
        self.cpus: int | None = None
        self.memory: int | None = None
        self._proc = proc

    def look(self) -> None:
        """A sweep begins."""
        if self.memory is None:
            self.memory = _memory(self._proc)
        try:
            self.cpu, cpus = capacity(self._stat(), self._tick_ns)
            if cpus != self.cpus:  # what is equal stays the same object
                self.cpus = cpus
        except (OSError, ValueError, IndexError):
            self.cpu = self.cpus = None


def _memory(proc: Path) -> int | None:
    """Bytes; ``None`` if it does not say."""
    try:
        found = _TOTAL.search((proc / "meminfo").read_text("ascii", errors="replace"))
    except OSError:
        return None
    return int(found[1]) * 1024 if found else None
