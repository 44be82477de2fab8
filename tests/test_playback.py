"""The clock of a replay: still while anything is done, then on to the next moment."""

import asyncio
import math
import time

import pytest

from manual_clock import ManualClock
from tidegauge.clock import SystemClock
from tidegauge.playback import PlaybackClock


def at_once(starts_at: float = 0.0) -> PlaybackClock:
    """As fast as possible."""
    return PlaybackClock(starts_at, math.inf, SystemClock())


def on(clock, work):
    with asyncio.Runner(loop_factory=clock.new_loop) as runner:
        return runner.run(work)


def test_a_clock_takes_no_time():
    """A day passes at once, and everybody sees the hour they waited for."""
    clock, seen = at_once(1000.0), []

    async def sleeper(seconds):
        await clock.sleep(seconds)
        seen.append((seconds, clock.monotonic(), clock.now()))

    async def all_of_them():
        await asyncio.gather(sleeper(86400), sleeper(5), sleeper(0), sleeper(7200))

    before = time.monotonic()
    on(clock, all_of_them())

    assert seen == [(at, at, 1000.0 + at) for at in (0, 5, 7200, 86400)]
    assert time.monotonic() - before < 30


def test_a_clock_jumps_only_when_nothing_else_is_to_be_done():
    """However many turns of the loop the work of one moment takes."""
    clock, seen = at_once(), []

    async def busy():
        await clock.sleep(1)
        for _ in range(1000):
            await asyncio.sleep(0)
        seen.append(("busy", clock.monotonic()))

    async def other():
        await clock.sleep(1.001)
        seen.append(("other", clock.monotonic()))

    async def both():
        await asyncio.gather(other(), busy())

    on(clock, both())

    assert seen == [("busy", 1), ("other", 1.001)]


def test_of_two_at_one_moment_the_first_to_wait_is_first():
    """So that a replay is the same each time."""
    clock, seen = at_once(), []

    async def sleeper(name):
        await clock.sleep(3)
        seen.append(name)

    async def all_of_them():
        await asyncio.gather(*map(sleeper, "abcdef"))

    on(clock, all_of_them())

    assert "".join(seen) == "abcdef"


def test_a_clock_waits_for_an_event_or_a_time():
    """And one that was called off is not jumped to."""
    clock = at_once()

    async def work():
        event = asyncio.Event()
        assert await clock.wait(event, 2) is False
        assert clock.monotonic() == 2
        waiting = asyncio.create_task(clock.wait(event, 100))
        await clock.sleep(1)
        event.set()
        assert await waiting is True
        assert await clock.wait(event, 100) is True
        cancelled = asyncio.create_task(clock.sleep(50))
        await clock.sleep(1)
        cancelled.cancel()
        await asyncio.wait([cancelled])
        await clock.sleep(100)
        return clock.monotonic()

    assert on(clock, work()) == 104


def test_a_held_clock_stands_still():
    """Work of the real world is waited for."""
    clock = at_once()

    async def work():
        ticking = asyncio.create_task(clock.sleep(1))
        with clock.held():
            await asyncio.to_thread(time.sleep, 0.05)
            assert not ticking.done()
        await ticking
        return clock.monotonic()

    assert on(clock, work()) == 1


async def test_a_pace_is_kept_by_waiting():
    """Ten times as fast: 25 seconds of the recording are due after 2.5 of the machine's."""
    system = ManualClock()
    clock = PlaybackClock(5000.0, 10, system)
    assert clock.pause() is None
    sleeping = asyncio.create_task(clock.sleep(25))
    await asyncio.sleep(0)

    assert clock.pause() == pytest.approx(2.5)
    await system.advance(2)
    assert clock.pause() == pytest.approx(0.5)
    with clock.held():
        assert clock.pause() is None
    await system.advance(1)
    assert clock.pause() == pytest.approx(-0.5)
    clock.jump()
    await sleeping
    assert (clock.monotonic(), clock.now()) == (25, 5025)
    assert clock.pause() is None


def test_half_as_fast_takes_twice_as_long():
    """On the machine's own clock."""
    clock = PlaybackClock(0.0, 0.5, SystemClock())

    before = time.monotonic()
    on(clock, clock.sleep(0.1))

    assert 0.2 <= time.monotonic() - before < 5
