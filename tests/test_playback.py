"""Clocks of a recording: N times as fast as another, or from one moment to the next at once."""

import asyncio
import time

import pytest

from manual_clock import ManualClock, settle
from tidegauge.playback import ScaledClock, VirtualClock


async def test_a_scaled_clock_is_so_many_times_as_fast():
    """Ten seconds of the recording pass in one."""
    base = ManualClock()
    clock = ScaledClock(base, 10, 5000.0)
    sleeping = asyncio.create_task(clock.sleep(25))

    await base.advance(2.4)
    assert not sleeping.done()
    assert (clock.monotonic(), clock.now()) == (pytest.approx(24), pytest.approx(5024))
    await base.advance(0.1)
    assert sleeping.done()


async def test_a_scaled_clock_waits_for_an_event_or_a_time():
    """Half as fast: four seconds take eight."""
    base, event = ManualClock(), asyncio.Event()
    clock = ScaledClock(base, 0.5, 0.0)
    late = asyncio.create_task(clock.wait(asyncio.Event(), 4))
    early = asyncio.create_task(clock.wait(event, 4))
    await settle()
    event.set()

    assert await early is True
    await base.advance(7.9)
    assert not late.done()
    await base.advance(0.1)
    assert await late is False


def on(clock, work):
    with asyncio.Runner(loop_factory=clock.new_loop) as runner:
        return runner.run(work)


def test_a_virtual_clock_takes_no_time():
    """A day passes at once, and everybody sees the hour they waited for."""
    clock, seen = VirtualClock(1000.0), []

    async def sleeper(seconds):
        await clock.sleep(seconds)
        seen.append((seconds, clock.monotonic(), clock.now()))

    async def all_of_them():
        await asyncio.gather(sleeper(86400), sleeper(5), sleeper(0), sleeper(7200))

    before = time.monotonic()
    on(clock, all_of_them())

    assert seen == [(at, at, 1000.0 + at) for at in (0, 5, 7200, 86400)]
    assert time.monotonic() - before < 30


def test_a_virtual_clock_jumps_only_when_nothing_else_is_to_be_done():
    """However many turns of the loop the work of one moment takes."""
    clock, seen = VirtualClock(0.0), []

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
    clock, seen = VirtualClock(0.0), []

    async def sleeper(name):
        await clock.sleep(3)
        seen.append(name)

    async def all_of_them():
        await asyncio.gather(*map(sleeper, "abcdef"))

    on(clock, all_of_them())

    assert "".join(seen) == "abcdef"


def test_a_virtual_clock_waits_for_an_event_or_a_time():
    """And one that was called off is not jumped to."""
    clock = VirtualClock(0.0)

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


def test_a_held_virtual_clock_stands_still():
    """Work of the real world is waited for."""
    clock = VirtualClock(0.0)

    async def work():
        ticking = asyncio.create_task(clock.sleep(1))
        with clock.held():
            await asyncio.to_thread(time.sleep, 0.05)
            assert not ticking.done()
        await ticking
        return clock.monotonic()

    assert on(clock, work()) == 1
