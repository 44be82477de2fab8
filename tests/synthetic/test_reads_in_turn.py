"""The program's own pipeline over changes between streams and reads, on an engine with a truth."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise

import pytest
from synthetic.running import SyntheticEngine

from manual_clock import ManualClock
from snapshots import a_journal
from tidegauge.app import Memory, draw, engine_client, followers_of
from tidegauge.clock import Clock, SystemClock
from tidegauge.config import EngineOptions, Options, SurveyOptions
from tidegauge.docker.following import Follower
from tidegauge.docker.interest import Interest
from tidegauge.docker.intervals import Interval
from tidegauge.docker.lives import Condition, LifeEvent
from tidegauge.docker.pacing import Demand
from tidegauge.metrics import ContainerRecorders
from tidegauge.metrics.catalogue import CPU_TIME, MISSED
from tidegauge.readings.layout import Steady
from tidegauge.streams import from_iterable
from waiting import wait_until_async

pytestmark = pytest.mark.synthetic

SPEED = 10


@pytest.fixture(autouse=True)
def _compiler(require):
    require(SyntheticEngine)


class Hasty(SystemClock):
    """A clock that runs `SPEED` times too fast; the engine's does not."""

    def monotonic(self) -> float:
        return time.monotonic() * SPEED

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds / SPEED)

    async def wait(self, event: asyncio.Event, seconds: float) -> bool:
        return await super().wait(event, seconds / SPEED)


class Watching:
    """Implements `tidegauge.pipeline.Onlooker`: what was recorded, by alias."""

    name = "watching"

    def __init__(self, follower: Follower, memory: Memory) -> None:
        self.follower, self.memory = follower, memory
        self.seen: dict[str, list[Interval]] = {}

    def interval(self, interval: Interval) -> None:
        self.seen.setdefault(interval.container.alias, []).append(interval)

    def steady(self, sample: Steady) -> None:
        self.interval(sample.interval)

    def condition(self, seen: Condition) -> None:
        pass

    def life(self, event: LifeEvent) -> None:
        pass

    def least(self, containers: int) -> int:
        """Samples of the container with the fewest."""
        counts = [len(each) for each in self.seen.values()]
        return min(counts) if len(counts) == containers else 0

    def total(self, alias: str, name: str) -> float:
        """The newest value of a counter without attributes."""
        for each in self.memory.registry.live():
            if isinstance(each, ContainerRecorders) and each.container.alias == alias:
                for metric, attributes, instrument in each.holding(0.0):
                    if metric.name == name and not attributes:
                        return instrument.last or 0
        pytest.fail(f"there is no {name} of {alias}")


@asynccontextmanager
async def watching(
    engine: SyntheticEngine, demand: Demand, clock: Clock | None = None
) -> AsyncIterator[Watching]:
    clock = clock or SystemClock()
    journal, _ = a_journal()
    options = Options(
        engines=(EngineOptions(host=engine.host),), survey=SurveyOptions(enabled=False)
    )
    clients = [engine_client(each, {}) for each in options.engines]
    followers = followers_of(options, clients, journal, clock, lambda: 0.5, demand=demand)
    memory = Memory(journal, clock)
    seen = Watching(followers[0], memory)
    program = draw(options, followers, (), memory, from_iterable([]), onlookers=[seen])
    task = asyncio.create_task(program.collecting.run())
    yield seen
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_counters_go_on_over_changes_in_both_directions() -> None:
    """Read in turn, streamed while all are looked at, and read again: nothing is lost or doubled.

    They are streamed for the first minute. No stream is open while they are read, and no second
    counts as missed.
    """
    with SyntheticEngine(12, release="25.0.3", api="1.44") as engine:
        async with watching(engine, Demand(10.0, each_second=False), Hasty()) as seen:
            clock = ManualClock()
            seen.follower.interest = interest = Interest(clock)
            await wait_until_async(lambda: seen.follower.read_in_turn == 12, 20, "turns")
            await wait_until_async(lambda: engine.truth()["streams_open"] == 0, 5, "no stream")
            begun = seen.least(12)
            await wait_until_async(lambda: seen.least(12) >= begun + 2, 20, "two reads of each")

            interest.look("synth-00003")
            await wait_until_async(lambda: engine.truth()["streams_open"] == 1, 5, "one stream")
            interest.look_at_all()
            await wait_until_async(lambda: engine.truth()["streams_open"] == 12, 5, "all streams")
            streamed = seen.least(12)
            await wait_until_async(lambda: seen.least(12) >= streamed + 3, 20, "samples of streams")

            await clock.advance(60)
            await wait_until_async(lambda: engine.truth()["streams_open"] == 0, 15, "no stream")
            reads = seen.least(12)
            await wait_until_async(lambda: seen.least(12) >= reads + 2, 20, "reads again")

        for alias, intervals in seen.seen.items():
            for before, now in pairwise(intervals):
                assert now.before is not None
                assert before.now.read == now.before.read < now.now.read
                assert now.life is before.life
            usage = [each.now.cpu_stats.cpu_usage.total_usage for each in intervals]
            assert usage == sorted(usage)
            assert seen.total(alias, CPU_TIME.name) == usage[-1]  # its start was seen
            assert seen.total(alias, MISSED.name) == 0


@pytest.mark.parametrize(("release", "turns"), [("25.0.3", True), ("20.10.24", False)])
async def test_a_slow_cycle_is_left_for_reads(release: str, *, turns: bool) -> None:
    """Ten containers at 100 ms each are a cycle of 2 s, in which no second can be kept."""
    with SyntheticEngine(10, release=release, api="1.44", pace="moby", sweep_cost=100) as engine:
        async with watching(engine, Demand(10.0, each_second=True), Hasty()) as seen:
            await wait_until_async(lambda: seen.least(10) >= 2, 20, "streams")
            assert engine.truth()["streams_open"] == 10
            if turns:
                await wait_until_async(lambda: seen.follower.read_in_turn == 10, 30, "reads")
                await wait_until_async(lambda: engine.truth()["streams_open"] == 0, 5, "no stream")
            await wait_until_async(lambda: seen.least(10) >= 7, 30, "more samples")
            assert engine.truth()["streams_open"] == (0 if turns else 10)


async def test_a_usual_cycle_stays_with_streams() -> None:
    """Four seconds here are forty for who decides, and half a minute would be enough."""
    with SyntheticEngine(10, release="25.0.3", api="1.44", pace="moby") as engine:
        async with watching(engine, Demand(10.0, each_second=True), Hasty()) as seen:
            await wait_until_async(lambda: seen.least(10) >= 5, 30, "samples")
            assert engine.truth()["streams_open"] == 10
            assert seen.follower.read_in_turn == 0
