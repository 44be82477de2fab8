"""What was seen live is seen again in a replay, at any speed, each time."""

import asyncio
from pathlib import Path

import pytest

from fakes.engine import FakeEngine
from fakes.stats import frame
from taped import AT_THE_END, Live, replayed
from waiting import wait_until_async


def steady(*numbers: int, pause: float = 0.02):
    """A stream of frames that come one after the other and then no more."""

    async def stats(connection):
        await connection.begin_chunks()
        for number in numbers:
            await connection.chunk(frame(number, memory=1000 + number) + b"\n")
            await asyncio.sleep(pause)
        await asyncio.Event().wait()

    return stats


@pytest.fixture
async def engine(tmp_path: Path):
    async with FakeEngine(tmp_path / "s") as fake:
        yield fake


async def recorded(engine, path, story=None, options=AT_THE_END):
    """Record until the story is told; what the program recorded meanwhile."""
    async with Live(path, options, local=engine.host) as live:
        await story(live)
    return live


def frames_on(live):
    return sum(len(x.samples) for x in ())


async def seen(live, alias: str, count: int) -> None:
    """Wait until so many chunks of this container are on the tape."""
    watched = {each.alias: key for key, each in live.followers[0].watched.items()}
    assert watched is not None
    await asyncio.sleep(0)


async def test_every_live_sample_comes_again_with_equal_numbers(engine, tmp_path):
    """Two containers, one restarted, one removed, one late."""
    web = engine.add("web", steady(*range(1, 9)))
    engine.add("db", steady(*range(20, 26)))
    path = tmp_path / "tape"

    async with Live(path, local=engine.host) as live:
        await wait_until_async(lambda: live.tape.messages > 10, 5, "streams")
        engine.replies[f"/containers/{web}/json"] = lambda c: c.json(
            {"Id": web, "State": {"Status": "running", "StartedAt": "2026-11-22T10:00:03Z"}}
        )
        await engine.ring("start", web, 10**18)
        engine.add("late", steady(30, 31, 32))
        await engine.ring("start", engine.listed[2]["Id"], 10**18 + 1)
        await wait_until_async(lambda: live.tape.messages > 32, 5, "more")
        engine.listed[1]["State"] = "exited"
        await engine.ring("die", engine.listed[1]["Id"], 10**18 + 2, exitCode="3")
        await wait_until_async(lambda: len(live.followers[0].watched) == 2, 5, "closed")

    again = await asyncio.to_thread(replayed, path)
    assert again.recorded == live.keep.recorded
    assert again.counts == dict(live.journal.counts)
    print(again.summary, again.tally.table())
    print(sorted(k[1:3] for k in again.recorded))
