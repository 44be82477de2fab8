"""The history that a real Prometheus and a real VictoriaMetrics have conforms to the embedded one.

The script of the conformance tests is written to them by remote write, with its own times: those
of the last half hour.
"""

import asyncio
import json
import time
import urllib.request
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from msgspec.structs import replace

from command import running
from history.conformance import (
    CPU,
    IO_SUM,
    MEMORY,
    SECONDS,
    WEB,
    Conformance,
    Tolerance,
    script,
    truth,
)
from servers.process import free_ports
from servers.prometheus import Prometheus
from servers.victoria_metrics import VictoriaMetrics
from snapshots import a_journal, a_series
from tidegauge.clock import SystemClock
from tidegauge.errors import HistoryError
from tidegauge.exporters.delivery import Agent
from tidegauge.exporters.remote_write import RemoteWriteOptions, remote_write
from tidegauge.history import prometheus_series
from tidegauge.history.prometheus import PrometheusHistory
from tidegauge.history.prometheus_series import SAMPLES
from tidegauge.history.prometheus_server import PrometheusServer
from tidegauge.history.rows import Query
from tidegauge.metrics import Snapshot
from waiting import wait_until, wait_until_async

pytestmark = [pytest.mark.sinks, pytest.mark.timeout(240)]

Server = Prometheus | VictoriaMetrics

PAUSING = {
    interval: [*range(0, 3 * interval, interval), *range(9 * interval, 600, interval)]
    for interval in (15, 60)
}
"""Seconds of samples at an interval; after three there is a pause."""

EXACT, ROUNDED = Tolerance(1e-9, 1e-6, 1e-6), Tolerance(1e-9, 0.01, 1e-6, server=True)


@pytest.fixture(scope="module")
def start() -> int:
    """The script is over, and began at the begin of ten minutes."""
    return int(time.time() - SECONDS - 60) // 600 * 600


@pytest.fixture(scope="module", params=[Prometheus, VictoriaMetrics])
def server(request, require, start) -> Iterator[Server]:
    """One with the whole script in it, and with what some other machines tell."""
    require(request.param)
    every: dict[str, Iterable[Snapshot]] = {
        "dock-1": script(start),
        "slow-15": slowly(start, PAUSING[15]),
        "slow-60": slowly(start, PAUSING[60]),
        "twin-1": slowly(start, range(0, 600, 10), "twin"),
        "twin-2": slowly(start, range(0, 600, 10), "twin"),
        "changing": changing(start),
    }
    with request.param() as server:
        for host, snapshots in every.items():
            asyncio.run(write(server, host, snapshots))
        for host in every:
            of = f'container_memory_usage_bytes{{host="{host}"}}'
            newest = f"max_over_time(timestamp({of})[1h:1s]) >= {start + 530}"
            wait_until(lambda: server.query(newest), 30, f"the newest sample of {host}")
        yield server


async def write(server: Server, host: str, snapshots: Iterable[Snapshot]) -> None:
    """As the agent of a host does, in a request for each."""
    agent = Agent(host, several_engines=False, clock=SystemClock(), journal=a_journal()[0])
    exporter = remote_write(RemoteWriteOptions(url=f"{server.url}/api/v1/write"), agent)
    try:
        for snapshot in snapshots:
            await exporter.send(exporter.encode(snapshot))
    finally:
        await exporter.close()


def slowly(start: int, seconds: Iterable[int], alias: str = "slow") -> Iterator[Snapshot]:
    """As one that is scraped now and then: a core, and a level."""
    for second in seconds:
        cpu, memory = a_series(CPU, second * 10**9, alias=alias), a_series(MEMORY, 7, alias=alias)
        yield Snapshot(start + second + 0.25, (cpu, memory), {})


def changing(start: int) -> Iterator[Snapshot]:
    """One that gets another tag after half of the time."""
    for n, snapshot in enumerate(slowly(start, range(0, 600, 10), "changing")):
        entity = replace(snapshot.series[0].entity, tags=(("team", "ab"[n >= 30]),))
        yield replace(
            snapshot, series=tuple(replace(each, entity=entity) for each in snapshot.series)
        )


def history_of(server: Server, *hosts: str, samples: int = SAMPLES) -> PrometheusHistory:
    """Of the series with such a label, or of all."""
    there = PrometheusServer(server.url, {}, 20.0)
    labels = tuple(("host", host) for host in hosts)
    return PrometheusHistory(there, labels, SystemClock(), samples=samples)


@pytest.fixture(scope="module", params=["made here", "made there"])
def there(request) -> bool:
    """Does the server make buckets, wherever that makes sense? Of so few samples it would not."""
    return request.param == "made there"


@pytest.fixture(scope="module")
def history(server, there) -> PrometheusHistory:
    return history_of(server, "dock-1", samples=0 if there else SAMPLES)


@pytest.fixture(scope="module")
def tolerance(there) -> Tolerance:
    return ROUNDED if there else EXACT


