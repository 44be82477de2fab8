"""The engine in C: when its events come, what a slow reader does to others, and what it counts."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator
from datetime import datetime
from itertools import pairwise
from typing import Any

import pytest
from synthetic.running import SyntheticEngine

from raw_http import RawConnection, connected, question, streaming
from waiting import wait_until

pytestmark = pytest.mark.synthetic


@pytest.fixture(autouse=True)
def _compiler(require):
    require(SyntheticEngine)


@contextlib.asynccontextmanager
async def all_streams(engine: SyntheticEngine, count: int) -> AsyncIterator[list[RawConnection]]:
    """A stats stream of each container."""
    async with contextlib.AsyncExitStack() as stack:
        paths = [f"/containers/synth-{number:05}/stats" for number in range(count)]
        yield [await stack.enter_async_context(streaming(engine.socket, path)) for path in paths]


async def read_times(engine: SyntheticEngine, count: int, each: int) -> list[float]:
    """When the engine took samples while all streams were open; so many of each are read."""
    async with all_streams(engine, count) as streams:
        found = await asyncio.gather(*(stream.events(each) for stream in streams))
    taken = [[moment(event) for event in events] for events in found]
    begin, end = max(times[0] for times in taken), min(times[-1] for times in taken)
    return sorted(time for times in taken for time in times if begin <= time <= end)


def moment(sample: Any) -> float:
    return datetime.fromisoformat(sample["read"]).timestamp()


def gaps(times: list[float]) -> list[float]:
    return [later - earlier for earlier, later in pairwise(times)]


async def test_spread_events_come_all_the_time() -> None:
    """Of ten streams a sample is taken ten times in a cycle, so that no gap is half as long."""
    with SyntheticEngine(10, rate=2, pace="spread") as engine:
        found = gaps(await read_times(engine, 10, 6))

    assert len(found) >= 30
    assert sum(gap > 0.25 for gap in found) <= 3  # granted to a machine that does something else


async def test_a_burst_comes_at_once() -> None:
    """All streams have their sample together, and then for a cycle there is none."""
    with SyntheticEngine(10, rate=4, pace="burst") as engine:
        found = gaps(await read_times(engine, 10, 6))

    assert sum(gap > 0.125 for gap in found) >= 3


async def test_a_sweep_like_mobys_takes_longer_the_more_streams_there_are() -> None:
    """One after the other, and then a rest: 9 x 10 ms and 50 ms make at least 140."""
    with SyntheticEngine(10, rate=20, pace="moby", sweep_cost=10) as engine:
        found = gaps(await read_times(engine, 10, 4))
        truth = engine.truth()

    assert min(found) > 0.0099
    assert truth["cycle_seconds"]["max"] >= 0.14
    assert truth["cycles"] >= 4


async def test_a_flood_is_as_fast_as_its_reader() -> None:
    """A thousand events, at a rate that would take a quarter of an hour; none is skipped."""
    with SyntheticEngine(1, rate=1, pace="flood") as engine:
        async with all_streams(engine, 1) as [stream]:
            events = await stream.events(1000)
        assert engine.stop()["skipped"] == 0

    assert all(now["preread"] == before["read"] for before, now in pairwise(events))


async def test_hundreds_of_streams_are_served() -> None:
    """Each of 400 gets its events."""
    with SyntheticEngine(400, rate=5, shape="v2") as engine:
        async with all_streams(engine, 400) as streams:
            found = await asyncio.gather(*(stream.events(2) for stream in streams))
            assert engine.truth()["streams_open"] == 400

    assert len({events[1]["id"] for events in found}) == 400


async def test_a_stream_nobody_reads_holds_the_sweep_up() -> None:
    """Its queue fills, then each of its samples costs all streams the penalty, and is lost."""
    with (
        SyntheticEngine(3, rate=100, pace="burst", queue=8, penalty=50) as engine,
        unread(engine, "/containers/synth-00002/stats") as silent,
    ):
        async with all_streams(engine, 2) as others, asyncio.TaskGroup() as tasks:
            reading = [tasks.create_task(keep_reading(stream)) for stream in others]
            await asyncio.to_thread(
                wait_until, lambda: engine.truth()["skipped"] >= 5, 20, "samples skipped"
            )
            truth = engine.truth(streams=True)
            for task in reading:
                task.cancel()
        slow = RawConnection(*await asyncio.open_unix_connection(sock=silent))
        await slow.head()
        events = await slow.events(truth["streams"][0]["sent"] + 12)
        slow.close()

    first, *rest = truth["streams"]
    assert first["skipped"] >= 5
    assert [each["skipped"] for each in rest] == [0, 0]
    assert first["backlog"] > 8 * 2000 > max(each["backlog"] for each in rest)
    assert truth["backlog_max"] >= first["backlog_max"] >= first["backlog"]
    assert truth["cycle_seconds"]["max"] >= 0.05
    # What was lost is not felt by who reads on: each tells again what it got before.
    for before, now in pairwise(events):
        assert now["precpu_stats"] == before["cpu_stats"]


@contextlib.contextmanager
def unread(engine: SyntheticEngine, path: str) -> Iterator[socket.socket]:
    """A stream that nobody reads: an event loop would, to keep some of it."""
    with socket.socket(socket.AF_UNIX) as silent:
        silent.connect(str(engine.socket))
        silent.sendall(question(path))
        wait_until(lambda: engine.truth()["streams_open"] == 1, 10, "a stream")
        yield silent


async def keep_reading(stream: RawConnection) -> None:
    while True:
        await stream.chunk()


async def test_the_truth_is_what_a_reader_counts() -> None:
    """Events and bytes, of closed streams too; our own questions are not counted."""
    with SyntheticEngine(4, rate=50) as engine:
        async with all_streams(engine, 4) as streams:
            chunks = [chunk for stream in streams for chunk in [await stream.chunk()]]
            for number in range(4):
                assert engine.do("stall", number)  # so that the numbers stand still
            truth = engine.truth(streams=True)
            for stream, told in zip(streams, truth["streams"], strict=True):
                chunks += [await stream.chunk() for _ in range(told["sent"] - 1)]
            settled = engine.truth(streams=True)
        wait_until(lambda: engine.truth()["streams_open"] == 0, 10, "streams closed")
        last = engine.stop()

    assert truth["sent"] == len(chunks)
    assert truth["bytes"] == sum(len(f"{len(chunk):x}\r\n") + len(chunk) + 2 for chunk in chunks)
    assert [each["backlog"] for each in settled["streams"]] == [0] * 4
    assert (last["sent"], last["requests"], last["skipped"]) == (len(chunks), 4, 0)
    assert last["cpu_seconds"] > 0
    assert last["backlog_max"] > 0


async def test_the_truth_stands_still_without_streams() -> None:
    """Nobody listens: the collector sleeps."""
    with SyntheticEngine(4, rate=1000) as engine:
        async with connected(engine.socket) as connection:
            await connection.get("/info")
        truth = engine.stop()

    assert (truth["sent"], truth["cycles"], truth["requests"]) == (0, 0, 1)


async def samples(engine: SyntheticEngine, count: int) -> list[list[Any]]:
    """Two samples of each container."""
    async with all_streams(engine, count) as streams:
        return [await stream.events(2) for stream in streams]


async def test_idle_containers_have_only_time() -> None:
    """Of the others every counter stands still, but that of the machine moves."""
    with SyntheticEngine(10, rate=50, shape="v1", active=30) as engine:
        pairs = await samples(engine, 10)

    moved = {"read", "preread", "cpu_stats", "precpu_stats"}
    idle = 0
    for first, second in pairs:
        different = {name for name in second if second[name] != first[name]}
        usage = [each["cpu_stats"].pop("system_cpu_usage") for each in (first, second)]
        assert usage[0] < usage[1]
        if first["cpu_stats"] == second["cpu_stats"]:
            idle += 1
            assert different == moved
        else:
            assert different >= moved | {"networks", "blkio_stats"}
    assert idle == 7


async def speeds(seed: int) -> list[int]:
    """How fast each container uses CPU, in 32nds of a core: they differ by their weights."""
    with SyntheticEngine(12, rate=20, seed=seed) as engine:
        pairs = await samples(engine, 12)
    found: list[int] = []
    for first, second in pairs:
        used = [each["cpu_stats"]["cpu_usage"]["total_usage"] for each in (first, second)]
        passed = moment(second) - moment(first)
        found.append(round((used[1] - used[0]) / passed / 1e9 * 32))
    return found


async def test_a_seed_makes_the_same_load_again() -> None:
    """And another one another."""
    assert await speeds(1) == await speeds(1) != await speeds(2)


@pytest.mark.parametrize(("cpus", "large"), [(8, False), (64, True)])
async def test_large_events_come_whole(cpus: int, large: bool) -> None:
    """Those of more than 4 kB, which take two writes, are one chunk as well."""
    with SyntheticEngine(1, rate=50, cpus=cpus) as engine:
        async with all_streams(engine, 1) as [stream]:
            chunk = await stream.chunk()
            event = await stream.event()

    assert (len(chunk) > 4096) == large
    assert len(event["cpu_stats"]["cpu_usage"]["percpu_usage"]) == cpus
