"""What is remarkable in a stream besides its numbers."""

from datetime import UTC, datetime, timedelta

import pytest

from tidegauge.docker.attention import EMPTY_IN_A_ROW, Attention
from tidegauge.docker.frames import StatsFrame

START = datetime(2026, 11, 22, 14, 0, tzinfo=UTC)
EMPTY = StatsFrame(datetime(1, 1, 1, tzinfo=UTC))


def frame(second: float) -> StatsFrame:
    return StatsFrame(START + timedelta(seconds=second))


def noticed(*made_and_came: tuple[float, float]) -> list[str | None]:
    attention = Attention()
    return [attention.sees(frame(made), came) for made, came in made_and_came]


def test_each_tenth_empty_frame_in_a_row_and_the_end_of_them_are_noticed() -> None:
    """Fewer are a hiccup, of which nothing is said."""
    attention = Attention()

    few = [attention.sees(EMPTY, n) for n in range(EMPTY_IN_A_ROW - 1)]
    end_of_few = attention.sees(frame(9), 9)
    many = [attention.sees(EMPTY, 10 + n) for n in range(2 * EMPTY_IN_A_ROW)]
    end_of_many = attention.sees(frame(30), 30)

    assert [*few, end_of_few] == [None] * EMPTY_IN_A_ROW
    assert many == [*[None] * 9, "empty", *[None] * 9, "empty"]
    assert end_of_many == "filled"
    assert attention.sees(frame(31), 31) is None


def test_lateness_is_seen_by_the_difference_of_two_clocks_in_speed_not_in_time() -> None:
    """After some seconds, each sample that was waiting too is a second less late."""
    burst = [(made, 1014 + made / 1000) for made in range(2, 13)]

    seen = noticed((0, 1000), (1, 1001), *burst)

    assert seen == [None, None, *["late"] * 3, *[None] * 8]


def test_streams_that_are_read_each_four_seconds_are_not_late() -> None:
    """On purpose, and on a busy machine some seconds after that."""
    seen = noticed((0, 0), *((n, 4 * (n // 4 + 1) + (n // 4 % 4)) for n in range(1, 100)))

    assert set(seen) == {None}


@pytest.mark.parametrize("gap", [1, 5, 24, 3600])
def test_slow_engines_are_not_late(gap: float) -> None:
    """What was made late comes late."""
    assert set(noticed(*((n * gap, n * gap) for n in range(50)))) == {None}


@pytest.mark.parametrize("step", [3600, -3600])
def test_a_clock_that_is_set_is_not_late(step: float) -> None:
    """Forward or back: what comes next is measured from there."""
    before = [(float(n), float(n)) for n in range(5)]
    after = [(n + step, float(n)) for n in range(5, 10)]

    assert set(noticed(*before, *after)) == {None}


def test_clocks_that_drift_are_not_late() -> None:
    """An engine's clock that loses 40 s a day is no trouble of ours."""
    seen = noticed(*((n * 0.9995, float(n)) for n in range(0, 90_000, 10)))

    assert set(seen) == {None}
