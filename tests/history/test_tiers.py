"""Samples into buckets, against a plain reckoning of the same."""

import math

from hypothesis import given
from hypothesis import strategies as st

from tidegauge.history.codec import ABSENT
from tidegauge.history.tiers import (
    GAP_MS,
    ROLLED,
    SCALE,
    Column,
    Spans,
    levels,
    rates,
    rolled,
    rolled_by,
)

STEPS = [tier.step for tier in ROLLED]
PASSED = st.sampled_from((997, 1000, 1000, 1004, 2000, 24_000, GAP_MS, GAP_MS + 1, 90_000, 700_000))
HOLES = st.sampled_from((False, False, False, True))
POINTS = st.lists(st.tuples(PASSED, st.integers(0, 10**9), HOLES), min_size=1, max_size=120)


def timed(points):
    """Times, levels and totals of random points."""
    times, totals, at, total = [], [], 1_780_000_000_123, 0
    for passed, value, hole in points:
        at += passed
        total += value
        times.append(at)
        totals.append(ABSENT if hole else total)
    values = [ABSENT if hole else value for _, value, hole in points]
    return times, values, totals


def near(value, exact):
    """Is a bucket's value the exact one, but for what its parts cut off?"""
    return value == ABSENT if exact is None else abs(value - exact) <= 1


def plain_rates(times, totals):
    """Rate, increment and milliseconds at each point."""
    found = [(ABSENT, 0, 0)]
    for n in range(1, len(times)):
        ms, before, now = times[n] - times[n - 1], totals[n - 1], totals[n]
        if ms > GAP_MS or ABSENT in {before, now} or now < before:
            found.append((ABSENT, 0, 0))
        else:
            found.append(((now - before) * 1000 * SCALE // ms, now - before, ms))
    return found


def buckets(times, step):
    """Indexes of the points of each bucket."""
    found = {}
    for n, at in enumerate(times):
        found.setdefault(at - at % step, []).append(n)
    return found


def check(column, members, values, means, parts):
    for n, indexes in enumerate(members):
        known = sorted(values[i] for i in indexes if values[i] != ABSENT)
        p95 = known[math.ceil(0.95 * len(known)) - 1] if known else None
        assert near(column.mean[n], means[n])
        assert near(column.least[n], known[0] * parts if known else None)
        assert near(column.greatest[n], known[-1] * parts if known else None)
        whole = column.greatest if column.p95 is None else column.p95
        assert near(whole[n], p95 * parts if known else None)


@given(points=POINTS)
def test_buckets_of_a_level(points):
    """Mean, extremes and the 95th percentile by nearest rank of what is known."""
    times, values, _ = timed(points)
    for step, column in zip(
        STEPS, rolled_by([Spans.of(times, step) for step in STEPS], levels(values)), strict=True
    ):
        members = [*buckets(times, step).values()]
        known = [[values[i] for i in each if values[i] != ABSENT] for each in members]
        check(
            column, members, values, [sum(k) * SCALE / len(k) if k else None for k in known], SCALE
        )


@given(points=POINTS)
def test_buckets_of_a_counter(points):
    """The mean is what was added by the time it took; the rest is of the rates."""
    times, _, totals = timed(points)
    exact = plain_rates(times, totals)
    rate = rates(times, totals)
    assert [*rate.values] == [each[0] for each in exact]
    for step, column in zip(
        STEPS, rolled_by([Spans.of(times, step) for step in STEPS], rate), strict=True
    ):
        members = [*buckets(times, step).values()]
        added = [sum(exact[i][1] for i in each) for each in members]
        took = [sum(exact[i][2] for i in each) for each in members]
        means = [a * 1000 * SCALE / ms if ms else None for a, ms in zip(added, took, strict=True)]
        check(column, members, rate.values, means, 1)


def test_known_numbers():
    """Twenty seconds of a counter that grows by 5 a second, then by 50."""
    times = [n * 1000 for n in range(21)]
    totals = [5 * n for n in range(11)] + [50 + 50 * n for n in range(1, 11)]

    column = rolled(Spans.of(times, 10_000), rates(times, totals))

    # The second bucket has one rate of 5 and nine of 50; the third only the last sample.
    assert column == Column(
        mean=[5 * SCALE, 455 * SCALE // 10, 50 * SCALE],
        least=[5 * SCALE, 5 * SCALE, 50 * SCALE],
        greatest=[5 * SCALE, 50 * SCALE, 50 * SCALE],
        p95=None,
    )


def test_the_mean_of_few_tasks_is_not_rounded_away():
    """Three samples of 1, 2 and 2 tasks are 5/3."""
    column = rolled(Spans.of([0, 1000, 2000], 10_000), levels([1, 2, 2]))

    assert (column.mean, column.least, column.greatest) == (
        [5 * SCALE // 3],
        [SCALE],
        [2 * SCALE],
    )


def test_a_percentile_of_a_minute_is_of_the_nearest_rank():
    """Of 60 samples the 57th."""
    column = rolled(Spans.of([n * 1000 for n in range(60)], 60_000), levels([*range(60)]))

    assert column.p95 == [56 * SCALE]
    assert column.greatest == [59 * SCALE]


def test_a_counter_that_falls_or_pauses_tells_nothing_of_it():
    """As after a restart of this program; and over a gap."""
    times = [0, 1000, 2000, 3000, 3000 + GAP_MS + 1, 4000 + GAP_MS + 1]
    rate = rates(times, [100, 110, 5, 15, 900, 910])

    assert [*rate.values] == [ABSENT, 10 * SCALE] * 3


def test_what_begins_unknown_is_known_later():
    """A recording begins with a hole."""
    rate = rates([0, 1, 1001, 2001], [ABSENT, 50, 60, 80])
    assert [*rate.values] == [ABSENT, ABSENT, 10 * SCALE, 20 * SCALE]
    assert rolled(Spans.of([0, 1, 1001, 2001], 10_000), rate).mean == [15 * SCALE]
    assert [*rates([0, 1], [ABSENT, ABSENT]).values] == [ABSENT, ABSENT]
    assert rolled(Spans.of([0, 1], 10_000), rates([0, 1], [ABSENT] * 2)).mean == [ABSENT]


def test_nothing_has_no_buckets():
    """Neither times nor values."""
    assert Spans.of([], 1000) == Spans([], [], [])
    assert rolled(Spans.of([], 1000), levels([])) == Column([], [], [], None)
