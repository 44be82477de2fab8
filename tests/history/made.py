"""Rows, files and a journal in short, for tests of the history."""

import asyncio
from array import array
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from msgspec import structs

from snapshots import a_journal
from tidegauge.history.block import STANDARD
from tidegauge.history.codec import ABSENT
from tidegauge.history.file import HistoryFile
from tidegauge.history.options import HistoryOptions
from tidegauge.history.reading import StoredHistory
from tidegauge.history.rows import Points, Query, Row, Rows, Shape, Stored
from tidegauge.history.store import Store
from tidegauge.history.upkeep import Upkeep
from tidegauge.metrics import Identity

WEB: Identity = ("container", "local", "web")
DB: Identity = ("container", "local", "db")

CPU = Stored("cpu", (), True, 1.0)
MEMORY = Stored("memory", (), False, 1.0)
DISK = Stored("disk", (("device", "8:0"),), True, 0.5)

SHAPE: Shape = (CPU, MEMORY)
WIDER: Shape = (CPU, MEMORY, DISK)

HOUR = 3_600_000
T0 = 1_780_005_600_000
"""The begin of an hour, and of two."""

assert T0 % (2 * HOUR) == 0


def a_row(at: int, *values: int, who: Identity = WEB, shape: Shape = SHAPE) -> Row:
    """A row of a moment after `T0`."""
    return Row(who, shape, T0 + at, array("q", values))


def rows_of(
    times: Sequence[int], *columns: Sequence[int], who: Identity = WEB, shape: Shape = SHAPE
) -> Rows:
    """Rows by their columns, at moments after `T0`."""
    values = array("q", [value for row in zip(*columns, strict=True) for value in row])
    return Rows(who, shape, array("q", [T0 + at for at in times]), values)


def seconds(begin: int, end: int) -> list[int]:
    """Milliseconds of each second of a range."""
    return [1000 * n for n in range(begin, end)]


def steady(begin: int, end: int, rate: int = 7, who: Identity = WEB) -> Rows:
    """A counter that grows by so much a second, and a level of 4096 to 4099, each second."""
    numbers = range(begin, end)
    return rows_of(
        seconds(begin, end), [rate * n for n in numbers], [4096 + n % 4 for n in numbers], who=who
    )


class Opened:
    """A file that is open to be written; ``damaged`` are the sentences about parts of it."""

    def __init__(self, path: Path, codecs=(STANDARD,)) -> None:
        self.path, self.damaged = path, list[str]()
        self.file = HistoryFile(path)
        self.store = Store(self.file, codecs[0], self.damaged.append, lambda: None)
        self.upkeep = Upkeep(self.file, codecs, self.damaged.append, self._way)
        self.ways = 0

    def _way(self) -> None:
        self.ways += 1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()

    def roll(self, now: int) -> int:
        """Roll up all that is due; how often."""
        done = 0
        while True:
            self.upkeep.find_due(T0 + now)
            if not self.upkeep.due:
                return done
            while self.upkeep.roll_one():
                done += 1

    def expire(self, now: int, size: int = 2**30) -> None:
        """With the usual retention."""
        kept = HistoryOptions(size=size).kept
        self.upkeep.expire(T0 + now, kept)

    def tiers(self) -> dict[int, int]:
        """How many points there are of each tier."""
        return dict(
            self.file.rows("SELECT tier, sum(points) FROM block GROUP BY tier ORDER BY tier")
        )


def ask(
    path: Path,
    start: float,
    stop: float,
    step: float,
    *metrics: str,
    who: Identity = WEB,
    unsealed: list[Rows] | None = None,
) -> list[Points]:
    """A query by seconds after `T0`; times of the answer are such, too."""
    journal, sentences = a_journal()
    history = StoredHistory(path, (STANDARD,), journal, lambda _: unsealed)
    query = Query(
        who, metrics or ("cpu", "memory", "disk"), T0 / 1000 + start, T0 / 1000 + stop, step
    )
    found = asyncio.run(history.series(query))
    assert sentences == []
    return [
        structs.replace(each, times=[round(at - T0 / 1000, 3) for at in each.times])
        for each in found
    ]


def hole(count: int = 2) -> list[int]:
    """Values of nothing."""
    return [ABSENT] * count
