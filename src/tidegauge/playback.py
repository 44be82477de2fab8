"""Clocks that follow a recording instead of the machine.

Both stand at 0 (``monotonic``) and at the recording's time (``now``) when they are made.
"""

import asyncio
import heapq
import selectors
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Protocol

from msgspec import Struct

from tidegauge.clock import Clock


class PlaybackClock(Clock, Protocol):
    """A clock that a recording is replayed on."""

    def held(self) -> AbstractContextManager[None]:
        """While inside, time that could be jumped over is not."""
        ...

    def new_loop(self) -> asyncio.AbstractEventLoop:
        """The event loop that this clock works on."""
        ...


class ScaledClock:
    """Another clock, ``speed`` times as fast."""

    def __init__(self, base: Clock, speed: float, starts_at: float) -> None:
        self._base, self._speed, self._starts_at = base, speed, starts_at
        self._began = base.monotonic()

    def now(self) -> float:
        """Unix time in seconds."""
        return self._starts_at + self.monotonic()

    def monotonic(self) -> float:
        """Seconds of the recording."""
        return (self._base.monotonic() - self._began) * self._speed

    async def sleep(self, seconds: float) -> None:
        """Sleep so many seconds of the recording."""
        await self._base.sleep(seconds / self._speed)

    async def wait(self, event: asyncio.Event, seconds: float) -> bool:
        """Wait for so many seconds of the recording."""
        return await self._base.wait(event, seconds / self._speed)

    def held(self) -> AbstractContextManager[None]:
        """Nothing: time goes on."""
        return nullcontext()

    def new_loop(self) -> asyncio.AbstractEventLoop:
        """Any loop."""
        return asyncio.new_event_loop()


class _Alarm(Struct, order=True):
    """Rings at ``due``; of two at one time the one set first."""

    due: float
    number: int


class VirtualClock:
    """Jumps to the next moment anybody waits for as soon as nothing else is to be done.

    "Nothing to be done" is exact: its event loop asks for input with a time limit only when no
    task can go on. So a replay is as fast as the machine, and the same each time. Input and output
    of the real world take no time on this clock, unless it is `held`.
    """

    def __init__(self, starts_at: float) -> None:
        self._starts_at, self._passed = starts_at, 0.0
        self._alarms: list[_Alarm] = []
        self._rings: dict[int, Callable[[], object]] = {}
        self._set = self._holds = 0

    def now(self) -> float:
        """Unix time in seconds."""
        return self._starts_at + self._passed

    def monotonic(self) -> float:
        """Seconds of the recording."""
        return self._passed

    async def sleep(self, seconds: float) -> None:
        """Return when everything before that moment is done."""
        woken = asyncio.Event()
        with self._alarm(seconds, woken.set):
            await woken.wait()

    async def wait(self, event: asyncio.Event, seconds: float) -> bool:
        """Return true as soon as the event is set, false when the moment has come."""
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(None) as limit:
                with self._alarm(seconds, lambda: limit.reschedule(loop.time())):
                    return await event.wait()
        except TimeoutError:
            return False

    @contextmanager
    def held(self) -> Generator[None, None, None]:
        """While inside, time stands still."""
        self._holds += 1
        try:
            yield
        finally:
            self._holds -= 1

    def new_loop(self) -> asyncio.AbstractEventLoop:
        """A loop that calls `jump` when it is idle."""
        return asyncio.SelectorEventLoop(_IdleSelector(self.jump))

    def jump(self) -> bool:
        """Go to the next alarm and ring it; false when there is none, or time is held."""
        if self._holds:
            return False
        while self._alarms:
            alarm = heapq.heappop(self._alarms)
            ring = self._rings.pop(alarm.number, None)
            if ring is not None:
                self._passed = max(self._passed, alarm.due)
                ring()
                return True
        return False

    @contextmanager
    def _alarm(self, seconds: float, ring: Callable[[], object]) -> Generator[None, None, None]:
        self._set += 1
        number = self._set
        self._rings[number] = ring
        heapq.heappush(self._alarms, _Alarm(self._passed + max(0.0, seconds), number))
        try:
            yield
        finally:
            self._rings.pop(number, None)


class _IdleSelector(selectors.DefaultSelector):
    """Calls back when its loop has nothing to do, before it would wait."""

    def __init__(self, idle: Callable[[], bool]) -> None:
        super().__init__()
        self._idle = idle

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """What can be read and written; waits only when being idle led to nothing."""
        ready = super().select(0)
        if ready or timeout == 0 or self._idle():
            return ready
        return super().select(timeout)
