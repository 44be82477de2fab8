"""Rows of totals mean what single counters mean, and sums what their parts do."""

from hypothesis import given
from hypothesis import strategies as st

from tidegauge.docker.intervals import Life
from tidegauge.metrics import Counter
from tidegauge.metrics.totals import Column, Sums, Totals

WIDTH = 3
VALUE = st.one_of(st.none(), st.integers(min_value=0, max_value=2**64 - 1), st.integers(0, 5))
ROW = st.tuples(*[VALUE] * WIDTH)
LIVES = st.lists(st.tuples(st.booleans(), st.lists(ROW, min_size=1, max_size=6)), max_size=4)
BORN, FOUND = Life(from_birth=True), Life(from_birth=False)


def columns(totals: Totals | Sums, width: int = WIDTH) -> list[tuple]:
    """What each column tells at the end of a tick: its total, and what samples added."""
    totals.turn()
    return [(each.last, each.collect()) for each in (Column(totals, n) for n in range(width))]


@given(LIVES, st.integers(0, 6))
def test_each_column_means_what_a_counter_does(
    lives: list[tuple[bool, list[tuple]]], turn_at: int
) -> None:
    """Over lives, falls, unknown values and ticks, whatever the other columns do."""
    totals, counters = Totals(), [Counter() for _ in range(WIDTH)]
    given_rows = 0
    for from_birth, rows in lives:
        life = Life(from_birth=from_birth)
        for row in rows:
            totals.observe(row, life)
            for counter, value in zip(counters, row, strict=True):
                if value is not None:
                    counter.observe(value, life)
            given_rows += 1
            if given_rows == turn_at:
                assert columns(totals) == [(each.last, each.collect()) for each in counters]

    assert columns(totals) == [(each.last, each.collect()) for each in counters]


@given(LIVES)
def test_totals_of_a_part_that_began_at_zero_are_a_counters(
    lives: list[tuple[bool, list[tuple]]],
) -> None:
    """What was taken for granted before the first row is not counted again."""
    for from_birth, rows in lives:
        life, totals = Life(from_birth=from_birth), Totals()
        counters = [Counter() for _ in range(WIDTH)]
        totals.begin(life, (0, 3, 0))
        for counter, base in zip(counters, (0, 3, 0), strict=True):
            counter.begin(life, base)
        for row in rows:
            totals.observe(row, life)
            for counter, value in zip(counters, row, strict=True):
                if value is not None:
                    counter.observe(value, life)
        assert columns(totals) == [(each.last, each.collect()) for each in counters]


def test_a_tick_is_told_once() -> None:
    """What was collected is not in the next tick, and totals stay."""
    totals = Totals()
    for value in (10, 12, 12, 20):
        totals.observe((value,), FOUND)

    assert columns(totals, 1) == [(20, (2, 0, 8))]
    assert columns(totals, 1) == [(20, ())]


def test_a_sum_begins_with_all_parts_and_grows_as_they_do() -> None:
    """Parts known from the start count whole; each sample is one increment of the sum."""
    one, other, sums = Totals(), Totals(), Sums()
    for first, second in ((100, 1000), (110, 1005), (110, 1005)):
        rows = [one.observe((first,), FOUND), other.observe((second,), FOUND)]
        sums.put((one, other), [row for row in rows if row is not None])

    assert columns(sums, 1) == [(1115, (15, 0))]


def test_a_part_that_comes_later_brings_only_what_was_seen_of_it() -> None:
    """Of one that began while we watched that is all; of one found running, nothing yet."""
    old, born, found, sums = Totals(), Totals(), Totals(), Sums()
    old.observe((100,), FOUND)
    sums.put((old,), [])
    row = born.observe((7,), BORN)
    sums.put((old, born), [row])
    found.observe((5000,), Life(from_birth=False))
    sums.put((old, born, found), [])
    sums.put((old, born, found), [old.observe((101,), FOUND)])

    assert columns(sums, 1) == [(108, (7, 1))]


def test_a_sum_tells_only_of_columns_that_some_part_has() -> None:
    """What no part knows is absent in the sum; what one knows is the sum."""
    bytes_only, whole, sums = Totals(), Totals(), Sums()
    for n in (0, 1):
        rows = [bytes_only.observe((10 + n, None, None), FOUND), whole.observe((5, 8, None), FOUND)]
        sums.put((bytes_only, whole), [row for row in rows if row is not None])

    assert columns(sums) == [(16, (1,)), (8, (0,)), (None, ())]
