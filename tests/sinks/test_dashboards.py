"""Every query of every dashboard, asked of the backend that it is for, answers with data.

The program as users start it watches a real engine and writes to a real StatsD, Graphite and
InfluxDB, and a real Prometheus scrapes it. Containers do everything that a dashboard shows.
"""

import json
import re
import signal
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from math import isnan
from pathlib import Path
from typing import NamedTuple

import pytest

from command import environment
from servers.graphite import Graphite
from servers.influxdb import InfluxDb
from servers.process import free_ports
from servers.prometheus import Prometheus
from servers.statsd import Statsd
from sinks.burning import Burning
from tidegauge.dashboards.pages import CONTAINER
from tidegauge.dashboards.panel import Line
from tidegauge.dashboards.writing import sources
from waiting import wait_until

pytestmark = [pytest.mark.sinks, pytest.mark.timeout(300)]

STEP_S = 2
WARMS_UP_S, WORKS_S = 20, 40
MEMORY, TASKS, CPUS = 64 << 20, 50, 0.3
EXITS = (0, 1, 3, 126, 127, 137, 139, 143)
RUNNING = ("burner", "loader", "server", "writer", "again", "paused", "sick", "new")

CONFIGURATION = f"""
tick_interval = "{STEP_S}s"
[agent]
hostname = "dock-1"
[containers]
"dash-nobody" = "dash-nobody"
[filters]
include = ["dash-*"]
[survey]
interval = "10s"
[exporters.statsd]
port = %(statsd)d
flush_interval = "{STEP_S}s"
repeats = "each"
subscriptions = {{ "docker-*" = ["**"], "host" = ["**"] }}
[exporters.graphite]
port = %(graphite)d
flush_interval = "{STEP_S}s"
[exporters.influxdb]
url = "%(influxdb)s"
flush_interval = "{STEP_S}s"
"""

DASHBOARDS = [
    pytest.param(source, page, id=f"{name}-{page.name}")
    for name, all_of_it in sources().items()
    for source, page in all_of_it
]

each_source = pytest.mark.parametrize(
    "source", [pytest.param(pages[0][0], id=name) for name, pages in sources().items()]
)

TAGS = (
    "time",
    "host",
    "engine",
    "container",
    "interface",
    "device",
    "mountpoint",
    "volume",
    "code",
)

Exceptions = dict[tuple[str, ...], str]
"""Metric and values of its attributes that cannot be brought about, and why."""

ALWAYS: Exceptions = {
    ("container.state", "dead"): "an engine shows it for a moment, when a removal fails",
}
# Containers of this machine are read directly.
READ_DIRECTLY: Exceptions = {
    ("container.samples.missed",): "no second was missed",
    ("engine.stats.cycle",): "the engine collects no samples",
    ("engine.stats.rate", "stream"): "it streams none",
}
WITHOUT_SWAP: Exceptions = {
    ("system.paging.usage", "used"): "this machine has no swap",
    ("system.paging.usage", "free"): "the same",
}
OF_CGROUP_V1: Exceptions = {
    ("container.memory.fails", "oom"): "counts hits of the limit instead",
}
OF_CGROUP_V2: Exceptions = {
    ("container.memory.fails", "limit"): "counts lacks of memory instead",
    ("container.memory.usage.max",): "has no such field",
    ("container.disk.operations.sum", "read"): "engines do not count operations with it",
    ("container.disk.operations.sum", "write"): "the same",
}


