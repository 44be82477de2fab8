"""From one-second samples to buckets of 10 s, 1 min and 10 min, without losing the extremes.

A bucket keeps mean, least, greatest and 95th percentile: of a level its samples, of a counter its
per-second rates. Rates are taken from sample to sample with the engine's own times; over a gap
longer than `GAP_MS` nothing is known. The mean of a counter is what was added, by the time it took.
"""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate, chain, pairwise
from operator import sub

from msgspec import Struct

from tidegauge.history.codec import ABSENT

GAP_MS = 30_000
"""Between two samples further apart nothing is known: engines at their slowest send one in 24 s."""

SCALE = 1024
"""Buckets and rates are held in so many parts: a mean of few tasks is not rounded away by much."""

P95_MATTERS = 20
"""Of fewer samples the 95th percentile, by nearest rank, is the greatest."""

_PER_SECOND = 1000 * SCALE


class Tier(Struct, frozen=True):
    """Buckets of ``step`` milliseconds; 0 is the samples themselves."""

    name: str
    step: int


RAW = Tier("raw", 0)
ROLLED = (Tier("10s", 10_000), Tier("1m", 60_000), Tier("10m", 600_000))
TIERS = (RAW, *ROLLED)


class Column(Struct, frozen=True, gc=False):
    """One series over buckets, in `SCALE` parts (a second, of a counter), ``ABSENT`` if unknown.

    Without ``p95`` it is ``greatest``, as in any bucket of less than `P95_MATTERS` samples.
    """

    mean: list[int]
    least: list[int]
    greatest: list[int]
    p95: list[int] | None

    @property
    def whole(self) -> tuple[list[int], list[int], list[int], list[int]]:
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

    @property
    def counts(self) -> list[int]:
        """How many points each has."""
        return [end - begin for begin, end in zip(self.begins, self.ends, strict=True)]

    def grown(self, totals: Sequence[int]) -> list[int]:
        """How much a total grew in each, from the point before it to its last one."""
        befores = [begin - 1 for begin in self.begins]
        if self.begins and self.begins[0] == 0:  # the first point of all has nothing before it
            befores[0] = 0
        lasts = zip(befores, self.ends, strict=True)
        return [totals[end - 1] - totals[before] for before, end in lasts]


def _spans(times: Sequence[int], step: int, begin: int) -> Iterator[tuple[int, int]]:
    while begin < len(times):
        start = times[begin] - times[begin] % step
        yield start, begin
        begin = bisect_left(times, start + step, begin)


def _ends(found: Sequence[tuple[int, int]], times: Sequence[int]) -> Iterator[int]:
    return chain((begin for _, begin in found[1:]), (len(times),) if found else ())


class Levels(Struct, frozen=True):
    """What buckets are made of: a value at each point, `ABSENT` where unknown.

    ``parts`` times a value is what is meant. Of counters, whose values are rates, also how much it
    had ``grown`` at each point, and how many milliseconds had ``passed``, in all that is known.
    """

    values: Sequence[int]
    parts: int = SCALE
    grown: Sequence[int] | None = None
    passed: Sequence[int] = ()


def known_time(times: Sequence[int]) -> Sequence[int]:
    """Milliseconds that had passed at each point, gaps left out."""
    took = [*map(sub, times[1:], times)]
    if max(took, default=0) <= GAP_MS:
        return times
    return [*accumulate((ms if ms <= GAP_MS else 0 for ms in took), initial=0)]


def levels(values: Sequence[int]) -> Levels:
    """Of a gauge."""
    return Levels(values)


