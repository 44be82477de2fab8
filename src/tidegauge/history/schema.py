"""The history's file: its tables, how it is opened, and what is done with one that is damaged.

SQLite, in write-ahead mode, so that others read while one writes and a kill loses only what was
not committed. ``synchronous = NORMAL``: a power cut may take the last commits, never the file.
"""

import sqlite3
from pathlib import Path

from tidegauge.errors import HistoryDamaged, HistoryError, HistoryRefused

VERSION = 2
APPLICATION = 0x54494447  # "TIDG", in the header of the file

_TABLES = """
CREATE TABLE entity (
    id INTEGER PRIMARY KEY, kind TEXT NOT NULL, engine TEXT NOT NULL, name TEXT NOT NULL,
    facts TEXT NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
    sealed INTEGER NOT NULL DEFAULT 0, rolled INTEGER NOT NULL DEFAULT 0,
    UNIQUE (kind, engine, name));
CREATE TABLE shape (id INTEGER PRIMARY KEY, series TEXT NOT NULL UNIQUE);
CREATE TABLE hot (id INTEGER PRIMARY KEY, data BLOB NOT NULL);
CREATE TABLE block (
    id INTEGER PRIMARY KEY, entity INTEGER NOT NULL, tier INTEGER NOT NULL,
    shape INTEGER NOT NULL, start INTEGER NOT NULL, stop INTEGER NOT NULL,
    points INTEGER NOT NULL, data BLOB NOT NULL);
CREATE INDEX block_by_time ON block (entity, tier, start, stop);
CREATE INDEX block_by_age ON block (tier, stop);
CREATE TABLE event (
    id INTEGER PRIMARY KEY, at INTEGER NOT NULL, entity INTEGER NOT NULL, kind TEXT NOT NULL,
    facts TEXT NOT NULL);
CREATE INDEX event_by_time ON event (at);
"""

_STAMPS = f"PRAGMA user_version = {VERSION}; PRAGMA application_id = {APPLICATION};"

_SETTINGS = (
    "PRAGMA page_size = 2048",  # a twelfth less than with 4096: blocks leave their last page empty
    "PRAGMA auto_vacuum = INCREMENTAL",  # before the first table is made
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = NORMAL",
    "PRAGMA cache_size = -2048",
    "PRAGMA journal_size_limit = 16777216",
)

Mark = tuple[int, int] | None

_LASTING = {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM}
_BROKEN = {sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT}


def open_to_write(path: Path) -> sqlite3.Connection:
    """The file, made where there is none, and looked through.

    Raises:
        HistoryDamaged: it is no history, or a broken one: set it aside.
        HistoryRefused: it is not ours to write.
        HistoryError: it cannot be opened or written just now.
    """
    connection = _connected(path, f"{path.resolve().as_uri()}?mode=rwc")
    try:
        fresh = _is_fresh(connection)
        if not fresh:  # before anything is changed, for it may be of somebody else
            _check_version(connection, path)
        for setting in _SETTINGS:
            connection.execute(setting)
        if fresh:
            connection.executescript(f"BEGIN;{_TABLES}{_STAMPS}COMMIT;")
        (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.Error as error:
        connection.close()
        raise _refusal(path, error) from error
    except HistoryError:
        connection.close()
        raise
    if found != "ok":
        connection.close()
        raise HistoryDamaged(f"the history {path} is damaged: {found.splitlines()[-1]}.")
    return connection


def open_to_read(path: Path) -> sqlite3.Connection:
    """The file for queries only, while another process may be writing it; raises `HistoryError`."""
    connection = _connected(path, f"{path.resolve().as_uri()}?mode=ro")
    try:
        _check_made(connection, path)
        _check_version(connection, path)
    except sqlite3.Error as error:
        connection.close()
        raise trouble(path, error) from error
    except HistoryError:
        connection.close()
        raise
    return connection


def mark(path: Path) -> Mark:
    """The same for as long as the same file is there."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def trouble(path: Path, error: sqlite3.Error) -> HistoryError:
    """What an error of SQLite asks for: another file, or patience."""
    if _code(error) in _BROKEN:
        return HistoryDamaged(f"the history {path} is damaged: {error}.")
    if _code(error) == sqlite3.SQLITE_FULL:
        return HistoryError(f"the history {path} cannot be written: no space is left for it.")
    return HistoryError(f"the history {path} cannot be used: {error}.")


def set_aside(path: Path) -> Path:
    """Move a damaged file, and what belongs to it, out of the way; where it is now.

    The one that was set aside before is given up, so that they do not fill the disk.
    """
    aside = path.with_name(f"{path.name}.damaged")
    for belonging in ("", "-wal", "-shm"):
        companion = path.with_name(path.name + belonging)
        there = aside.with_name(aside.name + belonging)
        there.unlink(missing_ok=True)
        if companion.exists():
            companion.rename(there)
    return aside


def _connected(path: Path, uri: str) -> sqlite3.Connection:
    try:
        return sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)
    except sqlite3.Error as error:
        raise _refusal(path, error) from error


def _refusal(path: Path, error: sqlite3.Error) -> HistoryError:
    """At its opening what is forbidden now will be so later."""
    if _code(error) in _LASTING:
        return HistoryRefused(f"the history {path} cannot be opened: {error}.")
    return trouble(path, error)


def _code(error: sqlite3.Error) -> int:
    return int(getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)) & 0xFF


def _is_fresh(connection: sqlite3.Connection) -> bool:
    anything = connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone()
    return anything is None and _number(connection, "user_version") == 0


def _check_made(connection: sqlite3.Connection, path: Path) -> None:
    if _is_fresh(connection):  # whoever makes it is not done
        raise HistoryError(f"the history {path} holds nothing yet.")


def _check_version(connection: sqlite3.Connection, path: Path) -> None:
    if _number(connection, "application_id") != APPLICATION:
        raise _not_ours(path)
    if (version := _number(connection, "user_version")) != VERSION:
        raise HistoryRefused(
            f"the history {path} is of version {version}; this program knows version {VERSION}."
            " Move it away to begin a new one."
        )


def _not_ours(path: Path) -> HistoryRefused:
    return HistoryRefused(f"{path} is a database of another program.")


def _number(connection: sqlite3.Connection, pragma: str) -> int:
    (number,) = connection.execute(f"PRAGMA {pragma}").fetchone()
    return int(number)
