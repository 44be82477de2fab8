"""One writer for each file: who holds the lock beside it owns it until it ends, however it ends."""

import errno
import fcntl
import os
from pathlib import Path

from tidegauge.errors import HistoryError, HistoryRefused

_PASSING = {errno.ENOSPC, errno.EDQUOT}


class Ownership:
    """The lock of a history's file, beside which it lies; raises `HistoryError`.

    The folder is made where there is none, readable by its owner only.
    """

    def __init__(self, path: Path) -> None:
        lock = path.with_name(f"{path.name}.lock")
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            kind = HistoryError if error.errno in _PASSING else HistoryRefused
            raise kind(f"the history {path} cannot be opened: {error}.") from error
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._descriptor)
            raise HistoryRefused(
                f"the history {path} belongs to another Tidegauge that runs here."
            ) from error

    def give_up(self) -> None:
        """Others may take it; the lock's file stays, so that nobody waits for one that is gone."""
        os.close(self._descriptor)
