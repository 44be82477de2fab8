"""What must hold on every engine, whatever its kind and version."""

import json
import re

import pytest

from command import ended
from engine.watching import Watching
from engines.doing import does, more_samples
from engines.truth import cores_between, cpu_time
from servers.podman import Podman
from tidegauge.metrics.catalogue import (
    CPU_LIMIT,
    CPU_USAGE,
    EXITS,
    MEMORY_AVAILABLE,
    MEMORY_LIMIT,
    MISSED,
    PIDS_LIMIT,
)
from waiting import wait_until, wait_until_async

pytestmark = [pytest.mark.engines, pytest.mark.timeout(240)]

DOWNLOAD = 3_000_000
HELD = 20_000_000


async def test_containers_are_found_and_followed(engine):
    """One that was there, one that appears, its new name, and its end."""
    engine.run("found-1", "sleep", "1000")
    async with Watching(engine, ["found-*"]) as watching:
        await wait_until_async(lambda: watching.reads["found-1"], 15, "the one that was there")
        await does(engine, "run", "-d", "--name", "found-2", "busybox:local", "sleep", "1000")
        await wait_until_async(lambda: watching.reads["found-2"], 15, "the one that appeared")
        await does(engine, "rename", "found-2", "found-3")
        await wait_until_async(lambda: watching.reads["found-3"], 15, "under its new name")
        await does(engine, "rm", "--force", "found-1", "found-3")
        await wait_until_async(lambda: not watching.follower.watched, 15, "both gone")
    assert "garbage received" not in watching.journal.counts


async def test_all_lives_leave_no_wrong_number(engine):
    """A busy container lives four lives: no zero, no negative, no wrapped or falling value."""
    engine.burn("phoenix")
    async with Watching(engine, ["phoenix"]) as watching:
        await more_samples(watching, "phoenix")
        await does(engine, "stop", "--time", "0", "phoenix")
        await wait_until_async(lambda: not watching.follower.watched, 15, "the stream is closed")
        await does(engine, "start", "phoenix")
        await more_samples(watching, "phoenix")
        await does(engine, "restart", "--time", "0", "phoenix")
        await more_samples(watching, "phoenix")
        await does(engine, "kill", "phoenix")
        await does(engine, "start", "phoenix")
        await more_samples(watching, "phoenix")
        watching.holds_no_wrong_number("phoenix")
        await does(engine, "pause", "phoenix")
        await does(engine, "unpause", "phoenix")
        await does(engine, "rm", "--force", "phoenix")
        await wait_until_async(lambda: not watching.follower.watched, 15, "removed")

    watching.holds_no_wrong_number("phoenix", paused=True)
    assert max(watching.of("phoenix", CPU_USAGE)) < 0.5
    assert "garbage received" not in watching.journal.counts


async def test_events_tell_how_a_container_ended(engine):
    """Its exit code, how long it ran, and its removal; each once."""
    async with Watching(engine, ["ends"]) as watching:
        await wait_until_async(lambda: watching.follower.settled, 15, "the engine is joined")
        await does(
            engine, "run", "-d", "--name", "ends", "busybox:local", "sh", "-c", "sleep 2; exit 3"
        )
        events = watching.events["ends"]
        await wait_until_async(lambda: any(one.kind == "die" for one in events), 15, "its end")
        await does(engine, "rm", "ends")
        await wait_until_async(lambda: events[-1].kind == "destroy", 15, "its removal")

    assert [one.kind for one in events] == ["create", "start", "die", "destroy"]
    died = events[2]
    assert died.exit_code == 3
    assert died.lifetime is not None
    assert 1.9 <= died.lifetime < 10
    assert watching.totals["ends", EXITS.name, (("exit.code", "other"),)][-1] == 1


async def test_cpu_is_what_the_kernel_counts(engine):
    """A burner held to 0.3 of a core, which a busy machine cannot always give it."""
    container = engine.burn("burner", 0.3)
    async with Watching(engine, ["burner"]) as watching:
        await more_samples(watching, "burner", 1)
        first = cpu_time(engine, container)
        seen = len(watching.of("burner", CPU_USAGE))
        await more_samples(watching, "burner", 3 if isinstance(engine, Podman) else 10)
        truth = cores_between(first, cpu_time(engine, container))
        cores = watching.of("burner", CPU_USAGE)[seen:]
        await does(engine, "rm", "--force", "burner")

    assert sum(cores) / len(cores) == pytest.approx(truth, abs=0.03)
    assert 0 < truth < 0.33
    assert not watching.of("burner", MISSED)