class Grafana:
    """What Grafana does of a dashboard: fill in variables, ask, and look for numbers.

    It looks at the time from its making to `looked`.
    """

    def __init__(self, prometheus, graphite, influx):
        self._prometheus, self._graphite, self._influx = prometheus, graphite, influx
        self._since = self._until = time.time()

    def looked(self):
        self._until = time.time()

    def picked(self, source, page):
        """Each variable with all that its own query lists, as Grafana writes several."""
        found = {
            "__rate_interval": "20s",
            "__interval": "10s",
            "timeFilter": f"time >= {self._since * 1e9:.0f} AND time <= {self._until * 1e9:.0f}",
        }
        for variable in source.variables(page):
            if not variable.query:
                found[variable.name] = variable.default
                continue
            values = self._listed(source, filled(variable.query, found))
            assert values, f"{variable.name} lists nothing"
            several = f"{{{','.join(values)}}}" if source.plugin == "graphite" else "|".join(values)
            found[variable.name] = several if source.plugin == "graphite" else f"({several})"
        return found

    def numbers(self, source, query, picked):
        """Every number that a query answers with, in the order of time, by series."""
        answered = {
            "prometheus": self._of_prometheus,
            "graphite": self._of_graphite,
            "influxdb": self._of_influx,
        }[source.plugin](filled(query.text, picked))
        return [[value for value in row if value is not None] for row in answered]

    def _listed(self, source, query):
        if source.plugin == "graphite":
            return [path.rpartition(".")[2] for path in self._graphite.find(query)]
        if source.plugin == "influxdb":
            return sorted({row["value"] for row in self._influx.rows("tidegauge", query)})
        selector, label = re.fullmatch(r"label_values\((.*), (\w+)\)", query).groups()
        found = self._asked("series", {"match[]": selector})
        return sorted({series[label] for series in found if label in series})

    def _of_prometheus(self, query):
        span = {"start": self._since, "end": self._until, "step": STEP_S}
        found = self._asked("query_range", {"query": query, **span})["result"]
        rows = [[float(value) for _, value in one["values"]] for one in found]
        return [[value for value in row if not isnan(value)] for row in rows]

    def named(self, query, picked):
        """What Graphite calls the series of a query."""
        return [one["target"] for one in self._rendered(filled(query.text, picked))]

    def _of_graphite(self, query):
        return [[value for value, _ in one["datapoints"]] for one in self._rendered(query)]

    def _rendered(self, query):
        span = {"from": int(self._since), "until": int(self._until)}
        parameters = {"target": query, "format": "json", **span}
        return answer(f"{self._graphite.url}/render?{urllib.parse.urlencode(parameters)}")

    def _of_influx(self, query):
        rows = self._influx.rows("tidegauge", query)
        return [[value] for row in rows for name, value in row.items() if name not in TAGS]

    def _asked(self, page, parameters):
        url = f"{self._prometheus.url}/api/v1/{page}?{urllib.parse.urlencode(parameters)}"
        return answer(url)["data"]


def answer(url):
    with urllib.request.urlopen(url, timeout=20) as reply:
        return json.load(reply)


class Shown(NamedTuple):
    """What there is to see: of all, of the time when containers worked, and what they really did.

    ``received`` is in bytes each second.
    """

    whole: Grafana
    busy: Grafana
    exceptions: Exceptions
    burning: Burning
    received: float

    def of(self, container, source, panel, legend):
        """The numbers of one line of one panel of the dashboard of a container."""
        (line,) = (each for each in panel.lines if each.legend == legend)
        query = source.query(line, panel, CONTAINER)
        if query is None:
            return None
        picked = self.busy.picked(source, CONTAINER) | {"container": container}
        series = self.busy.numbers(source, query, picked)
        return [number for numbers in series for number in numbers]


def filled(text, values):
    """A query with what stands for its variables, as Grafana finds them."""
    return re.sub(r"\$(\w+)", lambda found: values.get(found[1], found[0]), text)


