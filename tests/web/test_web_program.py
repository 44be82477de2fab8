"""The web server as part of the program that users start."""

import json
import re
import urllib.request
from datetime import datetime
from itertools import count
from pathlib import Path

import pytest

from command import ended, running
from fakes.engine import Connection, FakeEngine
from fakes.stats import frame, streaming
from servers.process import free_ports
from tidegauge.web.options import WebOptions
from waiting import wait_until_async

pytestmark = pytest.mark.program


def page(address: str, path: str = "/metrics") -> str:
    """What is answered; empty when nobody answers."""
    try:
        with urllib.request.urlopen(f"http://{address}{path}", timeout=5) as reply:
            return reply.read().decode()
    except OSError:
        return ""


async def test_metrics_are_served_without_any_configuration(tmp_path: Path) -> None:
    """The line at the start says where; what is recorded is there between two ticks."""
    (port,) = free_ports(1)
    address = f"127.0.0.1:{port}"
    async with (
        FakeEngine(tmp_path / "s") as engine,
        running(tmp_path / "log", DOCKER_HOST=engine.host, TIDEGAUGE_WEB_LISTEN=address) as process,
    ):
        await process.says(f'level=info event="metrics at http://{address}/metrics"')
        engine.add("web", streaming(frame(1), frame(2, pids=7)))
        await engine.ring()
        line = 'container_pids{engine="local",container="web"} 7\n'
        await wait_until_async(lambda: line in page(address), 10, "the newest value")
        await wait_until_async(lambda: page(address, "/readyz") == "ready\n", 10, "it is ready")
        assert await ended("health", TIDEGAUGE_WEB_LISTEN=address) == (0, "", "")
        assert await process.stop() == 0

    assert "metrics go nowhere" not in process.log
    assert "warning" not in process.log


async def test_pages_for_prometheus_have_what_is_chosen(tmp_path: Path) -> None:
    """On both: by alias, and by the catalogue's names."""
    (port,) = free_ports(1)
    address = f"127.0.0.1:{port}"
    given = {
        "TIDEGAUGE_WEB_LISTEN": address,
        "TIDEGAUGE_WEB_METRICS_CONTAINERS": "**,!db",
        "TIDEGAUGE_WEB_METRICS_METRICS": "container.pids.*",
    }
    async with (
        FakeEngine(tmp_path / "s") as engine,
        running(tmp_path / "log", DOCKER_HOST=engine.host, **given) as process,
    ):
        for name in ("web", "db"):
            engine.add(name, streaming(frame(1), frame(2, pids=7)))
        await wait_until_async(lambda: page(address, "/readyz") == "ready\n", 20, "it is ready")
        await wait_until_async(lambda: "container_pids{" in page(address), 10, "a sample")
        found = [page(address, path) for path in ("/metrics", "/metrics/cadvisor")]
        assert await process.stop() == 0

    ours, cadvisors = [{x for x in text.splitlines() if x[0] != "#"} for text in found]
    assert ours == {'container_pids{engine="local",container="web"} 7'}
    assert {line.partition("{")[0] for line in cadvisors} == {
        "container_last_seen",
        "container_threads",
        "container_threads_max",
    }
    assert all('name="web"' in line for line in cadvisors)


async def test_the_api_shows_now_and_the_past(tmp_path: Path) -> None:
    """From the same samples: two of them are one rate."""
    (port,) = free_ports(1)
    address = f"127.0.0.1:{port}"
    given = {
        "TIDEGAUGE_WEB_LISTEN": address,
        "TIDEGAUGE_HISTORY_ENABLED": "true",
        "TIDEGAUGE_HISTORY_PATH": str(tmp_path / "history.db"),
    }
    at = datetime.fromisoformat("2026-11-22T10:00:02Z").timestamp()
    ask = f"entity=container:local/web&start={at - 60}&stop={at + 60}"
    series = f"/api/v1/series?{ask}&metric=container.cpu.time&step=1"
    async with (
        FakeEngine(tmp_path / "s") as engine,
        running(tmp_path / "log", DOCKER_HOST=engine.host, **given) as process,
    ):
        await process.says("metrics at")
        engine.add("web", streaming(frame(1), frame(2, pids=7)))
        await engine.ring()
        both = '"samples":2'
        await wait_until_async(
            lambda: both in page(address, "/api/v1/status") and "1.0]" in page(address, series),
            *(10, "both samples are shown and kept"),
        )
        found = answer(address, "/api/v1/containers/local/web")
        kept, status = answer(address, series), answer(address, "/api/v1/status")
        assert await process.stop() == 0

    assert found["values"]["cpu"] == 1.0
    assert found["explain"]["cpu"]["raw"]["cpu_stats.cpu_usage.total_usage"] == 3 * 10**9
    assert (kept["series"][0]["times"], kept["series"][0]["mean"]) == ([at - 1, at], [None, 1.0])
    assert (status["samples"], status["history"]["trouble"]) == (2, None)
    assert status["history"]["path"] == str(tmp_path / "history.db")
    assert status["engines"][0]["watched"] == 1


