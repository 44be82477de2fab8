"""Samples that another server keeps, in the buckets that the embedded history makes of its own.

The arithmetic is that of `tiers` and `pieces`: rates from sample to sample, the 95th percentile by
nearest rank, nothing known over a gap. Only what a gap is depends on how often there are samples.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby, pairwise
from operator import sub

from msgspec import Struct

from tidegauge.history.pieces import USUAL_MS
from tidegauge.history.rows import Points
from tidegauge.history.tiers import GAP_MS
from tidegauge.metrics import Attributes

STALE_MS = 300_000
"""After so long Prometheus itself takes a series for ended."""

Samples = Mapping[int, float]
"""Values by milliseconds."""


class Curve(Struct, frozen=True):
    """Values at ascending times, in milliseconds, and how many of these each stands for.

    ``None`` is unknown. Levels stand for one each, rates for the time since the sample before.
    """

    times: list[int]
    values: list[float | None]
    spans: list[int]


class Bucket(Struct, frozen=True):
    """What begins at ``start``, in milliseconds; ``None`` is unknown."""

    start: int
    mean: float | None
    least: float | None
    greatest: float | None
    p95: float | None


def gap_of(interval: float) -> int:
    """Between samples further apart nothing is known: two in a row may be late, or one missing."""
    return min(STALE_MS, max(GAP_MS, round(2.5 * interval)))


def interval_of(times: Sequence[int]) -> int:
    """The time that mostly passes between two samples; 0 of fewer."""
    between = sorted(map(sub, times[1:], times))
    return between[len(between) // 2] if between else 0


def levels(samples: Samples) -> Curve:
    """Of a gauge."""
    times = sorted(samples)
    return Curve(times, [samples[at] for at in times], [1] * len(times))


def rates(samples: Samples) -> Curve:
    """Of a counter, a second: unknown at its first sample, after gaps, and where it fell."""
    times = sorted(samples)
    gap = gap_of(interval_of(times))
    values, spans = [None, *([0.0] * (len(times) - 1))][: len(times)], [0] * len(times)
    for n, (before, at) in enumerate(pairwise(times), start=1):
        added, passed = samples[at] - samples[before], at - before
        known = added >= 0 and passed <= gap
        values[n], spans[n] = (1000 * added / passed, passed) if known else (None, 0)
    return Curve(times, values, spans)


def summed(curves: Sequence[Curve]) -> Curve:
    """The sum of what is known of each part at a time."""
    known: dict[int, list[float]] = defaultdict(list)
    spans: dict[int, int] = defaultdict(int)
    for curve in curves:
        for at, value, span in zip(curve.times, curve.values, curve.spans, strict=True):
            known[at] += () if value is None else (value,)
            spans[at] = max(spans[at], span)
    times = sorted(known)
    values = [math.fsum(known[at]) if known[at] else None for at in times]
    return Curve(times, values, [spans[at] for at in times])


def buckets(curve: Curve, step: int) -> Iterator[Bucket]:
    """Of ``step`` milliseconds, only those with samples; a step of 0 leaves these as they are."""
    each = zip(curve.times, curve.values, curve.spans, strict=True)
    if not step:
        yield from (Bucket(at, value, value, value, value) for at, value, _ in each)
        return
    for start, inside in groupby(each, key=lambda one: one[0] - one[0] % step):
        known = [(value, span) for _, value, span in inside if value is not None]
        yield _bucket(start, known) if known else Bucket(start, None, None, None, None)


def _bucket(start: int, known: Sequence[tuple[float, int]]) -> Bucket:
    values = sorted(value for value, _ in known)
    mean = math.fsum(value * span for value, span in known) / sum(span for _, span in known)
    return Bucket(start, mean, values[0], values[-1], values[math.ceil(0.95 * len(values)) - 1])


def points(
    metric: str, attributes: Attributes, found: Iterable[Bucket], step: int, gap: int
) -> Points | None:
    """One series, with an unknown bucket at the begin of each gap; ``None`` if nothing is known."""
    whole = [*_with_holes(found, step, max(gap, step))]
    if all(each.mean is None for each in whole):
        return None
    return Points(
        metric,
        attributes,
        [each.start / 1000 for each in whole],
        [each.mean for each in whole],
        [each.least for each in whole],
        [each.greatest for each in whole],
        [each.p95 for each in whole],
    )


def _with_holes(found: Iterable[Bucket], step: int, limit: int) -> Iterator[Bucket]:
    before: int | None = None
    for bucket in found:
        if before is not None and bucket.start - before > limit:
            yield Bucket(before + (step or USUAL_MS), None, None, None, None)
        before = bucket.start
        yield bucket
