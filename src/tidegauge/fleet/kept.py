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
        self._until = self._rested = -1.0
        self._epoch = self._of = 0
        self._trouble = ""
        self._answer: list[T] = []
        self._behind: asyncio.Task[None] | None = None

    async def get(self) -> T:
        """It, at most so old, or that before while somebody asks anew; raises `HistoryError`."""
        lately = self._clock.monotonic() < self._until + FORMER_SECONDS
        fresh = self._answer and lately and self._of == self._epoch
        if not (fresh and self._asking.locked()):
            await self._ensure()
        if self._trouble:
            raise HistoryError(self._trouble)
        return self._answer[0]

    async def at_hand(self) -> T:
        """The same without waiting, but for the first, or for one of long ago.

        Where it is due, it is asked for behind the back of who gets the former one.
        """
        if self._behind is not None and self._behind.done():
            behind, self._behind = self._behind, None
            behind.result()  # what nobody expected is not swallowed
        now = self._clock.monotonic()
        if not self._answer or now >= self._until + max(self._least, FORMER_SECONDS):
            return await self.get()
        if now >= self._until and not self._asking.locked():
            self._behind = asyncio.create_task(self._ensure())
        return self._answer[0]

    def expire(self) -> None:
        """What is kept, or asked for now, is of the past: ask anew once the server has rested."""
        self._until = min(self._until, max(self._rested, self._clock.monotonic()))
        self._epoch += 1

    async def _ensure(self) -> None:
        async with self._asking:
            if self._clock.monotonic() >= self._until:
                await self._renew()

    async def _renew(self) -> None:
        began, of = self._clock.monotonic(), self._epoch
        try:
            self._answer, self._trouble = [await self._ask()], ""
            self._of = of
        except HistoryError as error:
            self._trouble = str(error)
        ended = self._clock.monotonic()
        self._rested = ended + SHARE * (ended - began)
        kept = max(self._rested, ended + self._least) if of == self._epoch else self._rested
        self._until = ended + TROUBLE_SECONDS if self._trouble else kept
