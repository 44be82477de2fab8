"""A fleet of real agents, scraped by and writing to a real Prometheus and a real VictoriaMetrics.

A fourth program asks the server and answers for all of them. Agents that are stopped by a signal
send nothing and answer no scrape, as those of a machine that is cut off.
"""

import json
import os
import signal
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from servers.process import free_ports
from servers.prometheus import Prometheus
from servers.victoria_metrics import VictoriaMetrics
from waiting import wait_until

from .program import Program

pytestmark = [pytest.mark.sinks, pytest.mark.timeout(240)]

WITHIN = 30.0
"""Seconds that are promised: until all is seen, and until one that is cut off is silent."""

SEEDS = {"alpha": 1, "beta": 2, "gamma": 3}
"""Hosts, and what tells their simulated engines apart."""

RECEIVED = 'container_network_io_bytes_total{direction="receive"}'


class World:
    """A server, three agents on three hosts, and the program that is asked."""

    def __init__(
        self, kind: type[Prometheus] | type[VictoriaMetrics], way: str, folder: Path
    ) -> None:
        self.way, self._stack = way, ExitStack()
        self.port, *ports = free_ports(1 + len(SEEDS))
        targets = [f"127.0.0.1:{port}" for port in ports] if way == "scraped" else []
        self.server = self._stack.enter_context(kind(*targets))
        self.agents = {
            host: self._agent(folder / f"{host}.toml", host, seed, port)
            for (host, seed), port in zip(SEEDS.items(), ports, strict=True)
        }
        self.began = time.monotonic()
        asking = f'[history]\nprometheus = "{self.server.url}"\n[agent]\nhostname = "asking"\n'
        self._run(folder / "asking.toml", asking, self.port, "demo://?containers=1", history="true")

    def _agent(self, file: Path, host: str, seed: int, port: int) -> Program:
        writing = f'[exporters.remote_write]\nurl = "{self.server.url}/api/v1/write"\n'
        writing += 'flush_interval = "2s"\n' if self.way == "written" else ""
        given = f'tick_interval = "2s"\n[agent]\nhostname = "{host}"\n'
        given += writing if self.way == "written" else ""
        return self._run(file, given, port, f"demo://?containers=12&seed={seed}")

    def _run(
        self, file: Path, text: str, port: int, engine: str, history: str = "false"
    ) -> Program:
        program = Program(
            *(file, text),
            DOCKER_HOST=engine,
            TIDEGAUGE_WEB_LISTEN=f"127.0.0.1:{port}",
            TIDEGAUGE_HISTORY_ENABLED=history,
        )
        self._stack.callback(program.kill)
        return program

    def ask(self, path: str) -> Any:
        """What the API says; nothing while it does not answer."""
        try:
            url = f"http://127.0.0.1:{self.port}/api/v1/{path}"
            with urllib.request.urlopen(url, timeout=20) as reply:
                return json.load(reply)
        except OSError:
            return {}

    def hosts(self) -> dict[str, Any]:
        """All of the fleet by name."""
        return {each["name"]: each for each in self.ask("fleet").get("hosts", ())}

    def stop(self) -> None:
        self._stack.close()


@pytest.fixture(scope="module", params=[Prometheus, VictoriaMetrics])
def kind(request, require) -> Any:
    require(request.param)
    return request.param


@pytest.fixture(scope="module", params=["scraped", "written"])
def world(request, kind, tmp_path_factory) -> Iterator[World]:
    world = World(kind, request.param, tmp_path_factory.mktemp("fleet"))
    try:
        yield world
    finally:
        world.stop()


def test_all_containers_of_all_hosts_are_seen_within_30_seconds(world):
    """With the right host and service, each once."""

    def seen() -> set[tuple[str, str, str]]:
        return {
            (each["host"], each["project"] or "", each["service"] or "")
            for each in world.ask("fleet/containers").get("containers", ())
            if each["state"] == "running" and each["cpu"] is not None
        }

    def complete() -> bool:
        found = seen()
        return all(
            {(host, "shop", "web"), (host, "shop", "api"), (host, "shop", "postgres")} <= found
            for host in SEEDS
        )

    left = WITHIN - (time.monotonic() - world.began)
    wait_until(complete, left, "services of all hosts")
    containers = world.ask("fleet/containers")["containers"]
    keys = [(each["host"], each["engine"], each["alias"]) for each in containers]
    assert len(keys) == len(set(keys))
    assert {host for host, _, _ in keys} == SEEDS.keys()


