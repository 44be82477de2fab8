"""A row says what was measured, whether it meets its target, and why it says nothing."""

import pytest
import rows
from rows import Bound, Row


def test_a_median_must_keep_to_its_bound() -> None:
    """Neither the best nor the worst round decides."""
    row = Row("T2", "CPU", [0.05, 0.2, 0.09], Bound(0.1))

    assert rows.cells(row) == ("T2", "CPU", "0.09", "0.05", "0.2", "<= 0.1", "yes", "")
    assert rows.met(row._replace(values=[0.05, 0.2, 0.11])) == "NO"


def test_a_bound_may_be_from_below() -> None:
    """A throughput must be at least so much."""
    row = Row("T6", "events", [50_000.4], Bound(45_000, at_least=True))

    assert rows.cells(row)[2:7] == ("50,000", "50,000", "50,000", ">= 45,000", "yes")
    assert rows.met(row._replace(values=[44_999])) == "NO"


def test_without_a_bound_nothing_is_met_or_missed() -> None:
    """Some rows only tell."""
    assert rows.met(Row("", "CPU", [1.0])) == "-"


def test_what_is_invalid_meets_nothing() -> None:
    """However good its numbers are; the reason stands before other notes."""
    row = Row("T2", "CPU", [0.01], Bound(0.1), "ours 1", invalid="3 events were not read in time")

    assert rows.cells(row)[6:] == ("invalid", "3 events were not read in time; ours 1")


def test_what_failed_is_missed() -> None:
    """A program that did not come so far has not met its target, though there is no number."""
    row = Row("T7", "CPU", [], Bound(25), failed="after 120 s still not: all streams open")

    assert rows.cells(row)[2:7] == ("-", "-", "-", "<= 25", "NO")


def test_a_peer_that_is_missing_leaves_the_row_open() -> None:
    """Nothing can be said of a ratio to nobody."""
    assert rows.cells(Row("T2", "CPU", [], Bound(0.1)))[2:7] == ("-", "-", "-", "<= 0.1", "-")


def test_ratios_are_of_the_same_round() -> None:
    """Not of medians."""
    assert rows.ratios([1.0, 4.0], [2.0, 2.0]) == [0.5, 2.0]


@pytest.mark.parametrize(
    ("value", "text"), [(0.123456, "0.123"), (12.345, "12.3"), (1234.5, "1,234"), (-5.0, "-5")]
)
def test_three_digits_count(value, text) -> None:
    """Of small numbers; large ones are whole."""
    assert rows.number(value) == text


def test_medians_of_both_sides_stand_beside_a_ratio() -> None:
    """A side that was not measured is left out."""
    noted = rows.beside("us/event", tidegauge=[20, 30, 40], raw_drain=[10], peer=[])

    assert noted == "tidegauge 30, raw drain 10 us/event"
