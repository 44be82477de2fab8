"""The laws of counter, gauge, distribution and summary."""

from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegauge.docker.intervals import Life
from tidegauge.metrics import Counter, Distribution, Gauge, summary

COUNT = st.integers(min_value=0, max_value=2**64 - 1)
LIVES = st.lists(st.tuples(st.booleans(), st.lists(COUNT, min_size=1, max_size=8)), max_size=6)
NUMBERS = st.lists(
    st.one_of(COUNT, st.floats(min_value=0, max_value=1e18)), min_size=1, max_size=300
)


def test_a_first_value_records_nothing() -> None:
    """How much of it fell into this second is unknown; it is the total to go on from."""
    counter = Counter()

    assert counter.observe(1000, Life(from_birth=False)) is None
    assert counter.last == 1000
    assert counter.collect() == ()


def test_a_first_value_of_a_life_seen_from_birth_counts_in_full() -> None:
    """It began at zero before our eyes."""
    counter = Counter()

    assert counter.observe(30, Life(from_birth=True)) == 30
    assert (counter.last, counter.collect()) == (30, (30,))


def test_differences_are_recorded_and_collected_once() -> None:
    """Each value adds what it is more than the one before; a tick takes its own only."""
    counter, life = Counter(), Life(from_birth=False)
    for seen in (1000, 1010, 1010, 1025):
        counter.observe(seen, life)

    assert (counter.collect(), counter.last) == ((10, 0, 15), 1025)
    assert (counter.collect(), counter.last) == ((), 1025)


def test_a_fallen_value_within_a_life_adds_zero() -> None:
    """It is recorded as 0, and the next one counts from the lower value."""
    counter, life = Counter(), Life(from_birth=False)

    assert [counter.observe(seen, life) for seen in (100, 40, 45)] == [None, 0, 5]
    assert counter.last == 105


def test_a_total_goes_on_over_lives() -> None:
    """A restart seen adds the new life's value; one not seen adds nothing yet."""
    counter, first = Counter(), Life(from_birth=False)
    born, found = Life(from_birth=True), Life(from_birth=False)

    added = [
        counter.observe(seen, life)
        for seen, life in ((1000, first), (1100, first), (30, born), (35, born), (7, found))
    ]

    assert added == [None, 100, 30, 5, None]
    assert counter.last == 1135


def test_a_counter_that_began_at_zero_records_nothing_until_observed() -> None:
    """To know its base is not a sample."""
    counter, life = Counter(), Life(from_birth=True)
    counter.begin(life)

    assert (counter.collect(), counter.last) == ((), None)
    assert counter.observe(12, life) == 12
    assert (counter.collect(), counter.last) == ((12,), 12)


@given(LIVES)
def test_a_counter_never_falls_wraps_or_loses(lives: list[tuple[bool, list[int]]]) -> None:
    """Increments are never negative nor more than was seen; with the first value they make last."""
    counter, totals, highest = Counter(), [], 0
    first = None
    for from_birth, values in lives:
        life, before = Life(from_birth=from_birth), None
        for seen in values:
            added = counter.observe(seen, life)
            if first is None:
                first = 0 if from_birth else seen
            if before is None:
                assert added == (seen if from_birth else None)
            else:
                assert added == (seen - before if seen > before else 0)
            before, highest = seen, max(highest, seen)
            totals.append(counter.last)

    increments = counter.collect()

    assert all(0 <= increment <= highest for increment in increments)
    assert all(earlier <= later for earlier, later in pairwise(totals))
    assert counter.last == (None if first is None else first + sum(increments))


@given(st.lists(COUNT, min_size=1), st.booleans())
def test_a_counter_of_one_rising_life_ends_at_its_last_value(
    values: list[int], from_birth: bool
) -> None:
    """Where nothing fell, the total is the engine's own."""
    counter, life = Counter(), Life(from_birth=from_birth)
    for seen in sorted(values):
        counter.observe(seen, life)

    assert counter.last == max(values)


@given(st.lists(st.one_of(st.none(), COUNT)))
def test_a_gauge_gives_its_newest_level_once(steps: list[int | None]) -> None:
    """``None`` is a tick's end: it holds the last level set in that tick, or nothing."""
    gauge, level = Gauge(), None
    for step in steps:
        if step is None:
            assert gauge.collect() == (() if level is None else (level,))
            level = None
        else:
            gauge.set(step)
            level = step
            assert gauge.last == step


@given(st.lists(st.lists(COUNT)))
def test_a_distribution_keeps_every_sample_of_its_tick(ticks: list[list[int]]) -> None:
    """Nothing is averaged away, nothing is told twice."""
    distribution = Distribution()
    for values in ticks:
        for value in values:
            distribution.record(value)

        assert distribution.collect() == tuple(values)
        if values:
            assert distribution.last == values[-1]


def test_nothing_has_no_summary() -> None:
    """No samples is not a distribution of zeros."""
    assert summary(()) is None


def test_a_summary_worked_by_hand() -> None:
    """Percentiles are of the nearest rank: of 1 to 100 the 95th is 95, of ten the highest."""
    hundred, ten = summary(range(100, 0, -1)), summary([3, 1, 2, 10, 5, 4, 7, 6, 9, 8])

    assert (hundred.p50, hundred.p95, hundred.p99) == (50, 95, 99)
    assert (ten.p50, ten.p95, ten.p99) == (5, 10, 10)
    assert (ten.count, ten.minimum, ten.mean, ten.maximum) == (10, 1, 5.5, 10)
    assert summary([7]) == summary([7]).__class__(1, 7, 7.0, 7, 7, 7, 7)


@given(NUMBERS)
def test_a_summary_is_in_order(samples: list[int | float]) -> None:
    """Minimum <= p50 <= p95 <= p99 <= maximum, each of them a sample; the mean is exact."""
    seen = summary(samples)

    assert seen is not None
    assert seen.count == len(samples)
    assert seen.minimum == min(samples)
    assert seen.maximum == max(samples)
    assert seen.minimum <= seen.p50 <= seen.p95 <= seen.p99 <= seen.maximum
    assert {seen.p50, seen.p95, seen.p99} <= set(samples)
    exact = sum(map(Fraction, samples)) / len(samples)
    assert seen.mean == pytest.approx(float(exact), rel=1e-12)


@given(NUMBERS, st.randoms(use_true_random=False))
def test_a_summary_does_not_depend_on_order(samples: list[int | float], random: object) -> None:
    """The same samples in any order have the same summary."""
    shuffled = list(samples)
    random.shuffle(shuffled)

    assert summary(shuffled) == summary(samples)


@given(NUMBERS, st.sampled_from([50, 95, 99]))
def test_a_percentile_has_its_share_at_or_below_it(samples: list[int | float], q: int) -> None:
    """At least q of a hundred samples are at or below it, and fewer are strictly below."""
    value = {50: summary(samples).p50, 95: summary(samples).p95, 99: summary(samples).p99}[q]

    assert 100 * sum(sample <= value for sample in samples) >= q * len(samples)
    assert 100 * sum(sample < value for sample in samples) < q * len(samples)
