"""In the thread of the history: a batch into the file, then some upkeep; what came of it goes back.

Nothing here touches the event loop or the journal.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from msgspec import Struct

from tidegauge.errors import HistoryDamaged, HistoryError
from tidegauge.history.block import Codec
from tidegauge.history.file import HistoryFile
from tidegauge.history.options import Retention
from tidegauge.history.rows import Event, Row, Rows
from tidegauge.history.schema import set_aside
from tidegauge.history.store import Seen, Store
from tidegauge.history.upkeep import Upkeep
from tidegauge.metrics import Identity

DUE_AT_ONCE = 600
"""For each so many entities that wait to be rolled up, one more is at once: an hour must do."""


class Batch(Struct, frozen=True):
    """What is written in one go, as the commit of a number.

    When it is, everything in commits before ``keep_from`` is in blocks. ``upkeep`` asks to look for
    what is to be rolled up or deleted at ``now`` (milliseconds).
    """

    number: int
    rows: tuple[Row, ...]
    events: tuple[Event, ...]
    sealed: tuple[Rows, ...]
    seen: Mapping[Identity, Seen]
    keep_from: int
    now: int
    upkeep: bool


class Outcome(Struct):
    """What was done of a batch: its commit, so many of its blocks; and what is to be told.

    ``due`` entities still wait to be rolled up. ``late`` are rows that were not newer than what the
    file has, ``recovered`` those of an earlier run that had ended without sealing them. ``damaged``
    are sentences about parts that were left out, ``aside`` is where a damaged file is now. ``anew``
    when another file is begun.
    """

    committed: bool = False
    sealed: int = 0
    due: int = 0
    late: int = 0
    recovered: int = 0
    damaged: tuple[str, ...] = ()
    error: HistoryError | None = None
    aside: Path | None = None
    anew: bool = False


class Writer:
    """Has the file, once it could be opened. One call at a time."""

    def __init__(
        self,
        path: Path,
        retention: Retention,
        codecs: tuple[Codec, ...],
        give_way: Callable[[], None],
    ) -> None:
        self.path = path
        self._retention, self._codecs, self._give_way = retention, codecs, give_way
        self._damaged: list[str] = []
        self._failed = False
        self._file: HistoryFile | None = None
        self._store: Store | None = None
        self._upkeep: Upkeep | None = None

    def write(self, batch: Batch) -> Outcome:
        """Write as much as the disk takes; never raises for what a disk or a file can do."""
        outcome = Outcome()
        try:
            if batch.upkeep or self._failed:
                self._look(outcome)
            self._write(batch, outcome)
        except HistoryDamaged as error:
            outcome.error = error
            self._replace(outcome)
        except HistoryError as error:
            outcome.error = error
        self._failed = outcome.error is not None
        outcome.damaged = tuple(self._damaged)
        self._damaged.clear()
        return outcome

    def close(self) -> None:
        """Let go of the file, if it is open."""
        if self._store is not None:
            with suppress(HistoryError):  # what is still there is found to be in blocks
                self._store.forget_all()
        if self._file is not None:
            self._file.close()
        self._file = self._store = self._upkeep = None

    def _look(self, outcome: Outcome) -> None:
        """Somebody may have moved the file away, or its disk: then it is opened again."""
        if self._file is not None and not self._file.in_place:
            self.close()
            self._damaged.append(f"the history {self.path} was moved away; it is opened again.")
            outcome.anew = True

    def _write(self, batch: Batch, outcome: Outcome) -> None:
        store, upkeep = self._opened(outcome)
        store.write(batch.number, batch.rows, batch.events, batch.seen)
        outcome.committed = True
        for rows in batch.sealed:
            outcome.late += store.seal(rows)
            outcome.sealed += 1
            self._give_way()
        if batch.sealed:
            store.in_blocks = batch.keep_from
        if batch.upkeep:
            self._give_way()
            upkeep.find_due(batch.now)
            upkeep.expire(batch.now, self._retention)
            self._give_way()
        for _ in range(1 + upkeep.due // DUE_AT_ONCE):
            upkeep.roll_one()
        outcome.due = upkeep.due

    def _opened(self, outcome: Outcome) -> tuple[Store, Upkeep]:
        if self._file is None:
            self._file = HistoryFile(self.path)
        if self._store is None or self._upkeep is None:
            told = self._damaged.append
            store = Store(self._file, self._codecs[0], told, self._give_way)
            outcome.recovered = store.recover()
            self._store = store
            self._upkeep = Upkeep(self._file, self._codecs, told, self._give_way)
        return self._store, self._upkeep

    def _replace(self, outcome: Outcome) -> None:
        self.close()
        outcome.anew = True
        try:
            outcome.aside = set_aside(self.path)
        except OSError as error:
            said = f"{outcome.error} It cannot be set aside: {error}."
            outcome.error = HistoryError(said)
