"""Parts of a series from different tiers, put together and into the buckets that were asked for."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import chain
from operator import mul, sub

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


def of_samples(line: Line, of: Levels, step: int) -> Piece:
    """Levels or rates of single samples in buckets of ``step`` milliseconds; 0 leaves them."""
    if step:
        grid = Grid.of(line, (step,))
        (size,) = grid.sizes
        weights = size.counts if of.added is None else grid.passed
        return Piece(size.starts, rolled(grid, of)[0], step, weights)
    values = [*map(float, of.values)]
    return Piece(line.times, Column(values, values, values, None), 0)


def within(piece: Piece, start: int, stop: int) -> Piece:
    """The buckets that begin in a range."""
    return _cut(piece, bisect_left(piece.times, start), bisect_left(piece.times, stop))


def coarser(piece: Piece, step: int) -> Piece:
    """The same in buckets of ``step`` milliseconds, of which its own are parts.

    The percentile of a joined bucket is the greatest of its parts': never too low.
    """
    buckets = Spans.of(piece.times, step)
    if len(buckets.starts) == len(piece.times):
        return Piece(buckets.starts, piece.column, step, piece.weights)
    column, parts = piece.column, buckets.slices
    joined = Column(
        _means(column.mean, piece.weights, parts),
        [least_of(column.least[part]) for part in parts],
        [max(column.greatest[part]) for part in parts],
        None if column.p95 is None else [max(column.p95[part]) for part in parts],
    )
    return Piece(buckets.starts, joined, step, [sum(piece.weights[part]) for part in parts])


def joined(pieces: Sequence[Piece], step: int) -> Piece:
    """Pieces in order of time as one, in buckets of ``step``; larger ones stay as they are.

    A gap longer than a bucket, and than `GAP_MS`, has one unknown bucket at its begin: no line is
    to be drawn across it.
    """
    parts = [piece for piece in pieces if piece.step <= step]
    fine = _whole(parts, step)
    if step and [piece.step for piece in parts] != [step]:
        fine = coarser(fine, step)
    runs: list[Piece] = []
    for piece in (*(piece for piece in pieces if piece.step > step), fine):
        for run in _runs(piece):
            if runs and _apart(runs[-1], run):
                runs.append(_hole(runs[-1]))
            runs.append(run)
    return _whole(runs, step)


def _whole(pieces: Sequence[Piece], step: int) -> Piece:
    if len(pieces) == 1:
        return pieces[0]
    if not pieces:
        return Piece([], Column([], [], [], None), step)
    times = [*chain.from_iterable(piece.times for piece in pieces)]
    weights = [*chain.from_iterable(piece.weights for piece in pieces)]
    return Piece(times, end_to_end([piece.column for piece in pieces]), step, weights)


def _runs(piece: Piece) -> Iterator[Piece]:
    """Its parts between gaps."""
    limit, times = max(GAP_MS, piece.step), piece.times
    steps = [*map(sub, times[1:], times)]
    begin = 0
    if max(steps, default=0) > limit:
        for n, passed in enumerate(steps, start=1):
            if passed > limit:
                yield _cut(piece, begin, n)
                begin = n
    if begin < len(times):
        yield _cut(piece, begin, len(times))


def _apart(earlier: Piece, later: Piece) -> bool:
    return later.times[0] - earlier.times[-1] > max(GAP_MS, earlier.step, later.step)


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


def _means(values: Sequence[float], weights: Sequence[int], parts: Sequence[slice]) -> list[float]:
    known = weights
    if UNKNOWN in values:
        known = [0 if value == UNKNOWN else by for value, by in zip(values, weights, strict=True)]
    amounts = [*map(mul, values, known)]
    return [
        sum(amounts[part]) / whole if (whole := sum(known[part])) else UNKNOWN for part in parts
    ]
