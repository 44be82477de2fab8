"""Steps that tests of all engines take."""

import asyncio

from engine.watching import Watching
from servers.engine import DockerEngine
from waiting import wait_until_async


async def does(engine: DockerEngine, *command: str) -> str:
    """Run the docker client without holding the loop up."""
    return await asyncio.to_thread(engine.docker, *command)


async def more_samples(watching: Watching, alias: str, count: int = 2) -> None:
    """Wait until so many more samples came."""
    before = len(watching.reads[alias])
    await wait_until_async(
        lambda: len(watching.reads[alias]) >= before + count, 40, f"{count} samples of {alias}"
    )
