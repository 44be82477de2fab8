"""A large fleet that is made up, written to a real Prometheus and a real VictoriaMetrics."""

import struct
import time
import urllib.request
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pytest
from cramjam import snappy

from servers.prometheus import Prometheus
from servers.victoria_metrics import VictoriaMetrics
from tidegauge.clock import SystemClock
from tidegauge.exporters.remote_write import _varint
from tidegauge.fleet import looks
from tidegauge.fleet.fleet import ContainersSeen, Fleet
from tidegauge.history.prometheus_server import PrometheusServer
from waiting import wait_until

pytestmark = [pytest.mark.sinks, pytest.mark.timeout(120)]

HOSTS, WEB = 300, 4
"""Each is scraped and writes as well, and has so many containers of one service."""

CPU, MEMORY, RATE = 0.25, 2.0**20, 100.0
"""Of each container."""

EVERY = 30.0
"""Seconds between two samples: nobody is silent while all of them are written."""

AGO, SLOWLY = 2000.0, 60.0
"""When the last sample of a host was that is gone, and the time between two of them."""

Sample = tuple[float, float]


@pytest.fixture(scope="module", params=[Prometheus, VictoriaMetrics])
def store(request, require) -> Iterator[Any]:
    """One with the whole fleet in it."""
    require(request.param)
    with request.param() as server:
        now = time.time()
        gone = [now - AGO - SLOWLY * n for n in reversed(range(3))]
        write(server.url, agent("gone", gone, scraped("10.9.9.9"), told=0.9))
        times = [now - EVERY * n for n in reversed(range(7))]
        for n in range(HOSTS):
            name = f"node-{n}.example.org"
            for labels in ({"host": name}, scraped(f"10.0.{n // 250}.{n % 250}")):
                write(server.url, agent(name, times, labels))
        if request.param is VictoriaMetrics:  # or it takes ten seconds until all is found
            with urllib.request.urlopen(f"{server.url}/internal/force_flush", timeout=20):
                pass
        every = [({}, 2.0 * HOSTS * WEB)]
        wait_until(
            lambda: server.query("count(container_info)") == every, 20, "all that is written"
        )
        yield server


def scraped(address: str) -> Mapping[str, str]:
    """What a scrape puts on everything."""
    return {"instance": f"{address}:8470", "job": "tidegauge"}


def agent(
    host: str, times: list[float], labels: Mapping[str, str], told: float = 0.0
) -> Iterator[bytes]:
    """The series of an agent, which tells a time so many seconds before that of the sample."""
    clock = {"__name__": "tidegauge_clock_seconds", "host": host, **labels}
    yield series(clock, [(at, at - told) for at in times])
    for n in range(WEB):
        own = {"engine": "local", "container": f"web-{n}", "project": "shop", "service": "web"}
        levels = {
            "container_state": (1.0, {"state": "running"}),
            "container_info": (1.0, {"id": f"{host}{n}", "name": f"web-{n}", "image": "web:1"}),
            "container_cpu_usage": (CPU, {}),
            "container_memory_working_set_bytes": (MEMORY, {}),
        }
        for name, (value, more) in levels.items():
            every = {"__name__": name, **labels, **own, **more}
            yield series(every, [(at, value) for at in times])
        for direction in ("receive", "transmit"):
            name = "container_network_io_bytes_total"
            every = {"__name__": name, **labels, **own, "direction": direction}
            yield series(every, [(at, RATE * (at - times[0])) for at in times])


def series(labels: Mapping[str, str], samples: Iterable[Sample]) -> bytes:
    """A ``TimeSeries``."""
    parts = [
        field(1, field(1, name.encode()) + field(2, value.encode()))
        for name, value in sorted(labels.items())
    ]
    parts += [
        field(2, b"\x09" + struct.pack("<d", value) + b"\x10" + _varint(round(1000 * at)))
        for at, value in samples
    ]
    return field(1, b"".join(parts))


def field(number: int, content: bytes) -> bytes:
    return bytes((number << 3 | 2,)) + _varint(len(content)) + content


def write(url: str, messages: Iterable[bytes]) -> None:
    """By remote write."""
    body = bytes(snappy.compress_raw(b"".join(messages)))
    request = urllib.request.Request(f"{url}/api/v1/write", body, {"Content-Encoding": "snappy"})
    with urllib.request.urlopen(request, timeout=20):
        pass


def filled(seen: ContainersSeen) -> bool:
    """Has every container all that was written of it?"""
    return all(
        (each.state, each.about.get("image")) == ("running", "web:1")
        and (each.sums.running, each.sums.cpu, each.sums.memory) == (1.0, CPU, MEMORY)
        and None not in {each.sums.rx, each.sums.tx}
        for _, each in seen.rows
    )


async def test_a_fleet_that_is_there_twice_is_counted_once(store):
    """Whatever is asked: hosts, services, and a list that is cut, with all its cells."""
    fleet = Fleet(PrometheusServer(store.url, {}, 20.0), {}, SystemClock())

    hosts = (await fleet.hosts()).hosts
    seen = await fleet.services()
    listed = await fleet.containers("", "shop", "web")

    assert [each.sums.running for each in hosts if not each.silent] == [WEB] * HOSTS
    web, count = seen.rows["shop", "web"], HOSTS * WEB
    assert (web.running, web.cpu, web.memory) == (count, CPU * count, MEMORY * count)
    assert (web.rx, web.tx) == pytest.approx((RATE * count, RATE * count), rel=0.01)
    assert seen.hosts["shop", "web"] == HOSTS
    assert (len(listed.rows), listed.left_out) == (looks.MOST_CONTAINERS, count - len(listed.rows))
    assert len({(host, each.alias) for host, each in listed.rows}) == looks.MOST_CONTAINERS
    assert filled(listed)


async def test_a_host_that_is_gone_has_the_containers_that_it_had(store):
    """Of its last sample, although it was scraped slowly and told the time before that."""
    fleet = Fleet(PrometheusServer(store.url, {}, 20.0), {}, SystemClock())

    seen = await fleet.containers("gone", None, None)

    assert sorted(each.alias for _, each in seen.rows) == [f"web-{n}" for n in range(WEB)]
    assert filled(seen)
    assert time.time() - seen.at / 1000 == pytest.approx(AGO, abs=60)
