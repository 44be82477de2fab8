"""What happens to a container while it is watched never shows as a wrong number."""

import asyncio

import pytest

from engine.raw_reader import RawReader
from engine.watching import Watching
from tidegauge.metrics.catalogue import CPU_TIME, CPU_USAGE
from waiting import wait_until_async

pytestmark = [pytest.mark.engine, pytest.mark.timeout(180)]


async def engine_does(engine, *command):
    """Run the docker client without holding the loop up."""
    await asyncio.to_thread(engine.docker, *command)


async def more_samples(watching, alias, count=4):
    """Wait until so many more samples came."""
    before = len(watching.reads[alias])
    await wait_until_async(
        lambda: len(watching.reads[alias]) >= before + count, 30, f"{count} samples of {alias}"
    )


async def empty_samples(engine, name):
    """Wait until the engine has sent two empty samples of a stopped container to somebody else."""
    raw = RawReader(engine)
    reading = asyncio.create_task(raw.read(name))
    await wait_until_async(lambda: len(raw.reads.get(name, [])) >= 2, 10, "two empty samples")
    reading.cancel()
    assert max(raw.reads[name]) < 0  # of the year 1


async def test_stop_start_restart_kill_and_removal_leave_no_wrong_number(docker_engine):
    """A busy container lives four lives: no zero, no negative, no wrapped or falling value."""
    options = ("--cpus", "0.3", "--stop-timeout", "0")
    loop = "while :; do :; done"
    docker_engine.run("phoenix", "sh", "-c", loop, options=options)

    async with Watching(docker_engine, ["phoenix"]) as watching:
        await more_samples(watching, "phoenix")
        await engine_does(docker_engine, "stop", "--time", "0", "phoenix")
        await wait_until_async(lambda: not watching.follower.watched, 10, "the stream is closed")
        stopped = len(watching.reads["phoenix"])
        await empty_samples(docker_engine, "phoenix")
        assert len(watching.reads["phoenix"]) == stopped
        await engine_does(docker_engine, "start", "phoenix")
        await more_samples(watching, "phoenix")
        await engine_does(docker_engine, "restart", "--time", "0", "phoenix")
        await more_samples(watching, "phoenix")
        await engine_does(docker_engine, "kill", "phoenix")
        await engine_does(docker_engine, "start", "phoenix")
        await more_samples(watching, "phoenix")
        watching.holds_no_wrong_number("phoenix")
        await engine_does(docker_engine, "pause", "phoenix")
        await engine_does(docker_engine, "unpause", "phoenix")
        await engine_does(docker_engine, "rm", "--force", "phoenix")
        await wait_until_async(lambda: not watching.follower.watched, 10, "removed")

    watching.holds_no_wrong_number("phoenix", paused=True)
    assert max(watching.of("phoenix", CPU_USAGE)) < 0.5


async def test_a_lost_daemon_is_joined_again(docker_engine_with_live_restore):
    """A daemon killed and started again: its containers go on, their totals never fall."""
    engine = docker_engine_with_live_restore
    engine.burn("survivor")

    async with Watching(engine, ["survivor"]) as watching:
        await more_samples(watching, "survivor")
        await asyncio.to_thread(engine.kill9)
        await wait_until_async(lambda: watching.follower.engine is None, 10, "the loss is noticed")
        await asyncio.to_thread(engine.up)
        await more_samples(watching, "survivor")

    totals = watching.totals["survivor", CPU_TIME.name, ()]
    assert totals == sorted(totals)
    assert min(watching.of("survivor", CPU_TIME)) > 0
    assert max(watching.of("survivor", CPU_USAGE)) < 0.5
    assert watching.journal.counts["engine lost"] >= 1


async def test_a_container_that_appears_is_watched_as_soon_as_it_starts(docker_engine):
    """The doorbell rings: no list has to come round first, which is each minute."""
    async with Watching(docker_engine, ["late-*"]) as watching:
        await wait_until_async(lambda: watching.follower.settled, 10, "the engine is joined")
        await engine_does(
            docker_engine, "run", "-d", "--name", "late-1", "busybox:local", "sleep", "1000"
        )
        await wait_until_async(lambda: watching.follower.watched, 10, "its stream is open")
        await wait_until_async(lambda: watching.reads["late-1"], 10, "its first sample")
        await engine_does(docker_engine, "rename", "late-1", "late-2")
        await wait_until_async(lambda: watching.reads["late-2"], 10, "under its new name")
        await engine_does(docker_engine, "rm", "--force", "late-2")
