"""A process that writes a history as fast as it can, to be killed: ``python writes.py FILE BEGIN``.

After each commit it prints the last second that is in it. Sealing, roll-ups and deleting happen all
the time, so that a kill may fall into any of them.
"""

import sys
from array import array
from pathlib import Path

from tidegauge.history.block import STANDARD
from tidegauge.history.gathering import Gathering
from tidegauge.history.options import HistoryOptions
from tidegauge.history.rows import Row, Stored
from tidegauge.history.writing import Batch, Writer

T0 = 1_780_005_600_000
SHAPE = (Stored("cpu", (), True, 1.0), Stored("memory", (), False, 1.0))
NAMES = "web", "db", "cache"


class Clock:
    """The time of the rows."""

    second = 0

    def now(self) -> float:
        return T0 / 1000 + self.second

    def monotonic(self) -> float:
        return float(self.second)


def refused(*about: object) -> None:
    raise AssertionError(about)


def main(path: Path, second: int) -> None:
    clock = Clock()
    gathering = Gathering(clock, refused, refused)
    writer = Writer(path, HistoryOptions().kept, (STANDARD,), lambda: None)
    while True:
        for _ in range(9):
            clock.second = second
            for name in NAMES:
                values = array("q", [7 * second, second % 1000])
                who = "container", "local", name
                gathering.row(Row(who, SHAPE, T0 + 1000 * second, values))
            second += 1
        gathering.seal_old()
        batch = Batch(
            number=gathering.commit,
            rows=tuple(gathering.rows),
            events=(),
            sealed=tuple(gathering.sealed),
            seen={},
            keep_from=gathering.keep_from,
            now=T0 + 1000 * second,
            upkeep=gathering.commit % 50 == 0,
        )
        outcome = writer.write(batch)
        assert outcome.error is None, outcome
        assert not outcome.damaged, outcome
        assert not outcome.late, outcome
        gathering.written(batch.rows)
        gathering.stored(batch.sealed)
        print(second - 1, flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
