"""CPU time of a Docker engine's own processes, where this machine's kernel shows them.

They work for everybody who asks the engine, and for its containers' input and output: what of it is
for samples cannot be told apart. Source: proc(5), ``stat``.
"""

import asyncio
import os
from contextlib import suppress
from pathlib import Path

DAEMON = "dockerd"
NAMES = (DAEMON, "containerd", "containerd-shim")
"""As the kernel has them, which cuts names off behind 15 characters."""

LOOKS_FOR_ALL = 2
"""Each so manieth look, one a minute, goes through all processes, the others only through those
known: what a process took that began and ended between is not seen."""

MOST_BYTES = 4096
"""Of one line."""

Process = tuple[int, int]
"""Its number, and when it began: numbers are used again."""


class EngineProcesses:
    """Adds up the CPU time of dockerd, containerd and its shims since the first look."""

    def __init__(self, folder: Path = Path("/proc")) -> None:
        self._folder = folder
        self._tick_ns = 10**9 // os.sysconf("SC_CLK_TCK")
        self._known: dict[Process, int] = {}
        self._looks = self._total = 0

    async def cpu(self) -> int | None:
        """In nanoseconds; ``None`` unless there is just one dockerd, whose it then is."""
        return await asyncio.to_thread(self._look)

    def _look(self) -> int | None:
        first, every = not self._looks, self._looks % LOOKS_FOR_ALL == 0
        self._looks += 1
        numbers = self._all() if every else [number for number, _ in self._known]
        seen: dict[Process, int] = {}
        daemons = 0
        for number in numbers:
            if (found := self._read(number)) is not None:
                name, process, ticks = found
                seen[process] = ticks
                daemons += name == DAEMON
                self._total += 0 if first else max(0, ticks - self._known.get(process, 0))
        self._known = seen
        return self._total * self._tick_ns if daemons == 1 else None

    def _all(self) -> list[int]:
        with suppress(OSError):
            return [int(each.name) for each in self._folder.iterdir() if each.name.isdecimal()]
        return []

    def _read(self, number: int) -> tuple[str, Process, int] | None:
        """Its name, who it is, and its ticks; ``None`` for one that is none of the engine's."""
        # Of a hundred shims each is read: a `Path` for it would cost more than the kernel takes.
        try:
            descriptor = os.open(f"{self._folder}/{number}/stat", os.O_RDONLY | os.O_CLOEXEC)
            try:
                text = os.read(descriptor, MOST_BYTES).decode("ascii", errors="replace")
            finally:
                os.close(descriptor)
        except OSError:
            return None  # it has ended
        head, _, rest = text.rpartition(")")
        name, fields = head.partition("(")[2], rest.split()
        if name not in NAMES or len(fields) < 20:
            return None
        return name, (number, int(fields[19])), int(fields[11]) + int(fields[12])
