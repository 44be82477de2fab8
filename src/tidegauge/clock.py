"""The only place that reads the time, so that tests can hold it still."""

import asyncio
import math
import time
from typing import Protocol


class Clock(Protocol):
    """What the program needs of time."""

    def now(self) -> float:
        """Unix time in seconds."""
        ...

    def monotonic(self) -> float:
        """Seconds since some fixed point; never steps back."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return after so many seconds of monotonic time."""
        ...

    async def beat(self, seconds: float) -> None:
        """Return when monotonic time is next a multiple of so many seconds.

        Who does something now and then does it with others so, in one waking of the process.
        """
        ...

    async def wait(self, event: asyncio.Event, seconds: float) -> bool:
        """Return true as soon as the event is set, false after so many seconds."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> float:
        """Unix time in seconds."""
        return time.time()

    def monotonic(self) -> float:
        """Seconds since some fixed point; never steps back."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Sleep on the running event loop."""
        await asyncio.sleep(seconds)

    async def beat(self, seconds: float) -> None:
        """Sleep on the running event loop, until the same moment as all who do."""
        loop = asyncio.get_running_loop()
        beaten = loop.create_future()
        timer = loop.call_at(next_beat(loop.time(), seconds), _set, beaten)
        try:
            await beaten
        finally:
            timer.cancel()

    async def wait(self, event: asyncio.Event, seconds: float) -> bool:
        """Wait on the running event loop."""
        try:
            async with asyncio.timeout(seconds):
                return await event.wait()
        except TimeoutError:
            return False


def next_beat(now: float, seconds: float) -> float:
    """When the next one is; a timer that woke a trifle too early is not woken twice."""
    return (math.floor(now / seconds + 0.001) + 1) * seconds


def _set(future: "asyncio.Future[None]") -> None:
    if not future.done():
        future.set_result(None)
