"""What a container may use, on a real engine: known at once, and after a change."""

import asyncio
from statistics import median

import pytest

from engine.watching import Watching
from tidegauge.metrics.catalogue import (
    CPU_LIMIT,
    CPU_UTILIZATION,
    INFO,
    MEMORY_AVAILABLE,
    MEMORY_LIMIT,
    PIDS_LIMIT,
)
from waiting import wait_until_async

pytestmark = [pytest.mark.engine, pytest.mark.timeout(60)]

OPTIONS = ("--cpus", "0.3", "--memory", "64m", "--pids-limit", "50")


async def test_limits_are_those_that_were_given_and_follow_an_update(docker_engine):
    """``docker update`` changes them within seconds, with the container running on."""
    loop = "while :; do :; done"
    container = docker_engine.run("limited", "sh", "-c", loop, options=OPTIONS)
    image = docker_engine.docker("inspect", "-f", "{{.Image}}", "limited").strip()

    async with Watching(docker_engine, ["limited"]) as watching:
        await wait_until_async(
            lambda: len(watching.of("limited", CPU_UTILIZATION)) >= 3, 15, "use of the limit"
        )
        assert set(watching.of("limited", CPU_LIMIT)) == {0.3}
        assert set(watching.of("limited", MEMORY_LIMIT)) == {64 * 2**20}
        assert set(watching.of("limited", PIDS_LIMIT)) == {50}
        assert 0.5 < median(watching.of("limited", CPU_UTILIZATION)) < 1.3
        assert 60 * 2**20 < watching.of("limited", MEMORY_AVAILABLE)[-1] < 64 * 2**20

        await asyncio.to_thread(docker_engine.docker, "update", "--cpus", "0.6", "limited")
        await wait_until_async(
            lambda: watching.of("limited", CPU_LIMIT)[-1] == 0.6, 10, "the new limit"
        )

    infos = [dict(attributes) for _, name, attributes in watching.totals if name == INFO.name]
    assert len(infos) == 1
    assert infos[0]["container.id"] == container
    assert infos[0]["container.image.id"] == image
    docker_engine.docker("rm", "--force", "limited")
