"""What is read of the kernel's files is what the engine's API tells, through whole lives."""

import asyncio
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
import structlog

from engine.watching import Watching
from snapshots import a_journal
from tidegauge.check import check
from tidegauge.clock import SystemClock
from tidegauge.config import EngineOptions, FilterOptions, Options
from tidegauge.docker.frames import StatsFrame
from tidegauge.here import reader_of
from tidegauge.journal import Journal
from tidegauge.metrics.catalogue import CPU_TIME, NETWORK_IO
from tidegauge.readings.memory import working_set
from waiting import wait_until, wait_until_async

pytestmark = [pytest.mark.engine, pytest.mark.timeout(180)]

TICK_NS = 10_000_000
"""The API's user and system time is in these steps: of whoever runs at a tick, the whole tick.

The kernel's finer file has them scaled to the time that was really used, so either may be ahead.
"""

SCRIPT = Path(__file__).with_name("network_ends.py")


def a_reader(engine):
    journal = Journal(structlog.wrap_logger(structlog.ReturnLogger(), processors=[]))
    return reader_of("local", str(engine.socket), SystemClock(), journal)


def open_probe(engine, reader, name):
    found = engine.inspect(name)
    mode = found["HostConfig"]["NetworkMode"]
    return reader.open(found["Id"], found["State"]["Pid"], mode)


def counters(frame: StatsFrame) -> dict[str, int | None]:
    """All that only grows, by name."""
    usage, throttling = frame.cpu_stats.cpu_usage, frame.cpu_stats.throttling_data
    detail = frame.memory_stats.stats
    told = {
        "cpu": usage.total_usage,
        "capacity": frame.cpu_stats.system_cpu_usage,
        "periods": throttling.periods,
        "throttled": throttling.throttled_periods,
        "held back": throttling.throttled_time,
        "faults": detail.total_pgfault or detail.pgfault,
    }
    for name, stats in (frame.networks or {}).items():
        told |= {f"{name} {field}": getattr(stats, field) for field in stats.__struct_fields__}
    lists = frame.blkio_stats and (
        frame.blkio_stats.io_service_bytes_recursive,
        frame.blkio_stats.io_serviced_recursive,
    )
    for kind, entries in enumerate(lists or ()):
        for each in entries or ():
            if each.op.lower() in {"read", "write"}:
                told[f"{each.major}:{each.minor} {each.op.lower()} {kind}"] = each.value
    return told


def levels(frame: StatsFrame) -> tuple[int | None, ...]:
    """What does not move in a container that sleeps."""
    memory, detail = frame.memory_stats, frame.memory_stats.stats
    return (
        *(memory.usage, memory.limit, memory.failcnt or 0),
        *((detail.total_rss, detail.total_cache) if detail.anon is None else (detail.anon,)),
        working_set(frame),
        *(frame.pids_stats.current, frame.cpu_stats.online_cpus),
    )


SLEEP = "sleep", "10000"

KINDS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "asleep": (("--memory", "100m"), SLEEP),
    "host": (("--network", "host"), SLEEP),
    "none": (("--network", "none"), SLEEP),
    "shared": (("--network", "container:d-asleep"), SLEEP),
    "two networks": (("--network", "d-second"), SLEEP),
    "tmpfs": (
        ("--tmpfs", "/held"),
        ("sh", "-c", "dd if=/dev/zero of=/held/f bs=1M count=20 && exec sleep 10000"),
    ),
    "spins": (("--cpuset-cpus", "0"), ("sh", "-c", "while :; do :; done")),
    "forks": (("--pids-limit", "50"), ("sh", "-c", "while :; do sleep 0.05 & wait; done")),
    "talks": ((), ("sh", "-c", "ping $(ip route | sed -n 's/default via \\([^ ]*\\).*/\\1/p')")),
}
"""Options and the command of each; beside them there is one that is held back and writes."""

WORK = {"busy", "spins", "forks", "talks"}


def alias(kind: str) -> str:
    return "d-" + kind.replace(" ", "-")


@pytest.fixture(scope="module")
def containers(docker_engine):
    """Ten kinds of them."""
    volume = docker_engine.counted_volume()
    work = "while :; do dd if=/dev/zero of=/data/f bs=64k count=4 oflag=direct; done"
    docker_engine.run("d-busy", "sh", "-c", work, options=("--cpus", "0.2", *volume.options))
    docker_engine.docker("network", "create", "d-second")
    for kind, (options, command) in KINDS.items():
        docker_engine.run(alias(kind), *command, options=options)
    docker_engine.docker("network", "connect", "bridge", alias("two networks"))
    names = ["d-busy", *map(alias, KINDS)]
    wait_until(lambda: docker_engine.stats("d-busy")["blkio_stats"], 10, "block IO")
    wait_until(
        lambda: docker_engine.stats("d-talks")["networks"]["eth0"]["tx_packets"] > 1, 10, "talk"
    )
    yield names
    docker_engine.docker("rm", "--force", *names)
    docker_engine.docker("network", "rm", "d-second")


