"""Edge cases of networks that only a real engine shows in full: shared, lost and renamed ones."""

import asyncio
import subprocess

import pytest

from engine.watching import Watching
from servers.engine import DockerEngine
from tidegauge.metrics.catalogue import MEMORY_USAGE, NETWORK_IO_SUM, TRANSMIT
from waiting import wait_until_async

pytestmark = [pytest.mark.engine, pytest.mark.timeout(120)]

SENT = 3_000_000


def rename_interface(engine: DockerEngine, container: str) -> None:
    """What network plugins and curious users do to a running container."""
    inside = ("nsenter", f"--target={engine.pids(container)[0]}", "--net", "ip", "link", "set")
    for words in (("eth0", "down"), ("eth0", "name", "eth9"), ("eth9", "up")):
        subprocess.run([*inside, *words], check=True)


async def test_case_12d_on_an_engine_shared_traffic_counts_once(
    docker_engine: DockerEngine,
) -> None:
    """One serves, one shares its network: the bytes sent are those of the first alone."""
    serve = f"head -c {SENT} /dev/zero >/f; exec httpd -f -h /"
    docker_engine.run("e-owner", "sh", "-c", serve)
    docker_engine.run("e-sharer", "sleep", "1000", options=("--network", "container:e-owner"))
    docker_engine.run("e-peer", "sleep", "1000")
    address = docker_engine.inspect("e-owner")["NetworkSettings"]["IPAddress"]

    async with Watching(docker_engine, ["e-owner", "e-sharer"]) as watching:
        for name in ("e-owner", "e-sharer"):
            await wait_until_async(lambda name=name: watching.reads[name], 20, f"{name} is there")
        fetch = ("exec", "e-peer", "wget", "-q", "-O", "/dev/null", f"{address}/f")
        await asyncio.to_thread(docker_engine.docker, *fetch)
        await wait_until_async(
            lambda: sum(watching.of("e-owner", NETWORK_IO_SUM, TRANSMIT)) >= SENT, 20, "its bytes"
        )
        before = len(watching.reads["e-sharer"])
        await wait_until_async(lambda: len(watching.reads["e-sharer"]) > before + 1, 20, "both")

    assert watching.of("e-sharer", NETWORK_IO_SUM, TRANSMIT) == []
    assert min(watching.of("e-sharer", MEMORY_USAGE)) > 0
    docker_engine.docker("rm", "--force", "e-owner", "e-sharer", "e-peer")


async def test_case_13c_and_15_on_an_engine_empty_samples_of_running_ones_are_told(
    docker_engine: DockerEngine,
) -> None:
    """Its network's owner stopped, or its interface was renamed: each is told, none records 0."""
    docker_engine.run("f-owner", "sleep", "1000")
    docker_engine.run("f-sharer", "sleep", "1000", options=("--network", "container:f-owner"))
    mover = docker_engine.run("f-mover", "sleep", "1000")

    async with Watching(docker_engine, ["f-*"]) as watching:
        for name in ("f-sharer", "f-mover"):
            await wait_until_async(lambda name=name: watching.reads[name], 20, f"{name} is there")
        await asyncio.to_thread(docker_engine.docker, "stop", "--time", "0", "f-owner")
        await asyncio.to_thread(rename_interface, docker_engine, mover)
        counts = watching.journal.counts
        await wait_until_async(lambda: counts.get("empty samples", 0) >= 2, 40, "both are told")

    for name in ("f-sharer", "f-mover"):
        assert min(watching.of(name, MEMORY_USAGE)) > 0
    docker_engine.docker("rm", "--force", "f-owner", "f-sharer", "f-mover")
