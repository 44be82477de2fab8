"""Durations as people write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegauge.units import format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("10s", 10.0),
        ("250ms", 0.25),
        ("1m", 60.0),
        ("1h30m", 5400.0),
        ("1h 30m 5s", 5405.0),
        ("1.5h", 5400.0),
        ("2d", 172800.0),
        ("10 seconds", 10.0),
        (" 1 minute ", 60.0),
        ("0.1s", 0.1),
        ("7", 7.0),
        ("0.5", 0.5),
        ("0s", 0.0),
    ],
)
def test_durations_are_read_in_seconds(text: str, seconds: float) -> None:
    """Each notation of the manual, and the original's, gives its seconds."""
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text", ["", " ", "s", "-5s", "+5s", "10x", "10S", "1e3s", "5s-", "5s 3", "1..5s", "٣s", "inf"]
)
def test_what_is_no_duration_is_refused(text: str) -> None:
    """The clause shows an example and what was found."""
    with pytest.raises(ValueError) as caught:
        parse_duration(text)

    assert str(caught.value) == f'must be a duration such as "10s", not "{text}"'


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.0, "0s"), (0.25, "250ms"), (10.0, "10s"), (90.5, "1m30s500ms"), (5400.0, "1h30m")],
)
def test_durations_are_written_shortly(seconds: float, text: str) -> None:
    """Whole units, the largest first, without zeros."""
    assert format_duration(seconds) == text


@given(st.floats(min_value=0, max_value=1e9, allow_subnormal=False).map(lambda x: round(x, 9)))
def test_a_written_duration_reads_back_the_same(seconds: float) -> None:
    """Nothing is lost between writing and reading."""
    assert parse_duration(format_duration(seconds)) == seconds
