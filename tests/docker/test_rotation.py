"""Turns are as often as they should be, spread, and never too many at once."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise

import pytest

from manual_clock import ManualClock, settle
from tidegauge.docker.rotation import WORKERS, Rotation


class Reads:
    """Reads that take so many seconds; when each began, by key."""

    def __init__(self, clock: ManualClock, seconds: float = 0.0) -> None:
        self._clock, self.seconds = clock, seconds
        self.began: list[tuple[float, str]] = []
        self.under_way = self.most = 0

    async def __call__(self, key: str) -> None:
        self.began.append((self._clock.monotonic(), key))
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        await self._clock.sleep(self.seconds)
        self.under_way -= 1

    def between(self, begin: float, end: float) -> list[str]:
        return [key for at, key in self.began if begin <= at < end]


@asynccontextmanager
async def running(rotation: Rotation) -> AsyncIterator[None]:
    task = asyncio.create_task(rotation.run())
    await settle()
    yield
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def pass_by(clock: ManualClock, seconds: float) -> None:
    for _ in range(round(seconds * 10)):
        await clock.advance(0.1)


async def test_each_has_one_turn_in_an_interval_spread_over_it() -> None:
    """Those that are new have the first at once; later no tenth of an interval has a crowd."""
    clock = ManualClock()
    reads = Reads(clock)
    rotation = Rotation(reads, clock, 10.0)
    keys = [f"c{number}" for number in range(40)]
    async with running(rotation):
        for key in keys:
            rotation.add(key, at_once=True)
        await pass_by(clock, 45)

    assert sorted(reads.between(0, 0.2)) == sorted(keys)
    for begin in (15, 25, 35):
        assert Counter(reads.between(begin, begin + 10)) == Counter(keys)
        assert max(len(reads.between(begin + at, begin + at + 1)) for at in range(10)) <= 8
    for key in keys:
        times = [at for at, each in reads.began if each == key]
        pauses = [later - earlier for earlier, later in pairwise(times)]
        assert 4.8 < min(pauses) <= max(pauses) < 14.8


async def test_those_that_were_streamed_have_their_first_turn_soon() -> None:
    """Within half an interval: with the cycle of a stream before it, no sample is missed."""
    clock = ManualClock()
    reads = Reads(clock)
    rotation = Rotation(reads, clock, 10.0)
    async with running(rotation):
        for number in range(10):
            rotation.add(f"c{number}", at_once=False)
        await pass_by(clock, 5.2)

    assert Counter(reads.between(0, 5.2)) == Counter(f"c{number}" for number in range(10))
    assert len(reads.between(0, 2.5)) in range(4, 7)


async def test_slow_reads_hold_up_only_the_workers() -> None:
    """No more are under way at once, and none has two at a time."""
    clock = ManualClock()
    reads = Reads(clock, 4.0)
    rotation = Rotation(reads, clock, 5.0)
    async with running(rotation):
        for number in range(20):
            rotation.add(f"c{number}", at_once=True)
        await pass_by(clock, 60)

    assert reads.most == WORKERS
    counts = Counter(key for _, key in reads.began).values()
    assert (len(counts), max(counts) - min(counts)) == (20, 1), counts


async def test_what_is_removed_has_no_more_turns() -> None:
    """Also while it is being read; what is added again meanwhile has one series of turns."""
    clock = ManualClock()
    reads = Reads(clock, 1.0)
    rotation = Rotation(reads, clock, 5.0)
    async with running(rotation):
        for key in ("gone", "back"):
            rotation.add(key, at_once=True)
        await pass_by(clock, 0.2)
        rotation.remove("gone")
        rotation.remove("back")
        rotation.add("back", at_once=False)
        await pass_by(clock, 31)

    turns = Counter(key for _, key in reads.began)
    assert turns["gone"] == 1
    assert 6 <= turns["back"] <= 8
    assert ("back" in rotation, "gone" in rotation, len(rotation)) == (True, False, 1)
