"""The whole program against a backend over HTTP that goes away and comes back."""

import asyncio
import io
import re
from pathlib import Path

import pytest
from aiohttp import web

from fakes.engine import FakeEngine
from fakes.stats import frame, streaming
from snapshots import a_journal
from tidegauge.app import Memory, compose, run
from tidegauge.clock import SystemClock
from tidegauge.config import AgentOptions, EngineOptions, ExportersOptions, Options
from tidegauge.exporters.influxdb import InfluxdbOptions
from tidegauge.terminal.progress import Progress
from tidegauge.web.options import WebOptions
from waiting import wait_until_async

TIMES = re.compile(rb" (\d+)$", re.MULTILINE)


class Backend:
    """Takes lines, or answers 503; on a port of loopback."""

    def __init__(self) -> None:
        self.away = False
        self.refused = 0
        self.bodies: list[bytes] = []

    async def __aenter__(self):
        self._runner = web.ServerRunner(web.Server(self._answer), shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.Response:
        body = await request.read()
        if self.away:
            self.refused += 1
            return web.Response(status=503)
        self.bodies.append(body)
        return web.Response(status=204)

    def times(self) -> list[int]:
        """When the ticks ended that arrived, in the order they came."""
        each = [int(time) for body in self.bodies for time in TIMES.findall(body)]
        return [time for n, time in enumerate(each) if n == 0 or each[n - 1] != time]


class Started:
    """The program with one container and this backend, until it is told to stop."""

    def __init__(self, engine: FakeEngine, influxdb: InfluxdbOptions) -> None:
        options = Options(
            tick_interval=0.1,
            engines=(EngineOptions(host=engine.host),),
            agent=AgentOptions(hostname="h1"),
            exporters=ExportersOptions(influxdb=influxdb),
            web=WebOptions(listen=""),
        )
        self.journal, self.sentences = a_journal()
        self._stop, clock = asyncio.Event(), SystemClock()
        program = compose(options, {}, clock, self._stop, Memory(self.journal, clock))
        progress = Progress(io.StringIO(), 80)
        self._running = asyncio.create_task(run(program, self.journal, clock, self._stop, progress))
        (self.delivery,) = program.deliveries

    async def stopped(self) -> None:
        self._stop.set()
        await self._running
        assert asyncio.all_tasks() - {asyncio.current_task()} == set()


async def test_a_backend_comes_back_while_the_program_runs(tmp_path: Path) -> None:
    """Everything arrives, in order; two sentences tell of it."""
    async with FakeEngine(tmp_path / "s") as engine, Backend() as backend:
        engine.add("web", streaming(*(frame(n) for n in range(5))))
        started = Started(engine, InfluxdbOptions(url=backend.url, flush_interval=0.1))
        await wait_until_async(lambda: backend.bodies, 10, "it is there")
        backend.away = True
        await wait_until_async(lambda: backend.refused, 10, "it is away")
        kept = started.delivery.state.kept.batches
        await wait_until_async(
            lambda: started.delivery.state.kept.batches > kept + 2, 10, "it is kept"
        )
        backend.away = False
        await wait_until_async(lambda: not started.delivery.state.trouble, 10, "it is back")
        await started.stopped()

    times = backend.times()
    assert times == sorted(set(times))
    assert started.delivery.state.kept.batches == 0
    assert started.delivery.state.dropped == {}
    told = [each for each in started.sentences if "xport" in each]
    assert told[0].startswith("InfluxDB")
    assert " answered 503 Service Unavailable. Exporter influxdb tries again;" in told[0]
    assert told[1:] == ["exports go through again"]


async def test_a_stop_in_an_outage_is_quick_and_the_spool_is_sent_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is lost over the two runs, and neither a pause nor a deadline is waited for."""
    monkeypatch.setattr("tidegauge.exporters.delivery.FIRST_PAUSE", 60.0)
    monkeypatch.setattr("tidegauge.app.FLUSH_SECONDS", 60.0)
    async with FakeEngine(tmp_path / "s") as engine, Backend() as backend:
        engine.add("web", streaming(*(frame(n) for n in range(5))))
        spooled = InfluxdbOptions(url=backend.url, flush_interval=0.1, spool=str(tmp_path / "q"))
        backend.away = True
        first = Started(engine, spooled)
        await wait_until_async(lambda: first.delivery.state.kept.batches > 3, 10, "it is kept")
        before = asyncio.get_running_loop().time()
        await first.stopped()
        assert asyncio.get_running_loop().time() - before < 15
        kept = first.delivery.state.kept.batches

        backend.away = False
        second = Started(engine, spooled)
        await wait_until_async(lambda: second.delivery.state.sent.batches > kept, 10, "it is sent")
        await second.stopped()

    assert first.sentences[-1] == "what was not delivered stays in the spool"
    assert "what an earlier run could not deliver goes first" in second.sentences
    times = backend.times()
    assert times == sorted(set(times))
    assert second.delivery.state.kept.batches == 0
    assert not [*(tmp_path / "q" / "influxdb").glob("*.batch")]