@pytest.fixture(scope="module")
def shown(docker_engine, require, tmp_path_factory):
    for server in (Prometheus, Graphite, Statsd, InfluxDb):
        require(server)
    folder = tmp_path_factory.mktemp("dashboards")
    (web,) = free_ports(1)
    with (
        Graphite(STEP_S) as graphite,
        Statsd(graphite, STEP_S * 1000) as statsd,
        InfluxDb() as influx,
        Prometheus(f"127.0.0.1:{web}", f"127.0.0.1:{web}/metrics/cadvisor") as prometheus,
    ):
        influx.create("tidegauge")
        ports = {"web": web, "statsd": statsd.port, "graphite": graphite.port}
        file, log = folder / "tidegauge.toml", folder / "log"
        file.write_text(CONFIGURATION % (ports | {"influxdb": influx.url}))
        volume = docker_engine.counted_volume()
        start_containers(docker_engine, volume)
        with log.open("wb") as out:
            program = subprocess.Popen(
                [sys.executable, "-m", "tidegauge", "run", "-c", str(file)],
                env=environment(
                    DOCKER_HOST=docker_engine.host, TIDEGAUGE_WEB_LISTEN=f"127.0.0.1:{web}"
                ),
                stdout=out,
                stderr=out,
            )
        try:
            wait_until(lambda: prometheus.query("container_cpu_usage"), 30, "the first scrape")
            servers = prometheus, graphite, influx
            whole = Grafana(*servers)
            keep_busy(docker_engine, WARMS_UP_S)  # rates look back so far
            busy = Grafana(*servers)
            burning = Burning(docker_engine, "dash-burner")
            received = keep_busy(docker_engine, WORKS_S)
            burning.end()
            busy.looked()
            make_trouble(docker_engine)
            whole.looked()
            assert program.poll() is None, log.read_text()
            exceptions = (
                ALWAYS | READ_DIRECTLY | (OF_CGROUP_V2 if on_v2(docker_engine) else OF_CGROUP_V1)
            )
            exceptions |= WITHOUT_SWAP if without_swap() else {}
            yield Shown(whole, busy, exceptions, burning, received)
            program.send_signal(signal.SIGTERM)
            assert program.wait(15) == 0
        finally:
            program.kill()
            program.wait()
            everything = docker_engine.docker("ps", "-aq", "--filter", "name=dash-").split()
            docker_engine.docker("rm", "--force", *everything)
            docker_engine.docker("volume", "rm", "dash-volume")


def on_v2(engine):
    return json.loads(engine.get("/info")).get("CgroupVersion") == "2"


def without_swap():
    return re.search(r"^SwapTotal: +0 kB$", Path("/proc/meminfo").read_text(), re.MULTILINE)


def start_containers(engine, volume):
    limits = ("--memory", str(MEMORY), "--memory-reservation", "32m", "--pids-limit", str(TASKS))
    well = ("--health-cmd", "true", "--health-interval", "1s")
    engine.burn("dash-burner", cpus=CPUS, options=(*limits, *well))
    engine.run(
        "dash-server", "sh", "-c", "head -c 200000 /dev/zero > /f && exec httpd -f -p 80 -h /"
    )
    volumes = (*volume.options, "--volume", "dash-volume:/kept")
    engine.run("dash-writer", "sleep", "10000", options=volumes)
    engine.run("dash-loader", "sleep", "10000")
    engine.run("dash-paused", "sleep", "10000")
    engine.docker("pause", "dash-paused")
    engine.docker("create", "--name", "dash-created", "busybox:local", "true")
    engine.run("dash-again", "sh", "-c", "exit 1", options=("--restart", "always"))
    sick = ("--health-cmd", "false", "--health-interval", "1s", "--health-retries", "1")
    engine.run("dash-sick", "sleep", "10000", options=sick)
    engine.run("dash-new", "sleep", "10000", options=("--health-cmd", "true"))


def make_trouble(engine):
    """Containers end in every way, one is killed again and again, and samples fail to come."""
    for code in EXITS:
        engine.run(f"dash-ends-{code}", "sh", "-c", f"exit {code}")
    greedy = "while :; do tail /dev/zero; sleep 1; done"
    engine.run("dash-greedy", "sh", "-c", greedy, options=("--memory", "8m"))
    with engine.frozen():
        time.sleep(4)
    time.sleep(4 * STEP_S)  # until all of it is told, everywhere


def keep_busy(engine, seconds):
    """One container downloads and one writes; returns the bytes received each second."""
    address = engine.docker("inspect", "--format", "{{.NetworkSettings.IPAddress}}", "dash-server")
    began, before = time.monotonic(), received_by(engine, "dash-loader")
    while time.monotonic() < began + seconds:
        engine.docker("exec", "dash-loader", "wget", "-qO", "/got", f"{address}/f")
        disk = ("bs=64k", "count=16")
        write = ("dd", "if=/dev/zero", "of=/data/f", *disk, "oflag=direct")
        engine.docker("exec", "dash-writer", *write)
        engine.docker(
            "exec", "dash-writer", "dd", "if=/data/f", "of=/dev/null", *disk, "iflag=direct"
        )
    return (received_by(engine, "dash-loader") - before) / (time.monotonic() - began)


