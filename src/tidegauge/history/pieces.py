"""Parts of a series from different tiers, put together and into the buckets that were asked for."""

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, pairwise
from operator import add, mul, sub
from typing import Any

from msgspec import Struct

from tidegauge.history.rolling import end_to_end
from tidegauge.history.tiers import (
    GAP_MS,
    UNKNOWN,
    Column,
    Grid,
    Levels,
    Line,
    Spans,
    least_of,
    rolled,
)

FEW = 12
"""Parts of a bucket up to which they are joined pair by pair."""

USUAL_MS = 1000
"""From a sample to the next, as engines send them."""


class Piece(Struct, frozen=True):
    """Buckets of one series that begin at ``times`` and last ``step``, in milliseconds.

    A step of 0 is of single samples. ``weights`` are how much each bucket counts in a larger one:
    its points, or the milliseconds of a counter that are known; of samples there are none.
    """

    times: Sequence[int]
    column: Column
    step: int
    weights: Sequence[int] = ()


class Samples:
    """The times of samples, in buckets of ``step`` milliseconds from ``begin`` on; 0 leaves them.

    Series of the same rows share one, and what is made of the times.
    """

    def __init__(self, times: Sequence[int], step: int, begin: int = 0) -> None:
        self.line, self._step = Line.of(times), step
        self._first = bisect_left(times, begin)
        self._times = times[self._first :]
        self._grid = Grid.of(self.line, (step,), self._first) if step else None

    def piece(self, of: Levels) -> Piece:
        """A series that has these levels or rates."""
        if self._grid is None:
            values = [*of.values[self._first :]]
            if of.added is None:  # rates are floats
                values = [*map(float, values)]
            return Piece(self._times, Column(values, values, values, None), 0)
        (size,), (column,) = self._grid.sizes, rolled(self._grid, of)
        (weights,) = self._grid.counts if of.added is None else self._grid.passed
        return Piece(size.starts, column, self._step, weights)


def within(piece: Piece, start: int, stop: int) -> Piece:
    """The buckets that begin in a range."""
    return _cut(piece, bisect_left(piece.times, start), bisect_left(piece.times, stop))


def coarser(piece: Piece, step: int) -> Piece:
    """The same in buckets of ``step`` milliseconds, of which its own are parts.

    The percentile of a joined bucket is the greatest of its parts': never too low.
    """
    buckets = Spans.regular(piece.times, piece.step, step)
    if len(buckets.starts) == len(piece.times):
        return Piece(buckets.starts, piece.column, step, piece.weights)
    mean, least, greatest, p95 = piece.column.whole
    parts = _Parts(buckets)
    known = piece.weights
    weights = wholes = parts.joined(known, sum, _sums)
    lowest = parts.joined(least, least_of) if UNKNOWN in least else parts.joined(least, min, _lower)
    if UNKNOWN in mean:
        each = zip(mean, piece.weights, strict=True)
        known = [0 if value == UNKNOWN else weight for value, weight in each]
        wholes = parts.joined(known, sum, _sums)
    amounts = parts.joined([*map(mul, mean, known)], sum, _sums)
    column = Column(
        [a / whole if whole else UNKNOWN for a, whole in zip(amounts, wholes, strict=True)],
        lowest,
        parts.joined(greatest, max, _higher),
        None if p95 is greatest else parts.joined(p95, max, _higher),
    )
    return Piece(buckets.starts, column, step, weights)


class _Parts:
    """What is in each bucket. Mostly all have as many, but for the last one."""

    def __init__(self, buckets: Spans) -> None:
        counts = buckets.counts
        self._many, last = counts[0], counts[-1]
        self._alike = counts.count(self._many) == len(counts) - (last < self._many)
        self._buckets = buckets

    def joined(
        self,
        values: Sequence[float],
        whole: Callable[[Sequence[float]], float],
        pairs: Callable[[Sequence[float], Sequence[float]], list[float]] | None = None,
    ) -> list[Any]:
        """Of each bucket the ``whole``; of few parts it is found sooner by ``pairs`` of all."""
        if pairs is None or self._many > FEW or not self._alike:
            return [whole(values[part]) for part in self._buckets.slices]
        found = [*values[:: self._many]]
        for number in range(1, self._many):
            others = values[number :: self._many]
            found = pairs(found, others) + found[len(others) :]  # the last one may have fewer
        return found


