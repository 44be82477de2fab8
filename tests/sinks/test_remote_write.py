"""Remote write into a real Prometheus and a real VictoriaMetrics: PromQL reads back what happened.

A real engine and the program as users start it, once for each server. One container burns 0.3 CPU,
one has an awkward label, one is restarted and made anew, one is removed.
"""

import time
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from servers.prometheus import Prometheus
from servers.victoria_metrics import VictoriaMetrics
from sinks.burning import Burning
from sinks.program import Program
from waiting import wait_until

pytestmark = [pytest.mark.sinks, pytest.mark.timeout(240)]

LABEL = 'a "b", c=d\\ {e} é海'
CONTAINERS = ("rw-burner", "rw-again", "rw-gone")
OURS = 'host="dock-1"'

CONFIGURATION = """
tick_interval = "1s"

[agent]
hostname = "dock-1"

[[engines]]
host = "%(engine)s"

[filters]
include = ["rw-*"]

[labels]
"com.example.team" = "team"

[exporters.remote_write]
url = "%(url)s"
flush_interval = "1s"
labels = { site = "dock" }
"""


class Watched(NamedTuple):
    """The programs, and what the burner used: by the engine, and by each server."""

    running: dict[str, Program]
    burning: Burning
    burned: dict[str, list[float]]


def _start(folder, engine, url):
    return Program(folder / "tidegauge.toml", CONFIGURATION % {"engine": engine.host, "url": url})


@pytest.fixture(scope="module")
def containers(docker_engine) -> Iterator[None]:
    """Three containers; what is made anew in a test is removed all the same."""
    docker_engine.burn("rw-burner", options=("--label", f"com.example.team={LABEL}"))
    for name in ("rw-again", "rw-gone"):
        docker_engine.burn(name, cpus=0.1)
    yield
    docker_engine.docker("rm", "--force", *CONTAINERS)


@pytest.fixture(scope="module")
def servers(require) -> Iterator[dict[str, Prometheus | VictoriaMetrics]]:
    """Both servers, empty."""
    require(Prometheus)
    require(VictoriaMetrics)
    with Prometheus() as prometheus, VictoriaMetrics() as victoria_metrics:
        yield {"Prometheus": prometheus, "VictoriaMetrics": victoria_metrics}


@pytest.fixture(scope="module")
def programs(docker_engine, containers, servers, tmp_path_factory):
    """A program for each server, both at once; each server has had samples of 30 seconds."""
    running = {
        name: _start(tmp_path_factory.mktemp(name), docker_engine, f"{server.url}/api/v1/write")
        for name, server in servers.items()
    }
    try:
        for name, server in servers.items():
            wait_until(lambda: _samples(server, 5, running[name]), 60, "the first samples")
        burning = Burning(docker_engine, "rw-burner")
        for name, server in servers.items():
            wait_until(lambda: _samples(server, 35, running[name]), 60, "30 seconds of samples")
        burned = {name: _burned(server) for name, server in servers.items()}
        burning.end()
        yield Watched(running, burning, burned)
    finally:
        for program in running.values():
            program.kill()


@pytest.fixture(scope="module")
def made_anew(docker_engine, programs) -> float:
    """A container is restarted, and made anew at this time; both servers see it."""
    docker_engine.docker("restart", "--time", "0", "rw-again")
    docker_engine.docker("rm", "--force", "rw-again")
    at = time.monotonic()
    docker_engine.burn("rw-again", cpus=0.1)
    return at


@pytest.fixture(scope="module", params=["Prometheus", "VictoriaMetrics"])
def server(request, programs, servers):
    return servers[request.param]


def _burned(server):
    """The cores that the burner used: by its counter, its levels, and their histogram."""
    of = f'{{container="rw-burner",{OURS}}}'
    return [
        value(server, f"rate(container_cpu_time_seconds_total{of}[25s])"),
        value(server, f"avg_over_time(container_cpu_usage{of}[25s])"),
        value(
            server, f"container_cpu_usage_samples_sum{of} / container_cpu_usage_samples_count{of}"
        ),
    ]


def _samples(server, count, program):
    program.check()
    selector = f'container_cpu_time_seconds_total{{container="rw-burner",{OURS}}}'
    return value(server, f"count_over_time({selector}[5m])") >= count


