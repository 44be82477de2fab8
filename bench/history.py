"""The history: bytes and CPU time of a sample, how long answers take, memory."""

import asyncio
import gc
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from history_workload import SERIES, SHAPE, rows
from made_up import a_journal
from pairs import Measurement, Stopwatch

from tidegauge.history.fast import codecs, installed
from tidegauge.history.file import HistoryFile
from tidegauge.history.gathering import Gathering
from tidegauge.history.options import Retention
from tidegauge.history.reading import StoredHistory
from tidegauge.history.rows import Query
from tidegauge.history.rows import Rows as Unsealed
from tidegauge.history.tiers import TIERS
from tidegauge.history.writing import Batch, Writer
from tidegauge.metrics import Identity

BEGIN = 1_780_005_603_123
CONTAINERS = 100
FEW = 20
FOR_EVER = Retention({tier.name: 10**14 for tier in TIERS}, 10**15)


class Clock:
    """The time of the rows."""

    second = 0

    def now(self) -> float:
        return BEGIN / 1000 + self.second

    def monotonic(self) -> float:
        return float(self.second)


class History:
    """Written as the program does it, a second after the other, but as fast as it goes."""

    def __init__(
        self,
        path: Path,
        containers: int,
        *,
        fast: bool = False,
    ) -> None:
        self.path, self.codecs = path, codecs(fast=fast)
        self.clock = Clock()
        self.gathering = Gathering(self.clock, print, print)
        self._writer = Writer(path, FOR_EVER, self.codecs, self._give_way)
        self._sources = [rows(number, BEGIN) for number in range(containers)]
        self.microseconds = self.longest = self._way = 0.0
        self.samples = 0

    def run(self, seconds: int) -> None:
        """So many seconds. What was there before is passed over by collections, as in a session."""
        gc.freeze()
        for _ in range(seconds):
            some = [next(source) for source in self._sources]
            self.clock.second += 1
            self._second(some)
            self.samples += len(some) * SERIES

    @property
    def cost(self) -> float:
        """Microseconds of a sample, all in all."""
        return self.microseconds / self.samples

    def close(self) -> None:
        """As if it were killed: nothing more is written."""
        self._writer.close()

    @property
    def sealed(self) -> float:
        """Bytes of a sample in blocks."""
        file = HistoryFile(self.path)
        size, points = file.rows("SELECT sum(length(data)), sum(points) FROM block WHERE tier = 0")[
            0
        ]
        file.close()
        return size / points / SERIES

    def _second(self, some: list) -> None:
        begin = time.process_time()
        for row in some:
            self.gathering.row(row)
        upkeep = self.clock.second % 60 == 0
        if upkeep:
            self.gathering.seal_old()
        self._write(upkeep=upkeep)
        self.microseconds += (time.process_time() - begin) * 1e6

    def _write(self, *, upkeep: bool) -> None:
        gathering = self.gathering
        batch = Batch(
            number=gathering.commit,
            rows=tuple(gathering.rows),
            events=(),
            sealed=tuple(gathering.sealed),
            seen={},
            keep_from=gathering.keep_from,
            now=round(self.clock.now() * 1000),
            upkeep=upkeep,
        )
        self._way = time.process_time()
        outcome = self._writer.write(batch)
        self._give_way()
        if outcome.error:
            raise outcome.error
        gathering.written(batch.rows)
        gathering.stored(batch.sealed)

    def _give_way(self) -> None:
        now = time.process_time()
        self.longest = max(self.longest, now - self._way)
        self._way = now


