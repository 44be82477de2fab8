"""Answers from the history's file, while it may be written: series, events, entities."""

import asyncio
import sqlite3
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

import msgspec

from tidegauge.history import schema
from tidegauge.history.answering import Answer
from tidegauge.history.block import Codec
from tidegauge.history.rows import Event, Extent, Known, Points, Query, Rows
from tidegauge.history.tiers import TIERS
from tidegauge.journal import Journal
from tidegauge.metrics import Identity

DAMAGED = "history damaged"

SEEN_MS = 75_000
"""When an entity was there last is written once a minute, of rows that may have waited."""

IDLE = 2
"""Connections that are kept open: each has 2 MB of pages at most."""

T = TypeVar("T")


class StoredHistory:
    """Implements `History` on the file at ``path``; each question runs in a thread.

    ``unsealed`` gives an entity's rows that are in no block yet. Without it, or when it knows none
    because others write the file, they are taken from the file's commits, which costs more.
    """

    def __init__(
        self,
        path: Path,
        codecs: Sequence[Codec],
        journal: Journal,
        unsealed: Callable[[Identity], list[Rows] | None] = lambda _: None,
    ) -> None:
        self._path, self._journal, self._unsealed = path, journal, unsealed
        self._opened = _Opened(path)
        self._codecs = {each.number: each for each in codecs}

    def close(self) -> None:
        """Let go of the file. A later question opens it again."""
        self._opened.close()

    async def entities(self, start: float, stop: float) -> list[Known]:
        """All entities with something in a range; raises `HistoryError`."""
        return await self._ask(lambda file: _entities(file, start, stop))

    async def series(self, query: Query) -> list[Points]:
        """The series of a query; raises `HistoryError`."""
        # Before the file is read: what is sealed meanwhile is then in both, and told apart.
        unsealed = self._unsealed(query.identity)
        answer = await self._ask(lambda file: self._answer(file, query, unsealed))
        for sentence in answer.damaged:
            self._journal.trouble(DAMAGED, sentence, sentence)
        return answer.points

    async def events(self, start: float, stop: float) -> list[Event]:
        """All events in a range, oldest first; raises `HistoryError`."""
        return await self._ask(lambda file: _events(file, start, stop))

    async def extent(self) -> Extent:
        """How much there is; raises `HistoryError`."""
        return await self._ask(lambda file: _extent(file, self._path))

    async def _ask(self, question: Callable[[sqlite3.Connection], T]) -> T:
        return await asyncio.to_thread(self._asked, question)

    def _asked(self, question: Callable[[sqlite3.Connection], T]) -> T:
        try:
            with self._opened.connection() as file:
                return question(file)
        except sqlite3.Error as error:
            raise schema.trouble(self._path, error) from error

    def _answer(
        self, file: sqlite3.Connection, query: Query, unsealed: list[Rows] | None
    ) -> Answer:
        return Answer(file, self._codecs, query, unsealed)


class _Opened:
    """Connections that wait for the next question: opening one costs as much as many an answer."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._idle: list[tuple[schema.Mark, sqlite3.Connection]] = []

    def close(self) -> None:
        """Close them."""
        while self._idle:
            self._idle.pop()[1].close()

    @contextmanager
    def connection(self) -> Generator[sqlite3.Connection]:
        """Of nobody else meanwhile, and at one moment of the file; closed if anything fails."""
        mark, connection = self._taken()
        try:
            connection.execute("BEGIN")
            yield connection
            connection.execute("COMMIT")
        except BaseException:
            connection.close()
            raise
        if len(self._idle) < IDLE:
            self._idle.append((mark, connection))
        else:
            connection.close()

    def _taken(self) -> tuple[schema.Mark, sqlite3.Connection]:
        mark = schema.mark(self._path)  # the file may have been moved away
        with suppress(IndexError):
            while True:
                known, connection = self._idle.pop()
                if known == mark:
                    return mark, connection
                connection.close()
        return mark, schema.open_to_read(self._path)


def _entities(file: sqlite3.Connection, start: float, stop: float) -> list[Known]:
    found = file.execute(
        "SELECT kind, engine, name, facts, first, last FROM entity"
        " WHERE last >= ? AND first <= ? ORDER BY kind, engine, name",
        (start * 1000 - SEEN_MS, stop * 1000),
    )
    return [
        Known((kind, engine, name), msgspec.json.decode(facts), first / 1000, last / 1000)
        for kind, engine, name, facts, first, last in found
    ]


def _events(file: sqlite3.Connection, start: float, stop: float) -> list[Event]:
    found = file.execute(
        "SELECT entity.kind, engine, name, at, event.kind, event.facts FROM event"
        " JOIN entity ON entity.id = event.entity"
        " WHERE at >= ? AND at < ? ORDER BY at, event.id",
        (start * 1000, stop * 1000),
    )
    return [
        Event((of, engine, name), at, kind, msgspec.json.decode(facts))
        for of, engine, name, at, kind, facts in found
    ]


def _extent(file: sqlite3.Connection, path: Path) -> Extent:
    ends = [
        file.execute("SELECT min(stop) FROM block WHERE tier = ?", (number,)).fetchone()[0]
        for number in range(len(TIERS))
    ]
    oldest = min((end for end in ends if end is not None), default=None)
    companions = path, path.with_name(path.name + "-wal")
    size = sum(each.stat().st_size for each in companions if each.exists())
    return Extent(size, None if oldest is None else oldest / 1000)