def value(server, promql):
    """The value of a query that answers with one series, or 0 of none."""
    found = [number for _, number in server.query(promql)]
    assert len(found) <= 1, found
    return found[0] if found else 0


@pytest.mark.parametrize("name", ["Prometheus", "VictoriaMetrics"])
def test_the_burner_burns_thirty_percent(name, servers, programs):
    """By the rate of its counter, by its levels, and by their histogram."""
    of, server = f'{{container="rw-burner",{OURS}}}', servers[name]

    for cores in programs.burned[name]:
        assert programs.burning.agrees(cores), programs.burned
    half = f"histogram_quantile(0.5, container_cpu_usage_samples_bucket{of})"
    assert 0.1 < value(server, half) <= 0.5


def test_labels_arrive_intact(server):
    """Who it is, the awkward tag to the letter, and the labels of everything."""
    ((labels, _),) = server.query(f'container_pids{{container="rw-burner",{OURS}}}')

    assert {key: text for key, text in labels.items() if key != "__name__"} == {
        "host": "dock-1",
        "site": "dock",
        "engine": "local",
        "container": "rw-burner",
        "team": LABEL,
    }


def test_no_series_is_told_twice_and_a_sum_of_one(server):
    """Adding up a family over its labels counts nothing twice."""
    by = f'sum(container_network_io_bytes_total{{container="rw-burner",{OURS}}}) by (direction)'
    assert {labels["direction"] for labels, _ in server.query(by)} == {"receive", "transmit"}
    assert server.query(f'{{__name__=~".+_sum_.+",{OURS}}}') == []


def test_counters_never_fall(server, made_anew):
    """Over a restart, and over a container made anew under the same name."""
    of = f'{{container="rw-again",{OURS}}}'

    def young():
        """The one before lived for longer than this one can have."""
        longest = time.monotonic() - made_anew
        return server.query(f"container_uptime_seconds{of} > 3 < {longest}")

    wait_until(young, 30, "some seconds of the new container")

    every = f'count by (__name__) ({{__name__=~"container_.+_total",container="rw-again",{OURS}}})'
    names = [labels["__name__"] for labels, _ in server.query(every)]
    assert len(names) >= 10
    for name in names:
        assert server.query(f"resets({name}{of}[4m]) > 0") == [], name
    assert value(server, f"increase(container_cpu_time_seconds_total{of}[4m])") > 0
    ends = f'container_exit_count_total{{container="rw-again",exit_code="137",{OURS}}}'
    assert value(server, ends) == 2


def test_a_removed_container_is_forgotten_at_once(server, servers, docker_engine):
    """Its series answer no more within seconds; without a marker they would for minutes."""
    of = f'{{container="rw-gone",{OURS}}}'
    if server is servers["Prometheus"]:
        assert server.query(f"container_memory_usage_bytes{of}")
        docker_engine.docker("rm", "--force", "rw-gone")
    removed = time.monotonic()
    wait_until(lambda: not server.query(of), 15, "nothing of the removed container")

    assert time.monotonic() - removed < 15
    assert server.query(f"count_over_time(container_memory_usage_bytes{of}[4m])")


def test_a_stop_ends_every_series(server, servers, programs):
    """After the last flush an instant query finds nothing, and nothing was refused on the way."""
    (program,) = (programs.running[name] for name, one in servers.items() if one is server)
    assert server.query(f'container_pids{{container="rw-burner",{OURS}}}')
    program.stop()

    wait_until(lambda: not server.query(f"{{{OURS}}}"), 20, "no series after the end")
    assert "Traceback" not in program.log
    assert "warning" not in program.log, program.log
    assert "stopped" in program.log.splitlines()[-1]


def test_a_wrong_path_is_one_sentence(servers, docker_engine, containers, tmp_path):
    """The server's own answer and what to correct; told once, while the program goes on."""
    program = _start(tmp_path, docker_engine, f"{servers['Prometheus'].url}/api/v1/wrong")
    try:
        wait_until(lambda: "answered 404 Not Found" in program.log, 30, "the refusal")
        program.stop()
    finally:
        program.kill()
    (line,) = (line for line in program.log.splitlines() if "404 Not Found" in line)
    assert "exporters.remote_write.url" in line
    assert "Traceback" not in program.log