class Day:
    """Some containers for a day, all samples kept; and the same under many names, to be asked."""

    def __init__(self, folder: Path, quick: bool) -> None:
        self.hours = 2 if quick else 24
        self._made = History(folder / "day.db", FEW)
        self._made.run(3600 * self.hours + 600)
        self._unsealed = {
            who: self._made.gathering.unsealed(who) for who in (_name(n) for n in range(FEW))
        }
        self.whole = self._made.path.stat().st_size / self._made.samples
        self._made.close()
        self._copy()
        self._history = StoredHistory(
            self._made.path, self._made.codecs, a_journal(), self._unsealed_of
        )

    def _copy(self) -> None:
        """Blocks of each container under the names of others."""
        file = HistoryFile(self._made.path)
        with file.transaction():
            for number in range(FEW, CONTAINERS):
                entity = file.entity(_name(number), BEGIN)
                file.change(
                    "INSERT INTO block (entity, tier, shape, start, stop, points, data)"
                    " SELECT ?, tier, shape, start, stop, points, data FROM block WHERE entity ="
                    " (SELECT id FROM entity WHERE name = ?)",
                    *(entity, _name(number % FEW)[2]),
                )
                file.change(
                    "UPDATE entity SET rolled = (SELECT rolled FROM entity WHERE name = ?)"
                    " WHERE id = ?",
                    *(_name(number % FEW)[2], entity),
                )
        file.close()

    def _unsealed_of(self, who: Identity) -> list[Unsealed]:
        return self._unsealed[_name(int(who[2][1:]) % FEW)]

    def quarter(self) -> float:
        """Milliseconds for all series of one container, of the newest 15 minutes."""
        names = tuple(stored.metric for stored in SHAPE)
        stop = BEGIN / 1000 + 3600 * self.hours + 600
        return self._asked([Query(_name(1), names, stop - 900, stop, 0)])

    def all_day(self) -> float:
        """Milliseconds for a series of all containers, in 300 buckets."""
        stop = BEGIN / 1000 + 3600 * self.hours + 600
        step = max(10, 3600 * self.hours // 300 // 60 * 60)
        return self._asked(
            [
                Query(_name(number), ("cpu.total",), stop - 3600 * self.hours, stop, step)
                for number in range(CONTAINERS)
            ]
        )

    def _asked(self, queries: list[Query]) -> float:
        async def ask() -> float:
            await self._history.series(queries[0])  # starts the thread
            watch = Stopwatch()
            for query in queries:
                assert len(await self._history.series(query)) == len(query.metrics)
            return watch.per(1) / 1000

        return asyncio.run(ask())


def measurements(quick: bool) -> list[Measurement]:
    """Everything that has a target."""
    folder = tempfile.TemporaryDirectory(prefix="tidegauge-bench-")  # until all is measured
    day = cache(lambda: Day(Path(folder.name), quick))
    some, seconds = (40, 4200) if quick else (CONTAINERS, 7800)
    made = cache(lambda: _made(Path(folder.name) / "standard.db", some, seconds))
    fast = cache(lambda: _made(Path(folder.name) / "fast.db", FEW, 3600, fast=True))
    of_day = "two hours" if quick else "a day"
    most = None if quick else 0.9  # of a short time, what is in no block yet would count most
    found = [
        _plain("history: sealed, standard codec", "B/sample", lambda: made().sealed, 0.80),
        _plain(f"history: whole file of {of_day}", "B/sample", lambda: day().whole, most),
        _plain("history: kept, sealed, rolled up", "us/sample", lambda: made().cost, 0.7),
        _plain("history: longest work at once", "ms", lambda: made().longest * 1000, 20),
        _plain("history: 15 min of a container", "ms", lambda: day().quarter(), 10),
        _plain(f"history: {of_day} of 100 containers", "ms", lambda: day().all_day(), 300),
        _plain("history: memory for 100 containers", "MB", cache(_memory), 30),
    ]
    if installed():
        found.insert(
            1, _plain("history: sealed, fast codec", "B/sample", lambda: fast().sealed, 0.65)
        )
    return found


def _made(path: Path, containers: int, seconds: int, *, fast: bool = False) -> History:
    made = History(path, containers, fast=fast)
    made.run(seconds)
    made.close()
    return made


def _plain(name: str, unit: str, ours, target: float | None) -> Measurement:  # noqa: ANN001
    """Against nothing: what is compared is the number itself."""
    return Measurement(name, unit, ours, lambda: 0.0, "difference", target)


def _name(number: int) -> Identity:
    return ("container", "local", f"c{number}")


def _memory() -> float:
    """Megabytes that writing takes, in a process of its own."""
    return float(subprocess.check_output([sys.executable, __file__], env=os.environ))


def _resident() -> Iterator[float]:
    """Before and after a while of writing."""
    with tempfile.TemporaryDirectory() as folder:
        made = History(Path(folder) / "history.db", CONTAINERS)
        yield _now()
        made.run(1300)
        yield _now()


def _now() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


if __name__ == "__main__":
    before, after = _resident()
    print(after - before)
