import json
import sys
from pathlib import Path

import pytest

from servers.engine import DockerEngine
from servers.graphite import Graphite
from servers.process import ServerError
from servers.statsd import Statsd
from waiting import wait_until, wait_until_async

DISK_USE = """
while :; do
  dd if=/dev/zero of=/data/file bs=64k count=32 oflag=direct
  dd if=/data/file of=/dev/null bs=64k iflag=direct
  sleep 0.1
done
"""


@pytest.mark.engine
def test_engine_runs_a_container(docker_engine: DockerEngine) -> None:
    """The engine answers, and counts the CPU time of a container it runs."""
    burner = docker_engine.burn("servers-burner")
    try:
        first = docker_engine.stats(burner)["cpu_stats"]["cpu_usage"]["total_usage"]
        assert docker_engine.docker("ps", "--quiet", "--no-trunc", "--filter", f"id={burner}")
        wait_until(
            lambda: docker_engine.stats(burner)["cpu_stats"]["cpu_usage"]["total_usage"] > first,
            10,
            "more CPU time of a busy container",
        )
    finally:
        docker_engine.docker("rm", "--force", burner)


@pytest.mark.engine
def test_docker_client_tells_why_it_failed(docker_engine: DockerEngine) -> None:
    """A failing client command raises with what the client said."""
    with pytest.raises(ServerError, match="No such container: nobody"):
        docker_engine.docker("start", "nobody")


@pytest.mark.engine
def test_engines_are_separate_and_leave_nothing(docker_engine: DockerEngine) -> None:
    """A second engine has its own ID, containers and network; its end takes all of it away."""
    mounts = Path("/proc/self/mountinfo").read_text(encoding="utf-8")
    with DockerEngine("second", tcp_port=2375) as second:
        container = second.run("servers-sleeper", "sleep", "1000")
        (pid,) = second.pids(container)
        ids = {json.loads(engine.get("/info"))["ID"] for engine in (docker_engine, second)}
        assert len(ids) == 2
        assert "servers-sleeper" not in docker_engine.docker("ps", "--all")
        fetch = "import urllib.request as r; print(r.urlopen('http://127.0.0.1:2375/_ping').read())"
        assert second.nsenter(sys.executable, "-c", fetch) == "b'OK'"
    assert not Path(f"/proc/{pid}").exists()
    assert not second.folder.exists()
    assert not list(Path("/sys/fs/cgroup").glob(f"**/{second.folder.name}"))
    assert not commands_with(str(second.folder))
    assert Path("/proc/self/mountinfo").read_text(encoding="utf-8") == mounts


@pytest.mark.engine
def test_container_outlives_crash_and_stop_of_its_daemon() -> None:
    """With --live-restore a container stays the same process over kill -9 and SIGTERM."""
    with DockerEngine("restoring", options=["--live-restore"]) as engine:
        container = engine.run("servers-lasting", "sleep", "1000")
        before, pids = engine.inspect(container)["State"], engine.pids(container)
        engine.kill9()
        assert len(pids) == 1
        assert engine.pids(container) == pids
        engine.up()
        assert engine.inspect(container)["State"] == before
        engine.term()
        engine.up()
        assert engine.inspect(container)["State"] == before


@pytest.mark.engine
def test_power_cut_takes_the_containers() -> None:
    """`cut` ends daemon and containers at once, and the engine can still be removed."""
    with DockerEngine("powerless") as engine:
        container = engine.run("servers-cut", "sleep", "1000")
        assert engine.pids(container)
        engine.cut()
        assert not engine.pids(container)
    assert not engine.folder.exists()


@pytest.mark.engine
def test_block_io_of_a_counted_volume(docker_engine: DockerEngine) -> None:
    """Reading and writing on a counted volume shows in the container's statistics."""
    volume = docker_engine.counted_volume()
    container = docker_engine.run("servers-disk", "sh", "-c", DISK_USE, options=volume.options)
    try:
        counts = wait_until(lambda: counted(docker_engine, container), 20, "block IO in stats")
        assert counts["read"] > 0
        assert counts["write"] > 0
    finally:
        docker_engine.docker("rm", "--force", container)


@pytest.mark.sinks
async def test_datagram_comes_back_from_graphite(statsd: Statsd, graphite: Graphite) -> None:
    """One timer value sent to StatsD is drawn by Graphite, under the path dashboards use."""
    path = "kamon.host.docker-cpu.web.percent-cpu-usage"
    bad = statsd.bad_lines()
    statsd.send(f"{path}:42|ms")
    points = await wait_until_async(
        lambda: graphite.render(f"stats.timers.{path}.mean_99"), 20, "a point in Graphite"
    )
    assert [value for _, value in points] == [42.0]
    assert f"stats.timers.{path}.mean_99" in graphite.find(f"stats.timers.{path}.*")
    assert statsd.bad_lines() == bad


@pytest.mark.sinks
def test_statsd_tells_what_it_holds(graphite: Graphite) -> None:
    """Values wait for the next flush in StatsD, where its management port shows them."""
    with Statsd(graphite, flush_ms=3_600_000) as statsd:
        for datagram in ("servers.some-time:1.5|ms\nservers.some-time:2|ms", "plain:3|c"):
            statsd.send(datagram)
        wait_until(lambda: statsd.counters().get("plain") == 3, 5, "the counter")
        wait_until(
            lambda: statsd.timers() == {"servers.some-time": [1.5, 2]}, 5, "both values of a timer"
        )
        assert statsd.bad_lines() == 0
        statsd.send("servers.broken:abc|ms")
        wait_until(lambda: statsd.bad_lines() == 1, 5, "the bad line counted")


@pytest.mark.sinks
def test_graphite_refuses_to_guess_among_series(statsd: Statsd, graphite: Graphite) -> None:
    """`render` is for one series, `series` for all that a target gives."""
    statsd.send("servers.one:1|ms\nservers.two:2|ms")
    target = "stats.timers.servers.{one,two}.sum"
    wait_until(lambda: len(graphite.series(target)) == 2, 20, "two series in Graphite")
    with pytest.raises(ValueError, match="2 series"):
        graphite.render(target)
    assert graphite.render("stats.timers.servers.none.sum") == []


def commands_with(words: str) -> list[str]:
    """The command lines of this machine's processes that contain the words."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = file.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:  # it has just ended
            continue
        if words in command:
            found.append(command)
    return found


def counted(engine: DockerEngine, container: str) -> dict[str, int]:
    """Bytes read and written by a container, once both are counted."""
    rows = engine.stats(container)["blkio_stats"]["io_service_bytes_recursive"] or []
    counts = {row["op"].lower(): row["value"] for row in rows}
    return counts if counts.get("read") and counts.get("write") else {}
