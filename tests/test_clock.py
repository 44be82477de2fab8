"""What is done now and then is done at the same moments, so that the process wakes once for all."""

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manual_clock import ManualClock
from tidegauge.clock import SystemClock, next_beat


@pytest.mark.parametrize(
    ("now", "seconds", "beat"),
    [
        (0.0, 1.0, 1.0),
        (12.3, 1.0, 13.0),
        (12.3, 5.0, 15.0),
        (0.3, 0.25, 0.5),
        (59.0, 60.0, 60.0),
        (13.0, 1.0, 14.0),
        (12.9995, 1.0, 14.0),  # a timer that woke a trifle too early
        (12.99, 1.0, 13.0),
    ],
)
def test_the_next_beat_is_a_multiple(now: float, seconds: float, beat: float) -> None:
    """Of the monotonic time; one that is just now has been."""
    assert next_beat(now, seconds) == beat


@given(
    st.floats(0, 1e8), st.sampled_from([0.1, 0.25, 1.0, 2.5, 10.0, 60.0]), st.floats(-0.0009, 0.5)
)
def test_each_beat_comes_once(now: float, seconds: float, late: float) -> None:
    """Whoever woke for one, a trifle early or late, waits for the one behind it."""
    beat = next_beat(now, seconds)
    assert now < beat <= now + 1.0011 * seconds
    assert next_beat(beat + late * seconds, seconds) == pytest.approx(beat + seconds, abs=1e-6)


async def test_all_wake_at_once() -> None:
    """Whenever they began to wait, in the same turn of the loop."""
    clock, every, loop = SystemClock(), 2.0, asyncio.get_running_loop()
    woken: list[tuple[int, float]] = []
    turns = 0

    async def wait(before: float) -> None:
        await asyncio.sleep(before)
        await clock.beat(every)
        woken.append((turns, loop.time()))

    async def count() -> None:
        nonlocal turns
        while len(woken) < 3:
            turns += 1
            await asyncio.sleep(0.001)

    await clock.beat(every)
    await asyncio.gather(count(), *map(wait, (0.0, 0.005, 0.01)))

    assert len({turn for turn, _ in woken}) == 1
    assert len({int(at / every + 0.001) for _, at in woken}) == 1


async def test_who_is_cancelled_leaves_no_timer(monkeypatch: pytest.MonkeyPatch) -> None:
    """The loop has nothing to wake for."""
    loop, timers = asyncio.get_running_loop(), list[asyncio.TimerHandle]()
    call_at = loop.call_at

    def kept(*args: Any) -> asyncio.TimerHandle:
        timers.append(call_at(*args))
        return timers[-1]

    monkeypatch.setattr(loop, "call_at", kept)
    beating = asyncio.create_task(SystemClock().beat(3600.0))
    await asyncio.sleep(0)
    beating.cancel()
    await asyncio.wait([beating])

    assert [timer.cancelled() for timer in timers] == [True]


async def test_a_clock_of_a_test_beats_alike() -> None:
    """So that what is tested with it is what runs."""
    clock, woken = ManualClock(), list[float]()
    await clock.advance(0.4)

    async def wait() -> None:
        for _ in range(3):
            await clock.beat(1.0)
            woken.append(clock.monotonic())

    waiting = asyncio.create_task(wait())
    for _ in range(8):
        await clock.advance(0.4)
    await waiting

    assert woken == pytest.approx([1.0, 2.0, 3.0])
