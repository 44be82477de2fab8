"""Notice a changed configuration file, and take it only if it is right."""

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from tidegauge.clock import Clock
from tidegauge.config.load import load
from tidegauge.config.options import Options
from tidegauge.errors import ConfigError
from tidegauge.journal import Journal

POLL_SECONDS = 2.0
"""Asking for the file's time costs 2 us, and works on mounts that send no notifications."""

REFUSED = "configuration refused"

T = TypeVar("T")
Mark = tuple[int, int, int]


class FileWatch:
    """Looks at one file every two seconds; ``nudge`` has it read whatever its time says."""

    def __init__(
        self,
        path: Path,
        environ: Mapping[str, str],
        journal: Journal,
        clock: Clock,
        nudge: asyncio.Event,
    ) -> None:
        self._path, self._environ = path, environ
        self._journal, self._clock, self._nudge = journal, clock, nudge
        self._seen = self._mark()

    async def changed(self, present: Options, accept: Callable[[Options], T]) -> T:
        """What ``accept`` makes of the next configuration that differs from the present one.

        A file that cannot be read, or that ``accept`` refuses with `ConfigError`, is told and
        passed over: the present configuration stays.
        """
        while True:
            await self._touched()
            try:
                options = load(self._path, self._environ).options
                if options != present:
                    accepted = accept(options)
                    self._journal.told("configuration taken", file=str(self._path))
                    return accepted
            except ConfigError as error:
                self._journal.over(REFUSED)
                self._journal.trouble(REFUSED, f"{error} The old configuration stays.")

    async def _touched(self) -> None:
        """Return when the file was written, and has been left alone for a moment since."""
        while True:
            await self._clock.beat(POLL_SECONDS)
            nudged = self._nudge.is_set()
            self._nudge.clear()
            mark = self._mark()
            if mark is None or (mark == self._seen and not nudged):
                continue  # an editor puts it back in a moment
            self._seen = mark
            await self._clock.sleep(POLL_SECONDS / 8)
            if self._mark() == mark:
                return

    def _mark(self) -> Mark | None:
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino
