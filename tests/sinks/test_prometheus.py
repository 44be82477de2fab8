"""A real Prometheus scrapes the program that watches a real engine: PromQL answers what happened.

Both pages are scraped every second. One container burns 0.3 CPU, one has awkward labels, one is
restarted and made anew, one is removed.
"""

import subprocess
import urllib.request

import pytest

from servers.process import free_ports
from servers.prometheus import Prometheus
from sinks.burning import QUOTA, Burning
from sinks.program import Program
from waiting import wait_until

pytestmark = [pytest.mark.sinks, pytest.mark.timeout(240)]

LABEL = 'a "b", c=d\\ {e} %s é海'
CONTAINERS = ("pr-burner", "pr-again", "pr-gone")
OWN, CADVISOR = 'job="/metrics"', 'job="/metrics/cadvisor"'

CONFIGURATION = """
tick_interval = "2s"

[agent]
hostname = "dock-1"

[[engines]]
host = "%(engine)s"

[filters]
include = ["pr-*"]

[labels]
"com.example.team" = "team"

[web.metrics]
cadvisor_labels = ["com.example.team"]
"""


class Scraped:
    """The program as users start it, and the Prometheus that scrapes both its pages."""

    burning: Burning

    def __init__(self, folder, engine):
        (port,) = free_ports(1)
        self._address = f"127.0.0.1:{port}"
        self.program = Program(
            folder / "tidegauge.toml",
            CONFIGURATION % {"engine": engine.host},
            TIDEGAUGE_WEB_LISTEN=self._address,
        )
        try:
            self.prometheus = Prometheus(self._address, f"{self._address}/metrics/cadvisor")
        except BaseException:
            self.program.kill()
            raise

    def query(self, promql):
        self.program.check()
        return self.prometheus.query(promql)

    def value(self, promql):
        """The value of a query that answers with one series, or 0 of none."""
        found = [number for _, number in self.query(promql)]
        assert len(found) <= 1, found
        return found[0] if found else 0

    def page(self, path):
        with urllib.request.urlopen(f"http://{self._address}{path}", timeout=10) as reply:
            return reply.read()


@pytest.fixture(scope="module")
def scraped(docker_engine, require, tmp_path_factory):
    """Three containers; scraped for 30 seconds."""
    require(Prometheus)
    docker_engine.burn("pr-burner", options=("--label", f"com.example.team={LABEL}"))
    for name in ("pr-again", "pr-gone"):
        docker_engine.burn(name, cpus=0.1)
    started = Scraped(tmp_path_factory.mktemp("prometheus"), docker_engine)
    try:
        counted = (
            f'count_over_time(container_cpu_time_seconds_total{{{OWN},container="pr-burner"}}[5m])'
        )
        wait_until(lambda: started.value(counted) >= 5, 60, "the first scrapes")
        started.burning = Burning(docker_engine, "pr-burner")
        wait_until(lambda: started.value(counted) >= 30, 60, "30 scrapes")
        started.burning.end()
        yield started
    finally:
        started.program.kill()
        started.prometheus.stop()
        docker_engine.docker("rm", "--force", *CONTAINERS)


def test_prometheus_takes_both_pages(scraped):
    """It asks for OpenMetrics, and finds no fault with it."""
    wanted = {("/metrics", "up", ""), ("/metrics/cadvisor", "up", "")}

    def told():
        targets = scraped.prometheus.targets()
        return {(each["scrapePool"], each["health"], each["lastError"]) for each in targets}

    wait_until(lambda: told() == wanted, 10, "both up")
    assert scraped.prometheus.log == ""


@pytest.mark.parametrize("path", ["/metrics", "/metrics/cadvisor"])
def test_promtool_finds_nothing_to_say(scraped, path):
    """Names, kinds, units and help are as Prometheus' users expect them."""
    page = scraped.page(path)
    check = ["promtool", "check", "metrics"]
    said = subprocess.run(check, input=page, capture_output=True, check=False)

    assert (said.returncode, said.stdout, said.stderr) == (0, b"", b"")
    assert page.count(b"\n") > 100


