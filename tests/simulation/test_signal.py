"""Integrals are exact, whatever the times."""

import math
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegauge.simulation.signal import ROUND, Signal, rough, wave

TIMES = st.floats(-1e9, 2e9)


def triangle() -> Signal:
    """Up for half of the round and down again, one a second."""
    return Signal(min(n, ROUND - n) for n in range(ROUND))


def test_between_the_seconds_it_is_a_straight_line() -> None:
    """Also at the end of a round, where it goes on at its beginning."""
    signal = triangle()

    assert signal.at(10.25) == 10.25
    assert signal.at(ROUND - 0.5) == 0.5
    assert signal.at(3 * ROUND + 2.5) == 2.5


def test_the_integral_is_the_area() -> None:
    """Of a part of a second, of a slope, of whole rounds."""
    signal = triangle()

    assert signal.between(2.0, 2.5) == (2.0 + 2.5) / 2 * 0.5
    assert signal.between(0, 100) == 100 * 100 / 2
    assert signal.between(-ROUND, 2 * ROUND) == 3 * ROUND * ROUND / 4


@given(TIMES, st.floats(0, 1e6), st.floats(0, 1e6))
def test_integrals_add_up_and_never_fall(start: float, first: float, more: float) -> None:
    """What was counted until one time and from there on is what was counted in all."""
    signal, middle = Signal(rough(Random(1), (60, 12, 2))), start + first
    end = middle + more

    whole = signal.between(start, end)
    assert whole == pytest.approx(signal.between(start, middle) + signal.between(middle, end))
    assert whole >= signal.between(start, middle) - 1e-6


def test_noise_and_waves_keep_to_their_bounds() -> None:
    """From 0 to 1, as often as a round has room for."""
    noise, waves = rough(Random(3), (200, 25, 5)), wave(900)

    assert len(noise) == len(waves) == ROUND
    assert 0 <= min(noise) < 0.3
    assert 0.7 < max(noise) <= 1
    assert math.isclose(min(waves), 0, abs_tol=1e-9)
    assert math.isclose(max(waves), 1)
    assert waves[100] == pytest.approx(waves[1000])