@pytest.mark.parametrize("kind", ["busy", *KINDS])
def test_numbers_are_those_of_the_api(kind, docker_engine, containers):
    """Each counter of the API lies between those read before and behind it; levels are equal."""
    reader = a_reader(docker_engine)
    probe = open_probe(docker_engine, reader, alias(kind))
    reader.begin()
    before = probe.read()
    asked = msgspec.convert(docker_engine.stats(alias(kind)), StatsFrame)
    reader.begin()
    after = probe.read()
    probe.close()
    reader.close()

    known, told, later = counters(before), counters(asked), counters(after)
    assert known.keys() == told.keys() == later.keys()
    for field, value in told.items():
        assert known[field] <= value <= later[field], field
    for mode in ("usage_in_usermode", "usage_in_kernelmode"):
        first, api, last = (getattr(f.cpu_stats.cpu_usage, mode) for f in (before, asked, after))
        assert first - TICK_NS <= api <= last + TICK_NS, mode
    if kind not in WORK:
        assert levels(asked) in {levels(before), levels(after)}
    assert before.read <= asked.read <= after.read


async def engine_does(engine, *command):
    await asyncio.to_thread(engine.docker, *command)


async def more_samples(watching, alias, count=3):
    before = len(watching.reads[alias])
    await wait_until_async(
        lambda: len(watching.reads[alias]) >= before + count, 30, f"{count} samples of {alias}"
    )


async def test_four_lives_leave_no_wrong_number(docker_engine):
    """Stop, start, restart, kill and removal: no zero, no negative, no wrapped or falling value."""
    options = ("--cpus", "0.3", "--stop-timeout", "0")
    docker_engine.run("d-cat", "sh", "-c", "while :; do :; done", options=options)

    async with Watching(docker_engine, ["d-cat"], "cgroup") as watching:
        await more_samples(watching, "d-cat")
        assert watching.sources == {"cgroup"}
        await engine_does(docker_engine, "stop", "--time", "0", "d-cat")
        await wait_until_async(lambda: not watching.follower.read_directly, 10, "closed")
        await engine_does(docker_engine, "start", "d-cat")
        await more_samples(watching, "d-cat")
        for _ in range(3):
            await engine_does(docker_engine, "restart", "--time", "0", "d-cat")
            await more_samples(watching, "d-cat", 1)
        await engine_does(docker_engine, "kill", "d-cat")
        await engine_does(docker_engine, "start", "d-cat")
        await more_samples(watching, "d-cat")
        watching.holds_no_wrong_number("d-cat")
        await engine_does(docker_engine, "rm", "--force", "d-cat")
        await wait_until_async(lambda: not watching.follower.watched, 10, "removed")

    received = watching.totals["d-cat", NETWORK_IO.name, _ETH0]
    assert received == sorted(received)
    # Six lives of a third of a core, of which each began at zero.
    assert watching.totals["d-cat", CPU_TIME.name, ()][-1] > 10**9


_ETH0 = (("network.io.direction", "receive"), ("network.interface.name", "eth0"))


async def test_a_network_that_is_over_is_not_kept(docker_engine):
    """An open file would keep its interface alive behind the container."""
    docker_engine.run("d-short", "sleep", "10000")
    address = docker_engine.inspect("d-short")["NetworkSettings"]["Networks"]["bridge"]

    def ends():
        return docker_engine.nsenter("ip", "-o", "link").count(": veth")

    async with Watching(docker_engine, ["d-short"], "cgroup") as watching:
        await more_samples(watching, "d-short", 1)
        before = ends()
        assert address["IPAddress"]
        await engine_does(docker_engine, "rm", "--force", "d-short")

        await wait_until_async(lambda: ends() < before, 10, "its interface is gone")


async def test_an_engine_that_is_not_seen_here(docker_engine, containers, tmp_path):
    """Where the kernel shows no processes all samples come by the API."""
    async with Watching(docker_engine, ["d-asleep"], "auto", tmp_path) as watching:
        await more_samples(watching, "d-asleep", 1)

        assert watching.sources == {"api"}
        assert [*watching.follower.why_not_directly] == ["d-asleep"]


async def test_check_says_where_samples_come_from(docker_engine, containers):
    """It looks for each watched container on this machine, and closes what it opened."""
    engine = EngineOptions(host=docker_engine.host)
    filters = FilterOptions(include=("d-asleep", "d-none"))
    journal, _ = a_journal()

    report, _ = await check(Options(engines=(engine,), filters=filters), {}, journal)

    assert "Samples of 2 would be read from this machine's kernel.\n" in report


def test_the_hosts_end_counts_the_same(docker_engine, containers):
    """In the engine's own network, bytes and packets of its bridge come from there."""
    docker_engine.docker("exec", "d-asleep", "ping", "-c", "3", "-i", "0.1", "172.17.0.1")
    found = docker_engine.inspect("d-asleep")
    command = (sys.executable, str(SCRIPT), str(docker_engine.socket), found["Id"])
    done = subprocess.run(
        [*docker_engine.inside("--net"), *command, str(found["State"]["Pid"])],
        check=True,
        capture_output=True,
        text=True,
    )
    *frames, from_host = done.stdout.splitlines()
    seen = [msgspec.json.decode(line, type=StatsFrame).networks["eth0"] for line in frames]

    assert from_host == "true"
    assert seen[0].tx_packets >= 3
    assert seen[1].tx_bytes >= seen[0].tx_bytes > 0
    assert seen[1].rx_bytes >= seen[0].rx_bytes > 0
    assert seen[1].tx_packets - seen[0].tx_packets < 20
