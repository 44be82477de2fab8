"""How full the file systems are on which an engine of this machine keeps its data."""

import asyncio
import contextlib
import os
import threading
from collections.abc import Callable, Sequence

from tidegauge.clock import Clock
from tidegauge.docker.stock import FileSystem

PATIENCE = 5.0
"""Seconds for all of them; a network file system whose server is gone never answers."""


class FileSystemMeter:
    """Asks the kernel in a thread, one at a time: such a call may hang, and cannot be ended.

    ``kernel`` is the release of this machine's: an engine with another one runs in a virtual
    machine, where the same paths are others.

    The thread is a daemon, so that a hung one does not hold the program up at its end either.
    """

    def __init__(
        self, clock: Clock, kernel: str, stat: Callable[[str], os.statvfs_result] = os.statvfs
    ) -> None:
        self._clock, self._kernel, self._stat = clock, kernel, stat
        self._thread: threading.Thread | None = None

    async def measure(self, kernel: str, paths: Sequence[str]) -> tuple[FileSystem, ...]:
        """Those that answered in time, each once; none while an earlier call hangs.

        ``kernel`` is the one that the engine runs on.
        """
        if kernel != self._kernel or (self._thread is not None and self._thread.is_alive()):
            return ()
        found: list[FileSystem] = []
        loop, done = asyncio.get_running_loop(), asyncio.Event()

        def work() -> None:
            _measure(paths, self._stat, found)
            with contextlib.suppress(RuntimeError):  # the program has ended meanwhile
                loop.call_soon_threadsafe(done.set)

        self._thread = threading.Thread(target=work, name="file systems", daemon=True)
        self._thread.start()
        await self._clock.wait(done, PATIENCE)
        return tuple(found)


def _measure(
    paths: Sequence[str], stat: Callable[[str], os.statvfs_result], found: list[FileSystem]
) -> None:
    devices: set[int] = set()
    for path in paths:
        try:
            device, numbers = os.stat(path).st_dev, stat(path)  # noqa: PTH116 (a text, as `stat` takes)
        except OSError:
            continue  # not of this machine, or not for this user: absent
        if device not in devices and 0 < numbers.f_blocks >= numbers.f_bfree:
            devices.add(device)
            found.append(_file_system(path, numbers))


def _file_system(path: str, numbers: os.statvfs_result) -> FileSystem:
    block, inodes = numbers.f_frsize, numbers.f_files
    known = 0 < inodes >= numbers.f_ffree  # network file systems tell what they like
    return FileSystem(
        path,
        capacity=numbers.f_blocks * block,
        usage=(numbers.f_blocks - numbers.f_bfree) * block,
        available=numbers.f_bavail * block,
        inodes=inodes if known else None,
        inodes_used=inodes - numbers.f_ffree if known else None,
    )
