"""The stack for a Swarm on three real engines, as an administrator deploys it, with its store."""

import json
import subprocess
import time
from itertools import pairwise

import pytest
import yaml

from servers.compose import DEPLOY
from servers.engine import PATH
from servers.process import Process
from servers.prometheus import Prometheus
from servers.swarm import NODES, Swarm
from servers.victoria_metrics import VictoriaMetrics, load_into
from waiting import wait_until

from .images import answer, build_into, containers, group_of_socket
from .stores import Store, store_of

pytestmark = [pytest.mark.engine, pytest.mark.timeout(600)]

TOKEN = "a-secret"
AGENT, STORE, SHOP = "tidegauge_tidegauge", "tidegauge_store", "shop_web"
CPU = "container_cpu_time_seconds_total"
SPIN = ("sh", "-c", "while :; do :; done")
CUT = "node3"


@pytest.fixture(scope="module")
def swarm(require):
    """With something to watch on each node: by itself, and as one replica of a service."""
    for server in (Swarm, VictoriaMetrics, Prometheus):
        require(server)
    with Swarm() as swarm:
        for name, engine in swarm.nodes.items():
            build_into(engine)
            engine.burn(f"{name}-busy", 0.1)
            engine.run(f"{name}-idle", "sleep", "100000")
        image = yaml.safe_load((DEPLOY / "swarm.fleet.yml").read_text())["services"]["store"]
        load_into(swarm.manager, image["image"])
        swarm.manager.docker(
            *("service", "create", "--quiet", "--no-resolve-image", "--endpoint-mode", "dnsrr"),
            *("--name", SHOP, "--replicas", "3", "--replicas-max-per-node", "1"),
            *("--limit-cpu", "0.05", "--stop-signal", "KILL", "--update-monitor", "1s"),
            *("busybox:local", *SPIN),
        )
        yield swarm


