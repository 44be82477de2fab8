"""``tidegauge run`` as a process: samples leave it, signals stop it, engines come and go."""

import asyncio
import os
import pty
import signal
import socket
import urllib.request
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from command import TIDEGAUGE, Run, environment, running
from fakes.engine import FakeEngine
from fakes.stats import frame, streaming
from servers.process import free_ports
from waiting import wait_until_async

pytestmark = pytest.mark.program

CONFIG = """
tick_interval = "{tick}"
[agent]
hostname = "h1"
[[engines]]
host = "{host}"
[exporters.statsd]
port = {port}
flush_interval = "{tick}"
"""


class Statsd:
    """A loopback UDP socket, and what came to it."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.setblocking(False)
        self.port = self._socket.getsockname()[1]
        self._lines: list[str] = []

    @property
    def lines(self) -> list[str]:
        while True:
            try:
                self._lines += self._socket.recv(65536).decode().splitlines()
            except BlockingIOError:
                return self._lines

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def statsd() -> Iterator[Statsd]:
    server = Statsd()
    yield server
    server.close()


@pytest.fixture
def host(tmp_path: Path) -> str:
    return f"unix://{tmp_path}/s"


@asynccontextmanager
async def run(
    tmp_path: Path, statsd: Statsd, tick: str = "100ms", more: str = ""
) -> AsyncIterator[Run]:
    """``tidegauge -c FILE``, sending to this StatsD."""
    path = tmp_path / "x.toml"
    text = CONFIG.format(tick=tick, host=f"unix://{tmp_path}/s", port=statsd.port)
    path.write_text(text + more, encoding="utf-8")
    async with running(tmp_path / "log", "-c", str(path)) as process:
        yield process


def engine_at(tmp_path: Path) -> FakeEngine:
    return FakeEngine(tmp_path / "s")


async def test_samples_arrive_under_the_right_keys(tmp_path: Path, statsd: Statsd) -> None:
    """Every metric of a frame leaves as a StatsD timer; the log says what is going on."""
    async with engine_at(tmp_path) as engine, run(tmp_path, statsd) as process:
        await process.says("watching")
        engine.add("web", streaming(frame(1, 1000), frame(2, 2000)))
        await engine.ring()
        await wait_until_async(lambda: len(statsd.lines) >= 6, 10, "all lines")
        assert await process.stop() == 0

    levels = dict(line.split(":", 1) for line in statsd.lines)
    assert {key.removeprefix("kamon.h1.docker-") for key in levels} == {
        "cpu.web.percent-cpu-usage",
        "cpu.web.percent-of-limit",
        "cpu.web.total-usage",
        "engine.local.stats-cycle",
        "memory.web.usage",
        "memory.web.limit",
        "memory.web.out-of-memory",
        "memory.web.peak-usage",
        "memory.web.working-set",
        "pids.web.current",
        "life.web.uptime",
        "life.web.restarts",
    }
    assert levels["kamon.h1.docker-cpu.web.percent-cpu-usage"] == "100|ms"
    assert 'level=info event="engine answers" engine=local kind=docker' in process.log
    assert "level=info event=watching engine=local containers=0" in process.log
    assert 'event="metrics go out" exporter=statsd to="StatsD at 127.0.0.1:' in process.log
    assert "Traceback" not in process.log


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_stops_with_a_last_flush(
    number: signal.Signals, tmp_path: Path, statsd: Statsd
) -> None:
    """With a tick of minutes only the last flush can have sent what was recorded."""
    async with engine_at(tmp_path) as engine, run(tmp_path, statsd, tick="10m") as process:
        stats = f"/containers/{engine.add('web', streaming(frame(1), frame(2), end=True))}/stats"
        await wait_until_async(
            # it asks again when it has read to the end
            lambda: sum(stats in one for one in engine.requests) > 1,
            10,
            "the stream was read",
        )
        assert statsd.lines == []
        assert await process.stop(number) == 0

    assert "kamon.h1.docker-pids.web.current:3|ms|@0.5" in statsd.lines
    assert "level=info event=stopped" in process.log.splitlines()[-1]
    assert "Traceback" not in process.log


def is_ready(port: int) -> bool:
    """Has it a sample of a container?"""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as reply:
            return reply.read() == b"ready\n"
    except OSError:
        return False


async def test_a_second_signal_ends_at_once(tmp_path: Path, statsd: Statsd) -> None:
    """Even while something hangs: here an exporter's host name that never resolves."""
    path = tmp_path / "x.toml"
    path.write_text("[exporters.statsd]\n", encoding="utf-8")
    hang = tmp_path / "sitecustomize.py"
    hang.write_text(
        "import asyncio, sys\n"
        "async def hang(*_, **__):\n"
        "    print('resolving', file=sys.stderr, flush=True)\n"
        "    await asyncio.sleep(60)\n"
        "asyncio.BaseEventLoop.getaddrinfo = hang\n",
        encoding="utf-8",
    )
    (port,) = free_ports(1)
    given = {"TIDEGAUGE_WEB_LISTEN": f"127.0.0.1:{port}", "PYTHONPATH": str(tmp_path)}

    async def again() -> int | None:
        process.send(signal.SIGTERM)  # of those that come at once with the first it hears one
        try:
            return await process.end(0.05)
        except TimeoutError:
            return None

    async with (
        engine_at(tmp_path) as engine,
        running(tmp_path / "log", "-c", str(path), DOCKER_HOST=engine.host, **given) as process,
    ):
        engine.add("web", streaming(frame(1), frame(2)))
        await wait_until_async(lambda: is_ready(port), 20, "there is a sample to send")
        process.send(signal.SIGTERM)
        await process.says("resolving")
        assert await wait_until_async(again, 5, "it has ended") == 128 + signal.SIGTERM

    assert "stopped" not in process.log
    assert "Traceback" not in process.log


