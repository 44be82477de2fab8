"""Straight from an engine: states from its own streams, through its losses."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from seen import Seen

from fakes.engine import FakeEngine
from fakes.stats import frame, streaming
from snapshots import a_journal
from tidegauge.clock import SystemClock
from tidegauge.config import CategoryFilter, EngineOptions, FilterOptions, Options
from tidegauge.top.here import Here
from waiting import wait_until_async


@asynccontextmanager
async def watching(options: Options) -> AsyncIterator[tuple[Here, Seen]]:
    journal, _ = a_journal()
    here, seen = Here(options, {}, journal, SystemClock()), Seen()
    running = asyncio.create_task(here.run(seen.states.append))
    try:
        yield here, seen
    finally:
        running.cancel()
        await asyncio.wait([running])


def engine(host: str, name: str = "e") -> EngineOptions:
    return EngineOptions(name=name, host=host)


async def test_a_simulated_engine_is_seen_whole() -> None:
    """Containers with values and projects, within seconds."""
    async with watching(Options(engines=(engine("demo://"),))) as (here, seen):
        state = await seen.until(
            lambda state: sum(x.values.cpu is not None for x in state.containers.values()) > 10,
            "values of most containers",
        )

    assert here.title == "engine e"
    web = state.containers["e/shop-web-1"]
    assert (web.project, web.service, web.state) == ("shop", "web", "running")
    assert web.values.memory_limit is not None
    assert state.trouble == ""


async def test_values_are_the_engines(tmp_path: Path) -> None:
    """A core, bytes, tasks; what the configuration leaves out says so."""
    async with FakeEngine(tmp_path / "s") as fake:
        fake.add("web", streaming(frame(1), frame(2, 2000, pids=4)))
        left_out = FilterOptions(categories={"docker-pids": CategoryFilter(include=())})
        options = Options(engines=(engine(fake.host),), filters=left_out)
        async with watching(options) as (_, seen):
            state = await seen.until(
                lambda s: s.containers and s.containers["e/web"].values.cpu is not None, "a sample"
            )

    web = state.containers["e/web"]
    assert (web.values.cpu, web.values.memory, web.values.pids) == (1.0, 2000, None)
    assert "filters.categories.docker-pids" in web.absent["pids"]


async def test_a_lost_engine_is_told_and_comes_back(tmp_path: Path) -> None:
    """The others go on; of its containers nothing is shown but their names."""
    async with FakeEngine(tmp_path / "a") as other:
        other.add("db", streaming(frame(1), frame(2)))
        hosts = engine(f"unix://{tmp_path}/b", "b"), engine(other.host, "a")
        async with watching(Options(engines=hosts)) as (here, seen):
            assert here.title == "engines b, a"
            await seen.until(lambda s: "no engine at" in s.trouble and s.containers, "one is there")
            async with FakeEngine(tmp_path / "b") as fake:
                fake.add("web", streaming(frame(1), frame(2)))
                await seen.until(lambda s: not s.trouble and len(s.containers) == 2, "both are")
            (tmp_path / "b").unlink(missing_ok=True)
            state = await seen.until(lambda s: s.trouble, "it is lost again")
            await seen.until(lambda s: s.containers["b/web"].state == "unknown", "it is unknown")

            assert [*state.containers] == ["a/db", "b/web"]
            assert seen.newest.containers["b/web"].values.cpu is None
            assert seen.newest.containers["a/db"].values.cpu == 1.0


async def test_events_are_remembered(tmp_path: Path) -> None:
    """Of one container, with their facts, as an agent tells them."""
    async with FakeEngine(tmp_path / "s") as fake:
        container = fake.add("web", streaming(frame(1)))
        async with watching(Options(engines=(engine(fake.host),))) as (here, seen):
            await seen.until(lambda state: state.containers, "it is there")
            await wait_until_async(lambda: fake.listeners, 10, "it listens")
            await fake.ring("die", container, at_ns=10**18, exitCode="137")
            (event,) = await wait_until_async(lambda: here.events("e/web"), 10, "it happened")

            assert await here.events("e/db") == []
    assert (event.entity, event.kind) == ("container:e/web", "die")
    assert event.at == 10**9
    assert event.facts["exit_code"] == 137
