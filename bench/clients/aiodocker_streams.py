"""aiodocker, a task for each stream: ``aiodocker_streams.py HOST``.

Its connections are limited to 100, as aiohttp's are when nothing is said; more streams than that
never begin.
"""

import asyncio
import sys

import aiodocker
from metrics_of_dict import Metrics


async def follow(container: aiodocker.docker.DockerContainer) -> None:
    """Read one stream for ever."""
    metrics = Metrics()
    async for event in container.stats(stream=True):
        metrics.take(event)


async def main(host: str) -> None:
    """Follow all containers that run."""
    async with aiodocker.Docker(host.replace("tcp://", "http://")) as client:
        containers = await client.containers.list()
        await asyncio.gather(*map(follow, containers))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