@pytest.mark.parametrize(
    "counter",
    [
        f'container_cpu_time_seconds_total{{{OWN},container="pr-burner"}}',
        f'container_cpu_usage_seconds_total{{{CADVISOR},name="pr-burner",cpu="total"}}',
    ],
)
def test_the_burner_burns_thirty_percent(scraped, counter):
    """By our name and by cAdvisor's."""
    assert scraped.burning.agrees(scraped.value(f"rate({counter}[25s])"))


def test_the_quota_is_what_the_burner_was_given(scraped):
    """The usual expression for the share of its quota, over two series of one container."""
    of = f'{{{CADVISOR},name="pr-burner"}}'
    share = (
        f"sum by (name) (rate(container_cpu_usage_seconds_total{of}[25s]))"
        f" / sum by (name) (container_spec_cpu_quota{of} / container_spec_cpu_period{of})"
    )
    assert scraped.burning.agrees(scraped.value(share) * QUOTA)


def test_labels_arrive_intact(scraped):
    """The awkward tag to the letter, on both pages."""
    ((own, _),) = scraped.query(f'container_pids{{{OWN},container="pr-burner"}}')
    ((compatible, _),) = scraped.query(f'container_threads{{{CADVISOR},name="pr-burner"}}')

    del own["__name__"], own["instance"]
    assert own == {
        "job": "/metrics",
        "engine": "local",
        "container": "pr-burner",
        "team": LABEL,
    }
    assert compatible["container_label_com_example_team"] == LABEL
    assert compatible["image"] == "busybox:local"
    assert len(compatible["id"]) == len("/docker/") + 64


def test_host_panels_answer(scraped):
    """What dashboards show of the machine: the container of all containers, and its CPUs."""
    root = f'{{{CADVISOR},id="/"}}'
    cores = scraped.value(f"machine_cpu_cores{{{CADVISOR}}}")

    assert cores >= 1
    assert 0 < scraped.value(f"sum(rate(container_cpu_usage_seconds_total{root}[25s]))") <= cores
    used = scraped.value(f"container_memory_working_set_bytes{root} / scalar(machine_memory_bytes)")
    assert 0 < used < 1


def test_counters_never_fall(scraped, docker_engine):
    """Over a restart, and over a container made anew under the same name."""
    docker_engine.docker("restart", "--time", "0", "pr-again")
    docker_engine.docker("rm", "--force", "pr-again")
    docker_engine.burn("pr-again", cpus=0.1)
    of = f'{{{OWN},container="pr-again"}}'
    young = f"container_uptime_seconds{of} > 3 < 25"  # the one before lived for longer
    wait_until(lambda: scraped.query(young), 30, "some seconds of the new container")

    every = f'count by (__name__) ({{__name__=~"container_.+_total",container="pr-again",{OWN}}})'
    names = [labels["__name__"] for labels, _ in scraped.query(every)]
    assert len(names) >= 10
    for name in names:
        assert scraped.query(f"resets({name}{of}[4m]) > 0") == [], name
    assert scraped.value(f"increase(container_cpu_time_seconds_total{of}[4m])") > 0


def test_a_removed_container_is_forgotten_at_once(scraped, docker_engine):
    """Within a few scrapes an instant query is empty; the old name would answer for minutes."""
    ours, theirs = f'{{{OWN},container="pr-gone"}}', f'{{{CADVISOR},name="pr-gone"}}'
    assert scraped.query(ours)
    assert scraped.query(theirs)
    docker_engine.docker("rm", "--force", "pr-gone")
    wait_until(lambda: not scraped.query(ours) and not scraped.query(theirs), 10, "no series of it")

    assert scraped.query(f"count_over_time(container_memory_usage_bytes{ours}[4m])")


def test_a_stop_is_clean(scraped):
    """Scraping is no reason to end late or loudly."""
    scraped.program.stop()

    assert "metrics at http://127.0.0.1:" in scraped.program.log
    assert "level=warning" not in scraped.program.log, scraped.program.log
    assert "Traceback" not in scraped.program.log
    assert "stopped" in scraped.program.log.splitlines()[-1]
