"""The original program's configuration file in, the original dashboard's queries answered.

A real engine, the program as users start it, a real StatsD and a real Graphite. One container
burns 0.3 CPU, one is idle, one downloads 5,000,000 bytes from a fourth, one writes to a device.
"""

import time

import pytest

from sinks.burning import Burning
from sinks.program import Program
from sinks.tcp_door import tcp_door
from waiting import wait_until

pytestmark = [pytest.mark.sinks, pytest.mark.timeout(240)]

DOWNLOAD = 5_000_000
WRITTEN = 8 << 20
PREFIX = "stats.timers.kamon.dock_1"

CONFIGURATION = """
# the file of the original program
docker {
  host = "127.0.0.1"
  port = %(engine)d
  containers = [{"burner":"burner"}, {"idler":"awesome.idler"}, {"loader":"loader"},
                {"writer":"writer"}, {"not-there":"nobody"}]
}
kamon {
  metric { tick-interval = 2 seconds }
  statsd {
    hostname = "127.0.0.1"
    port = %(statsd)d
    flush-interval = 2 seconds
    simple-metric-key-generator { hostname-override = "dock.1" }
  }
}
"""


class Dashboard:
    """What Graphite holds after a run of the program."""

    def __init__(self, graphite, statsd, log, burning):
        self._graphite, self.statsd, self.log, self.burning = graphite, statsd, log, burning

    def values(self, path):
        """The values of one query of the dashboard."""
        points = self._graphite.render(f"{PREFIX}.{path}", seconds=240)
        assert points, f"{path} does not answer"
        return [value for _, value in points]

    def find(self, query):
        return self._graphite.find(query)


@pytest.fixture(scope="module")
def dashboard(docker_engine, graphite, statsd, tmp_path_factory):
    folder = tmp_path_factory.mktemp("dashboard")
    volume = docker_engine.counted_volume()
    docker_engine.burn("burner")
    docker_engine.run("idler", "sleep", "10000")
    serve = f"head -c {DOWNLOAD} /dev/zero > /file && exec httpd -f -p 80 -h /"
    docker_engine.run("server", "sh", "-c", serve)
    docker_engine.run("loader", "sleep", "10000")
    docker_engine.run("writer", "sleep", "10000", options=volume.options)
    address = docker_engine.docker(
        "inspect", "--format", "{{.NetworkSettings.IPAddress}}", "server"
    )
    with tcp_door(docker_engine.socket) as port:
        configuration = CONFIGURATION % {"engine": port, "statsd": statsd.port}
        program = Program(folder / "application.conf", configuration)
        try:
            wait_until(lambda: graphite.find(f"{PREFIX}.docker-cpu.*"), 30, "the first tick")
            burning = Burning(docker_engine, "burner")
            wait_until(lambda: _answers(graphite, "docker-network.loader.rx-bytes"), 30, "traffic")
            docker_engine.docker("exec", "loader", "wget", "-q", "-O", "/got", f"{address}/file")
            _write_and_read(docker_engine)
            started = time.monotonic()
            wait_until(lambda: time.monotonic() - started > 20, 30, "ten ticks")
            burning.end()
            program.stop()
        finally:
            program.kill()
    yield Dashboard(graphite, statsd, program.log, burning)
    docker_engine.docker("rm", "--force", "burner", "idler", "server", "loader", "writer")


def _answers(graphite, path):
    return graphite.render(f"{PREFIX}.{path}.sum", seconds=60)


def _write_and_read(engine):
    blocks = f"bs=64k count={WRITTEN >> 16}"
    engine.docker(
        "exec", "writer", "dd", "if=/dev/zero", "of=/data/f", *blocks.split(), "oflag=direct"
    )
    engine.docker(
        "exec", "writer", "dd", "if=/data/f", "of=/dev/null", *blocks.split(), "iflag=direct"
    )


def test_the_burner_burns_thirty_percent_and_the_idle_one_nothing(dashboard):
    """CPU queries answer with the right values, and the two containers never mix."""
    burner = dashboard.values("docker-cpu.burner.percent-cpu-usage.mean_99")
    idle = dashboard.values("docker-cpu.awesome_idler.percent-cpu-usage.mean_99")

    assert len(burner) >= 10
    assert dashboard.burning.agrees(sum(burner) / len(burner) / 100), burner
    assert max(burner) < 60, burner
    assert max(idle) < 2, idle


def test_a_known_download_is_counted(dashboard):
    """rx-bytes.sum over the download is within 3 % of its size; tx is another instrument."""
    received = sum(dashboard.values("docker-network.loader.rx-bytes.sum"))
    sent = sum(dashboard.values("docker-network.loader.tx-bytes.sum"))

    assert received == pytest.approx(DOWNLOAD, rel=0.03)
    assert 0 < sent < DOWNLOAD / 10


def test_received_and_transmitted_packets_are_two_instruments(dashboard):
    """Both have numbers of their own (the original registered both under one name)."""
    received = sum(dashboard.values("docker-network.loader.rx-packets.sum"))
    sent = sum(dashboard.values("docker-network.loader.tx-packets.sum"))

    assert received > 0
    assert sent > 0
    assert received != sent


@pytest.mark.parametrize(
    "metric", ["rx-bytes", "tx-bytes", "rx-errors", "rx-dropped", "tx-errors", "tx-dropped"]
)
@pytest.mark.parametrize("container", ["burner", "awesome_idler", "loader"])
def test_every_network_query_of_the_dashboard_answers(dashboard, container, metric):
    """docker-network.$Image.{...}.sum has points for every container, none negative."""
    values = dashboard.values(f"docker-network.{container}.{metric}.sum")

    assert min(values) >= 0
    if metric.endswith(("errors", "dropped")):
        assert max(values) == 0


@pytest.mark.parametrize("container", ["burner", "awesome_idler", "loader"])
def test_the_memory_query_of_the_dashboard_answers(dashboard, container):
    """docker-memory.$Image.usage.sum has points; upper is a plausible level."""
    assert min(dashboard.values(f"docker-memory.{container}.usage.sum")) > 0
    level = max(dashboard.values(f"docker-memory.{container}.usage.upper"))
    assert 50_000 < level < 100 << 20
    limit = max(dashboard.values(f"docker-memory.{container}.limit.upper"))
    assert limit > level


def test_block_io_is_counted(dashboard):
    """Bytes written and read with O_DIRECT on a counted device arrive under docker-blkio."""
    written = sum(dashboard.values("docker-blkio.writer.write-bytes.sum"))
    read = sum(dashboard.values("docker-blkio.writer.read-bytes.sum"))

    assert written == pytest.approx(WRITTEN, rel=0.05)
    assert read == pytest.approx(WRITTEN, rel=0.05)


def test_the_dashboards_template_variables_list_what_is_there(dashboard):
    """Grafana asks find for $Image: exactly the configured containers that exist."""
    found = dashboard.find(f"{PREFIX}.docker-cpu.*")

    assert [path.rpartition(".")[2] for path in found] == [
        "awesome_idler",
        "burner",
        "loader",
        "writer",
    ]


def test_statsd_understood_every_line(dashboard):
    """Not one bad line, although an alias has a dot in it."""
    assert dashboard.statsd.bad_lines() == 0


def test_the_missing_container_was_told_once_and_the_stop_was_clean(dashboard):
    """The log names what is missing and ends in good order, without a traceback."""
    assert dashboard.log.count("not-there") == 1
    assert "Traceback" not in dashboard.log
    assert "stopped" in dashboard.log.splitlines()[-1]
