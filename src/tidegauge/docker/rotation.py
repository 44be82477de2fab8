"""Turns: each of many is read once an interval, by a few workers, spread over the interval."""

import asyncio
from collections.abc import Callable, Coroutine
from heapq import heappop, heappush
from typing import Any

from tidegauge.clock import Clock

WORKERS = 8
"""So many are read at once."""

_GOLDEN = 0.618_033_988_749_895
"""Multiples of it, without their whole part, are spread evenly however many there are."""

_Turn = tuple[float, int]
"""When it is due, and a number: of those due at once, who waited longest comes first."""


class Rotation:
    """Whose turn it is, by key. What is added has its first turn at once, or in half an interval.

    Its second one is spread over nine tenths of an interval, so that those that were added together
    do not stay together. ``read`` must not fail.
    """

    def __init__(
        self, read: Callable[[str], Coroutine[Any, Any, None]], clock: Clock, interval: float
    ) -> None:
        self._read, self._clock, self.interval = read, clock, interval
        self._due: dict[str, _Turn] = {}
        self._turns: list[tuple[_Turn, str]] = []
        self._second: dict[str, float] = {}
        self._added = self._set_so_far = 0
        self._changed, self._first = asyncio.Event(), asyncio.Lock()

    def __contains__(self, key: str) -> bool:
        return key in self._due

    def __len__(self) -> int:
        return len(self._due)

    def add(self, key: str, *, at_once: bool) -> None:
        """Give it turns from now on."""
        self._added += 1
        now, phase = self._clock.monotonic(), self._added * _GOLDEN % 1
        self._second[key] = now + self.interval * (0.5 + 0.9 * phase)
        self._set(key, now if at_once else now + self.interval * phase / 2)
        self._changed.set()

    def remove(self, key: str) -> None:
        """Give it no more turns."""
        self._due.pop(key, None)
        self._second.pop(key, None)

    async def run(self) -> None:
        """Read until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for _ in range(WORKERS):
                tasks.create_task(self._work())

    async def _work(self) -> None:
        while True:
            async with self._first:
                turn, key = await self._next()
            await self._read(key)
            if self._due.get(key) == turn:  # else it was removed, and maybe added again
                after = self._second.pop(key, turn[0] + self.interval)
                self._set(key, max(after, self._clock.monotonic()))
                self._changed.set()

    async def _next(self) -> tuple[_Turn, str]:
        while True:
            self._changed.clear()
            if not self._turns:
                await self._changed.wait()
                continue
            turn, key = self._turns[0]
            if self._due.get(key) != turn:
                heappop(self._turns)
                continue
            pause = turn[0] - self._clock.monotonic()
            if pause <= 0:
                return heappop(self._turns)
            await self._clock.wait(self._changed, pause)

    def _set(self, key: str, due: float) -> None:
        self._set_so_far += 1
        self._due[key] = turn = (due, self._set_so_far)
        heappush(self._turns, (turn, key))
