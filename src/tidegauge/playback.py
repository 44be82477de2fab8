"""The clock of a recording that is replayed.

It stands still while anything is being done, and goes on to the next moment that anybody waits for
when nothing is: at the pace of the recording, so many times as fast, or at once. So a replay
records the same at every speed and each time; a speed the machine cannot keep up with is only slow.
"""

import asyncio
import heapq
import selectors
from collections.abc import Callable, Generator
from contextlib import contextmanager

from msgspec import Struct

from tidegauge.clock import Clock, next_beat


class _Alarm(Struct, order=True):
    """Of two at one time, the one that was set first rings first."""

    due: float
    number: int


class PlaybackClock:
    """Implements `tidegauge.clock.Clock` on the event loop that `new_loop` makes.

    ``monotonic`` begins at 0, ``now`` at ``starts_at``; ``speed`` may be infinite. Whether anything
    is to be done is exact: an event loop asks for input with a time limit only when no task can go
    on. Input and output of the real world take no time here, unless it is `held`.
    """

    def __init__(self, starts_at: float, speed: float, system: Clock) -> None:
        self._starts_at, self._speed, self._system = starts_at, speed, system
        self._began = system.monotonic()
        self._passed = 0.0
        self._alarms: list[_Alarm] = []
        self._rings: dict[int, Callable[[], None]] = {}
        self._set = self._holds = 0

    def now(self) -> float:
        """Unix time in seconds, as it was then."""
        return self._starts_at + self._passed

    def monotonic(self) -> float:
        """Seconds of the recording."""
        return self._passed

    async def sleep(self, seconds: float) -> None:
        """Return when everything before that moment is done."""
        woken = asyncio.Event()
        with self._alarm(seconds, woken.set):
            await woken.wait()

    async def beat(self, seconds: float) -> None:
        """Return when its monotonic time is next a multiple of so many seconds."""
        now = self.monotonic()
        await self.sleep(next_beat(now, seconds) - now)

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
        """An event loop that lets this clock go on when it is idle."""
        return asyncio.SelectorEventLoop(_IdleSelector(self))

    def pause(self) -> float | None:
        """How long to wait before `jump`, in real seconds; ``None`` when nothing waits for it."""
        while self._alarms and self._alarms[0].number not in self._rings:
            heapq.heappop(self._alarms)  # called off
        if self._holds or not self._alarms:
            return None
        return self._began + self._alarms[0].due / self._speed - self._system.monotonic()

    def jump(self) -> None:
        """Go to the next moment somebody waits for, and wake them."""
        alarm = heapq.heappop(self._alarms)
        self._passed = max(self._passed, alarm.due)
        self._rings.pop(alarm.number)()

    @contextmanager
    def _alarm(self, seconds: float, ring: Callable[[], None]) -> Generator[None, None, None]:
        self._set += 1
        number = self._set
        self._rings[number] = ring
        heapq.heappush(self._alarms, _Alarm(self._passed + max(0.0, seconds), number))
        try:
            yield
        finally:
            self._rings.pop(number, None)


class _IdleSelector(selectors.DefaultSelector):
    """Waits for input as any selector, and for its clock."""

    def __init__(self, clock: PlaybackClock) -> None:
        super().__init__()
        self._clock = clock

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """What can be read and written; with a time limit, nothing else is to be done."""
        ready = super().select(0)
        if ready or timeout == 0:
            return ready
        pause = self._clock.pause()
        if pause is not None and pause <= 0:
            self._clock.jump()
            return ready
        limits = [limit for limit in (pause, timeout) if limit is not None]
        return super().select(min(limits, default=None))
