"""What becomes of blocks: rolled up once, deleted when old, their space given back."""

import math
import random
from itertools import accumulate, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from history.made import DB, HOUR, T0, WEB, WIDER, Opened, a_row, ask, rows_of, seconds, steady
from tidegauge.errors import HistoryDamaged
from tidegauge.history.block import STANDARD, joined
from tidegauge.history.codec import GREATEST
from tidegauge.history.fast import FAST
from tidegauge.history.rounding import DIGITS, rounded, unrounded
from tidegauge.history.rows import Event, Stored
from tidegauge.history.store import Seen
from tidegauge.history.tiers import UNKNOWN
from tidegauge.history.upkeep import LATE, VERY_LATE

DAY = 24 * HOUR


@pytest.fixture
def path(tmp_path):
    return tmp_path / "history.db"


def test_an_hour_is_rolled_up_once_when_a_sample_is_behind_it(path):
    """Into 360 buckets of 10 s, 60 of a minute and 6 of 10 minutes."""
    with Opened(path) as opened:
        opened.store.seal(steady(0, 3600))
        assert opened.roll(HOUR) == 0
        opened.store.seal(steady(3600, 3700))
        assert opened.roll(HOUR) == 1
        assert opened.roll(HOUR) == 0
        assert opened.tiers() == {0: 3700, 1: 360, 2: 60, 3: 6}
        assert opened.ways == 1 + 2  # once for each series


def test_an_hour_with_nothing_behind_it_is_rolled_up_later(path):
    """The container is gone; the time is that of others of its engine, wherever our clock is."""
    other = ("container", "elsewhere", "web")
    with Opened(path) as opened:
        opened.store.seal(steady(0, 100))
        opened.store.seal(steady(7200, 7300, who=other))
        late = (HOUR + LATE) // 1000
        opened.store.seal(steady(late - 9, late + 1, who=DB))
        assert opened.roll(3 * HOUR) == 0
        opened.store.seal(steady(late + 1, late + 2, who=DB))
        assert opened.roll(3 * HOUR) == 1
        assert opened.tiers() == {0: 211, 1: 10, 2: 2, 3: 1}


def test_an_hour_of_an_engine_that_is_gone_is_rolled_up_a_day_later(path):
    """Until then its samples are read."""
    with Opened(path) as opened:
        opened.store.seal(steady(0, 100))
        assert opened.roll(HOUR + VERY_LATE) == 0
        assert opened.roll(HOUR + VERY_LATE + 1) == 1