TURNS = """
tick_interval = "5s"
[[engines]]
host = "{host}"
sampling = "{sampling}"
"""


@pytest.mark.timeout(150)
@pytest.mark.parametrize(("sampling", "in_turn"), [("auto", 1), ("stream", 0)])
async def test_without_history_containers_are_streamed_when_looked_at(
    tmp_path: Path, sampling: str, in_turn: int
) -> None:
    """After a minute they are read in turn until then, if the engine is new and nothing is set."""
    (port,) = free_ports(1)
    address, file = f"127.0.0.1:{port}", tmp_path / "x.toml"
    seconds = count(1)

    async def stats(connection: Connection) -> None:
        if "one-shot=1" in connection.path:
            await connection.body(frame(next(seconds), pids=5))
        else:
            await streaming(frame(next(seconds)), frame(next(seconds), pids=9))(connection)

    async with FakeEngine(tmp_path / "s") as engine:
        engine.replies["/version"] = lambda c: c.json({"Version": "25.0.3", "Components": []})
        engine.add("web", stats)
        file.write_text(TURNS.format(host=engine.host, sampling=sampling))
        given = {"TIDEGAUGE_WEB_LISTEN": address, "TIDEGAUGE_HISTORY_ENABLED": "false"}
        async with running(tmp_path / "log", "run", "-c", str(file), **given) as process:
            line = 'container_pids{engine="local",container="web"} '
            await wait_until_async(lambda: f"{line}9\n" in page(address), 20, "a sample")
            assert answer(address, "/api/v1/status")["engines"][0]["read_in_turn"] == 0
            if in_turn:
                await wait_until_async(lambda: f"{line}5\n" in page(address), 90, "a read")
            assert answer(address, "/api/v1/status")["engines"][0]["read_in_turn"] == in_turn

            assert answer(address, "/api/v1/containers/local/web")["alias"] == "web"
            await wait_until_async(lambda: f"{line}9\n" in page(address), 10, "the stream again")
            assert answer(address, "/api/v1/status")["engines"][0]["read_in_turn"] == 0
            assert await process.stop() == 0

    assert any("one-shot=1" in path for path in engine.requests) == bool(in_turn)


def answer(address: str, path: str) -> dict:
    """What the JSON of an answer says; nothing without one."""
    return json.loads(page(address, path) or "{}")


async def test_a_second_one_works_without_the_port_and_takes_it_over(tmp_path: Path) -> None:
    """One sentence; when the first one ends its pages are served by the second."""
    (port,) = free_ports(1)
    address = f"127.0.0.1:{port}"
    async with FakeEngine(tmp_path / "s") as engine:
        given = {"DOCKER_HOST": engine.host, "TIDEGAUGE_WEB_LISTEN": address}
        async with running(tmp_path / "1", **given) as first:
            await first.says('event="metrics at')
            async with running(tmp_path / "2", **given) as second:
                await second.says("watching")
                await second.says("code=web_address_not_available")
                assert await first.stop() == 0
                await second.says('event="metrics at')
                assert page(address, "/healthz") == "alive\n"
                assert await second.stop() == 0

    (told,) = re.findall(r"level=warning .*", second.log)
    assert told.startswith(f'level=warning event="no metrics at http://{address}/metrics: ')


def test_it_is_on_by_default() -> None:
    """On loopback, where no token is needed."""
    assert WebOptions() == WebOptions(listen="127.0.0.1:8470", token="")
