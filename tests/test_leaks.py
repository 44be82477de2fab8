"""Hundreds of containers come and go, and nothing of them stays in memory."""

import asyncio
import gc

from fakes.engine import FakeEngine
from fakes.stats import frame, streaming
from manual_clock import ManualClock
from recorded import a_container
from snapshots import a_journal
from tidegauge.app import Memory, compose
from tidegauge.clock import SystemClock
from tidegauge.config import EngineOptions, Options
from tidegauge.docker.frames import NetworkStats, Throttling
from tidegauge.docker.intervals import Life
from tidegauge.docker.lives import Condition
from tidegauge.metrics import Registry
from tidegauge.metrics.registry import GONE_KEPT
from tidegauge.readings import CpuReading, InterfaceTraffic, NetworkReading
from waiting import wait_until_async

AT_ONCE = 40
ETH0 = InterfaceTraffic("eth0", NetworkStats(*[1] * 8))


OURS = {"tidegauge"}
"""Whose objects are counted: others in this process belong to tests before this one."""


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
    return sum(str(type(each).__module__).partition(".")[0] in OURS for each in gc.get_objects())


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
    # One container's instruments are over sixty objects; connections under way are some too.
    assert min(settled[-3:]) - min(settled[:3]) < AT_ONCE * 30, objects


def test_a_forgotten_container_is_freed_at_once():
    """It does not wait for the collector, which comes seldom to a program of many objects."""
    registry = Registry({}, ManualClock())
    for number in range(GONE_KEPT + 20):
        container = a_container(id=f"{number}", alias=f"c{number}")
        registry.condition(Condition(container, "running"))
        registry.cpu(
            CpuReading(container, Life(from_birth=True), 1, 1, 1, 1, 2, 0.5, Throttling(1, 1, 1))
        )
        registry.network(NetworkReading(container, Life(from_birth=True), (ETH0,)))
        registry.condition(Condition(container, "", gone=True))
    gc.collect()
    gc.disable()
    try:
        registry.collect(10.0)
        assert len(list(registry.live())) == GONE_KEPT
        assert gc.collect() == 0
    finally:
        gc.enable()
