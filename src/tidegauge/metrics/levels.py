"""Levels that come together: those of one reading, as one row of columns.

A row is one append, where a `Distribution` for each number would be as many, each in memory of its
own that a thousand other containers have pushed out of the cache since. Watched by ``make bench``.
"""

import math
from bisect import bisect_left
from collections.abc import Mapping, Sequence

from tidegauge.metrics.instruments import Histogram, Number

Row = tuple[Number | None, ...]
"""A number for each column; ``None`` where there is none."""


class LevelRows:
    """The levels of each sample of this tick.

    ``put`` takes a row, ``put_each`` several; `turn` ends the tick.

    ``bounds`` are of the columns that have a histogram of all samples so far. A sample enters it
    at the end of its tick, which costs 0.1 us then and nothing while recording.
    """

    __slots__ = ("_before", "_ended", "_histograms", "_rows", "put", "put_each")

    def __init__(self, bounds: Mapping[int, tuple[float, ...]] | None = None) -> None:
        self._rows: list[Row] = []
        self.put, self.put_each = self._rows.append, self._rows.extend
        self._before: Row | None = None
        self._ended: Sequence[Row] = ()
        self._histograms = {column: _Counts(each) for column, each in (bounds or {}).items()}

    def turn(self) -> bool:
        """End the tick, of which `samples` tells from then on; false if no sample came."""
        self._ended = rows = tuple(self._rows)
        if not rows:
            return False
        self._before = rows[-1]
        self._rows.clear()
        for column, counts in self._histograms.items():
            counts.add(self.samples(column))
        return True

    def count(self, column: int, levels: Sequence[Number]) -> None:
        """Take these into nothing but the histogram of a column."""
        self._histograms[column].add(levels)

    def samples(self, column: int) -> tuple[Number, ...]:
        """The levels of the ended tick, in order of time."""
        return tuple([level for row in self._ended if (level := row[column]) is not None])

    def last(self, column: int) -> Number | None:
        """The newest level, of whichever tick."""
        row = self._rows[-1] if self._rows else self._before
        return None if row is None else row[column]

    def histogram(self, column: int) -> Histogram | None:
        """Of all samples of ended ticks, if it has bounds."""
        counts = self._histograms.get(column)
        return None if counts is None else counts.histogram


class _Counts:
    __slots__ = ("_bounds", "_counts", "_sum")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self._bounds, self._counts, self._sum = bounds, [0] * (len(bounds) + 1), 0.0

    def add(self, samples: Sequence[Number]) -> None:
        times = len(samples)
        if times > 1 and samples.count(samples[0]) == times:
            self._sum += samples[0] * times
            self._counts[bisect_left(self._bounds, samples[0])] += times
            return
        self._sum += math.fsum(samples)
        for sample in samples:
            self._counts[bisect_left(self._bounds, sample)] += 1

    @property
    def histogram(self) -> Histogram:
        return Histogram(self._bounds, tuple(self._counts), self._sum)


class LevelColumn:
    """One column of levels, as an instrument."""

    __slots__ = ("_number", "_rows")

    def __init__(self, rows: LevelRows, number: int) -> None:
        self._rows, self._number = rows, number

    @property
    def last(self) -> Number | None:
        """The newest level."""
        return self._rows.last(self._number)

    @property
    def histogram(self) -> Histogram | None:
        """Of all samples so far, if it has bounds."""
        return self._rows.histogram(self._number)

    def collect(self) -> tuple[Number, ...]:
        """The levels of the tick that was ended last, in order of time."""
        return self._rows.samples(self._number)
