"""The only place that reads the time, so that tests can hold it still."""

import asyncio
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

    async def wait(self, event: asyncio.Event, seconds: float) -> bool:
        """Wait on the running event loop."""
        try:
            async with asyncio.timeout(seconds):
                return await event.wait()
        except TimeoutError:
            return False
