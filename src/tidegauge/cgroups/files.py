"""Files that are read again and again: kept open where descriptors allow it, else opened each time.

A kept descriptor costs a third of opening the file each time. It is also the safest way to know
that a container has ended: a cgroup that was removed answers ENODEV for ever, whatever is made
under its path later.
"""

import errno
import fcntl
import os
import resource
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

from tidegauge.docker.descriptors import SPARE
from tidegauge.errors import OutOfReach

Read = Callable[[], bytes]
"""The whole file as it is now; raises `OSError`."""

SHORT = frozenset((errno.EMFILE, errno.ENFILE, errno.ENOMEM))
TOO_MANY = "this process may open no more files; raise its limit"

_FLAGS = os.O_RDONLY | os.O_CLOEXEC

_ROOM = 8192

_PIECE = 3072
"""The kernel gives at least so much of a file that goes on: up to a page, in whole lines."""


class Files:
    """Opens the files of one container, and closes all of them at once.

    Without ``keep`` none stays open but the folder of the process: below it nothing is ever read
    of another process that got the same number.
    """

    def __init__(self, process: Path, *, keep: bool = True) -> None:
        self._process, self._keep = process, keep
        self._open: list[int] = []
        self._folder: int | None = None
        self.last: int | None = None
        """The descriptor of the file that was opened last, if it was kept."""

    def open(self, path: Path) -> Read | None:
        """A way to read this file; ``None`` if it is not there or can't be read.

        Raises `OutOfReach` where no more files can be opened.
        """
        self.last = None
        try:
            read = self._kept(path) if self._keep else self._reopened(path)
            read()  # some are there and refuse: pressure that is switched off
        except OSError as error:
            if error.errno in SHORT:
                raise OutOfReach(TOO_MANY) from None
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
        self.last = opened
        return partial(_read, opened)


def read_once(path: str, folder: int | None = None) -> bytes:
    """Open, read, close."""
    opened = os.open(path, _FLAGS, dir_fd=folder)
    try:
        return _read(opened)
    finally:
        os.close(opened)


def _read(opened: int) -> bytes:
    """All of a file; nearly all come in one piece."""
    data = os.pread(opened, _ROOM, 0)
    if len(data) < _PIECE:
        return data
    pieces, at = [data], len(data)
    while piece := os.pread(opened, _ROOM, at):
        pieces.append(piece)
        at += len(piece)
    return b"".join(pieces)


def descriptors_left(needed: int) -> bool:
    """May this process open so many more, and leave some to all else that opens something?"""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if limit == resource.RLIM_INFINITY:
        return True
    try:
        root = os.open("/", _FLAGS | os.O_DIRECTORY)
    except OSError:
        return False
    mark = limit - SPARE - needed
    try:
        free = fcntl.fcntl(root, fcntl.F_DUPFD_CLOEXEC, max(0, mark))
    except OSError:
        return False
    finally:
        os.close(root)
    os.close(free)
    return free == mark
