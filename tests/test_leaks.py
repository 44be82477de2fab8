"""Hundreds of containers come and go, and nothing of them stays in memory."""

import asyncio
import gc

from fakes.engine import FakeEngine
from fakes.stats import frame, streaming
from snapshots import a_journal
from tidegauge.app import Memory, compose
from tidegauge.clock import SystemClock
from tidegauge.config import EngineOptions, Options
from tidegauge.metrics.registry import GONE_KEPT
from waiting import wait_until_async

AT_ONCE = 40


async def come_and_go(engine, program, memory, generation):
    """So many containers are started, sampled and removed."""
    (follower,) = program.followers
    made = [engine.add(f"c{generation}-{n}", streaming(frame(1), frame(2))) for n in range(AT_ONCE)]
    await engine.ring("start", made[0], generation * 2, name="c")
    await wait_until_async(lambda: len(follower.watched) == AT_ONCE, 10, "all are watched")
    engine.forget_all()
    await engine.ring("destroy", made[0], generation * 2 + 1, name="c")
    await wait_until_async(lambda: not follower.watched, 10, "none is watched")
    memory.registry.collect(generation)
    gc.collect()
    return len(gc.get_objects())


async def test_containers_that_come_and_go_leave_no_object(tmp_path):
    """After the kept totals are full, each further generation leaves as many objects as before."""
    journal, _ = a_journal()
    memory, stop = Memory(journal, SystemClock()), asyncio.Event()
    async with FakeEngine(tmp_path / "s") as engine:
        options = Options(engines=(EngineOptions(host=engine.host),))
        program = compose(options, {}, SystemClock(), stop, memory)
        running = asyncio.create_task(program.collecting.run())
        objects = [await come_and_go(engine, program, memory, n) for n in range(1, 11)]
        running.cancel()
        await asyncio.wait([running])

    settled = objects[GONE_KEPT // AT_ONCE + 1 :]
    # One container's instruments are over a hundred objects; connections under way are some too.
    assert min(settled[-3:]) - min(settled[:3]) < AT_ONCE * 40, objects
