"""Minutes of random lives and three losses of the daemon leave nothing wrong and nothing behind."""

import asyncio
import os
import random
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import pytest

from engine.watching import Watching
from servers.engine import DockerEngine
from servers.process import ServerError
from tidegauge.metrics import Kind
from tidegauge.metrics.catalogue import CATALOGUE, CPU_USAGE, MISSED, SAMPLES
from waiting import wait_until, wait_until_async

CONTAINERS = 200
SECONDS = float(os.environ.get("CHURN_SECONDS", "100"))
"""A whole run is CHURN_SECONDS=300; the shorter one stands in every test run."""
SOURCE = os.environ.get("CHURN_SOURCE", "api")
"""Where the watched samples come from; those of the program always come from the kernel."""
HEAVIER = 1.05
"""The allocator gives back little of its peak; that no object stays is counted elsewhere."""

STEADY = [f"churn-steady-{number}" for number in range(5)]
COUNTERS = {metric.name for metric in CATALOGUE if metric.kind is Kind.COUNTER}

pytestmark = [pytest.mark.engine, pytest.mark.timeout(900)]


class Churn:
    """Creates, restarts, stops, starts, renames and removes containers at random."""

    def __init__(self, engine: DockerEngine, seed: int) -> None:
        self._engine, self._random = engine, random.Random(seed)
        self._lock = threading.Lock()
        self._names: list[str] = []
        self._made = 0
        self._end = threading.Event()
        self.done: dict[str, int] = {}

    def run(self) -> None:
        """Until told to stop; what fails because the daemon is away is done by another."""
        while not self._end.is_set():
            action, name = self._take()
            try:
                left = self._do(action, name)
                self.done[action] = self.done.get(action, 0) + 1
            except (ServerError, subprocess.TimeoutExpired):
                left = name
                self._end.wait(0.2)
            if left:
                with self._lock:
                    self._names.append(left)

    def stop(self) -> None:
        self._end.set()

    def _take(self) -> tuple[str, str]:
        """What to do and with whom, who is out of reach for the others meanwhile."""
        with self._lock:
            if len(self._names) < CONTAINERS * self._random.uniform(0.2, 1):
                return "run", self._new_name()
            action = self._random.choice(["restart", "stop", "start", "rename", "rm", "rm"])
            return action, self._names.pop(self._random.randrange(len(self._names)))

    def _new_name(self) -> str:
        self._made += 1
        return f"churn-{self._made}"

    def _do(self, action: str, name: str) -> str | None:
        """Do it; the name the container then has, if it is still there."""
        match action:
            case "run":
                self._engine.run(name, "sleep", "100000")
            case "restart" | "stop":
                self._engine.docker(action, "--time", "0", name)
            case "rm":
                self._engine.docker("rm", "--force", name)
                return None
            case "rename":
                with self._lock:
                    renamed = self._new_name()
                self._engine.docker("rename", name, renamed)
                return renamed
            case _:
                self._engine.docker(action, name)
        return name


def running(engine):
    return set(engine.docker("ps", "--quiet", "--no-trunc").split())


def kilobytes(pid):
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0])


def descriptors(pid):
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def remove_all(engine):
    if names := engine.docker("ps", "--all", "--quiet").split():
        engine.docker("rm", "--force", *names, seconds=300)


def fill(engine):
    names = [f"churn-warm-{number}" for number in range(CONTAINERS)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda name: engine.run(name, "sleep", "1000"), names))


@pytest.fixture
def program(docker_engine_with_live_restore, tmp_path):
    """The program on the same engine, to be weighed.

    Without a history: of each name that has its newest points for a quarter of an hour, 15 kB here.
    """
    given = {
        "DOCKER_HOST": docker_engine_with_live_restore.host,
        "TIDEGAUGE_WEB_LISTEN": "",
        "TIDEGAUGE_HISTORY_ENABLED": "false",
    }
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "tidegauge", "run"],
            env=os.environ | given,
            stdout=log,
            stderr=log,
        )
        yield process.pid
        process.send_signal(signal.SIGTERM)
        assert process.wait(15) == 0
    assert "Traceback" not in (tmp_path / "log").read_text()


