"""The running program writes to InfluxDB and VictoriaMetrics, and both answer what happened.

A real engine; one container burns 0.3 CPU, one downloads 5,000,000 bytes from a third, and one is
restarted meanwhile.
"""

import signal
import subprocess
import sys
import time
from collections import defaultdict
from itertools import pairwise
from statistics import median
from typing import NamedTuple

import pytest

from command import ended, environment
from servers.influxdb import UDP_DATABASE, InfluxDb
from servers.victoria_metrics import VictoriaMetrics
from sinks.burning import Burning
from snapshots import a_journal, a_series, a_snapshot
from tidegauge.clock import SystemClock
from tidegauge.docker.frames import Container, Engine
from tidegauge.errors import BackendUnavailable, ExportError
from tidegauge.exporters.delivery import Agent
from tidegauge.exporters.influxdb import InfluxdbOptions, influxdb
from tidegauge.metrics import Series, catalogue
from waiting import wait_until

pytestmark = [pytest.mark.sinks, pytest.mark.timeout(240)]

DOWNLOAD = 5_000_000
DATABASE = 'my "monitor" ü'

CONFIGURATION = """
tick_interval = "2s"
[agent]
hostname = "dock 1"
[filters]
include = ["influx-*"]
[labels]
"com.example.team" = "team"
[exporters.influxdb]
flush_interval = "2s"
%s
"""

NASTY = [
    *("a b", "a,b", "a=b", "a\\b", "a\\", "a\\,b", "\\", "a\nb", "a\r", "a\tb", "%5C", "100%"),
    *('"', "'", "é日😀", "#x", "_x", "a" * 300, "\x7f", "nan", "1i", "{}", " ", "a:1.25/b@sha256"),
]


class Watched(NamedTuple):
    """What really happened, and what the programs logged."""

    burning: Burning
    logs: list[str]


@pytest.fixture(scope="module")
def influx(require):
    require(InfluxDb)
    with InfluxDb() as server:
        server.create(DATABASE)
        yield server


@pytest.fixture(scope="module")
def victoria(require):
    require(VictoriaMetrics)
    with VictoriaMetrics() as server:
        yield server


@pytest.fixture(scope="module")
def watched(docker_engine, influx, victoria, tmp_path_factory):
    """All three have been written to by a run of the program each, at the same time."""
    folder = tmp_path_factory.mktemp("influxdb")
    start_containers(docker_engine)
    tables = {
        "http": f"url = '{influx.url}'\ndatabase = '{DATABASE}'",
        "udp": f"url = 'udp://127.0.0.1:{influx.udp_port}'",
        "victoria": f"url = '{victoria.url}'\nbucket = 'b'",
    }
    programs = [run(folder, name, table, docker_engine) for name, table in tables.items()]
    try:
        loader = "SELECT io_sum_receive FROM container_network WHERE container = 'influx-loader'"
        wait_until(lambda: influx.rows(DATABASE, loader), 30, "the first tick over HTTP")
        wait_until(lambda: influx.rows(UDP_DATABASE, loader), 30, "the first tick over UDP")
        wait_until(lambda: victoria.query("container_pids_count"), 30, "VictoriaMetrics' first")
        burning = Burning(docker_engine, "influx-burner")
        address = docker_engine.docker(
            "inspect", "--format", "{{.NetworkSettings.IPAddress}}", "influx-server"
        )
        docker_engine.docker("exec", "influx-loader", "wget", "-qO", "/got", f"{address}/file")
        docker_engine.docker("restart", "--time", "0", "influx-again")
        started = time.monotonic()
        wait_until(lambda: time.monotonic() - started > 14, 30, "seven ticks")
        burning.end()
        for program in programs:
            program.send_signal(signal.SIGTERM)
        assert [program.wait(15) for program in programs] == [0, 0, 0]
    finally:
        for program in programs:
            program.kill()
            program.wait()
    yield Watched(burning, [(folder / f"{name}.log").read_text() for name in tables])
    names = ("burner", "server", "loader", "again")
    docker_engine.docker("rm", "--force", *(f"influx-{name}" for name in names))


def start_containers(engine):
    engine.burn("influx-burner", options=("--label", "com.example.team=a, b"))
    serve = f"head -c {DOWNLOAD} /dev/zero > /file && exec httpd -f -p 80 -h /"
    engine.run("influx-server", "sh", "-c", serve)
    engine.run("influx-loader", "sleep", "10000")
    engine.burn("influx-again", cpus=0.1)


