"""Frames of a stats stream to be iterated, for tests that take them one by one."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tidegauge.docker.client import EngineClient, Garbage
from tidegauge.docker.frames import StatsFrame
from tidegauge.errors import EngineError


@asynccontextmanager
async def frames_of(
    client: EngineClient, container: str, garbage: Garbage
) -> AsyncIterator[AsyncIterator[StatsFrame]]:
    """Its frames as they come, until the stream ends; inside, the stream is open."""
    came: asyncio.Queue[StatsFrame | EngineError | None] = asyncio.Queue()

    def take(frame: StatsFrame, _line: bytes) -> None:
        came.put_nowait(frame)

    async def read() -> None:
        end = None
        try:
            await client.stats(container, take, garbage)
        except EngineError as error:
            end = error
        came.put_nowait(end)

    async def frames() -> AsyncIterator[StatsFrame]:
        while (each := await came.get()) is not None:
            if isinstance(each, EngineError):
                raise each
            yield each

    reading = asyncio.create_task(read())
    try:
        yield frames()
    finally:
        reading.cancel()
        await asyncio.wait([reading])