async def test_an_absent_engine_is_said_and_waited_for(
    tmp_path: Path, host: str, statsd: Statsd
) -> None:
    """What was tried and how to start it, once; then the engine comes and is used."""
    async with run(tmp_path, statsd) as process:
        await process.says("no engine at")
        async with engine_at(tmp_path) as engine:
            engine.add("web", streaming(frame(1)))
            await wait_until_async(lambda: statsd.lines, 20, "samples")
            assert await process.stop() == 0

    (told,) = [line for line in process.log.splitlines() if "code=engine_lost" in line]
    assert told.endswith(
        f'level=warning event="no engine at {host}: there is no such socket. Is Docker running'
        ' (\\"sudo systemctl start docker\\")?" code=engine_lost'
    )
    assert "event=stopped engine_lost=" in process.log


async def test_a_lost_engine_is_joined_again(tmp_path: Path, statsd: Statsd) -> None:
    """Each loss and each return is one line; samples go on afterwards."""
    async with run(tmp_path, statsd) as process:
        for life in (1, 2):
            async with engine_at(tmp_path) as engine:
                engine.add("web", streaming(frame(life, pids=life)))
                key = f"kamon.h1.docker-pids.web.current:{life}|ms"
                await wait_until_async(lambda key=key: key in statsd.lines, 20, key)
            (tmp_path / "s").unlink(missing_ok=True)
        await process.says("code=engine_lost", times=2)
        assert await process.stop() == 0

    assert process.log.count("engine answers") == 2
    assert process.log.count("code=engine_lost") == 2
    assert "Traceback" not in process.log


async def test_a_missing_container_does_not_hold_the_others_up(
    tmp_path: Path, statsd: Statsd
) -> None:
    """It is told, the rest is watched, and it is picked up when it appears."""
    named = '[containers]\nweb = "web"\nlate = "late"\n'
    async with engine_at(tmp_path) as engine, run(tmp_path, statsd, more=named) as process:
        engine.add("web", streaming(frame(1)))
        await wait_until_async(lambda: any(".web." in x for x in statsd.lines), 10, "web")
        engine.add("late", streaming(frame(1)))
        await engine.ring()
        await wait_until_async(lambda: any(".late." in x for x in statsd.lines), 10, "late")
        assert await process.stop() == 0

    assert (
        'event="engine local has no container \\"late\\" yet; it is watched as soon as it'
        ' appears." code=container_missing\n'
    ) in process.log
    assert 'event="container appeared" engine=local container=late\n' in process.log


