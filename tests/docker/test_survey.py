"""The slow lane beside the samples: what is asked when, and what becomes of slow answers."""

import asyncio
from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path
from typing import Any, Self

import pytest
import structlog

from fakes.engine import Connection, FakeEngine
from fakes.stats import frame, streaming
from manual_clock import ManualClock
from tidegauge.docker.choice import Choice
from tidegauge.docker.client import EngineClient
from tidegauge.docker.endpoint import parse_endpoint
from tidegauge.docker.following import Follower
from tidegauge.docker.frames import Sample
from tidegauge.docker.lives import Observation
from tidegauge.docker.stock import (
    ContainerSize,
    DiskUse,
    EngineGone,
    FileSystem,
    FileSystems,
    Stock,
)
from tidegauge.docker.survey import FIRST_SECONDS, Survey, SurveyTimes
from tidegauge.docker.transport import HttpTransport
from tidegauge.journal import Journal
from tidegauge.streams import sink
from waiting import wait_until_async

INFO = {
    "ContainersRunning": 1,
    "Images": 3,
    "NCPU": 2,
    "DockerRootDir": "/data",
    "KernelVersion": "6.1",
}
DF = {"LayersSize": 7, "Volumes": [{"Name": "v", "Mountpoint": "/v", "UsageData": {"Size": 5}}]}
SIZES = "/v1.41/containers/json?all=1&size=1"
DISKS = "/v1.41/system/df?type=image&type=volume&type=build-cache&verbose=1"
TIMES = SurveyTimes(interval=150.0, timeout=30.0)


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[FakeEngine]:
    async with FakeEngine(tmp_path / "s") as running:
        running.replies["/info"] = lambda c: c.json(INFO)
        running.replies["/system/df"] = lambda c: c.json(DF)
        yield running


class Watch:
    """A follower with a survey at work; ``clock`` is that of both."""

    def __init__(self, host: str, measured: tuple[FileSystem, ...] | None = None) -> None:
        self.clock, self.told = ManualClock(), list[tuple[str, str]]()
        self.seen, self.measured = list[Observation](), list[tuple[str, ...]]()
        self.journal = Journal(structlog.wrap_logger(None, processors=[self._keep]))

        async def measure(kernel: str, paths: Any) -> tuple[FileSystem, ...]:
            self.measured.append((kernel, *paths))
            return measured or ()

        client = EngineClient("local", HttpTransport(parse_endpoint(host)))
        survey = Survey(
            client, TIMES, self.journal, self.clock, None if measured is None else measure
        )
        choice = Choice({}, ["**"], [])
        self.follower = Follower(
            client, choice, self.journal, self.clock, lambda: 0.5, survey=survey
        )

    def _keep(self, _logger: object, _method: object, event: dict[str, Any]) -> str:
        if "code" in event:
            self.told.append((event["code"], event["event"]))
        raise structlog.DropEvent

    def of(self, kind: type[Any]) -> list[Any]:
        return [each for each in self.seen if isinstance(each, kind)]

    async def some(self, kind: type[Any], count: int = 1) -> list[Any]:
        """So many of a kind, as soon as there are."""
        await wait_until_async(lambda: len(self.of(kind)) >= count, 10, f"{count} {kind}")
        return self.of(kind)

    async def asked(self, engine: FakeEngine, path: str, count: int = 1) -> None:
        """Let the clock go on by small steps until a request came so often."""

        async def came() -> bool:
            for _ in range(10):
                if engine.requests.count(path) < count:
                    await self.clock.advance(1.0)  # many turns of the loop: requests are answered
            return engine.requests.count(path) >= count

        await wait_until_async(came, 10, f"{count} times {path}")

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task((self.follower.source() >> sink(self.seen.append)).run())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await self._task


async def test_stock_is_taken_at_once_and_disks_are_walked_ten_seconds_later(
    engine: FakeEngine,
) -> None:
    """The sizes first and then the rest; each observation has what was said."""
    web = engine.add("web", streaming(frame(1)))
    engine.listed[0] |= {"SizeRw": 41, "SizeRootFs": 99}

    async with Watch(engine.host) as watch:
        (stock,) = await watch.some(Stock)
        await wait_until_async(lambda: watch.follower.watched, 10, "the list")
        assert (stock.containers, stock.images, stock.cpus) == ({"running": 1}, 3, 2)
        await watch.clock.advance(FIRST_SECONDS - 1)
        assert SIZES not in engine.requests
        await watch.clock.advance(1)
        (use,) = await watch.some(DiskUse)

    (size,) = watch.of(ContainerSize)
    assert (size.container.id, size.container.alias, size.writable) == (web, "web", 41)
    assert size.whole == 99
    assert (use.images, use.volume_sizes) == (7, {"v": 5})
    assert size.holds == use.holds == 2 * (TIMES.interval + TIMES.timeout)
    assert engine.requests.index(SIZES) < engine.requests.index(DISKS)
    assert watch.of(FileSystems) == []
    assert watch.told == []


async def test_stock_is_taken_each_minute_and_disks_are_walked_each_interval(
    engine: FakeEngine,
) -> None:
    """What a round takes is not made up for: rounds never pile up."""
    async with Watch(engine.host) as watch:
        await watch.some(Stock)
        await watch.asked(engine, DISKS)
        await watch.some(DiskUse)
        begun = watch.clock.monotonic()
        await watch.asked(engine, DISKS, 2)

        assert TIMES.interval - 1 <= watch.clock.monotonic() - begun <= TIMES.interval + 3
        assert len(watch.of(Stock)) == 3


