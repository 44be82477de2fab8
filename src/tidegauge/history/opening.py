"""The history as its options want it: who writes, and who answers."""

import time
from pathlib import Path
from typing import Protocol

from msgspec import Struct

from tidegauge.clock import Clock
from tidegauge.errors import ConfigError
from tidegauge.history import fast
from tidegauge.history.options import HistoryOptions
from tidegauge.history.reading import StoredHistory
from tidegauge.history.recording import Recorder
from tidegauge.history.rows import History
from tidegauge.history.writing import Writer
from tidegauge.journal import Journal

WAY_SECONDS = 0.001
"""How long the thread of the history stands aside, every few milliseconds, for the event loop."""


class OpenHistory(History, Protocol):
    """A history of which a file may be open."""

    def close(self) -> None:
        """Let go of it."""
        ...


class Kept(Struct, frozen=True):
    """A history of some options: rows go to its recorder, questions to the other."""

    options: HistoryOptions
    clock: Clock
    recorder: Recorder
    history: OpenHistory

    async def close(self) -> None:
        """Write what is left, and let go of the file: only then it is one without companions."""
        self.history.close()
        await self.recorder.close()


def open_history(options: HistoryOptions, path: Path, clock: Clock, journal: Journal) -> Kept:
    """A history at ``path``, of which no file is open yet; raises `ConfigError`."""
    if options.codec == "fast" and not fast.installed():
        raise ConfigError(
            'history.codec = "fast" needs two more packages: pip install "tidegauge[fast]".'
        )
    codecs = fast.codecs(fast=options.codec == "fast")
    writer = Writer(path, options.kept, codecs, _give_way)
    recorder = Recorder(writer, clock, journal)
    return Kept(options, clock, recorder, StoredHistory(path, codecs, journal, recorder.unsealed))


def _give_way() -> None:
    time.sleep(WAY_SECONDS)