def test_sums_are_those_of_the_agents(world):
    """Running containers and memory of each host, as its own agent has them; over services too."""

    def right() -> bool:
        services = world.ask("fleet/services").get("services", ())
        web = next((each for each in services if each["service"] == "web"), None)
        counts = {each["running"] for each in world.hosts().values()}
        if web is None or len(counts) != 1 or not all(counts):
            return False
        return web["hosts"] == len(SEEDS) and web["replicas"] % len(SEEDS) == 0

    def agree() -> dict[str, Any]:
        """Both answers are kept for a while, and each was asked for at a time of its own."""
        hosts = world.hosts()
        for host, each in hosts.items():
            answer = world.ask(f"fleet/containers?host={host}")
            states = [one["state"] for one in answer.get("containers", ())]
            if states.count("running") != each["running"]:
                return {}
        return hosts

    wait_until(right, 30, "the same number on each of three hosts that are alike")
    for each in wait_until(agree, 30, "the same running").values():
        assert (each["agents"], each["version"], each["silent"]) == (1, "0.1.0", False)


def test_one_that_is_cut_off_is_silent_within_30_seconds_and_heals(world):
    """Its counters are neither doubled nor lost: the growth over the outage is what it was."""
    wait_until(lambda: len(world.hosts()) == len(SEEDS), 30, "all hosts")
    agent = world.agents["alpha"]
    before = received(world)
    os.kill(agent._child.pid, signal.SIGSTOP)
    began = time.monotonic()
    try:
        wait_until(lambda: world.hosts().get("alpha", {}).get("silent"), WITHIN, "alpha is silent")
        assert time.monotonic() - began < WITHIN
        hosts = world.hosts()
        assert {name for name, each in hosts.items() if each["silent"]} == {"alpha"}
        assert (hosts["alpha"]["running"], hosts["alpha"]["cpu"]) == (None, None)
        gone = world.ask("fleet/containers?host=alpha")
        assert {each["state"] for each in gone["containers"]} >= {"running"}
    finally:
        os.kill(agent._child.pid, signal.SIGCONT)

    def healed() -> bool:
        alpha = world.hosts().get("alpha", {})
        return alpha.get("silent") is False and bool(alpha.get("running"))

    wait_until(healed, WITHIN, "alpha is back")
    wait_until(lambda: received(world) > before, 30, "its counter goes on")
    of = f"{RECEIVED[:-1]},{matcher(world)}}}"
    assert (
        max(value for _, value in world.server.query(f"max by (container) (resets({of}[5m]))")) == 0
    )
    # One series for each container and interface; a second would count all of it again.
    assert {
        value for _, value in world.server.query(f"count by (container, interface) ({of})")
    } == {1}


def test_charts_of_a_container_of_another_host(world):
    """Asked for with the host; containers of the same name are on all of them."""
    wait_until(lambda: len(world.hosts()) == len(SEEDS), 30, "all hosts")
    means: dict[str, list[float]] = {}
    for host in SEEDS:
        answer = world.ask(f"fleet/containers?host={host}&service=postgres")
        (key,) = {f"{each['engine']}/{each['alias']}" for each in answer["containers"]}
        asked = (
            f"entity={quote('container:' + key)}&metric=container.memory.working_set"
            "&start=-20s&step=1"
        )
        found = world.ask(f"series?{asked}&host={host}")
        (series,) = found["series"]
        means[host] = [each for each in series["mean"] if each is not None]
        (own,) = answer["containers"]
        assert min(means[host]) * 0.5 <= own["memory"] <= max(means[host]) * 1.5
    assert len({tuple(each) for each in means.values()}) == len(SEEDS)


def test_a_server_that_goes_away_is_said_and_the_rest_goes_on(require, tmp_path):
    """One sentence with the fix; containers of this machine are shown as ever."""
    require(Prometheus)
    world = World(Prometheus, "written", tmp_path)
    try:
        wait_until(lambda: len(world.hosts()) == len(SEEDS), 40, "all hosts")
        world.server.stop()
        url = f"http://127.0.0.1:{world.port}/api/v1"

        def sentence() -> str:
            try:
                with urllib.request.urlopen(f"{url}/fleet", timeout=20):
                    return ""
            except urllib.error.HTTPError as error:
                return f"{error.code}: {json.load(error)['error']}"

        said = wait_until(sentence, 30, "the server is away")
        assert said == (
            f"503: history.prometheus, {world.server.url}, cannot be reached: connection refused;"
            " check the address, and that the server runs."
        )
        assert len(world.ask("containers")["containers"]) == 1
    finally:
        world.stop()


def matcher(world: World) -> str:
    """What selects the series of the host alpha."""
    if world.way == "written":
        return 'host="alpha"'
    (labels, _), *_ = world.server.query('tidegauge_info{host="alpha"}')
    return f'instance="{labels["instance"]}"'


def received(world: World) -> float:
    """What a container of alpha received since its start."""
    of = f'{RECEIVED[:-1]},{matcher(world)},service="web"}}'
    found = world.server.query(f"sum(max_over_time({of}[5m]))")
    return found[0][1] if found else 0.0