async def test_limits_are_those_that_were_given(engine):
    """Of CPU, memory and tasks; what is left follows from them."""
    options = ("--cpus", "0.5", "--memory", "64m", "--pids-limit", "50")
    engine.run("limited", "sleep", "1000", options=options)
    async with Watching(engine, ["limited"]) as watching:
        await more_samples(watching, "limited", 2)
        await does(engine, "rm", "--force", "limited")

    for metric, limit in ((CPU_LIMIT, 0.5), (MEMORY_LIMIT, 64 * 2**20), (PIDS_LIMIT, 50)):
        assert set(watching.of("limited", metric)) == {limit}, metric.name
    assert 0 < min(watching.of("limited", MEMORY_AVAILABLE)) < 64 * 2**20


@pytest.fixture(scope="module")
def known(engine):
    """Containers of which one number each is known."""
    serve = f"head -c {DOWNLOAD} /dev/zero >/f; exec httpd -f -h /"
    engine.run("k-serve", "sh", "-c", serve)
    engine.run("k-load", "sleep", "10000")
    engine.run("k-many", "sh", "-c", "for i in 1 2 3 4 5 6; do sleep 10000 & done; wait")
    hold = f"head -c {HELD} /dev/zero >/dev/shm/held; exec sleep 10000"
    engine.run("k-held", "sh", "-c", hold, options=("--memory", "200m"))
    engine.burn("k-burn", 0.3)
    at = engine.docker("inspect", "-f", "{{.NetworkSettings.IPAddress}}", "k-serve")
    fetch = ("exec", "k-load", "wget", "-q", "-O", "/dev/null", f"http://{at}/f")
    wait_until(lambda: served(engine), 15, "the file is there to be served")
    engine.docker(*fetch)
    wait_until(lambda: engine.stats("k-many")["pids_stats"]["current"] == 7, 10, "7 tasks")
    names = [f"k-{name}" for name in ("serve", "load", "many", "held", "burn")]
    yield names
    engine.docker("rm", "--force", *names)


def served(engine):
    return engine.docker("exec", "k-serve", "sh", "-c", "pidof httpd || true")


async def test_once_prints_the_known_numbers(engine, known):
    """The command line, in one run: CPU, memory, network and tasks."""
    burner = engine.inspect("k-burn")["Id"]
    first = cpu_time(engine, burner)
    result = await ended("once", "--json", DOCKER_HOST=engine.host)
    truth = cores_between(first, cpu_time(engine, burner))
    rows = {row["name"]: row for row in json.loads(result.out)}

    assert (result.code, result.err) == (0, "")
    assert set(known) <= set(rows)
    assert rows["k-burn"]["cpu_percent"] == pytest.approx(truth * 100, abs=10)  # one interval
    assert rows["k-many"]["pids"] == 7
    held = rows["k-held"]
    assert HELD <= held["memory_working_set_bytes"] <= HELD + 5_000_000
    assert held["memory_working_set_bytes"] <= held["memory_usage_bytes"] < 200 << 20
    assert held["memory_limit_bytes"] == 200 << 20
    for name, less, more in (
        ("k-load", "network_transmit_bytes", "network_receive_bytes"),
        ("k-serve", "network_receive_bytes", "network_transmit_bytes"),
    ):
        assert rows[name][more] == pytest.approx(DOWNLOAD, rel=0.03), (name, rows[name])
        assert 0 < rows[name][less] < DOWNLOAD / 10, (name, rows[name])


async def test_check_tells_kind_version_and_containers(engine, known):
    """The command line: who answers, what would be watched, what would not, and why."""
    engine.docker("create", "--name", "k-made", "busybox:local", "true")
    result = await ended("check", DOCKER_HOST=engine.host)
    engine.docker("rm", "k-made")

    assert (result.code, result.err) == (0, "")
    kind = "Podman" if isinstance(engine, Podman) else "Docker"
    version = engine.docker("version", "--format", "{{.Server.Version}}")
    assert result.out.startswith(f"Engine local: {kind} {version}, 5 of 6 containers would be ")
    for name in known:
        assert re.search(f"^{name} +{name} +running +included by", result.out, re.MULTILINE)
    made = "^k-made +k-made +created +.*; watched when it runs$"
    assert re.search(made, result.out, re.MULTILINE)
