"""Samples into buckets, against a plain reckoning of the same."""

import math
from itertools import accumulate, chain

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegauge.history.codec import ABSENT
from tidegauge.history.tiers import (
    GAP_MS,
    ROLLED,
    UNKNOWN,
    Column,
    Grid,
    Line,
    Moves,
    Spans,
    levels,
    rates,
    rolled,
    rolled_moves,
)

STEPS = [tier.step for tier in ROLLED]
PASSED = st.sampled_from((997, 1000, 1000, 1004, 2000, 24_000, GAP_MS, GAP_MS + 1, 90_000, 700_000))
NO_GAP = st.sampled_from((997, 1000, 1000, 1004, 7000))
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
    """Is a bucket's value the exact one, but for what a float cuts off?"""
    return value == UNKNOWN if exact is None else value == pytest.approx(exact, rel=1e-12)


def plain_rates(times, totals):
    """Rate, increment and milliseconds at each point."""
    found = [(UNKNOWN, 0, 0)]
    for n in range(1, len(times)):
        ms, before, now = times[n] - times[n - 1], totals[n - 1], totals[n]
        if ms > GAP_MS or ABSENT in {before, now} or now < before:
            found.append((UNKNOWN, 0, 0))
        else:
            found.append(((now - before) * 1000 / ms, now - before, ms))
    return found


def in_buckets(times, of, *steps):
    """Columns, one for each step."""
    return rolled(Grid.of(Line.of(times), steps), of)


def buckets(times, step):
    """Indexes of the points of each bucket."""
    found = {}
    for n, at in enumerate(times):
        found.setdefault(at - at % step, []).append(n)
    return found


def check(column, members, values, means):
    for n, indexes in enumerate(members):
        known = sorted(values[i] for i in indexes if values[i] != UNKNOWN)
        p95 = known[math.ceil(0.95 * len(known)) - 1] if known else None
        assert near(column.mean[n], means[n])
        assert near(column.least[n], known[0] if known else None)
        assert near(column.greatest[n], known[-1] if known else None)
        whole = column.greatest if column.p95 is None else column.p95
        assert near(whole[n], p95)


@given(points=POINTS)
def test_buckets_of_a_level(points):
    """Mean, extremes and the 95th percentile by nearest rank of what is known."""
    times, values, _ = timed(points)
    for step, column in zip(STEPS, in_buckets(times, levels(values), *STEPS), strict=True):
        members = [*buckets(times, step).values()]
        known = [[values[i] for i in each if values[i] != ABSENT] for each in members]
        check(column, members, values, [sum(k) / len(k) if k else None for k in known])


@given(points=POINTS)
def test_buckets_of_a_counter(points):
    """The mean is what was added by the time it took; the rest is of the rates."""
    times, _, totals = timed(points)
    exact = plain_rates(times, totals)
    rate = rates(Line.of(times), totals)
    assert all(near(*each) for each in zip(rate.values, [one[0] for one in exact], strict=True))
    for step, column in zip(STEPS, in_buckets(times, rate, *STEPS), strict=True):
        members = [*buckets(times, step).values()]
        added = [sum(exact[i][1] for i in each) for each in members]
        took = [sum(exact[i][2] for i in each) for each in members]
        means = [a * 1000 / ms if ms else None for a, ms in zip(added, took, strict=True)]
        check(column, members, rate.values, means)


@given(points=st.lists(st.tuples(NO_GAP, st.sampled_from((0, 0, 0, 5, 10**6))), min_size=2))
def test_what_seldom_moves_has_the_same_buckets(points):
    """Found by its moves alone."""
    times, totals = ([*accumulate(each)] for each in zip(*points, strict=True))
    line = Line.of(times)
    grid = Grid.of(line, STEPS, 1)
    where = [n for n in range(1, len(times)) if totals[n] != totals[n - 1]]
    level = Moves(where, [*map(float, totals)])
    assert said(rolled_moves(grid, level)) == said(rolled(grid, levels(totals)))

    added = [totals[n] - totals[n - 1] for n in where]
    per_second = [each * line.per_second[n - 1] for n, each in zip(where, added, strict=True)]
    counter = Moves(where, per_second, added)
    expected = said(rolled(grid, rates(line, totals)))
    assert said(rolled_moves(grid, counter)) == pytest.approx(expected)


def said(columns):
    """All of them, end to end."""
    return [*chain.from_iterable(chain.from_iterable(one.whole for one in columns))]


def test_known_numbers():
    """Twenty seconds of a counter that grows by 5 a second, then by 50."""
    times = [n * 1000 for n in range(21)]
    totals = [5 * n for n in range(11)] + [50 + 50 * n for n in range(1, 11)]

    (column,) = in_buckets(times, rates(Line.of(times), totals), 10_000)

    # The second bucket has one rate of 5 and nine of 50; the third only the last sample.
    assert column == Column(mean=[5, 45.5, 50], least=[5, 5, 50], greatest=[5, 50, 50], p95=None)


def test_the_mean_of_few_tasks_is_not_rounded_away():
    """Three samples of 1, 2 and 2 tasks are 5/3."""
    (column,) = in_buckets([0, 1000, 2000], levels([1, 2, 2]), 10_000)

    assert (column.mean, column.least, column.greatest) == ([5 / 3], [1], [2])


def test_a_percentile_of_a_minute_is_of_the_nearest_rank():
    """Of 60 samples the 57th, whether they were in smaller buckets before or not."""
    times = [n * 1000 for n in range(60)]

    for steps in [(60_000,), (10_000, 60_000)]:
        *_, column = in_buckets(times, levels([*range(60)]), *steps)
        assert column.p95 == [56]
        assert column.greatest == [59]


def test_a_counter_that_falls_or_pauses_tells_nothing_of_it():
    """As after a restart of this program; and over a gap."""
    times = [0, 1000, 2000, 3000, 3000 + GAP_MS + 1, 4000 + GAP_MS + 1]
    rate = rates(Line.of(times), [100, 110, 5, 15, 900, 910])

    assert [*rate.values] == [UNKNOWN, 10] * 3


def test_what_begins_unknown_is_known_later():
    """A recording begins with a hole."""
    times = [0, 1, 1001, 2001]
    rate = rates(Line.of(times), [ABSENT, 50, 60, 80])
    assert [*rate.values] == [UNKNOWN, UNKNOWN, 10, 20]
    assert in_buckets(times, rate, 10_000)[0].mean == [15]
    rate = rates(Line.of([0, 1]), [ABSENT] * 2)
    assert [*rate.values] == [UNKNOWN, UNKNOWN]
    assert in_buckets([0, 1], rate, 10_000)[0].mean == [UNKNOWN]


def test_nothing_has_no_buckets():
    """Neither times nor values."""
    assert Spans.of([], 1000) == Spans([], [], [])
    assert in_buckets([], levels([]), 1000) == [Column([], [], [], None)]
