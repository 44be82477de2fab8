"""The running program writes to Graphite and VictoriaMetrics, and both answer what happened."""

import signal
import subprocess
import sys
import time
import urllib.parse
from typing import NamedTuple

import pytest

from command import environment
from servers.victoria_metrics import VictoriaMetrics
from sinks.burning import Burning
from snapshots import a_journal, a_snapshot
from tidegauge.clock import SystemClock
from tidegauge.docker.frames import Container, Engine
from tidegauge.exporters.delivery import Agent
from tidegauge.exporters.graphite import GraphiteOptions
from tidegauge.exporters.graphite import graphite as made
from tidegauge.metrics import Series, catalogue
from waiting import wait_until

pytestmark = [pytest.mark.sinks, pytest.mark.timeout(240)]

DOWNLOAD = 5_000_000

CONFIGURATION = """
tick_interval = "2s"
[agent]
hostname = "dock 1"
[filters]
include = ["graphite-*"]
[exporters.graphite]
port = %d
flush_interval = "2s"
tags = %s
"""

NASTY = [
    *("a b", "a,b", "a=b", "a.b", "a/b", "a;b", "~a", "a\nb", "a\\b", "%5C", "100%", "a%2Eb"),
    *('"', "'", "é日😀", "{a}", "*", "?", "[a]", "(a)", "#", "a" * 300, "\u2003", "8:0", "$a"),
]


class Watched(NamedTuple):
    """What really happened, and what the programs logged."""

    burning: Burning
    logs: list[str]


@pytest.fixture(scope="module")
def victoria(require):
    require(VictoriaMetrics)
    with VictoriaMetrics() as server:
        yield server


@pytest.fixture(scope="module")
def watched(docker_engine, graphite, victoria, tmp_path_factory):
    """Both have been written to by a run of the program each, at the same time."""
    folder = tmp_path_factory.mktemp("graphite")
    start_containers(docker_engine)
    ports = {"true": victoria.graphite_port, "false": graphite.port}
    programs = [run(folder, port, tags, docker_engine) for tags, port in ports.items()]
    try:
        path = "tidegauge.dock_1.container_network.graphite-loader.io_sum_receive"
        wait_until(lambda: graphite.render(path), 30, "the first tick in Graphite")
        series = "tidegauge.container_pids.count.last"
        wait_until(lambda: victoria.samples(f'{{__name__="{series}"}}'), 30, "VictoriaMetrics'")
        burning = Burning(docker_engine, "graphite-burner")
        address = docker_engine.docker(
            "inspect", "--format", "{{.NetworkSettings.IPAddress}}", "graphite-server"
        )
        docker_engine.docker("exec", "graphite-loader", "wget", "-qO", "/got", f"{address}/file")
        docker_engine.docker("restart", "--time", "0", "graphite-again")
        started = time.monotonic()
        wait_until(lambda: time.monotonic() - started > 14, 30, "seven ticks")
        burning.end()
        for program in programs:
            program.send_signal(signal.SIGTERM)
        assert [program.wait(15) for program in programs] == [0, 0]
    finally:
        for program in programs:
            program.kill()
            program.wait()
    yield Watched(burning, [file.read_text() for file in folder.glob("*.log")])
    names = ("burner", "server", "loader", "again")
    docker_engine.docker("rm", "--force", *(f"graphite-{name}" for name in names))


def start_containers(engine):
    engine.burn("graphite-burner")
    serve = f"head -c {DOWNLOAD} /dev/zero > /file && exec httpd -f -p 80 -h /"
    engine.run("graphite-server", "sh", "-c", serve)
    engine.run("graphite-loader", "sleep", "10000")
    engine.burn("graphite-again", cpus=0.1)


def run(folder, port, tags, engine):
    file = folder / f"{tags}.toml"
    file.write_text(CONFIGURATION % (port, tags), encoding="utf-8")
    with (folder / f"{tags}.log").open("wb") as out:
        return subprocess.Popen(
            [sys.executable, "-m", "tidegauge", "run", "-c", str(file)],
            env=environment(DOCKER_HOST=engine.host),
            stdout=out,
            stderr=out,
        )


