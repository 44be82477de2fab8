"""Buckets of a server's samples are those that the embedded history makes of its own."""

from itertools import accumulate

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tidegauge.history import sampled, tiers
from tidegauge.history.sampled import Bucket, Curve, buckets, gap_of, interval_of, points, summed

STEPS = st.integers(900, 11_000) | st.just(40_000)
VALUES = st.integers(0, 10**9)
SAMPLES = st.lists(st.tuples(STEPS, VALUES), min_size=1, max_size=60)


def _same(found: list[Bucket], column: tiers.Column) -> None:
    for bucket, *embedded in zip(found, *column.whole, strict=True):
        for value, other in zip(bucket_values(bucket), embedded, strict=True):
            if other == tiers.UNKNOWN:
                assert value is None
            else:
                assert value == pytest.approx(other, rel=1e-9)


def bucket_values(bucket: Bucket) -> list[float | None]:
    return [bucket.mean, bucket.least, bucket.greatest, bucket.p95]


@given(SAMPLES, st.sampled_from([1000, 10_000, 60_000]))
def test_levels_and_rates_are_those_of_the_tiers(samples, step):
    """Each sample counts in the same bucket, and for as much."""
    times = [*accumulate(passed for passed, _ in samples)]
    assume(gap_of(interval_of(times)) == tiers.GAP_MS)
    values = [value for _, value in samples]
    by_time = dict(zip(times, values, strict=True))
    line = tiers.Line.of(times)
    grid = tiers.Grid.of(line, [step])

    found = [*buckets(sampled.levels(by_time), step)]
    assert [each.start for each in found] == grid.sizes[0].starts
    _same(found, *tiers.rolled(grid, tiers.levels(values)))
    _same([*buckets(sampled.rates(by_time), step)], *tiers.rolled(grid, tiers.rates(line, values)))


def test_what_is_a_gap_depends_on_how_often_there_are_samples():
    """At least half a minute, at most the five after which a series has ended."""
    assert [gap_of(interval) for interval in (0, 1000, 15_000, 60_000, 600_000)] == [
        *(30_000, 30_000, 37_500, 150_000, 300_000)
    ]
    assert interval_of([0, 1000, 2000, 60_000]) == 1000
    assert interval_of([5]) == interval_of([]) == 0


def test_a_sum_is_of_what_is_known():
    """A part that comes later, or whose rate is not known yet, takes nothing from the others."""
    one = Curve([1000, 2000, 3000], [None, 2.0, 4.0], [0, 1000, 1000])
    other = Curve([2000, 3000], [None, 8.0], [0, 1000])
    assert summed([one, other]) == Curve([1000, 2000, 3000], [None, 2.0, 12.0], [0, 1000, 1000])


def test_a_gap_has_one_unknown_bucket_at_its_begin():
    """Also where buckets are shorter than the gap, and where there are none."""

    def of(*starts: int, step: int) -> list[float]:
        found = points("m", (), [Bucket(at, 1.0, 1.0, 1.0, 1.0) for at in starts], step, 30_000)
        assert found is not None
        unknown = [at for at, value in zip(found.times, found.mean, strict=True) if value is None]
        assert len(found.times) == len(starts) + len(unknown)
        return unknown

    assert of(0, 30_000, 60_001, step=0) == [31]
    assert of(0, 30_000, 70_000, step=10_000) == [40]
    assert of(0, 60_000, 180_000, step=60_000) == [120]


def test_nothing_known_is_no_series():
    """Nor is nothing at all."""
    assert points("m", (), [Bucket(0, None, None, None, None)], 0, 30_000) is None
    assert points("m", (), [], 10_000, 30_000) is None
    assert [*buckets(sampled.rates({}), 0)] == []