async def test_file_systems_are_measured_where_the_engine_is(engine: FakeEngine) -> None:
    """Its data root, and the mount points of the volumes once they are known."""
    found = (FileSystem("/data", 10, 5, 4),)

    async with Watch(engine.host, found) as watch:
        await watch.asked(engine, DISKS)
        await watch.asked(engine, "/v1.41/info", 2)
        (first, *_) = await watch.some(FileSystems, 2)

    assert first.found == found
    assert watch.measured == [("6.1", "/data"), ("6.1", "/data", "/v")]


async def test_a_walk_that_never_ends_delays_no_sample(engine: FakeEngine) -> None:
    """Samples come while the answer is waited for."""
    more, hanging = asyncio.Event(), asyncio.Event()

    async def hang(_: Connection) -> None:
        hanging.set()
        await asyncio.Event().wait()

    async def stats(connection: Connection) -> None:
        await connection.begin_chunks()
        await connection.chunk(frame(1) + b"\n")
        await more.wait()
        await connection.chunk(frame(2) + b"\n")
        await asyncio.Event().wait()

    engine.add("web", stats)
    engine.replies["/system/df"] = hang

    async with Watch(engine.host) as watch:
        await watch.some(Sample)
        await watch.asked(engine, DISKS)
        await asyncio.wait_for(hanging.wait(), 10)
        more.set()
        await watch.some(Sample, 2)
        await wait_until_async(lambda: len(watch.of(Stock)) >= 1, 10, "stock")
        assert watch.of(DiskUse) == []


async def test_an_engine_that_is_too_slow_is_told_once_and_asked_more_seldom(
    engine: FakeEngine,
) -> None:
    """Twice the interval after each such round, and the usual one after a good one."""
    slow = True

    async def answer(connection: Connection) -> None:
        if slow:
            await asyncio.Event().wait()
        await connection.json(DF)

    engine.replies["/system/df"] = answer
    asked: list[float] = []
    async with Watch(engine.host) as watch:
        await watch.some(Stock)
        for round_ in range(1, 4):
            slow = round_ < 3
            await watch.asked(engine, DISKS, round_)
            asked.append(watch.clock.monotonic())
        await watch.some(DiskUse)
        await watch.asked(engine, DISKS, 4)
        asked.append(watch.clock.monotonic())

    waits = [later - earlier for earlier, later in pairwise(asked)]
    assert waits == [
        pytest.approx(30 + 300, abs=5),
        pytest.approx(30 + 600, abs=5),
        pytest.approx(150, abs=5),
    ]
    assert watch.told == [
        (
            "survey_too_slow",
            "engine local does not tell its use of the disk within 30 s (survey.timeout); it is"
            " asked more seldom while that is so.",
        )
    ]
    assert watch.journal.counts == {"survey too slow": 2}


async def test_a_failure_is_told_once_and_what_else_there_is_goes_on(engine: FakeEngine) -> None:
    """A proxy may forbid one page and not the others."""
    engine.replies["/system/df"] = lambda c: c.body(b"<html>no</html>", 403)
    engine.add("web", streaming(frame(1)))
    engine.listed[0] |= {"SizeRw": 41}

    async with Watch(engine.host) as watch:
        await watch.asked(engine, DISKS, 2)
        await watch.some(ContainerSize, 2)
        await watch.clock.advance(5)

    assert [code for code, _ in watch.told] == ["survey_failed"]
    assert watch.told[0][1] == (
        "engine local, or a proxy before it, forbids /system/df (status 403); let that through."
    )


async def test_an_engine_without_such_pages_is_asked_in_silence(engine: FakeEngine) -> None:
    """One of before API 1.25 has no page of disk use; a recording has what was asked then."""
    del engine.replies["/system/df"], engine.replies["/info"]

    async with Watch(engine.host) as watch:
        await watch.asked(engine, DISKS, 2)
        await watch.clock.advance(5)

    assert watch.told == []


async def test_garbage_is_told_and_survived(engine: FakeEngine) -> None:
    """No page of another program is taken for an answer."""
    engine.replies["/info"] = lambda c: c.body(b'{"NCPU": "two"}')
    engine.replies["/system/df"] = lambda c: c.body(b"[1, 2")

    async with Watch(engine.host) as watch:
        await watch.asked(engine, DISKS, 2)
        await watch.clock.advance(5)

    assert [code for code, _ in watch.told] == ["survey_failed"] * 2
    assert watch.of(Stock) == watch.of(DiskUse) == []


async def test_a_lost_engine_is_told_as_that_and_surveyed_anew(engine: FakeEngine) -> None:
    """Nothing it said stands, and no failure of the survey is told beside the loss."""
    connections: list[Connection] = []

    async def events(connection: Connection) -> None:
        connections.append(connection)
        await connection.begin_chunks()
        await asyncio.Event().wait()

    engine.replies["/events"] = events
    async with Watch(engine.host) as watch:
        await watch.some(Stock)
        await wait_until_async(lambda: connections, 10, "events")
        connections[0].break_off()
        await watch.asked(engine, "/v1.41/info", 2)
        await watch.some(EngineGone)
        await watch.some(Stock, 2)

    assert [code for code, _ in watch.told] == ["engine_lost"]
    kinds = [type(each) for each in watch.seen if isinstance(each, Stock | EngineGone)]
    assert kinds == [Stock, EngineGone, Stock]
