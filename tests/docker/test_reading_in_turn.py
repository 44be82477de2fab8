"""Containers that are read in turn instead of streamed, and streamed when looked at."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest

from fakes.engine import Connection, FakeEngine
from manual_clock import ManualClock
from snapshots import a_journal
from tidegauge.clock import SystemClock
from tidegauge.docker.choice import Choice
from tidegauge.docker.client import EngineClient
from tidegauge.docker.effort import EffortMeter
from tidegauge.docker.endpoint import parse_endpoint
from tidegauge.docker.following import Follower
from tidegauge.docker.frames import Sample
from tidegauge.docker.interest import Interest
from tidegauge.docker.lives import Observation
from tidegauge.docker.pacing import Demand
from tidegauge.docker.rotation import WORKERS
from tidegauge.docker.stock import Effort
from tidegauge.docker.transport import HttpTransport
from tidegauge.streams import sink
from waiting import wait_until_async

UNKEPT = Demand(10.0, each_second=False)
SPEED = 20


class Hasty(SystemClock):
    """A clock that runs `SPEED` times too fast."""

    def monotonic(self) -> float:
        return time.monotonic() * SPEED

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds / SPEED)

    async def wait(self, event: asyncio.Event, seconds: float) -> bool:
        return await super().wait(event, seconds / SPEED)


def frame() -> bytes:
    passed = time.monotonic() * SPEED
    read = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=passed)
    usage = {"total_usage": round(passed * 10**9)}
    return json.dumps({"read": read.isoformat(), "cpu_stats": {"cpu_usage": usage}}).encode()


class Stats:
    """Answers reads and streams of all containers; counts both by the container's id."""

    def __init__(self) -> None:
        self.reads: Counter[str] = Counter()
        self.open: set[str] = set()
        self.under_way = self.most = 0
        self.broken: set[str] = set()

    async def __call__(self, connection: Connection) -> None:
        container = connection.path.split("/")[3]
        if "one-shot=1" in connection.path:
            await self._read(container, connection)
        else:
            await self._stream(container, connection)

    async def _read(self, container: str, connection: Connection) -> None:
        self.reads[container] += 1
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        await asyncio.sleep(0.01)
        self.under_way -= 1
        if container in self.broken:
            await connection.json({"message": "cgroup went away"}, 500)
        else:
            await connection.body(frame() + b"\n")

    async def _stream(self, container: str, connection: Connection) -> None:
        self.open.add(container)
        try:
            await connection.begin_chunks()
            while True:
                await connection.chunk(frame() + b"\n")
                await asyncio.sleep(1 / SPEED)
        finally:
            self.open.discard(container)


class Following:
    """A follower at work on a fake engine of so many containers."""

    def __init__(self, engine: FakeEngine, count: int, version: str, demand: Demand) -> None:
        self.stats = Stats()
        self.ids = [engine.add(f"c{number}", self.stats) for number in range(count)]
        engine.replies["/version"] = lambda c: c.json({"Version": version, "Components": []})
        self.journal, self.sentences = a_journal()
        client = EngineClient("local", HttpTransport(parse_endpoint(engine.host), 0.01))
        choice = Choice({}, ["**"], [])
        self.follower = Follower(
            *(client, choice, self.journal, Hasty(), lambda: 0.5),
            demand=demand,
            effort=EffortMeter(Hasty()),
        )
        self.samples: list[Sample] = []
        self.efforts: list[Effort] = []

    @property
    def troubles(self) -> list[str]:
        fine = {"engine answers", "samples come another way"}
        return [each for each in self.sentences if each not in fine]

    def keep(self, seen: Observation) -> None:
        if isinstance(seen, Sample):
            self.samples.append(seen)
        elif isinstance(seen, Effort):
            self.efforts.append(seen)

    def of(self, key: str) -> list[Sample]:
        return [each for each in self.samples if each.container.id == key]


@asynccontextmanager
async def following(
    engine: FakeEngine, count: int = 3, version: str = "25.0.3", demand: Demand = UNKEPT
) -> AsyncIterator[Following]:
    made = Following(engine, count, version, demand)
    task = asyncio.create_task((made.follower.source() >> sink(made.keep)).run())
    yield made
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_each_container_is_read_once_a_tick(engine: FakeEngine) -> None:
    """After a minute no stream is open, no more than eight reads at once, all have as many."""
    async with following(engine, 40) as seen:
        await wait_until_async(lambda: len(seen.stats.open) == 40, 10, "streams at first")
        await until_read_in_turn(seen)
        await wait_until_async(lambda: min_reads(seen) >= 6, 20, "five more reads of each")
        counts = [seen.stats.reads[key] for key in seen.ids]

    assert 1 < seen.stats.most <= WORKERS
    assert max(counts) <= 8
    assert seen.stats.open == set()
    assert {each.asked_every for each in seen.samples} == {10.0}
    assert {each.container.started_at for each in seen.samples} == {
        datetime(2020, 1, 1, tzinfo=UTC)
    }
    assert seen.troubles == []


async def until_read_in_turn(seen: Following) -> None:
    """Behind the first minute; what was streamed in it is forgotten."""
    await wait_until_async(lambda: min_reads(seen) >= 1, 10, "a read of each")
    seen.samples.clear()


def min_reads(seen: Following) -> int:
    return min(seen.stats.reads[key] for key in seen.ids)


