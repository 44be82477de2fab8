"""A file of a cgroup with what was last read in it, which is parsed only when its bytes changed."""

from collections.abc import Callable, Sequence
from os import pread
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from tidegauge.cgroups.files import Files, Read
from tidegauge.docker.frames import (
    BlkioStats,
    CpuUsage,
    MemoryStats,
    PidsStats,
    Pressure,
    Stall,
    Throttling,
)

T = TypeVar("T")

LINE = 128
"""Bytes; a number and the end of its line are no more than 21, and those of a device about 100."""

Begin = tuple[int, bytes]
"""The descriptor of a file, and how it began when it was last read."""

Garbled = Callable[[str], None]
"""Is told the path of a file whose bytes are not what they should be."""


class Part(Generic[T]):
    """One file; ``value`` is ``None`` while it cannot be read, or is none of its kind."""

    __slots__ = ("_data", "_garbled", "_opened", "_parse", "_path", "_read", "value")

    def __init__(
        self,
        files: Files,
        path: Path | None,
        parse: Callable[[bytes], T],
        garbled: Garbled,
    ) -> None:
        self._read: Read | None = files.open(path) if path else None
        self._opened = files.last if self._read else None
        self._path, self._parse, self._garbled = path, parse, garbled
        self._data: bytes | None = None
        self.value: T | None = None

    def stands(self) -> bool:
        """Does it begin as it was? In a file of one line that is all there is to know.

        True of a file that is not there, and false of one that has to be opened each time.
        """
        if self._opened is None or self._data is None:
            return self._read is None
        begin = pread(self._opened, LINE, 0)
        return begin != b"" and self._data.startswith(begin)

    @property
    def there(self) -> bool:
        """Could it be opened?"""
        return self._read is not None

    @property
    def begin(self) -> Begin | None:
        """What `stands` compares; ``None`` of a file that is not open."""
        if self._opened is None or self._data is None:
            return None
        return self._opened, self._data[:LINE]

    def same(self) -> bool:
        """Is all of it as it was? True of a file that is not there."""
        return self._read is None or self._read() == self._data

    def look(self) -> bool:
        """Read it; did it change? Raises `OSError` when its cgroup is gone."""
        if self._read is None:
            return False
        data = self._read()
        if data == self._data:
            return False
        self._data = data
        try:
            self.value = self._parse(data)
        except (ValueError, IndexError):
            self.value = None
            self._garbled(str(self._path))
        return True


class Meter(Protocol):
    """What the cgroups of one container tell. What did not change stays the same object."""

    usage: CpuUsage | None
    throttling: Throttling | None
    memory: MemoryStats | None
    block_io: BlkioStats | None
    pids: PidsStats | None
    pressure: Pressure | None

    def look(self, *, whole: bool) -> None:
        """Read what may have changed, or the ``whole``; raises `OSError` when they are gone."""
        ...

    def stands(self, *, calm: bool) -> bool:
        """Is all as it was, as far as a short look tells? Raises `OSError` when they are gone.

        Nobody waits for IO where it has been ``calm``: before, somebody would have to run.
        """
        ...

    def nap(self) -> Sequence[Begin]:
        """The files of which the begins tell whether all stands while it is calm; none if not."""
        ...


DEEP_SLEEP = 6
"""Whole looks at a container that sleeps, of which one reads more than its memory."""


class Sleep:
    """Counts the whole looks at a container that neither ran nor got or lost memory."""

    __slots__ = ("_looks",)

    def __init__(self) -> None:
        self._looks = 0

    def goes_on(self) -> bool:
        """May this whole look be a short one? The rest changes with memory, or is set by others."""
        self._looks = (self._looks + 1) % DEEP_SLEEP
        return self._looks > 0


class Pressures:
    """The three files of pressure."""

    __slots__ = ("_cpu", "_io", "_memory", "now")

    def __init__(self, cpu: Part[Stall], memory: Part[Stall], io: Part[Stall]) -> None:
        self._cpu, self._memory, self._io = cpu, memory, io
        self.now: Pressure | None = None

    def stands(self) -> bool:
        """Is that of IO as it was?"""
        return self._io.same()

    def look(self, *, ran: bool) -> None:
        """Read them; of a container that did not run only that of IO, for which it may wait."""
        changed = self._io.look()
        if ran:
            changed |= self._cpu.look() | self._memory.look()
        if changed:
            told = Pressure(self._cpu.value, self._memory.value, self._io.value)
            self.now = None if told == _UNTOLD else told


_UNTOLD = Pressure()


class Tasks:
    """How many tasks there are, and how many there may be."""

    __slots__ = ("_current", "_most", "now")

    def __init__(self, current: Part[int], most: Part[int]) -> None:
        self._current, self._most = current, most
        self.now: PidsStats | None = None

    def look(self, *, whole: bool) -> None:
        """Read what may have changed: limits only with the ``whole``."""
        changed = self._current.look()
        if whole:
            changed |= self._most.look()
        if changed:
            self.now = PidsStats(self._current.value, self._most.value)


def peak(most: int | None, charged: int | None) -> int | None:
    """The highest use known: the kernel's own is read with each whole look only."""
    return None if most is None else max(most, charged or 0)
