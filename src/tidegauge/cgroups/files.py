"""Files that are read again and again: kept open where descriptors allow it, else opened each time.

A kept descriptor costs a third of opening the file each time. It is also the safest way to know
that a container has ended: a cgroup that was removed answers ENODEV for ever, whatever is made
under its path later.
"""

import os
import resource
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

from tidegauge.docker.descriptors import SPARE

Read = Callable[[], bytes]
"""The whole file as it is now; raises `OSError`."""

_FLAGS = os.O_RDONLY | os.O_CLOEXEC

ROOM = 8192
"""Bytes asked for at once; the longest of these files has some 4000."""


class Files:
    """Opens the files of one container, and closes all of them at once.

    Without ``keep`` none stays open but the folder of the process: below it nothing is ever read
    of another process that got the same number.
    """

    def __init__(self, process: Path, *, keep: bool = True) -> None:
        self._process, self._keep = process, keep
        self._open: list[int] = []
        self._folder: int | None = None

    def open(self, path: Path) -> Read | None:
        """A way to read this file; ``None`` if it is not there or can't be read."""
        try:
            read = self._kept(path) if self._keep else self._reopened(path)
            read()  # some are there and refuse: pressure that is switched off
        except OSError:
            return None
        return read

    def check(self) -> None:
        """Raise `OSError` if the process is gone, where files themselves might not tell."""
        if not self._keep:
            os.stat("stat", dir_fd=self._process_folder())

    def close(self) -> None:
        """Close all."""
        for each in self._open:
            with suppress(OSError):
                os.close(each)
        self._open.clear()
        self._folder = None

    def _reopened(self, path: Path) -> Read:
        if path.is_relative_to(self._process):
            below = str(path.relative_to(self._process))
            return partial(read_once, below, self._process_folder())
        return partial(read_once, str(path))

    def _process_folder(self) -> int:
        if self._folder is None:
            self._folder = os.open(self._process, _FLAGS | os.O_DIRECTORY)
            self._open.append(self._folder)
        return self._folder

    def _kept(self, path: Path) -> Read:
        opened = os.open(path, _FLAGS)
        self._open.append(opened)
        return partial(os.pread, opened, ROOM, 0)


def read_once(path: str, folder: int | None = None, room: int = ROOM) -> bytes:
    """Open, read, close."""
    opened = os.open(path, _FLAGS, dir_fd=folder)
    try:
        return os.pread(opened, room, 0)
    finally:
        os.close(opened)


def descriptors_left(needed: int) -> bool:
    """May this process open so many more, and leave some to all else that opens something?"""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if limit == resource.RLIM_INFINITY:
        return True
    probe = os.open("/", _FLAGS | os.O_DIRECTORY)  # the lowest free number
    os.close(probe)
    return probe + needed + SPARE < limit