@pytest.mark.parametrize(
    ("version", "demand"),
    [
        ("20.10.24", UNKEPT),
        ("24.0.9", UNKEPT),
        ("25.0.3", Demand(10.0, each_second=True)),
        ("25.0.3", Demand(1.0, each_second=False)),
    ],
)
async def test_all_others_are_streamed(engine: FakeEngine, version: str, demand: Demand) -> None:
    """Older engines, who keeps every second, and short ticks: nothing is ever read."""
    async with following(engine, 3, version, demand) as seen:
        await wait_until_async(
            lambda: all(len(seen.of(key)) >= 30 for key in seen.ids), 20, "thirty of each"
        )

    assert seen.stats.reads.total() == 0
    assert {each.asked_every for each in seen.samples} == {0.0}


async def test_what_is_looked_at_is_streamed_for_a_minute(engine: FakeEngine) -> None:
    """The others are read on; behind the minute it is read again, and new ones are too."""
    async with following(engine) as seen:
        clock = ManualClock()
        seen.follower.interest = interest = Interest(clock)
        _, looked_at, _ = seen.ids
        await until_read_in_turn(seen)
        await wait_until_async(lambda: min_reads(seen) >= 2, 10, "reads")
        interest.look("c1")
        await wait_until_async(lambda: seen.stats.open == {looked_at}, 10, "a stream")
        await wait_until_async(
            lambda: sum(not each.asked_every for each in seen.of(looked_at)) >= 3, 10, "its samples"
        )
        reads = seen.stats.reads[looked_at]
        others = seen.stats.reads.total()
        await wait_until_async(lambda: seen.stats.reads.total() >= others + 4, 10, "more reads")
        assert seen.stats.reads[looked_at] == reads
        assert seen.follower.read_in_turn == 2

        await clock.advance(60)
        await wait_until_async(lambda: seen.stats.reads[looked_at] > reads, 10, "a read of it")
        assert seen.stats.open == set()
        assert len(seen.follower.watched) == 3

    ways = [each.asked_every for each in seen.of(looked_at)]
    streamed = ways.index(0.0)
    # The first one behind a change is as late as those before it may be.
    assert ways == [10.0] * streamed + [0.0] * ways.count(0.0) + [10.0] * (
        len(ways) - streamed - ways.count(0.0)
    )
    times = [each.frame.read for each in seen.of(looked_at)]
    assert times == sorted(times)


async def test_what_it_costs_is_measured_by_the_way_samples_come(engine: FakeEngine) -> None:
    """Three containers: three reads in ten seconds, or three samples each second."""
    async with following(engine) as seen:
        await until_read_in_turn(seen)
        measured = len(seen.efforts)
        await wait_until_async(lambda: len(seen.efforts) >= measured + 3, 10, "three measurements")
        assert seen.efforts[-1].streamed == 0.0
        assert 0.1 <= seen.efforts[-1].read <= 0.7
        assert seen.efforts[-1].cpu is None
        seen.follower.interest.look_at_all()
        await wait_until_async(
            lambda: seen.efforts[-1].read == 0.0 and (seen.efforts[-1].streamed or 0) > 1.0,
            *(20, "samples of streams alone"),
        )


async def test_a_read_that_fails_is_told_once(engine: FakeEngine) -> None:
    """It is counted each time, the others go on, and what works again is told anew."""
    async with following(engine) as seen:
        await until_read_in_turn(seen)
        seen.stats.broken.add(seen.ids[0])
        await wait_until_async(lambda: seen.journal.counts["read failed"] >= 3, 10, "failures")
        assert seen.troubles == [
            f"engine local refused /containers/{seen.ids[0]}/stats with status 500:"
            " cgroup went away."
        ]
        assert len(seen.of(seen.ids[1])) >= 2
        seen.stats.broken.clear()
        await wait_until_async(lambda: len(seen.of(seen.ids[0])) >= 1, 10, "it works again")
        seen.stats.broken.add(seen.ids[0])
        await wait_until_async(lambda: len(seen.troubles) == 2, 10, "told again")


async def test_a_lost_engine_is_told_once_and_not_once_a_container(tmp_path) -> None:
    """When it is back, its containers are read again."""
    first = FakeEngine(tmp_path / "s")
    async with AsyncExitStack() as running:
        await running.enter_async_context(first)
        async with following(first, 20) as seen:
            await wait_until_async(lambda: min_reads(seen) >= 2, 10, "reads")
            await running.aclose()
            await wait_until_async(lambda: seen.follower.lost == 1, 10, "it is lost")
            reads = min_reads(seen)
            second = FakeEngine(tmp_path / "s")
            second.listed, second.replies = (
                first.listed,
                {**first.replies, "/events": second.replies["/events"]},
            )
            async with second:
                await wait_until_async(lambda: min_reads(seen) > reads, 10, "reads again")

    assert seen.journal.counts["read failed"] == 0
    assert [each for each in seen.troubles if "broke" not in each] == []


async def test_a_removed_container_is_read_no_more(engine: FakeEngine) -> None:
    """And one that is new is."""
    async with following(engine) as seen:
        await wait_until_async(lambda: min_reads(seen) >= 1, 10, "reads")
        gone = seen.ids[0]
        new = engine.add("new", seen.stats)
        engine.listed[:] = [each for each in engine.listed if each["Id"] != gone]
        del engine.replies[f"/containers/{gone}/stats"]
        await engine.ring("start", new)
        await wait_until_async(lambda: seen.of(new), 10, "a sample of it")
        reads = seen.stats.reads[gone]
        assert gone not in seen.follower.watched
        await wait_until_async(lambda: seen.stats.reads[new] >= 3, 10, "more reads")
        assert seen.stats.reads[gone] == reads