def received_by(engine, container):
    return engine.stats(container)["networks"]["eth0"]["rx_bytes"]


@pytest.mark.parametrize(("source", "page"), DASHBOARDS)
def test_every_query_answers(shown, source, page):
    """With its variables picked as its own queries list them; what cannot be is named, with why."""
    picked = shown.whole.picked(source, page)
    silent = []
    for panel, line in lines(source, page):
        query = source.query(line, panel, page)
        if query is None or (*key(line),) in shown.exceptions:
            continue
        if not any(shown.whole.numbers(source, query, picked)):
            silent.append((panel.title, key(line), filled(query.text, picked)))

    assert silent == []


def lines(source, page):
    for row in page.rows:
        for panel in row.panels:
            if panel.kind != "table" or source.tables:
                yield from ((panel, line) for line in panel.lines)


def key(line: Line):
    return line.metric.name, *(value for _, value in line.attributes)


@each_source
def test_limits_are_told_to_the_letter(shown, source):
    """A container's own limits are lines in its graphs, whatever unit they were sent in."""
    told = {panel.title: panel for panel, _ in lines(source, CONTAINER)}

    assert set(shown.of("dash-burner", source, told["CPU, cores"], "limit")) == {CPUS}
    assert set(shown.of("dash-burner", source, told["Memory"], "limit")) == {MEMORY}
    assert set(shown.of("dash-burner", source, told["Tasks"], "limit")) == {TASKS}


@each_source
def test_all_show_what_happened(shown, source):
    """The burner's CPU in cores, and the loader's traffic in bytes a second."""
    told = {panel.title: panel for panel, _ in lines(source, CONTAINER)}
    used = shown.of("dash-burner", source, told["CPU, cores"], "used")
    received = shown.of("dash-loader", source, told["Traffic"], "received")

    assert shown.burning.agrees(sum(used) / len(used))
    assert sum(received) / len(received) == pytest.approx(shown.received, rel=0.25)


@each_source
def test_what_happened_is_marked(shown, source):
    """Starts, ends and kills for lack of memory."""
    picked = shown.whole.picked(source, CONTAINER)
    for event in source.events():
        numbers = shown.whole.numbers(source, event.query, picked)
        assert any(map(any, numbers)), event.query.text


@pytest.mark.parametrize(
    ("name", "title", "expected"),
    [
        ("statsd", "CPU, cores", {"dash-burner used", "dash-burner limit"}),
        ("graphite", "CPU, cores", {"dash-burner used", "dash-burner limit"}),
        (
            "graphite",
            "Traffic by interface",
            {"dash-burner.eth0 received", "dash-burner.eth0 sent"},
        ),
    ],
)
def test_graphites_series_are_called_by_their_container(shown, name, title, expected):
    """Not by the functions around them; in other backends the legend does that."""
    (source, page) = sources()[name][1]
    picked = shown.busy.picked(source, page) | {"container": "dash-burner"}
    asked = (
        source.query(line, panel, page)
        for panel, line in lines(source, page)
        if panel.title == title
    )
    assert {name for query in asked for name in shown.busy.named(query, picked)} == expected


@pytest.mark.parametrize(
    ("name", "title", "expected"),
    [
        ("statsd", "CPU in use", {"dock-1"}),
        ("graphite", "Load", {"dock-1 1m", "dock-1 5m", "dock-1 15m", "dock-1 CPUs"}),
        ("graphite", "Images and volumes", {"local images", "local volumes"}),
    ],
)
def test_graphites_other_series_are_called_by_machine_and_engine(shown, name, title, expected):
    """The same of what is not about a container."""
    (source, page) = sources()[name][2]
    picked = shown.whole.picked(source, page)
    asked = (
        source.query(line, panel, page)
        for panel, line in lines(source, page)
        if panel.title == title
    )
    assert {name for query in asked for name in shown.whole.named(query, picked)} == expected
