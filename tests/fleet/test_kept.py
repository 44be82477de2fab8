"""Answers that are kept."""

import asyncio

import pytest

from manual_clock import ManualClock
from tidegauge.errors import HistoryError
from tidegauge.fleet.kept import Kept


class Server:
    """Answers how often it was asked, unless it is away; each takes so many seconds."""

    def __init__(self) -> None:
        self.clock, self.asked, self.away, self.seconds = ManualClock(), 0, False, 0.0

    async def ask(self) -> int:
        self.asked += 1
        await self.clock.sleep(self.seconds)
        if self.away:
            raise HistoryError("the server is away.")
        return self.asked


async def test_a_trouble_is_asked_about_again_soon():
    """However long an answer is kept."""
    server = Server()
    kept, server.away = Kept(server.ask, server.clock, 300.0), True
    with pytest.raises(HistoryError):
        await kept.get()
    server.away = False
    with pytest.raises(HistoryError):
        await kept.get()

    await server.clock.advance(6)

    assert await kept.get() == 2
    await server.clock.advance(299)
    assert await kept.get() == 2


async def test_a_former_answer_serves_for_some_seconds_only():
    """Who comes while the next one is asked for gets it, but not that of last night."""
    server = Server()
    kept = Kept(server.ask, server.clock, 5.0)
    await kept.get()
    server.seconds = 3.0
    await server.clock.advance(6)
    first = asyncio.create_task(kept.get())
    await server.clock.advance(1)
    assert await kept.get() == 1
    await server.clock.advance(2)
    assert await first == 2

    await server.clock.advance(3600)
    first, second = asyncio.create_task(kept.get()), asyncio.create_task(kept.get())
    await server.clock.advance(3)

    assert [await first, await second] == [3, 3]