async def test_churn(docker_engine_with_live_restore, program):
    """Afterwards the set watched is the set running, and all numbers were right all along."""
    engine = docker_engine_with_live_restore
    tasks_before = len(asyncio.all_tasks())
    async with Watching(engine, ["churn-*"], SOURCE) as watching:
        await asyncio.to_thread(fill, engine)
        await wait_until_async(lambda: len(watching.follower.watched) == CONTAINERS, 60, "all")
        await asyncio.to_thread(engine.kill9)  # the most it ever holds: all streams break at once
        await asyncio.to_thread(engine.up)
        await wait_until_async(lambda: len(watching.follower.watched) == CONTAINERS, 60, "again")
        await asyncio.to_thread(remove_all, engine)
        await wait_until_async(lambda: not watching.follower.watched, 60, "none")
        await asyncio.sleep(2)  # the last sockets close
        weight, opened = kilobytes(program), descriptors(program)

        for name in STEADY:
            engine.run(name, "sleep", "100000")
        churn = Churn(engine, seed=20)
        with ThreadPoolExecutor(4) as pool:
            for _ in range(3):
                pool.submit(churn.run)
            try:
                await lose_the_daemon(engine, watching)
            finally:
                churn.stop()
        print(f"done: {churn.done}, troubles: {dict(watching.journal.counts)}")

        await wait_until_async(
            lambda: set(watching.follower.watched) == running(engine), 30, "the set running"
        )
        assert len(watching.follower.watched) <= CONTAINERS + len(STEADY), "no more than weighed"
        await asyncio.to_thread(remove_all, engine)
        await wait_until_async(lambda: not watching.follower.watched, 60, "none again")
    await wait_until_async(lambda: len(asyncio.all_tasks()) <= tasks_before, 5, "no task left")
    # Idle sockets of questions are closed with the next question, once a minute.
    wait_until(lambda: descriptors(program) <= opened, 90, f"at most {opened} descriptors")

    after = kilobytes(program)
    print(f"weight {weight} kB before, {after} kB after; {len(watching.reads)} aliases seen")
    assert after <= weight * HEAVIER
    assert_right_numbers(watching)
    assert_gaps_are_known(watching)


async def lose_the_daemon(engine, watching):
    """Two kills and one normal stop, spread over the time."""
    started = time.monotonic()
    for how, at in ((engine.kill9, 0.25), (engine.kill9, 0.5), (engine.term, 0.75)):
        await asyncio.sleep(max(0, started + SECONDS * at - time.monotonic()))
        watching.collect()
        await asyncio.to_thread(how)
        await asyncio.sleep(3)
        await asyncio.to_thread(engine.up)
    await asyncio.sleep(max(0, started + SECONDS - time.monotonic()))


def assert_right_numbers(watching):
    for (alias, name, attributes), samples in watching.samples.items():
        assert min(samples) >= 0, (alias, name, attributes)
        assert max(samples) < 2**50, (alias, name, attributes)
        totals = watching.totals[alias, name, attributes]
        assert name not in COUNTERS or totals == sorted(totals), (alias, name)
    cores = [max(s) for (_, name, _), s in watching.samples.items() if name == CPU_USAGE.name]
    assert len(cores) > CONTAINERS / 2
    assert max(cores) < os.cpu_count() * 1.1


def assert_gaps_are_known(watching):
    """Of containers that were never touched every missing second is counted."""
    for name in STEADY:
        reads = watching.reads[name]
        gaps = [round(b - a) - 1 for a, b in pairwise(reads)]
        expected = sum(gap for gap in gaps if gap > 0)
        assert expected >= 3 * 3, "the daemon was away three times"
        assert sum(watching.of(name, MISSED)) == expected
        assert sum(watching.of(name, SAMPLES)) == len(reads)