def test_hours_are_put_together(path):
    """Six of minutes, a day of 10 minutes; nothing of them changes."""
    hours = 30
    half = rows_of(
        seconds(1800, 3600), [0] * 1800, [4096] * 1800, [n * 9 for n in range(1800)], shape=WIDER
    )
    with Opened(path) as opened:
        for hour in range(hours):
            if hour == 2:  # another shape for a while
                opened.store.seal(steady(3600 * hour, 3600 * hour + 1800))
                times = [at + 3600 * hour * 1000 for at in range(1_800_000, 3_600_000, 1000)]
                columns = [half.column(n).tolist() for n in range(3)]
                opened.store.seal(rows_of(times, *columns, shape=WIDER))
            else:
                opened.store.seal(steady(3600 * hour, 3600 * hour + 3600))
        begin = T0 % DAY // HOUR
        apart = {}
        opened.roll(60 * HOUR)
        sizes = opened.file.rows(
            "SELECT tier, points FROM block WHERE tier > 0 ORDER BY tier, start"
        )
        for tier, points in sizes:
            apart.setdefault(tier, []).append(points)
    assert apart == {
        1: [360] * hours,
        2: _put_together(begin, hours, 6, 60),
        3: _put_together(begin, hours, 24, 6),
    }
    for step in (60, 600):
        cpu, memory, disk = ask(path, 0, hours * 3600, step, unsealed=[])
        assert cpu.times == memory.times == [*range(0, hours * 3600, step)]
        assert set(cpu.mean[: 7200 // step]) == {7.0}
        assert set(cpu.mean[10_800 // step + 1 :]) == {7.0}
        assert set(memory.least) == {4096}
        assert {value for value in disk.mean if value is not None} == {4.5}


def _put_together(begin, hours, period, points):
    """Points of each block: of whole periods one, of the last one those of each hour."""
    whole = [*range(period - begin % period, hours + 1, period)]
    periods = [end - start for start, end in pairwise((0, *whole))]
    return [points * each for each in periods] + [points] * (hours - whole[-1])


def test_series_that_are_the_same_are_rolled_up_once(path):
    """One interface, and the sum over all; a level of the same numbers is another thing."""
    chance = random.Random(1)
    totals = [*accumulate(chance.randrange(1000) for _ in range(4000))]
    shape = (*WIDER, Stored("sum", (), True, 1.0))
    with Opened(path) as opened:
        for begin in range(0, 4000, 500):
            part = totals[begin : begin + 500]
            columns = part, part, part if begin else [0] * 500, part
            opened.store.seal(rows_of(seconds(begin, begin + 500), *columns, shape=shape))
        assert opened.roll(HOUR) == 1
        assert opened.ways == 1 + 3
    names = "cpu", "memory", "disk", "sum"
    cpu, memory, disk, one = ask(path, 0, 3600, 60, *names, unsealed=[])
    assert cpu.mean == one.mean != memory.mean
    assert [each / 2 for each in cpu.mean[10:]] == disk.mean[10:]
    assert cpu.mean[1] == pytest.approx((totals[119] - totals[59]) / 60, rel=2.0**-DIGITS)


def test_hours_without_anything_are_skipped(path):
    """A year of absence takes no time."""
    with Opened(path) as opened:
        opened.store.seal(steady(0, 100))
        year = 365 * 24 * 3600
        opened.store.seal(steady(year, year + 100))
        assert opened.roll(2 * year * 1000) == 2
        assert opened.tiers() == {0: 200, 1: 20, 2: 4, 3: 2}


def test_buckets_are_right_over_the_borders_of_blocks_and_hours(path):
    """The first rate of an hour is taken from the sample before it."""
    with Opened(path) as opened:
        for begin in range(0, 7200, 500):
            opened.store.seal(steady(begin, begin + 500))
        opened.roll(2 * DAY)
        for step, tier in ((10, 1), (60, 2), (600, 3)):
            assert opened.tiers()[tier] >= 7200 // step
    for step in (10, 60, 600):
        cpu, _ = ask(path, 0, 7200, step, unsealed=[])
        assert cpu.mean == cpu.least == cpu.greatest == cpu.p95 == [7.0] * (7200 // step)


def test_a_percentile_and_the_extremes_outlive_the_samples(path):
    """A spike of one second is seen in every tier."""
    chance = random.Random(1)
    values = [chance.randrange(1000, 2000) for _ in range(3600)]
    values[1234] = 900_000
    with Opened(path) as opened:
        opened.store.seal(rows_of(seconds(0, 3600), [0] * 3600, values))
        opened.roll(2 * DAY)
        opened.file.change("DELETE FROM block WHERE tier = 0")
    for step in (10, 60, 600):
        (memory,) = ask(path, 0, 3600, step, "memory", unsealed=[])
        n = 1234 // step
        exact = sorted(values[n * step : (n + 1) * step])
        for found, right in (
            (memory.greatest[n], exact[-1]),
            (memory.least[n], exact[0]),
            (memory.p95[n], exact[math.ceil(0.95 * step) - 1]),
            (memory.mean[n], sum(exact) / step),
        ):
            assert found == pytest.approx(right, rel=2.0**-DIGITS)


POWERS = {2**n for n in range(63)}
VALUES = st.one_of(
    st.integers(0, GREATEST), st.sampled_from(sorted(POWERS)), st.floats(0, 1e30), st.just(UNKNOWN)
)


@given(
    st.one_of(
        st.lists(VALUES, min_size=1),
        st.builds(lambda one, n: [one] * n, VALUES, st.integers(1, 99)),
    )
)
def test_buckets_are_rounded_to_a_thousandth(values):
    """Small ones and powers of two stay exact; what is unknown stays so."""
    for value, kept in zip(values, unrounded(*rounded([values]), len(values)), strict=True):
        if value == UNKNOWN or value in range(1 << DIGITS) or value in POWERS:
            assert kept == value
        else:
            assert kept == pytest.approx(value, rel=2.0**-DIGITS, abs=1e-36)


def test_buckets_that_are_all_the_same_are_one():
    """Of as many as there are."""
    same, different = rounded([[0.75] * 500, [0.75, 1.5] * 9])
    assert len(same) == 3
    assert unrounded(same, 500) == [0.75] * 500
    assert unrounded(different, 18) == [0.75, 1.5] * 9


@given(st.lists(st.floats(0, 1e9), min_size=30, max_size=40), st.data())
def test_damaged_buckets_raise_nothing_but_damage(values, data):
    """Or there are as many values."""
    whole = bytearray(*rounded([values]))
    at = data.draw(st.integers(0, len(whole) - 1))
    whole[at] ^= data.draw(st.integers(1, 255))
    try:
        found = unrounded(bytes(whole[: data.draw(st.integers(0, len(whole)))]), len(values))
    except HistoryDamaged:
        return
    assert len(found) == len(values)


def test_each_tier_is_kept_for_its_time(path):
    """As the options say; events and entities for the longest."""
    with Opened(path) as opened:
        opened.store.write(1, [], [Event(WEB, T0, "start")], {WEB: Seen(T0, None)})
        opened.store.seal(steady(0, 3600))
        opened.store.seal(steady(0, 10, who=DB))
        opened.expire(8 * HOUR)
        assert opened.tiers() == {0: 3610}  # not before they are rolled up
        opened.roll(2 * DAY)
        opened.expire(6 * HOUR + 10_000)
        assert opened.tiers() == {0: 3600, 1: 361, 2: 61, 3: 7}
        opened.expire(8 * HOUR)
        assert opened.tiers() == {1: 361, 2: 61, 3: 7}
        opened.expire(8 * DAY)
        assert opened.tiers() == {2: 61, 3: 7}
        opened.expire(91 * DAY)
        assert opened.tiers() == {3: 7}
        assert opened.file.number("SELECT count(*) FROM event") == 1
        opened.expire(731 * DAY)
        assert opened.tiers() == {}
        assert opened.file.number("SELECT count(*) FROM event") == 0
        assert opened.file.number("SELECT count(*) FROM entity") == 0
        opened.store.write(2, [a_row(731 * DAY, 1, 1)], [], {})
        assert opened.store.recover() == 1


def test_a_file_that_is_too_big_loses_its_oldest(path):
    """And the disk gets the space back."""
    chance = random.Random(1)

    def noise(begin):
        columns = ([chance.randrange(2**60) for _ in range(600)] for _ in range(2))
        return rows_of(seconds(begin, begin + 600), *columns)

    most = 2**20
    with Opened(path) as opened:
        for n in range(300):
            opened.store.seal(noise(600 * n))
        opened.expire(3 * HOUR, most)
        kept = opened.file.rows("SELECT start FROM block ORDER BY start")
        assert kept
        assert kept[-1] == (T0 + 299 * 600_000,)
        assert kept == [(T0 + n * 600_000,) for n in range(300 - len(kept), 300)]
        assert opened.roll(2000 * HOUR) > 0  # of what was deleted before, nothing is left to do
        opened.expire(3 * HOUR, most)
    assert path.stat().st_size < most


def test_a_file_of_nothing_but_events_is_let_be(path):
    """There is no block to be deleted."""
    with Opened(path) as opened:
        opened.expire(0, 1000)


def test_a_damaged_block_is_deleted_and_told(path):
    """Its hour is rolled up without it."""
    with Opened(path) as opened:
        opened.store.seal(steady(0, 1800))
        opened.store.seal(steady(1800, 3600))
        (data,) = opened.file.row("SELECT data FROM block WHERE id = 1")
        opened.file.change("UPDATE block SET data = ? WHERE id = 1", data[:-9] + b"x" * 9)
        assert opened.roll(2 * DAY) == 1
        assert opened.tiers() == {0: 1800, 1: 180, 2: 30, 3: 3}
        assert opened.damaged == [
            "a block of history is not what was written: its checksum is off. It is deleted."
        ]


def test_a_block_of_another_codec_stays(path):
    """It can be read again when its package is back."""
    with Opened(path, (FAST,)) as opened:
        opened.store.seal(steady(0, 1800))
    with Opened(path) as opened:
        opened.store.seal(steady(1800, 3600))
        opened.roll(2 * DAY)
        assert opened.tiers() == {0: 3600, 1: 180, 2: 30, 3: 3}
        (sentence,) = opened.damaged
    assert sentence.endswith(" It is not rolled up.")
    with Opened(path, (STANDARD, FAST)) as opened:
        assert opened.roll(2 * DAY) == 0
        assert opened.damaged == []


def test_a_broken_column_is_damage(path):
    """Its checksum is right, so it was never written."""
    with Opened(path) as opened:
        opened.store.seal(steady(0, 2))
        good = STANDARD.encode([T0, T0 + 1000])
        bad = joined(STANDARD, 2, [good, good, b"?"])
        opened.file.change("UPDATE block SET data = ?", bad)
        with pytest.raises(HistoryDamaged, match="cannot be decoded"):
            opened.roll(2 * DAY)


def test_a_block_without_its_shape_is_damage(path):
    """Nobody knows what its columns are."""
    with Opened(path) as opened:
        opened.store.seal(steady(0, 2))
        opened.file.change("DELETE FROM shape")
        with pytest.raises(HistoryDamaged, match="it lacks a shape"):
            opened.roll(2 * DAY)
        with pytest.raises(HistoryDamaged, match="it lacks a shape"):
            ask(path, 0, 9, 0)
