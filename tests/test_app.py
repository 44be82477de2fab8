"""Composing and running the program inside one process: nothing is opened early or left behind."""

import asyncio
import io
import platform
import socket
from pathlib import Path

import pytest

from fakes.engine import FakeEngine
from fakes.sleeping import Sleeping
from fakes.stats import frame, streaming
from manual_clock import ManualClock
from recorded import a_container
from snapshots import a_journal
from tidegauge.app import Memory, compose, engine_client, run, show_start
from tidegauge.clock import SystemClock
from tidegauge.config import (
    AgentOptions,
    EngineOptions,
    ExportersOptions,
    LimitOptions,
    Options,
    SurveyOptions,
)
from tidegauge.docker import draining
from tidegauge.docker.frames import Engine
from tidegauge.errors import ConfigError
from tidegauge.exporters.statsd import StatsdOptions
from tidegauge.metrics import identity
from tidegauge.readings import PidsReading
from tidegauge.terminal.progress import Progress
from tidegauge.web.options import WebOptions
from waiting import wait_until_async


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def options(host: str, **more) -> Options:
    """One engine, and no web server."""
    known = {"agent": AgentOptions(hostname="h1"), "web": WebOptions(listen="")} | more
    return Options(engines=(EngineOptions(host=host, source="api"),), **known)


def test_series_beyond_the_configured_limits_are_told_and_counted() -> None:
    """Once in words; the count goes on. A changed configuration changes the limits."""
    journal, sentences = a_journal()
    memory = Memory(journal, SystemClock())
    for most in (100, 500):
        limits = LimitOptions(series_per_container=100, series=most)
        compose(options("unix:///s", limits=limits), {}, SystemClock(), asyncio.Event(), memory)
        for name in ("a", "b", "c"):
            memory.registry.pids(PidsReading(a_container(id=name, alias=name), 1, None))

    assert journal.counts == {"too many series": 2}
    assert sentences == [
        "there are more series than limits.series (100); further containers, interfaces and"
        " devices are not recorded."
    ]
    assert len(memory.registry.collect(1.0).series) == 3


class Composed:
    """A program that has a journal, and can be run."""

    def __init__(self, some: Options) -> None:
        self.stop, self.clock = asyncio.Event(), SystemClock()
        self.journal, self.sentences = a_journal()
        self.memory = Memory(self.journal, self.clock)
        self.program = compose(some, {}, self.clock, self.stop, self.memory)

    async def run(self) -> None:
        progress = Progress(io.StringIO(), 80)
        await run(self.program, self.journal, self.clock, self.stop, progress)


def test_a_wrong_docker_host_is_the_users_mistake() -> None:
    """It is not in the file, so the variable is named."""
    with pytest.raises(ConfigError, match=r"^DOCKER_HOST "):
        engine_client(EngineOptions(), {"DOCKER_HOST": "bogus://"})


def test_a_configured_address_wins_over_the_variable() -> None:
    """As a flag of the docker command would."""
    client = engine_client(EngineOptions(host="tcp://h:1"), {"DOCKER_HOST": "bogus://"})
    assert client.name == "local"


def test_composing_opens_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """No socket, no task, no event loop: a pipeline is a value."""

    def refused(*_: object, **__: object) -> None:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket, "socket", refused)
    exporters = ExportersOptions(statsd=StatsdOptions())
    composed = Composed(options("tcp://h:1", exporters=exporters, web=WebOptions()))

    assert [each.exporter.name for each in composed.program.deliveries] == ["statsd"]
    assert composed.program.web is not None
    assert composed.sentences == []
    assert Composed(options("tcp://h:1")).program.web is None