def rates(times: Sequence[int], totals: Sequence[int]) -> Levels:
    """Of a counter: `ABSENT` at its first point, at holes, after gaps, and where it fell."""
    if totals and totals[0] == ABSENT:  # as a recording begins
        return _later_rates(times, totals)
    took = [*map(sub, times[1:], times)]
    added = [*map(sub, totals[1:], totals)]
    if ABSENT in totals or min(added, default=0) < 0 or max(took, default=0) > GAP_MS:
        return _broken_rates(took, totals)
    values = [ABSENT, *[each * _PER_SECOND // ms for each, ms in zip(added, took, strict=True)]]
    return Levels(values, 1, totals, times)


def _later_rates(times: Sequence[int], totals: Sequence[int]) -> Levels:
    begin = next((n for n, total in enumerate(totals) if total != ABSENT), len(totals))
    if begin == len(totals):
        return Levels(totals, 1, [0] * begin, [0] * begin)
    known = rates(times[begin:], totals[begin:])
    grown = known.grown or ()
    return Levels(
        [ABSENT] * begin + [*known.values],
        1,
        [*grown[:1]] * begin + [*grown],
        [*known.passed[:1]] * begin + [*known.passed],
    )


def _broken_rates(took: Sequence[int], totals: Sequence[int]) -> Levels:
    values, added, known = [ABSENT], [0], [0]
    for (before, now), ms in zip(pairwise(totals), took, strict=True):
        good = ms <= GAP_MS and ABSENT != before <= now
        values.append((now - before) * _PER_SECOND // ms if good else ABSENT)
        added.append(now - before if good else 0)
        known.append(ms if good else 0)
    return Levels(values, 1, [*accumulate(added)], [*accumulate(known)])


def rolled(buckets: Spans, of: Levels) -> Column:
    """A column over buckets of the points."""
    return rolled_by((buckets,), of)[0]


def rolled_by(all_buckets: Sequence[Spans], of: Levels) -> list[Column]:
    """A column for each size of buckets, ascending, each a multiple of the one before."""
    first = min((buckets.begins[0] for buckets in all_buckets if buckets.begins), default=0)
    values = of.values[first:]
    if values and values[0] == values[-1] != ABSENT and values.count(values[0]) == len(values):
        return [_still(values[0] * of.parts, len(buckets.starts)) for buckets in all_buckets]
    pieces: list[list[int]] = []
    columns: list[Column] = []
    smaller: Spans | None = None
    for buckets in all_buckets:
        if smaller is None:
            pieces = _ordered(buckets, of.values)
        else:
            pieces = _merged(buckets, smaller, pieces)
        columns.append(_column(pieces, _means(buckets, pieces, of), of.parts))
        smaller = buckets
    return columns


def _still(value: int, count: int) -> Column:
    same = [value] * count
    return Column(same, same, same, None)


def _ordered(buckets: Spans, values: Sequence[int]) -> list[list[int]]:
    """The known values of each bucket in order of size."""
    spans = zip(buckets.begins, buckets.ends, strict=True)
    pieces = [sorted(values[begin:end]) for begin, end in spans]
    # What is unknown comes first then.
    return [
        piece if piece[0] != ABSENT else piece[bisect_right(piece, ABSENT) :] for piece in pieces
    ]


def _merged(buckets: Spans, smaller: Spans, pieces: list[list[int]]) -> list[list[int]]:
    """The same from smaller buckets; what is in order already is merged, not sorted."""
    firsts = [bisect_left(smaller.begins, begin) for begin in buckets.begins]
    lasts = [*firsts[1:], len(pieces)]
    return [
        sorted(chain.from_iterable(pieces[first:last]))
        for first, last in zip(firsts, lasts, strict=True)
    ]


def _means(buckets: Spans, pieces: Sequence[Sequence[int]], of: Levels) -> list[int]:
    if of.grown is None:
        sums, parts = map(sum, pieces), of.parts
        return [
            total * parts // len(piece) if piece else ABSENT
            for total, piece in zip(sums, pieces, strict=True)
        ]
    grown, passed = of.grown, of.passed
    return [
        amount * _PER_SECOND // ms if ms else ABSENT
        for amount, ms in zip(buckets.grown(grown), buckets.grown(passed), strict=True)
    ]


def _column(pieces: Sequence[Sequence[int]], means: list[int], parts: int) -> Column:
    if not all(pieces):
        return _with_unknown(pieces, means, parts)
    least = _times([piece[0] for piece in pieces], parts)
    greatest = _times([piece[-1] for piece in pieces], parts)
    p95: list[int] | None = None
    if max(map(len, pieces), default=0) >= P95_MATTERS:
        p95 = _times([piece[_rank(len(piece))] for piece in pieces], parts)
    return Column(means, least, greatest, p95)


def _with_unknown(pieces: Sequence[Sequence[int]], means: list[int], parts: int) -> Column:
    known = [n for n, piece in enumerate(pieces) if piece]
    dense = _column([pieces[n] for n in known], [means[n] for n in known], parts)

    def spread(values: list[int]) -> list[int]:
        found = dict(zip(known, values, strict=True))
        return [found.get(n, ABSENT) for n in range(len(pieces))]

    p95 = None if dense.p95 is None else spread(dense.p95)
    return Column(spread(dense.mean), spread(dense.least), spread(dense.greatest), p95)


def _rank(count: int) -> int:
    """Where the 95th percentile is, by nearest rank."""
    return math.ceil(0.95 * count) - 1


def _times(values: list[int], parts: int) -> list[int]:
    return values if parts == 1 else [value * parts for value in values]
