"""What ``tidegauge top`` shows of a real engine is what ``docker stats`` prints of it."""

import asyncio
from itertools import pairwise

import pytest

from docker_stats import close, docker_stats, percent, size
from snapshots import a_journal
from tidegauge.clock import SystemClock
from tidegauge.config import EngineOptions, Options
from tidegauge.top.columns import BY_NAME
from tidegauge.top.here import Here
from tidegauge.top.source import State
from tidegauge.top.trails import Trails
from waiting import wait_until, wait_until_async

pytestmark = [pytest.mark.engine, pytest.mark.timeout(120)]

NAMES = ("t-burn", "t-held", "t-idle")


@pytest.fixture
def containers(docker_engine):
    """A busy one, one with memory and a limit, and one that will have traffic."""
    docker_engine.burn("t-burn")
    fill = "head -c 30000000 /dev/zero > /held; exec sleep 10000"
    docker_engine.run("t-held", "sh", "-c", fill, options=("--memory", "200m"))
    docker_engine.run("t-idle", "sleep", "10000")
    serve = "head -c 3000000 /dev/zero >/f; exec httpd -f -h /"
    docker_engine.run("t-serve", "sh", "-c", serve)
    wait_until(lambda: docker_engine.stats("t-held")["pids_stats"]["current"] == 1, 10, "filled")
    yield NAMES
    docker_engine.docker("rm", "--force", *NAMES, "t-serve")


class Watched:
    """What the view would have."""

    def __init__(self) -> None:
        self.state: State | None = None
        self.trails = Trails()

    def take(self, state: State) -> None:
        self.state = state
        self.trails.take(state)

    async def sampled(self, name: str, times: int) -> None:
        await wait_until_async(
            lambda: sum(p.rx is not None for p in self.trails.of(f"e/{name}")) >= times,
            30,
            f"{times} samples of {name}",
        )


async def test_values_are_those_of_docker_stats(docker_engine, containers) -> None:
    """CPU within 2 points or 5 %, memory within 1 %, tasks exactly; bytes of a download in all."""
    journal, _ = a_journal()
    options = Options(engines=(EngineOptions(name="e", host=docker_engine.host),))
    here, watched = Here(options, {}, journal, SystemClock()), Watched()
    running = asyncio.create_task(here.run(watched.take))
    try:
        await watched.sampled("t-idle", 2)
        compare(watched, await asyncio.to_thread(docker_stats, docker_engine, NAMES))

        at = docker_engine.docker("inspect", "-f", "{{.NetworkSettings.IPAddress}}", "t-serve")
        before = sum_of_trail(watched.trails), received(docker_engine)
        fetch = ("exec", "t-idle", "wget", "-q", "-O", "/dev/null", f"{at}/f")
        await asyncio.to_thread(docker_engine.docker, *fetch)
        await watched.sampled("t-idle", len(watched.trails.of("e/t-idle")) + 3)
    finally:
        running.cancel()
        await asyncio.wait([running])

    counted = sum_of_trail(watched.trails) - before[0]
    assert counted == pytest.approx(received(docker_engine) - before[1], rel=0.001)
    assert counted > 3_000_000


def compare(watched: Watched, printed: dict[str, dict[str, str]]) -> None:
    """Each container with its line of ``docker stats``; its CPU is that of one of our seconds."""
    for name, theirs in printed.items():
        key = f"e/{name}"
        ours, points = watched.state.containers[key], watched.trails.of(key)
        used, limit = theirs["MemUsage"].split(" / ")
        used_percent = percent(theirs["CPUPerc"])

        cores = [point.cpu for point in points if point.cpu is not None]
        assert BY_NAME["cpu"].value(ours) == cores[-1] * 100
        nearest = min(cores[-5:], key=lambda each: abs(each * 100 - used_percent))
        assert nearest * 100 == pytest.approx(used_percent, rel=0.05, abs=2)
        assert ours.values.memory == pytest.approx(size(used), rel=0.01)
        assert ours.values.pids == int(theirs["PIDs"])
        if name == "t-held":
            assert ours.values.memory_limit == close(limit)
            share = BY_NAME["memory_limit"].value(ours)
            assert share == pytest.approx(percent(theirs["MemPerc"]), abs=0.02)
        if name == "t-burn":
            assert used_percent > 20


def sum_of_trail(trails: Trails) -> float:
    """Bytes that ``t-idle`` received since it is watched, by its rates."""
    points = trails.of("e/t-idle")
    return sum(
        now.rx * (now.at - before.at) for before, now in pairwise(points) if now.rx is not None
    )


def received(engine) -> int:
    """The same by the engine's own counter."""
    return engine.stats("t-idle")["networks"]["eth0"]["rx_bytes"]