async def test_a_run_that_stopped_leaves_no_task_and_can_be_repeated(tmp_path: Path) -> None:
    """Twice in one process: each sends what it recorded with its last flush, and is gone."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.setblocking(False)
        statsd = StatsdOptions(port=server.getsockname()[1])
        for life in (1, 2):
            async with FakeEngine(tmp_path / f"s{life}") as engine:
                stats = engine.add("web", streaming(frame(1, pids=life), end=True))
                composed = Composed(options(engine.host, exporters=ExportersOptions(statsd=statsd)))
                running = asyncio.create_task(composed.run())
                await wait_until_async(
                    lambda engine=engine, path=f"{stats}/stats": (
                        sum(path in one for one in engine.requests) > 1
                    ),
                    10,
                    "the stream was read",
                )
                composed.stop.set()
                await running
            assert asyncio.all_tasks() == {asyncio.current_task()}
            assert composed.sentences == ["engine answers", "watching"]
            received = server.recv(65536).decode().splitlines()
            assert f"kamon.h1.docker-pids.web.current:{life}|ms" in received


@pytest.mark.parametrize("enabled", [True, False])
async def test_the_engine_and_the_machine_are_recorded_beside_the_containers(
    enabled: bool, tmp_path: Path
) -> None:
    """Without the survey the engine is not asked; the machine is looked at all the same."""
    async with FakeEngine(tmp_path / "s") as engine:
        engine.add("web", streaming(frame(1)))
        info = {"NCPU": 2, "DockerRootDir": str(tmp_path), "KernelVersion": platform.release()}
        engine.replies["/info"] = lambda c: c.json(info)
        composed = Composed(options(engine.host, survey=SurveyOptions(enabled=enabled)))
        running = asyncio.create_task(composed.run())
        known: dict[str, set[str]] = {"container": set(), "engine": set(), "host": set()}

        def all_is_known() -> bool:
            for each in composed.memory.registry.collect(0.0).present:
                known[identity(each.entity)[0]].add(each.metric.name)
            measured = "engine.filesystem.capacity" in known["engine"]
            return bool(known["container"] and known["host"] and (measured or not enabled))

        await wait_until_async(all_is_known, 10, "all is known")
        composed.stop.set()
        await running

    assert {"system.cpu.time", "system.memory.limit", "tidegauge.loop.lag"} <= known["host"]
    assert ("engine.cpu.count" in known["engine"]) == enabled
    assert any("/info" in request for request in engine.requests) == enabled


async def test_a_last_flush_that_hangs_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stop takes seconds, not minutes, and what is lost is told."""

    async def hang(*_: object, **__: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr("tidegauge.app.FLUSH_SECONDS", 0.05)
    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", hang)
    async with FakeEngine(tmp_path / "s") as engine:
        exporters = ExportersOptions(statsd=StatsdOptions())
        engine.add("web", streaming(frame(1)))
        composed = Composed(options(engine.host, exporters=exporters))
        running = asyncio.create_task(composed.run())
        await wait_until_async(lambda: "watching" in composed.sentences, 10, "it is watched")
        composed.stop.set()
        await running

    assert composed.sentences[2:] == ["the last flush took longer than 0.05 s and was given up."]
    assert composed.journal.counts == {"last flush": 1}


class Waiting:
    """What `show_start` asks of a follower."""

    def __init__(self, name: str) -> None:
        self.name, self.engine = name, Engine(name)
        self.watched = {"id": None}
        self.settled = False

    def status(self) -> str:
        return f"waiting for engine {self.name}"


async def test_progress_says_what_is_waited_for_and_for_how_long() -> None:
    """Every engine that has not answered, until all have."""
    terminal, clock = Terminal(), ManualClock()
    journal, sentences = a_journal()
    a, b = Waiting("a"), Waiting("b")
    showing = asyncio.create_task(show_start([a, b], journal, clock, Progress(terminal, 80)))
    await clock.advance(2)
    b.settled = True
    await clock.advance(1)
    a.settled = True
    await clock.advance(1)
    await showing

    shown = terminal.getvalue().split("\r\x1b[K")
    assert shown[1] == "waiting for engine a · waiting for engine b (0 s)"
    assert "waiting for engine a · waiting for engine b (2 s)" in shown
    assert "waiting for engine a (3 s)" in shown
    assert shown[-1] == ""
    assert sentences == ["watching", "watching"]


async def test_what_has_come_is_recorded_before_the_program_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also what nobody waited for, which was not read yet."""
    monkeypatch.setattr(draining, "CALM_SECONDS", 1e9)
    async with FakeEngine(tmp_path / "s") as engine:
        web = Sleeping(engine, "web")
        composed = Composed(options(engine.host))
        running = asyncio.create_task(composed.run())
        await web.sends(*range(8))
        composed.stop.set()
        await running

    totals = {
        metric.name: instrument.last
        for recorders in composed.memory.registry.live()
        for metric, _, instrument in recorders.holding(composed.clock.monotonic())
        if recorders.entity.name == "web"
    }
    assert totals["container.samples"] == 8
