"""The open file of a history that is being written: transactions, and numbers for names in it."""

import sqlite3
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from tidegauge.errors import HistoryDamaged, HistoryError
from tidegauge.history import schema
from tidegauge.history.ownership import Ownership
from tidegauge.history.rows import Row, Shape
from tidegauge.metrics import Identity

NUMBERS_KEPT = 10_000
"""Entities, and shapes, whose numbers are remembered; those of more are looked up."""

Fields = tuple[Any, ...]


class HistoryFile:
    """Owned by us alone while it is open; what fails raises `HistoryError`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._entities: dict[Identity, int] = {}
        self._shapes: dict[int, tuple[Shape, int]] = {}
        self._owner = Ownership(path)
        try:
            self._connection = schema.open_to_write(path)
        except HistoryError:
            self._owner.give_up()
            raise
        self._mark = schema.mark(path)

    @property
    def in_place(self) -> bool:
        """Is it still what its path names?"""
        return schema.mark(self.path) == self._mark

    def close(self) -> None:
        """Let others have it; what was committed stays."""
        self._connection.close()
        self._owner.give_up()

    @contextmanager
    def transaction(self) -> Generator[None]:
        """What is done inside is done wholly, or not at all."""
        with self._told():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                self.forget_numbers()  # those given in it are void
                raise

    def rows(self, statement: str, *values: object) -> list[Fields]:
        """All that a statement finds."""
        with self._told():
            return self._connection.execute(statement, values).fetchall()

    def row(self, statement: str, *values: object) -> Fields | None:
        """The first that it finds."""
        found = self.rows(statement, *values)
        return found[0] if found else None

    def number(self, statement: str, *values: object) -> int:
        """A number that there always is."""
        ((found,),) = self.rows(statement, *values)
        return int(found)

    def change(self, statement: str, *values: object) -> int:
        """How many rows it changed."""
        with self._told():
            return self._connection.execute(statement, values).rowcount

    def change_each(self, statement: str, values: Sequence[Fields]) -> None:
        """The same statement with other values."""
        with self._told():
            self._connection.executemany(statement, values)

    def give_back(self, pages: int) -> None:
        """Give so many free pages back to the disk."""
        with self._told():
            # Each step of the statement frees a page; only a script steps to its end.
            self._connection.executescript(f"PRAGMA incremental_vacuum({pages})")

    def entities(self, rows: Sequence[Row]) -> list[int]:
        """The number of each row's entity. In a transaction."""
        known = self._entities
        try:
            return [known[row.identity] for row in rows]
        except KeyError:
            return [self.entity(row.identity, row.at) for row in rows]

    def entity(self, identity: Identity, at: int) -> int:
        """The number of an entity; one that is new was first seen ``at``. In a transaction."""
        number = self._entities.get(identity)
        if number is None:
            self.change(
                "INSERT OR IGNORE INTO entity (kind, engine, name, facts, first, last)"
                " VALUES (?, ?, ?, '{}', ?, ?)",
                *(*identity, at, at),
            )
            number = self.number(
                "SELECT id FROM entity WHERE kind = ? AND engine = ? AND name = ?", *identity
            )
            if len(self._entities) >= NUMBERS_KEPT:
                self._entities.clear()
            self._entities[identity] = number
        return number

    def shapes(self, rows: Sequence[Row]) -> list[int]:
        """The number of each row's shape. In a transaction."""
        known = self._shapes
        try:
            return [known[id(row.shape)][1] for row in rows]
        except KeyError:
            return [self.shape(row.shape) for row in rows]

    def shape(self, shape: Shape) -> int:
        """The number of a shape. In a transaction."""
        # Rows of one shape share a tuple, so that it need not be compared. While it is here, no
        # other one can have its id.
        known = self._shapes.get(id(shape))
        if known is not None:
            return known[1]
        series = as_json(shape)
        self.change("INSERT OR IGNORE INTO shape (series) VALUES (?)", series)
        number = self.number("SELECT id FROM shape WHERE series = ?", series)
        if len(self._shapes) >= NUMBERS_KEPT:
            self._shapes.clear()
        self._shapes[id(shape)] = shape, number
        return number

    def series(self, number: int) -> Shape:
        """The shape of a number."""
        found = self.row("SELECT series FROM shape WHERE id = ?", number)
        if found is None:
            raise HistoryDamaged(f"the history {self.path} is damaged: it lacks a shape.")
        return msgspec.json.decode(found[0], type=Shape)

    def forget_numbers(self) -> None:
        """Look them up again: some may be gone."""
        self._entities.clear()
        self._shapes.clear()

    @contextmanager
    def _told(self) -> Generator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise schema.trouble(self.path, error) from error


def as_json(of: object) -> str:
    """Text as the file has it."""
    return msgspec.json.encode(of).decode()
