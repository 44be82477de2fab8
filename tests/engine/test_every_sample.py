"""With 100 containers every sample the engine sent is recorded, none lost and none doubled."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest

from engine.raw_reader import RawReader
from engine.watching import Watching
from tidegauge.metrics.catalogue import MEMORY_USAGE
from waiting import wait_until_async

CONTAINERS = 100
SECONDS = 60

pytestmark = [pytest.mark.engine, pytest.mark.timeout(400)]


@pytest.fixture(scope="module")
def hundred(docker_engine):
    names = [f"many-{number:03}" for number in range(CONTAINERS)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda name: docker_engine.run(name, "sleep", "100000"), names))
    yield names
    docker_engine.docker("rm", "--force", *names, seconds=200)


async def test_a_hundred_containers_for_a_minute(docker_engine, hundred):
    """The times of all samples equal those a raw reader saw on the same streams."""
    raw = RawReader(docker_engine)

    async with Watching(docker_engine, ["many-*"]) as watching:
        await wait_until_async(lambda: len(watching.reads) == CONTAINERS, 60, "all streams")
        async with asyncio.TaskGroup() as reading:
            tasks = [reading.create_task(raw.read(name)) for name in hundred]
            await wait_until_async(lambda: len(raw.first()) == CONTAINERS, 60, "the raw reader")
            begin = max(raw.first())
            await wait_until_async(
                lambda: min(raw.last()) > begin + SECONDS, SECONDS * 3, "a minute of samples"
            )
            end = min(raw.last())
            for task in tasks:
                task.cancel()
        await wait_until_async(
            lambda: min(each[-1] for each in watching.reads.values()) >= end - 1e-4, 10, "the same"
        )

    def within(reads):
        # The product rounds the engine's nanoseconds, the raw reader cuts them off.
        return pytest.approx([at for at in reads if begin - 1e-4 < at < end + 1e-4], abs=1e-5)

    lost_or_doubled = [
        name for name in hundred if within(raw.reads[name]) != within(watching.reads[name]).expected
    ]
    recorded = sum(len(watching.of(name, MEMORY_USAGE)) for name in hundred)
    seen = sum(len(watching.reads[name]) for name in hundred)
    count = sum(len(within(raw.reads[name]).expected) for name in hundred)
    print(f"{count} samples in the window, {lost_or_doubled=}, recorded {recorded} of {seen} seen")
    assert lost_or_doubled == []
    assert recorded == seen
    assert count > CONTAINERS * SECONDS / 3
    assert watching.journal.counts == {}