def test_graphite_answers_what_happened(watched, graphite):
    """CPU with its distribution, the download, and totals that do not fall over a restart."""
    host = "tidegauge.dock_1"

    def values(path):
        return [value for _, value in graphite.render(f"{host}.{path}", seconds=240)]

    means = values("container_cpu.graphite-burner.usage.mean")
    received = values("container_network.graphite-loader.io_sum_receive")
    of_eth0 = values("container_network.graphite-loader.eth0.io_receive")
    totals = values("container_cpu.graphite-again.time_total")

    assert len(means) >= 5
    assert watched.burning.agrees(sum(means) / len(means))
    assert max(values("container_cpu.graphite-burner.usage.max")) >= max(means)
    assert received[-1] - received[0] == pytest.approx(DOWNLOAD, rel=0.03)
    assert of_eth0 == received
    assert totals == sorted(totals)
    assert totals[-1] > totals[0] + 0.3
    assert values("container.graphite-again.restart_count.last")[-1] == 1


def test_graphites_tree_has_a_level_for_each_part(watched, graphite):
    """As a browser of the tree, or a variable of a dashboard, finds it."""
    found = graphite.find("tidegauge.dock_1.container_cpu.*")

    assert [path.rpartition(".")[2] for path in found] == [
        *("graphite-again", "graphite-burner", "graphite-loader", "graphite-server"),
    ]


def test_victoria_metrics_holds_the_same_by_tags(watched, victoria):
    """Tags are its labels."""

    def values(name, container):
        query = f'{{__name__="tidegauge.{name}",container="graphite-{container}"}}'
        ((labels, found, _),) = victoria.samples(query)
        assert labels["host"] == "dock%201"
        assert labels["image"] == "busybox:local"
        return found

    means = values("container_cpu.usage.mean", "burner")
    received = values("container_network.io_sum_receive", "loader")
    totals = values("container_cpu.time_total", "again")

    assert watched.burning.agrees(sum(means) / len(means))
    assert received[-1] - received[0] == pytest.approx(DOWNLOAD, rel=0.03)
    assert totals == sorted(totals)


def test_the_logs_tell_of_no_trouble(watched):
    """And the stop was clean."""
    for log in watched.logs:
        assert "level=warning" not in log, log
        assert "Traceback" not in log
        assert "stopped" in log.splitlines()[-1]


async def test_awkward_names_come_back(graphite, victoria):
    """Whatever a container or a volume is called, it is stored, and apart from all others."""
    now = time.time()
    for tags, port in ((False, graphite.port), (True, victoria.graphite_port)):
        agent = Agent("h", several_engines=False, clock=SystemClock(), journal=a_journal()[0])
        exporter = made(GraphiteOptions(port=port, prefix="nasty", tags=tags), agent)
        await exporter.send(exporter.encode(a_snapshot(*map(nasty_series, NASTY), at=now)))
        await exporter.close()

    target = "nasty.h.container_pids.*.*.count.last"
    wait_until(lambda: len(graphite.series(target)) == len(NASTY), 20, "all in Graphite")
    numbers = {point[1] for points in graphite.series(target).values() for point in points}
    assert numbers == set(range(len(NASTY)))
    query = '{__name__="nasty.container_pids.count.last"}'
    wait_until(lambda: len(victoria.samples(query)) == len(NASTY), 20, "all in VictoriaMetrics")
    for labels, values, _ in victoria.samples(query):
        wanted = NASTY[int(values[0])]
        for label in ("container", "volume", "team"):
            assert urllib.parse.unquote(labels[label]) == wanted


def nasty_series(name):
    number = NASTY.index(name)
    container = Container(Engine("e"), id=name, name=name, alias=name, tags=(("team", name),))
    return Series(container, catalogue.PIDS, (("volume.name", name),), number, (number,))
