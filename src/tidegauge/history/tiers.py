"""From one-second samples to buckets of 10 s, 1 min and 10 min, without losing the extremes.

A bucket keeps mean, least, greatest and 95th percentile: of a level its samples, of a counter its
per-second rates. Rates are taken from sample to sample with the engine's own times; over a gap
longer than `GAP_MS` nothing is known. The mean of a counter is what was added, by the time it took.
"""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate, chain, pairwise, repeat
from operator import mul, sub
from typing import Any

from msgspec import Struct

from tidegauge.history.codec import ABSENT

GAP_MS = 30_000
"""Between two samples further apart nothing is known: engines at their slowest send one in 24 s."""

UNKNOWN = float(ABSENT)
"""Stands for "no value" in buckets, and equals `ABSENT`."""

P95_MATTERS = 20
"""Of fewer samples the 95th percentile, by nearest rank, is the greatest."""


class Tier(Struct, frozen=True):
    """Buckets of ``step`` milliseconds; 0 is the samples themselves."""

    name: str
    step: int


RAW = Tier("raw", 0)
ROLLED = (Tier("10s", 10_000), Tier("1m", 60_000), Tier("10m", 600_000))
TIERS = (RAW, *ROLLED)


class Column(Struct, frozen=True, gc=False):
    """One series over buckets, a second of a counter; `UNKNOWN` where it is.

    Without ``p95`` it is ``greatest``, as in any bucket of less than `P95_MATTERS` samples.
    """

    mean: list[float]
    least: list[float]
    greatest: list[float]
    p95: list[float] | None

    @property
    def whole(self) -> tuple[list[float], list[float], list[float], list[float]]:
        """All four."""
        p95 = self.greatest if self.p95 is None else self.p95
        return self.mean, self.least, self.greatest, p95


