"""Answers that are kept for some seconds, so that many who look ask the server but once."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from tidegauge.clock import Clock
from tidegauge.errors import HistoryError

SHARE = 4
"""Times what it took an answer is kept: a server is busy a fifth of the time at most."""

TROUBLE_SECONDS = 5.0
"""After so long what failed is asked anew, however long an answer would be kept."""

FORMER_SECONDS = 10.0
"""So long behind its time an answer serves those who would wait for the next one."""

T = TypeVar("T")


class Kept(Generic[T]):
    """What ``ask`` answers, kept for ``least`` seconds; a trouble is kept for a while, too."""

    def __init__(self, ask: Callable[[], Awaitable[T]], clock: Clock, least: float) -> None:
        self._ask, self._clock, self._least = ask, clock, least
        self._asking = asyncio.Lock()
        self._until = -1.0
        self._trouble = ""
        self._answer: list[T] = []

    async def get(self) -> T:
        """It, at most so old, or that before while somebody asks anew; raises `HistoryError`."""
        fresh = self._answer and self._clock.monotonic() < self._until + FORMER_SECONDS
        if not (fresh and self._asking.locked()):
            async with self._asking:
                if self._clock.monotonic() >= self._until:
                    await self._renew()
        if self._trouble:
            raise HistoryError(self._trouble)
        return self._answer[0]

    async def _renew(self) -> None:
        began = self._clock.monotonic()
        try:
            self._answer, self._trouble = [await self._ask()], ""
        except HistoryError as error:
            self._trouble = str(error)
        ended = self._clock.monotonic()
        kept = max(self._least, SHARE * (ended - began))
        self._until = ended + (TROUBLE_SECONDS if self._trouble else kept)