def _sums(some: Sequence[float], others: Sequence[float]) -> list[float]:
    return [*map(add, some, others)]


def _lower(some: Sequence[float], others: Sequence[float]) -> list[float]:
    # Calling min() for each takes twice as long.
    return [a if a < b else b for a, b in zip(some, others, strict=False)]  # noqa: FURB136


def _higher(some: Sequence[float], others: Sequence[float]) -> list[float]:
    return [a if a > b else b for a, b in zip(some, others, strict=False)]  # noqa: FURB136


def joined(pieces: Sequence[Piece], step: int, gaps: "Gaps") -> Piece:
    """Pieces in order of time as one, in buckets of ``step``; larger ones stay as they are.

    A gap longer than `GAP_MS` has one unknown bucket at its begin: no line is to be drawn across.
    Between two buckets it is so long for certain if their begins are apart by a bucket more.
    """
    parts = [piece for piece in pieces if piece.step <= step]
    fine = _whole(parts, min((piece.step for piece in parts), default=step))
    if step and (len(parts) > 1 or fine.step != step):
        fine = coarser(fine, step)
    runs: list[Piece] = []
    for piece in (*(piece for piece in pieces if piece.step > step), fine):
        for run in _runs(piece, gaps):
            if runs and _apart(runs[-1], run):
                runs.append(_hole(runs[-1]))
            runs.append(run)
    return _whole(runs, step)


class Gaps:
    """Where there are gaps in lists of times, which series of the same rows share."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, int], tuple[Sequence[int], list[int]]] = {}

    def of(self, times: Sequence[int], limit: int) -> list[int]:
        """The indexes before which more than a limit passed."""
        known = self._known.get((id(times), limit))
        if known is None:  # while the list is here, no other one can have its id
            steps = [*map(sub, times[1:], times)]
            long = max(steps, default=0) > limit
            found = [n for n, ms in enumerate(steps, start=1) if ms > limit] if long else []
            known = self._known[id(times), limit] = times, found
        return known[1]


def _whole(pieces: Sequence[Piece], step: int) -> Piece:
    if len(pieces) == 1:
        return pieces[0]
    if not pieces:
        return Piece([], Column([], [], [], None), step)
    times = [*chain.from_iterable(piece.times for piece in pieces)]
    weights = [*chain.from_iterable(piece.weights for piece in pieces)]
    return Piece(times, end_to_end([piece.column for piece in pieces]), step, weights)


def _runs(piece: Piece, gaps: Gaps) -> Iterator[Piece]:
    """Its parts between gaps."""
    if piece.times:
        ends = [*gaps.of(piece.times, GAP_MS + piece.step), len(piece.times)]
        yield from (_cut(piece, *each) for each in pairwise([0, *ends]))


def _apart(earlier: Piece, later: Piece) -> bool:
    return later.times[0] - earlier.times[-1] > GAP_MS + earlier.step


def _hole(behind: Piece) -> Piece:
    unknown = [UNKNOWN]
    at = behind.times[-1] + (behind.step or USUAL_MS)
    return Piece([at], Column(unknown, unknown, unknown, None), behind.step, [0])


def _cut(piece: Piece, begin: int, end: int) -> Piece:
    if begin == 0 and end == len(piece.times):
        return piece
    column = piece.column
    mean = column.mean[begin:end]
    if column.mean is column.least is column.greatest:  # of samples
        column = Column(mean, mean, mean, None)
        return Piece(piece.times[begin:end], column, piece.step, piece.weights[begin:end])
    p95 = None if column.p95 is None else column.p95[begin:end]
    column = Column(mean, column.least[begin:end], column.greatest[begin:end], p95)
    return Piece(piece.times[begin:end], column, piece.step, piece.weights[begin:end])