class Spans(Struct, frozen=True):
    """Buckets of some points: their starts in milliseconds, and where their points begin and end.

    Only those that have points.
    """

    starts: list[int]
    begins: list[int]
    ends: list[int]

    @classmethod
    def of(cls, times: Sequence[int], step: int, first: int = 0) -> "Spans":
        """Buckets of ascending times from the index ``first`` on."""
        found = [*_spans(times, step, first)]
        return cls([each[0] for each in found], [each[1] for each in found], [*_ends(found, times)])

    @classmethod
    def regular(cls, times: Sequence[int], apart: int, step: int) -> "Spans":
        """The same of times that are multiples of ``apart``, mostly without a gap."""
        if not times or times != [*range(times[0], times[-1] + 1, apart)]:
            return cls.of(times, step)
        start = times[0] - times[0] % step
        second = (start + step - times[0]) // apart
        begins = [0, *range(second, len(times), step // apart)]
        starts = [*range(start, start + step * len(begins), step)]
        return cls(starts, begins, [*begins[1:], len(times)])

    @property
    def counts(self) -> list[int]:
        """How many points each has."""
        return [*map(sub, self.ends, self.begins)]

    @property
    def slices(self) -> list[slice]:
        """Their points."""
        return [*map(slice, self.begins, self.ends)]


def _spans(times: Sequence[int], step: int, begin: int) -> Iterator[tuple[int, int]]:
    while begin < len(times):
        start = times[begin] - times[begin] % step
        yield start, begin
        begin = bisect_left(times, start + step, begin)


def _ends(found: Sequence[tuple[int, int]], times: Sequence[int]) -> Iterator[int]:
    return chain((begin for _, begin in found[1:]), (len(times),) if found else ())


class Line(Struct, frozen=True):
    """The times of points; and how many milliseconds passed from each to the next.

    ``per_second`` is what a step is to be multiplied by. ``known`` are the milliseconds of which
    each point knows something, ``whole`` is without gaps.
    """

    times: Sequence[int]
    took: list[int]
    per_second: list[float]
    known: list[int]
    whole: bool

    @classmethod
    def of(cls, times: Sequence[int]) -> "Line":
        """Of ascending times."""
        took = [*map(sub, times[1:], times)]
        known, whole = [0, *took], max(took, default=0) <= GAP_MS
        if not whole:
            known = [ms if ms <= GAP_MS else 0 for ms in known]
        return cls(times, took, [1000 / ms for ms in took], known, whole)

    def after(self, begin: int) -> "Line":
        """Its points from one on, which is not the first."""
        took = self.took[begin:]
        whole = self.whole or max(took, default=0) <= GAP_MS
        known = [0, *self.known[begin + 1 :]]
        return Line(self.times[begin:], took, self.per_second[begin:], known, whole)


class Grid(Struct, frozen=True):
    """Buckets of several sizes over the same points, each size a multiple of the one before.

    Of each size ``slices`` are the points of its buckets, ``owners`` the number of the bucket of
    each point, ``counts`` how many they are, and
    ``passed`` the milliseconds that are known of them; ``inside``, for each larger size, the next
    smaller buckets of each of its own.
    """

    sizes: list[Spans]
    slices: list[list[slice]]
    owners: list[list[int]]
    counts: list[list[int]]
    passed: list[list[int]]
    inside: list[list[slice]]

    @classmethod
    def of(cls, line: Line, steps: Sequence[int], first: int = 0) -> "Grid":
        """Of the points from the index ``first`` on."""
        sizes = [Spans.of(line.times, step, first) for step in steps]
        inside = [
            [*map(slice, begins, [*begins[1:], len(smaller.begins)])]
            for smaller, larger in pairwise(sizes)
            for begins in [[bisect_left(smaller.begins, begin) for begin in larger.begins]]
        ]
        slices = [size.slices for size in sizes]
        passed = [*accumulate(inside, sums, initial=sums(line.known, slices[0]))]
        counts = [size.counts for size in sizes]
        owners = [
            [0] * first + [*chain.from_iterable(map(repeat, range(len(each)), each))]
            for each in counts
        ]
        return cls(sizes, slices, owners, counts, passed, inside)


def sums(values: Sequence[float], parts: Sequence[slice]) -> list[Any]:
    """Of each part."""
    return [sum(values[part]) for part in parts]


class Levels(Struct, frozen=True):
    """What buckets are made of: a value at each point, `UNKNOWN` where it is.

    Of counters, whose values are rates a second, also what was ``added`` at each point, and in how
    many milliseconds (``took``, where that is not as on the line): 0 where it is unknown.
    """

    values: Sequence[float]
    added: Sequence[int] | None = None
    took: Sequence[int] | None = None


def levels(values: Sequence[float]) -> Levels:
    """Of a gauge."""
    return Levels(values)


def rates(line: Line, totals: Sequence[int]) -> Levels:
    """Of a counter: `UNKNOWN` at its first point, at holes, after gaps, and where it fell."""
    if line.whole and _is_still(totals):
        return Levels([UNKNOWN] + [0.0] * len(line.took), [0] * len(totals))
    begin = next((n for n, total in enumerate(totals) if total != ABSENT), len(totals))
    if begin and begin < len(totals):  # as a recording begins
        return _later(rates(line.after(begin), totals[begin:]), begin, line)
    steps = [*map(sub, totals[1:], totals)]
    if ABSENT not in totals:
        return rates_of(line, steps)
    ends = pairwise(total != ABSENT for total in totals)
    return _broken_rates(line, steps, [before and after for before, after in ends])


def rates_of(line: Line, steps: Sequence[int], *, rising: bool = False) -> Levels:
    """The same by how much each total was more than the one before; ``rising`` if none was less."""
    if not line.whole or not (rising or min(steps, default=0) >= 0):
        return _broken_rates(line, steps, [True] * len(steps))
    return Levels([UNKNOWN, *map(mul, line.per_second, steps)], [0, *steps])


def _later(known: Levels, begin: int, line: Line) -> Levels:
    """What is known of the points from ``begin`` on, and nothing of those before."""
    took = line.known[begin + 1 :] if known.took is None else known.took[1:]
    nothing = [0] * (begin + 1)
    added = nothing if known.added is None else [*nothing, *known.added[1:]]
    return Levels([*[UNKNOWN] * begin, *known.values], added, [*nothing, *took])


def _broken_rates(line: Line, steps: Sequence[int], known: Sequence[bool]) -> Levels:
    each = [
        (step, ms) if good and step >= 0 and ms <= GAP_MS else (0, 0)
        for step, ms, good in zip(steps, line.took, known, strict=True)
    ]
    return Levels(
        [UNKNOWN, *(1000 * step / ms if ms else UNKNOWN for step, ms in each)],
        [0, *(step for step, _ in each)],
        [0, *(ms for _, ms in each)],
    )


class Moves(Struct, frozen=True):
    """What seldom moves: the points at which it does, and what it has there.

    Of levels ``values`` are those of all points. Of a counter they are the rates of these only, and
    ``added`` what it grew by: elsewhere it stands still.
    """

    where: list[int]
    values: Sequence[float]
    added: Sequence[int] | None = None


def rolled_moves(grid: Grid, of: Moves) -> list[Column]:
    """The same as `rolled` in a third of its time: only buckets that have a move are looked at."""
    return [_column_of_moves(grid, number, of) for number in range(len(grid.sizes))]


def _column_of_moves(grid: Grid, number: int, of: Moves) -> Column:
    size, slices, counts = grid.sizes[number], grid.slices[number], grid.counts[number]
    still: list[float] = [0.0] * len(counts)
    if of.added is None:
        still = [of.values[begin] for begin in size.begins]
    mean, least, greatest, p95 = still, still[:], still[:], still[:]
    ranks = {count: math.ceil(0.95 * count) - 1 for count in {*counts}}
    for n in dict.fromkeys(map(grid.owners[number].__getitem__, of.where)):
        count = counts[n]
        if of.added is None:
            piece = sorted(of.values[slices[n]])
            mean[n] = sum(piece) / count
        else:
            begin, end = bisect_left(of.where, size.begins[n]), bisect_left(of.where, size.ends[n])
            piece = [0.0] * (count - end + begin) + sorted(of.values[begin:end])
            mean[n] = 1000 * sum(of.added[begin:end]) / grid.passed[number][n]
        least[n], greatest[n], p95[n] = piece[0], piece[-1], piece[ranks[count]]
    return Column(mean, least, greatest, p95 if max(counts) >= P95_MATTERS else None)


def rolled(grid: Grid, of: Levels) -> list[Column]:
    """A column for each size of buckets."""
    begins = grid.sizes[0].begins
    values = of.values[begins[0] if begins else 0 :]
    if _is_still(values):
        return [_still(values[0], len(size.starts)) for size in grid.sizes]
    known = [*_in_order(grid, of.values)]
    counts = [[*map(len, pieces)] for pieces in known]
    if of.added is None:
        unit, weights, amounts = 1, counts, [*map(sum, known[0])]
    else:
        unit, weights, amounts = 1000, grid.passed, sums(of.added, grid.slices[0])
        if of.took is not None:
            weights = [*accumulate(grid.inside, sums, initial=sums(of.took, grid.slices[0]))]
    return [
        Column(_means(*each, unit), _least(pieces), _greatest(pieces), _p95(pieces, lengths))
        for each, pieces, lengths in zip(
            zip(accumulate(grid.inside, sums, initial=amounts), weights, strict=True),
            known,
            counts,
            strict=True,
        )
    ]


def _is_still(values: Sequence[float]) -> bool:
    return (
        len(values) > 0
        and values[0] == values[-1] != ABSENT
        and values.count(values[0]) == len(values)
    )


def _still(value: float, count: int) -> Column:
    same = [value] * count
    return Column(same, same, same, None)


def _in_order(grid: Grid, values: Sequence[float]) -> Iterator[list[list[float]]]:
    """The known values of each bucket in order, by size: of larger ones they are halfway so."""
    before = values[: grid.sizes[0].begins[0] if grid.sizes[0].begins else 0]
    for slices in grid.slices:
        pieces = [sorted(values[part]) for part in slices]
        values = [*before, *chain.from_iterable(pieces)]
        if UNKNOWN in [piece[0] for piece in pieces]:
            pieces = [
                piece[bisect_right(piece, UNKNOWN) :] if piece[0] == UNKNOWN else piece
                for piece in pieces
            ]
        yield pieces


def _means(amounts: Sequence[float], weights: Sequence[int], unit: int) -> list[float]:
    return [
        amount * unit / weight if weight else UNKNOWN
        for amount, weight in zip(amounts, weights, strict=True)
    ]


def _least(pieces: Sequence[list[float]]) -> list[float]:
    return [piece[0] if piece else UNKNOWN for piece in pieces]


def _greatest(pieces: Sequence[list[float]]) -> list[float]:
    return [piece[-1] if piece else UNKNOWN for piece in pieces]


def _p95(pieces: Sequence[list[float]], counts: Sequence[int]) -> list[float] | None:
    if max(counts, default=0) < P95_MATTERS:
        return None
    ranks = {count: math.ceil(0.95 * count) - 1 for count in {*counts}}
    return [
        piece[ranks[count]] if piece else UNKNOWN
        for piece, count in zip(pieces, counts, strict=True)
    ]


def least_of(values: Sequence[float]) -> float:
    """The least that is known; `UNKNOWN` if none is."""
    least = min(values)
    if least != UNKNOWN:
        return least
    return min((value for value in values if value != UNKNOWN), default=UNKNOWN)