class TestPrometheus(Conformance):
    """All tests of a history."""


async def test_in_long_ranges_rates_are_over_several_samples(server, start, monkeypatch):
    """Means stay what they are, extremes lie between those of single samples."""
    monkeypatch.setattr(prometheus_series, "LOOKS", SECONDS / 5)
    query = Query(WEB, (CPU.name, IO_SUM.name), start, start + SECONDS, 60)
    wanted = truth(start, WEB, 60_000, from_zero=True)

    for found in await history_of(server, "dock-1", samples=0).series(query):
        true = wanted[found.metric, found.attributes]
        known = [at for at, value in zip(found.times, found.mean, strict=True) if value is not None]
        assert known == [*true]
        lists = found.times, found.mean, found.least, found.greatest
        for at, mean, least, greatest in zip(*lists, strict=True):
            if at in true:
                assert mean == pytest.approx(true[at].mean, rel=0.05)
                assert true[at].least * 0.99 <= least <= mean <= greatest
                assert greatest <= true[at].greatest * 1.01


@pytest.mark.parametrize("interval", [15, 60])
async def test_few_samples_are_no_gaps(server, start, interval):
    """A line goes from each to the next, while these come as often as ever."""
    who, seconds = ("container", "local", "slow"), PAUSING[interval]
    for step in (0, 1, 10):
        query = Query(who, (CPU.name, MEMORY.name), start, start + 600, step)
        cpu, memory = await history_of(server, f"slow-{interval}").series(query)
        times = [
            start + second - second % (step or 1) + (0 if step else 0.25) for second in seconds
        ]
        assert [at for at, value in zip(memory.times, memory.mean, strict=True) if value] == times
        assert memory.mean == [7.0] * 3 + [None] + [7.0] * (len(seconds) - 3)
        assert cpu.mean == [None, 1.0, 1.0, None, None] + [1.0] * (len(seconds) - 4)
        assert cpu.p95 == cpu.least == cpu.greatest == cpu.mean


async def test_two_machines_with_one_name_are_told_apart(server, start):
    """No series is made of both; what to do is said."""
    query = Query(("container", "local", "twin"), (MEMORY.name,), start, start + 600, 60)

    with pytest.raises(HistoryError) as caught:
        await history_of(server).series(query)
    assert "container_memory_usage_bytes of it twice" in str(caught.value)
    assert 'label host of "twin-1" and "twin-2"' in str(caught.value)
    assert "history.labels" in str(caught.value)
    (found,) = await history_of(server, "twin-2").series(query)
    assert found.mean == [7.0] * 10


async def test_a_container_whose_labels_change_goes_on(server, start):
    """Its counter, too: with another tag it is another series to the server."""
    query = Query(("container", "local", "changing"), (CPU.name,), start, start + 600, 60)

    (found,) = await history_of(server).series(query)
    assert (found.times, found.mean) == ([start + 60 * n for n in range(10)], [1.0] * 10)


async def test_the_program_asks_the_server_it_writes_to(server, tmp_path):
    """The API answers from there, and nothing is kept here."""
    (port,) = free_ports(1)
    api = f"http://127.0.0.1:{port}/api/v1"
    given = {
        "DOCKER_HOST": "demo://",
        "STATE_DIRECTORY": str(tmp_path),
        "TIDEGAUGE_AGENT_HOSTNAME": "asking",
        "TIDEGAUGE_EXPORTERS_REMOTE_WRITE_FLUSH_INTERVAL": "1s",
        "TIDEGAUGE_EXPORTERS_REMOTE_WRITE_URL": f"{server.url}/api/v1/write",
        "TIDEGAUGE_HISTORY_ENABLED": "true",
        "TIDEGAUGE_HISTORY_PROMETHEUS": server.url,
        "TIDEGAUGE_TICK_INTERVAL": "1s",
        "TIDEGAUGE_WEB_LISTEN": f"127.0.0.1:{port}",
    }

    def mean() -> list[float]:
        """What was remembered of one container."""
        for each in answer(f"{api}/containers")["containers"][:1]:
            entity = f"entity=container:{each['key']}&metric=container.memory.usage"
            found = answer(f"{api}/series?{entity}&start=-1m&stop=now&step=1")
            return [value for one in found["series"] for value in one["mean"] if value]
        return []

    async with running(tmp_path / "log", "run", **given) as process:
        await process.says("metrics at")
        await wait_until_async(lambda: asyncio.to_thread(mean), 30, "some of what was written")
        status = await asyncio.to_thread(answer, f"{api}/status")
        assert await process.stop() == 0
    assert status["history"] == {
        "path": server.url,
        "bytes": None,
        "oldest": None,
        "trouble": None,
    }
    assert [file.name for file in tmp_path.iterdir()] == ["log"]
    assert "warning" not in process.log


def answer(url: str) -> Any:
    """What the API says."""
    with urllib.request.urlopen(url, timeout=10) as reply:
        return json.load(reply)
