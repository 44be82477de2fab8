"""Wait for what must come true, and say what did not: no test sleeps for luck."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")

_PAUSE_S = 0.02  # short beside anything waited for, and next to nothing on a busy machine


def wait_until(condition: Callable[[], T], seconds: float, what: str) -> T:
    """Ask until the answer is true and return it; `AssertionError` after so many seconds."""
    end = time.monotonic() + seconds
    while not (answer := condition()):
        assert time.monotonic() < end, f"after {seconds} s still not: {what}"
        time.sleep(_PAUSE_S)
    return answer


async def wait_until_async(
    condition: Callable[[], T | Awaitable[T]], seconds: float, what: str
) -> T:
    """The same on an event loop; the condition may be a coroutine function."""
    end = time.monotonic() + seconds
    while True:
        asked = condition()
        answer = await asked if isinstance(asked, Awaitable) else asked
        if answer:
            return answer
        assert time.monotonic() < end, f"after {seconds} s still not: {what}"
        await asyncio.sleep(_PAUSE_S)