async def test_garbage_in_a_stream_is_counted_and_told_once(tmp_path: Path, statsd: Statsd) -> None:
    """Half an object and noise cost nothing but themselves."""
    async with engine_at(tmp_path) as engine, run(tmp_path, statsd) as process:
        engine.add("web", streaming(frame(1), frame(2)[:50], b"noise \x1b[2J", frame(3, pids=9)))
        key = "kamon.h1.docker-pids.web.current:"
        await wait_until_async(
            lambda: any(x.startswith(key) and "9|ms" in x for x in statsd.lines), 10, "the last"
        )
        assert await process.stop() == 0

    assert process.log.count("code=garbage_received") == 1
    assert "event=stopped garbage_received=2\n" in process.log
    assert "\x1b" not in process.log


async def test_without_exporters_it_says_where_metrics_go(tmp_path: Path) -> None:
    """No configuration is needed, and what is missing is named."""
    async with (
        engine_at(tmp_path) as engine,
        running(tmp_path / "log", DOCKER_HOST=engine.host) as process,
    ):
        await process.says("watching")
        assert await process.stop() == 0

    assert 'event="metrics go nowhere: add a table such as [exporters.statsd]"' in process.log


async def test_a_hanging_engine_does_not_hold_up_the_stop(tmp_path: Path, statsd: Statsd) -> None:
    """Something listens and never answers."""

    async def silence(_connection) -> None:
        await asyncio.Event().wait()

    async with engine_at(tmp_path) as engine, run(tmp_path, statsd) as process:
        engine.replies["/_ping"] = silence
        await wait_until_async(lambda: "/_ping" in engine.requests, 10, "it is asked")
        assert await process.stop() == 0

    assert process.log.splitlines()[-1].endswith("event=stopped")


async def on_terminal(tmp_path: Path, *arguments: str, until: bytes, **variables: str) -> bytes:
    """All that a command shows on a terminal of its own, stopped when it has shown this."""
    leader, follower = pty.openpty()
    child = await asyncio.create_subprocess_exec(
        *TIDEGAUGE,
        *arguments,
        stdin=follower,
        stdout=follower,
        stderr=follower,
        env=environment(COLUMNS="80", TERM="xterm", **variables),
    )
    os.close(follower)
    os.set_blocking(leader, False)
    shown = b""

    def shows() -> bool:
        nonlocal shown
        try:
            shown += os.read(leader, 65536)
        except BlockingIOError:
            pass
        except OSError:  # nobody is at the other side any more
            return True
        return until in shown

    await wait_until_async(shows, 15, f"{until!r} on the terminal")
    if child.returncode is None:
        child.terminate()
    until = b"never shown"
    await wait_until_async(shows, 15, "the end")
    assert await child.wait() == 0
    os.close(leader)
    return shown


async def test_progress_is_shown_on_a_terminal_and_taken_away(tmp_path: Path) -> None:
    """A line that waits, log lines above it, and at the end nothing of it."""
    shown = await on_terminal(
        tmp_path, "run", until=b"waiting for engine", DOCKER_HOST=f"unix://{tmp_path}/none"
    )

    text = shown.decode()
    assert "\r\x1b[Kconnecting to engine local (0 s)" in text
    before, _, after = text.partition("no engine at unix://")
    assert before.rpartition("\n")[2].startswith("\r\x1b[K")
    assert "\r\x1b[Kwaiting for engine local (" in after
    assert "\r\x1b[K" in after.rpartition("waiting for engine")[2]
    assert after.rstrip().rpartition("\n")[2].count("stopped") == 1
    assert "\x1b[3" in text  # colours


async def test_no_colour_is_heeded(tmp_path: Path) -> None:
    """The usual variable against colours; the progress line stays."""
    shown = await on_terminal(
        tmp_path,
        until=b"waiting for engine",
        DOCKER_HOST=f"unix://{tmp_path}/none",
        NO_COLOR="1",
    )

    assert b"\x1b[" not in shown.replace(b"\x1b[K", b"")


async def test_no_terminal_gets_neither_colours_nor_progress(
    tmp_path: Path, statsd: Statsd
) -> None:
    """A file or a pipe gets whole lines of plain text."""
    async with run(tmp_path, statsd) as process:
        await process.says("engine_lost")
        assert await process.stop() == 0

    assert "\x1b" not in process.log
    assert "\r" not in process.log
    assert all(line.startswith("timestamp=20") for line in process.log.splitlines())
