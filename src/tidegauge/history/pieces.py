"""Parts of a series from different tiers, put together and into the buckets that were asked for."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import accumulate, chain
from operator import mul, sub

from msgspec import Struct

from tidegauge.history.codec import ABSENT
from tidegauge.history.tiers import GAP_MS, Column, Levels, Spans, known_time, rolled

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


def of_samples(times: Sequence[int], of: Levels, step: int) -> Piece:
    """Levels or rates of single samples in buckets of ``step`` milliseconds; 0 leaves them."""
    if step:
        buckets = Spans.of(times, step)
        weights = buckets.counts if of.grown is None else buckets.grown(known_time(times))
        return Piece(buckets.starts, rolled(buckets, of), step, weights)
    values = [*of.values]
    if of.parts != 1 and ABSENT not in values:
        values = [value * of.parts for value in values]
    elif of.parts != 1:
        values = [value if value == ABSENT else value * of.parts for value in values]
    return Piece(times, Column(values, values, values, None), 0)


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
    mean, least, greatest, p95 = piece.column.whole
    parts = [slice(*each) for each in zip(buckets.begins, buckets.ends, strict=True)]
    column = Column(
        _means(mean, piece.weights, buckets),
        [_least(least[part]) for part in parts],
        [max(greatest[part]) for part in parts],
        [max(p95[part]) for part in parts],
    )
    return Piece(buckets.starts, column, step, [sum(piece.weights[part]) for part in parts])


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
    wholes = [piece.column.whole for piece in pieces]
    columns = [[*chain.from_iterable(parts)] for parts in zip(*wholes, strict=True)]
    mean, least, greatest, p95 = columns or ([], [], [], [])
    times, weights = (
        [*chain.from_iterable(parts)]
        for parts in ((piece.times for piece in pieces), (piece.weights for piece in pieces))
    )
    return Piece(times, Column(mean, least, greatest, p95), step, weights)


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
    unknown = [ABSENT]
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


def _means(values: Sequence[int], weights: Sequence[int], buckets: Spans) -> list[int]:
    known = [0 if value == ABSENT else by for value, by in zip(values, weights, strict=True)]
    sums = [0, *accumulate(map(mul, values, known))]
    wholes = [0, *accumulate(known)]
    return [
        (sums[end] - sums[begin]) // whole if (whole := wholes[end] - wholes[begin]) else ABSENT
        for begin, end in zip(buckets.begins, buckets.ends, strict=True)
    ]


def _least(values: Sequence[int]) -> int:
    least = min(values)
    if least != ABSENT:
        return least
    return min((value for value in values if value != ABSENT), default=ABSENT)
