"""A clock that moves only when a test moves it."""

import asyncio

from tidegauge.clock import next_beat


class ManualClock:
    """Implements `tidegauge.clock.Clock`; starts at Unix time 1000."""

    def __init__(self) -> None:
        self._passed = 0.0
        self._sleepers: list[tuple[float, asyncio.Future[None]]] = []

    def now(self) -> float:
        return 1000.0 + self._passed

    def monotonic(self) -> float:
        return self._passed

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        woken = asyncio.get_running_loop().create_future()
        self._sleepers.append((self._passed + seconds, woken))
        await woken

    async def beat(self, seconds: float) -> None:
        await self.sleep(next_beat(self._passed, seconds) - self._passed)

    async def wait(self, event: asyncio.Event, seconds: float) -> bool:
        sleeping = asyncio.ensure_future(self.sleep(seconds))
        setting = asyncio.ensure_future(event.wait())
        try:
            await asyncio.wait((sleeping, setting), return_when=asyncio.FIRST_COMPLETED)
            return event.is_set()
        finally:
            for task in (sleeping, setting):
                task.cancel()
            await asyncio.gather(sleeping, setting, return_exceptions=True)

    async def advance(self, seconds: float) -> None:
        """Let so much time pass, waking sleepers in the order of their times."""
        end = self._passed + seconds
        await settle()
        while due := sorted((at, n) for n, (at, _) in enumerate(self._sleepers) if at <= end):
            at, n = due[0]
            self._passed = max(self._passed, at)
            woken = self._sleepers.pop(n)[1]
            if not woken.done():
                woken.set_result(None)
            await settle()
        self._passed = end

    @property
    def sleepers(self) -> int:
        return sum(not woken.done() for _, woken in self._sleepers)


async def settle() -> None:
    """Give every ready task its turns: tests wait for conditions, not for luck."""
    for _ in range(20):
        await asyncio.sleep(0)
