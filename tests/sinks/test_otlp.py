"""OTLP into two real receivers: what they understood is what a real engine's container did.

The program as users start it, once for each receiver: with gzip for rotel, which also tells of
resources, and without for oteltap. The container burns 0.3 CPU and is restarted once.
"""

from itertools import groupby, pairwise

import pytest

from servers.otlp import Oteltap, Rotel
from sinks.burning import QUOTA, Burning
from sinks.program import Program
from snapshots import a_journal, a_series, a_snapshot
from tidegauge.clock import SystemClock
from tidegauge.errors import ExportError
from tidegauge.exporters import Agent
from tidegauge.exporters.otlp import OtlpOptions, otlp
from tidegauge.metrics import catalogue
from waiting import wait_until

pytestmark = [pytest.mark.sinks, pytest.mark.timeout(240)]

SECONDS = 10**9

CONFIGURATION = """
tick_interval = "1s"

[agent]
hostname = "dock-1"

[[engines]]
host = "%(engine)s"

[containers]
"otlp-burner" = "burner"

[labels]
"com.example.team" = "team"

[exporters.otlp]
url = "http://127.0.0.1:%(port)d"
compression = "%(compression)s"
flush_interval = "1s"
"""


@pytest.fixture(scope="module")
def container(docker_engine):
    yield docker_engine.burn("otlp-burner", options=("--label", "com.example.team=blue"))
    docker_engine.docker("rm", "--force", "otlp-burner")


@pytest.fixture(scope="module")
def receivers(require):
    require(Rotel)
    require(Oteltap)
    with Rotel() as rotel, Oteltap() as oteltap:
        yield {"rotel": rotel, "oteltap": oteltap}


@pytest.fixture(scope="module")
def burning(docker_engine, container):
    return Burning(docker_engine, "otlp-burner")


@pytest.fixture(scope="module")
def told(docker_engine, receivers, burning, tmp_path_factory):
    """All data points that each receiver got of a run, by the receiver's name."""
    programs = {
        name: _start(tmp_path_factory.mktemp(name), docker_engine, receiver)
        for name, receiver in receivers.items()
    }
    try:
        _wait(receivers, 8)
        burning.restart()
        _wait(receivers, 18)
        burning.end()
        for program in programs.values():
            program.stop()
    finally:
        for program in programs.values():
            program.kill()
    for program in programs.values():
        assert "WARN" not in program.log.upper()
    return {name: receiver.points() for name, receiver in receivers.items()}


@pytest.fixture(params=["rotel", "oteltap"])
def points(request, told):
    return told[request.param]


def _start(folder, engine, receiver):
    compression = "gzip" if isinstance(receiver, Rotel) else "none"
    settings = {"engine": engine.host, "port": receiver.port, "compression": compression}
    return Program(folder / "tidegauge.toml", CONFIGURATION % settings)


def _wait(receivers, count):
    for name, receiver in receivers.items():
        wait_until(
            lambda receiver=receiver: len(of(receiver.points(), "container.cpu.usage")) >= count,
            60,
            f"{count} values at {name}",
        )


def of(points, metric, **attributes):
    """The points of one metric, or of one series of it, in order of arrival."""
    wanted = {key.replace("_", "."): value for key, value in attributes.items()}
    return [
        each
        for each in points
        if each.metric == metric and wanted.items() <= each.attributes.items()
    ]


def test_cpu_time_grows_as_the_burner_burns(points, burning):
    """A cumulative monotonic sum in seconds, by mode; over the restart too it never falls."""
    modes = [of(points, "container.cpu.time", cpu_mode=mode) for mode in ("user", "system")]
    user, system = modes

    assert len(of(points, "container.cpu.time")) == len(user) + len(system)
    for each in (*user, *system):
        assert (each.kind, each.unit) == ("sum", "s")
        assert each.monotonic
        assert each.cumulative
    for stream in modes:
        assert len({each.start for each in stream}) == 1
        assert stream[0].start <= stream[0].time
        assert all(
            one.time < next_.time and one.value <= next_.value for one, next_ in pairwise(stream)
        )
    used = sum(stream[-1].value - stream[0].value for stream in modes)
    rate = used / ((user[-1].time - user[0].time) / SECONDS)
    # Each time is that of a tick, and the value that of a sample before it.
    assert 0.85 * burning.cores <= rate <= 1.25 * QUOTA


def test_cores_in_use_are_a_gauge_and_their_samples_a_histogram(points, burning):
    """The distribution holds every sample since the beginning."""
    gauge = of(points, "container.cpu.usage")
    *_, first, last = of(points, "container.cpu.usage.samples")

    assert {(each.kind, each.unit, each.start) for each in gauge} == {("gauge", "{cpu}", 0)}
    assert burning.agrees(sum(each.value for each in gauge) / len(gauge))
    assert (last.kind, last.unit) == ("histogram", "{cpu}")
    assert last.cumulative
    assert len(last.buckets) == len(catalogue.CPU_USAGE.bounds) + 1
    assert sum(last.buckets) >= sum(first.buckets) >= 15
    assert burning.agrees(last.value / sum(last.buckets))


def test_levels_that_add_up_are_sums_that_may_fall(points):
    """UpDownCounters, in whole bytes and tasks."""
    for metric, unit in (("container.memory.usage", "By"), ("container.pids.count", "{pid}")):
        for each in of(points, metric):
            assert (each.kind, each.unit) == ("sum", unit)
            assert each.cumulative
            assert not each.monotonic
            assert each.value == int(each.value) > 0


def test_traffic_is_of_interfaces_only(points):
    """No sum over them beside them."""
    traffic = of(points, "container.network.io")

    assert {each.attributes["network.interface.name"] for each in traffic} == {"eth0"}
    assert {each.attributes["network.io.direction"] for each in traffic} == {"receive", "transmit"}
    assert not [each for each in points if each.metric.endswith(".sum")]


def test_no_series_comes_twice_in_a_tick(points):
    """Each has one point at a time."""

    def stream(point):
        return point.metric, sorted(point.attributes.items()), sorted(point.resource.items())

    for series, found in groupby(sorted(points, key=stream), stream):
        times = [each.time for each in found]
        assert sorted(set(times)) == times, series


def test_the_resource_is_the_container(told, container, docker_engine):
    """With the conventions' names for it; a total began when recording did."""
    (resource,) = {tuple(each.resource.items()) for each in of(told["rotel"], "container.cpu.time")}
    version = docker_engine.docker("version", "--format", "{{.Server.Version}}")
    found = dict(resource)

    assert found.pop("container.image.id").startswith("sha256:")
    assert found == {
        "container.id": container,
        "container.name": "burner",
        "container.image.name": "busybox",
        "container.image.tags": "Str(local)",
        "container.runtime.name": "docker",
        "container.runtime.version": version,
        "container.label.team": "blue",
        "host.name": "dock-1",
    }


async def test_a_real_refusal_is_told_in_its_words(receivers):
    """oteltap reads no gzip, and says so."""
    journal, _ = a_journal()
    agent = Agent("dock-1", several_engines=False, clock=SystemClock(), journal=journal)
    exporter = otlp(OtlpOptions(url=receivers["oteltap"].url), agent)
    with pytest.raises(ExportError, match='answered 400 .*"Failed to decode request body"'):
        await exporter.send(exporter.encode(a_snapshot(a_series(catalogue.PIDS, 1))))
    await exporter.close()