@pytest.fixture(scope="module")
def deployed(swarm):
    """What the first lines of the files say; the time when that was done."""
    manager = swarm.manager
    env = {"PATH": PATH, "DOCKER_HOST": manager.host, "DOCKER_GID": group_of_socket(manager)}
    files = ("-c", "swarm.yml", "-c", "swarm.fleet.yml")
    for command, given in (
        (("secret", "create", "tidegauge-token", "-"), TOKEN),
        (("stack", "deploy", "--resolve-image=never", *files, "tidegauge"), ""),
    ):
        done = subprocess.run(
            ["docker", *command],
            env=env,
            cwd=DEPLOY,
            input=given,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
    return time.time()


@pytest.fixture(scope="module")
def store(swarm, deployed):
    label = f"label=com.docker.swarm.service.name={STORE}"
    wait_until(lambda: swarm.manager.docker("ps", "-q", "--filter", label), 90, "the store")
    return store_of(swarm.manager, STORE)


@pytest.fixture(scope="module")
def scraping(swarm, deployed, tmp_path_factory):
    """A Prometheus on the manager with the file that is given for it, only quicker."""
    folder = tmp_path_factory.mktemp("prometheus")
    token, config = folder / "token", folder / "prometheus.yml"
    token.write_text(TOKEN)
    text = (DEPLOY / "swarm/prometheus.yml").read_text()
    for there, here in (
        ("/run/secrets/tidegauge-token", str(token)),
        ("/var/run/docker.sock", str(swarm.manager.socket)),
        (" 10s", " 1s"),
    ):
        assert there in text
        text = text.replace(there, here)
    config.write_text(text)
    command = [
        *(*swarm.manager.inside("--net"), "prometheus", f"--config.file={config}"),
        *(f"--storage.tsdb.path={folder}/data", "--web.listen-address=127.0.0.1:9090"),
    ]
    process = Process(command, {"PATH": PATH}, folder / "log")
    yield Store(swarm.manager, "127.0.0.1", 9090)
    process.stop()


def expected(swarm):
    """Host, engine, alias and service of everything that runs."""
    placed = dict(
        line.split(" ")
        for line in swarm.manager.docker(
            *("service", "ps", "--format", "{{.Node}} {{.Name}}"),
            *("--filter", "desired-state=running", SHOP),
        ).splitlines()
    )
    return {
        *((name, name, f"{name}-{kind}", None) for name in NODES for kind in ("busy", "idle")),
        *((name, name, AGENT, AGENT) for name in NODES),
        *((name, name, placed[name], SHOP) for name in NODES),
        ("node1", "node1", f"{STORE}.1", STORE),
    }


def found(store):
    """The same of everything with a sample of its CPU."""
    names = ("host", "engine", "container", "service")
    # Asked once more, VictoriaMetrics remembers for 10 s that there was nothing.
    anew = f'{CPU}{{container!="{time.monotonic()}"}}'
    return {tuple(map(labels.get, names)) for labels, _ in store.query(anew)}


def fleet(swarm, part=""):
    """What the manager's agent answers of all nodes; empty when it cannot."""
    body = answer(swarm.manager, f"/api/v1/fleet{part}?token={TOKEN}", NODES["node1"])
    return json.loads(body) if body else {}


def shown(swarm):
    """As `expected`, of the fleet's containers of which the CPU is known."""
    return {
        (each["host"], each["engine"], each["alias"], each["service"])
        for each in fleet(swarm, "/containers").get("containers", ())
        if each["cpu"] is not None
    }


def silent(swarm):
    """The nodes that the fleet calls silent."""
    return [each["name"] for each in fleet(swarm).get("hosts", ()) if each["silent"]]


def newest(store, host):
    """How many seconds ago was the newest sample of a node's containers?"""
    times = [one.times[-1] for one in store.samples(f'{CPU}{{host="{host}"}}') if one.times]
    return time.time() - max(times, default=0.0)


def cpu(engine, container):
    """CPU seconds as the engine itself counts them."""
    return engine.stats(container)["cpu_stats"]["cpu_usage"]["total_usage"] / 1e9


def test_all_containers_of_all_nodes_come_into_the_fleet(swarm, deployed, store):
    """In the store and in what a dashboard shows: by host, engine and service, each once.

    It tells how long that took: 30 s are promised, of machines that are not three in one.
    """
    wanted, end = expected(swarm), deployed + 90
    wait_until(lambda: found(store) == wanted, end - time.time(), "all in the store")
    stored = time.time() - deployed
    wait_until(lambda: shown(swarm) == wanted, end - time.time(), "all in the fleet")
    told = time.time() - deployed

    print(
        f"\nall {len(wanted)} containers are in the store {stored:.1f} s after the deployment,"
        f" in the fleet after {told:.1f} s"
    )
    assert silent(swarm) == []
    assert len(store.samples(CPU)) == len(wanted)


def test_each_node_shows_its_containers(swarm, deployed):
    """One agent on each node, and no container of any is missing on its dashboard."""

    def seen(name, address):
        shown = containers(swarm.nodes[name], TOKEN, address)
        return {alias for alias, each in shown.items() if each["values"].get("cpu") is not None}

    wanted = expected(swarm)
    for name, address in NODES.items():
        here = {alias for host, _, alias, _ in wanted if host == name}
        wait_until(lambda a=name, b=address, c=here: seen(a, b) == c, 60, f"all of {name}")
        # Published by the node itself: each answers to the others, who know the token.
        assert seen("node1", address) == here

    listed = swarm.manager.docker("service", "ps", "--format", "{{.Node}}", AGENT)
    assert sorted(listed.split()) == sorted(NODES)


def test_an_update_of_a_service_goes_on_with_one_series_for_each_replica(swarm, store):
    """A new container in each place, and no counter falls or begins anew."""
    selector = f'{CPU}{{service="{SHOP}"}}'
    before = {one.labels["replica"]: one for one in store.samples(selector)}
    swarm.manager.docker(
        *("service", "update", "--quiet", "--no-resolve-image", "--env-add", "VERSION=2", SHOP)
    )
    named = ("ps", "--format", "{{.Names}}", "--filter", f"name={SHOP}")
    tasks = {engine.docker(*named): engine for engine in swarm.nodes.values()}
    used = {task.split(".")[1]: cpu(engine, task) for task, engine in tasks.items()}
    info = f'container_info{{service="{SHOP}"}}'
    wait_until(
        lambda: {labels["name"] for labels, _ in store.query(info)} == {*tasks}, 30, "new tasks"
    )
    after = {one.labels["replica"]: one for one in store.samples(selector)}

    assert sorted(before) == sorted(after) == ["1", "2", "3"]
    assert len(store.samples(selector)) == 3
    for replica, one in after.items():
        assert one.labels == before[replica].labels
        assert one.values == sorted(one.values)
        assert one.values[-1] >= before[replica].values[-1] + used[replica]


def test_prometheus_finds_all_agents_through_the_swarm(swarm, scraping):
    """With the labels of what is written to a store; the machine's own series have them, too."""
    # A Swarm tells of an agent after its first health check, half a minute after its start.
    wanted = expected(swarm)
    wait_until(lambda: found(scraping) == wanted, 60, "all in Prometheus")

    (up, machines) = (scraping.query(promql) for promql in ("up", "system_memory_limit_bytes"))
    assert {labels["instance"]: value for labels, value in up} == dict.fromkeys(NODES, 1.0)
    assert sorted(labels["host"] for labels, _ in machines) == sorted(NODES)
    assert all("exported_host" not in labels for labels, _ in machines)


def test_a_node_that_is_cut_off_is_silent_and_comes_back_whole(swarm, store):
    """What it counted meanwhile is written then, neither twice nor less than the engine has."""
    engine, busy = swarm.nodes[CUT], f"{CUT}-busy"
    wait_until(lambda: newest(store, CUT) < 3, 30, "a sample")
    with swarm.cut_off(CUT):
        cut = time.time()
        wait_until(lambda: silent(swarm) == [CUT], 30, "silence")
        told = time.time()
        assert newest(store, CUT) > 15 > newest(store, "node2")
    wait_until(lambda: newest(store, CUT) < 3 and silent(swarm) == [], 120, "its samples")
    back = time.time()
    print(f"\nsilent {told - cut:.1f} s after the cut, back {back - told:.1f} s after its end")

    least = cpu(engine, busy)
    wait_until(lambda at=time.time(): time.time() - newest(store, CUT) > at, 30, "a newer one")
    (one,) = store.samples(f'{CPU}{{container="{busy}"}}')
    assert least <= one.values[-1] <= cpu(engine, busy)
    assert one.values == sorted(one.values)
    # A Swarm stops the agent of a node that was away, and starts it anew.
    gaps = [later - earlier for earlier, later in pairwise(one.times)]
    assert min(gaps) > 0
    assert max(gaps) < 25
    assert len([at for at in one.times if cut < at < told]) >= 2
    assert [each["trouble"] for each in fleet(swarm)["hosts"]] == [None] * 3