def run(folder, name, table, engine):
    file = folder / f"{name}.toml"
    file.write_text(CONFIGURATION % table, encoding="utf-8")
    with (folder / f"{name}.log").open("wb") as out:
        return subprocess.Popen(
            [sys.executable, "-m", "tidegauge", "run", "-c", str(file)],
            env=environment(DOCKER_HOST=engine.host),
            stdout=out,
            stderr=out,
        )


both = pytest.mark.parametrize("database", [DATABASE, UDP_DATABASE])


@both
def test_the_burner_burns_thirty_percent(watched, influx, database):
    """CPU is read back as it was, with its distribution and the tags of its container."""
    rows = influx.rows(
        database,
        "SELECT usage_mean, usage_min, usage_max, usage FROM container_cpu"
        " WHERE container = 'influx-burner' AND host = 'dock 1' AND team = 'a, b'"
        " AND engine = 'local' AND image = 'busybox:local'",
    )
    means = [row["usage_mean"] for row in rows if row["usage_mean"] is not None]

    assert len(means) >= 5
    assert watched.burning.agrees(sum(means) / len(means))
    for row in rows:
        if row["usage_mean"] is not None:
            assert row["usage_min"] <= row["usage_mean"] <= row["usage_max"]
            assert row["usage_min"] <= row["usage"] <= row["usage_max"]


@both
def test_a_known_download_is_counted(watched, influx, database):
    """The total over all interfaces, and of eth0, grows by what was downloaded."""
    for field, interface in (("io_sum_receive", ""), ("io_receive", "eth0")):
        (row,) = influx.rows(
            database,
            f"SELECT SPREAD({field}) AS bytes FROM container_network"
            f" WHERE container = 'influx-loader' AND interface = '{interface}'",
        )
        assert row["bytes"] == pytest.approx(DOWNLOAD, rel=0.03)


@both
def test_totals_never_fall_over_a_restart(watched, influx, database):
    """CPU time goes on, and the end and the restart are counted."""
    rows = influx.rows(
        database, "SELECT time_total FROM container_cpu WHERE container = 'influx-again'"
    )
    totals = [row["time_total"] for row in rows]

    assert len(totals) >= 5
    assert totals == sorted(totals)
    assert totals[-1] > totals[0] + 0.3
    (life,) = influx.rows(
        database,
        "SELECT LAST(restart_count) AS restarts, LAST(exit_count_137) AS exits,"
        " LAST(state_running) AS running FROM container WHERE container = 'influx-again'",
    )
    assert (life["restarts"], life["exits"], life["running"]) == (1, 1, 1)


def test_http_and_udp_hold_the_same_kinds(watched, influx):
    """Every measurement and field, with its type; counts and bytes are integers."""
    kinds = {}
    for database in (DATABASE, UDP_DATABASE):
        found = kinds[database] = defaultdict(dict)
        for row in influx.rows(database, "SHOW FIELD KEYS"):
            found[row["fieldKey"]] = row["fieldType"]

    assert kinds[DATABASE] == kinds[UDP_DATABASE]
    assert kinds[DATABASE]["usage_mean"] == kinds[DATABASE]["time_total"] == "float"
    assert kinds[DATABASE]["io_receive"] == kinds[DATABASE]["working_set_p95"] == "integer"


def test_victoria_metrics_holds_the_same(watched, victoria):
    """It names series <measurement>_<field>; written to by the API of version 2."""
    ((_, values, _),) = victoria.samples('container_cpu_usage_mean{container="influx-burner"}')
    ((labels, received, times),) = victoria.samples(
        'container_network_io_sum_receive{container="influx-loader"}'
    )
    ((_, totals, _),) = victoria.samples('container_cpu_time_total{container="influx-again"}')

    assert watched.burning.agrees(sum(values) / len(values))
    assert received[-1] - received[0] == pytest.approx(DOWNLOAD, rel=0.03)
    assert totals == sorted(totals)
    assert labels["host"] == "dock 1"
    # Ticks of 2 s came, and none twice; a busy machine has one late, and is no fault of this.
    between = [later - at for at, later in pairwise(times)]
    assert len(times) >= 7
    assert min(between) > 0
    assert median(between) == pytest.approx(2000, abs=300)


def test_no_write_was_refused(watched):
    """The logs tell of no trouble, and the stop was clean."""
    for log in watched.logs:
        assert "level=warning" not in log, log
        assert "Traceback" not in log
        assert "stopped" in log.splitlines()[-1]


async def test_awkward_names_come_back(influx, victoria):
    """Whatever a container, a label or an interface is called, it is stored, and apart."""
    snapshot = a_snapshot(*map(nasty_series, NASTY), at=time.time())
    influx.create("nasty")
    for url in (influx.url, victoria.url):
        agent = Agent("h", several_engines=False, clock=SystemClock(), journal=a_journal()[0])
        exporter = influxdb(InfluxdbOptions(url=url, database="nasty"), agent)
        await exporter.send(exporter.encode(snapshot))
        await exporter.close()

    stored = influx.rows("nasty", "SELECT count, container, team, volume FROM container_pids")
    wanted = {number: kept(name) for number, name in enumerate(NASTY)}
    assert {row["count"]: row["container"] for row in stored} == wanted
    assert {row["count"]: row["team"] for row in stored} == wanted
    assert {row["count"]: row["volume"] for row in stored} == wanted
    wait_until(
        lambda: len(victoria.samples('container_pids_count{db="nasty"}')) == len(NASTY), 10, "all"
    )
    found = victoria.samples('container_pids_count{db="nasty"}')
    assert {values[0]: labels["container"] for labels, values, _ in found} == wanted


def nasty_series(name):
    number = NASTY.index(name)
    engine = Engine("local")
    container = Container(
        engine, id=name, name=name, alias=name, tags=(("team", name), (f"x{name}", "y"))
    )
    attributes = (("volume.name", name),)
    return Series(container, catalogue.PIDS, attributes, number, (number,))


def kept(name):
    """As the page on the exporter says."""
    for awkward in ("%", "\\", "\n", "\r", "\t", "\x7f"):
        name = name.replace(awkward, f"%{ord(awkward):02X}")
    return name


async def test_a_database_that_is_missing_is_told_with_the_remedy(influx):
    """What the server says, and how to make it; what it would take later is kept."""
    missing = await refused(influx.url, database='a"b')
    later = await refused(influx.url, database=DATABASE, retention_policy="week")

    assert str(missing).startswith(f"InfluxDB at {influx.url} answered 404 ")
    assert str(missing).endswith(
        ': create the database (CREATE DATABASE "a\\"b"), or correct exporters.influxdb.database.'
    )
    assert type(later) is BackendUnavailable
    assert "retention policy not found: week" in str(later)


async def test_wrong_credentials_are_told_with_the_remedy(require):
    """No name, a wrong password, a user without rights; the right one is let in."""
    require(InfluxDb)
    remedy = "check exporters.influxdb.username and password, and that the user may write."
    with InfluxDb(admin="boss:s3cret") as server:
        server.create("tidegauge")
        for who in ({}, {"username": "boss", "password": "wrong-word"}):
            error = await refused(server.url, **who)
            assert str(error).startswith(f"InfluxDB at {server.url} answered 401 ")
            assert str(error).endswith(remedy)
            assert "wrong-word" not in str(error)
        await send(server.url, username="boss", password="s3cret")
        assert server.rows("tidegauge", "SELECT count FROM container_pids")[0]["count"] == 1


async def refused(url, **options):
    with pytest.raises(ExportError) as caught:
        await send(url, **options)
    return caught.value


async def send(url, **options):
    agent = Agent("h", several_engines=False, clock=SystemClock(), journal=a_journal()[0])
    exporter = influxdb(InfluxdbOptions(url=url, **options), agent)
    try:
        await exporter.send(exporter.encode(a_snapshot(a_series(catalogue.PIDS, 1))))
    finally:
        await exporter.close()


async def test_check_names_where_it_goes(influx, tmp_path):
    """The command shows the address without secrets."""
    file = tmp_path / "tidegauge.toml"
    file.write_text(
        f"[exporters.influxdb]\nurl = '{influx.url}'\nusername = 'me'\npassword = 's3cret'\n"
    )

    checked = await ended("check", "-c", str(file), DOCKER_HOST="unix:///nowhere.sock")

    assert f"InfluxDB at {influx.url}" in checked.out + checked.err
    assert "s3cret" not in checked.out + checked.err
