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


async def test_what_is_at_hand_is_given_while_the_next_is_asked_for():
    """Nobody waits but for the first, and for what is as old again as an answer is kept."""
    server = Server()
    kept = Kept(server.ask, server.clock, 60.0)
    assert await kept.at_hand() == 1
    server.seconds = 3.0
    await server.clock.advance(61)

    assert (await kept.at_hand(), await kept.at_hand(), server.asked) == (1, 1, 1)
    await server.clock.advance(3)
    assert (await kept.at_hand(), server.asked) == (2, 2)

    await server.clock.advance(3600)
    late = asyncio.create_task(kept.at_hand())
    await server.clock.advance(3)
    assert await late == 3


async def test_what_is_at_hand_is_given_although_the_server_is_away():
    """The trouble is told to who waits; it is asked again soon."""
    server = Server()
    kept = Kept(server.ask, server.clock, 60.0)
    await kept.get()
    server.away = True
    await server.clock.advance(61)
    await kept.at_hand()
    await server.clock.advance(1)

    assert await kept.at_hand() == 1
    with pytest.raises(HistoryError):
        await kept.get()
    server.away = False
    await server.clock.advance(5)
    assert await kept.get() == 3


async def test_what_has_expired_is_asked_for_anew():
    """Also what was asked for before, but the server rests four times as long as it took."""
    server = Server()
    kept, server.seconds = Kept(server.ask, server.clock, 60.0), 2.0
    first = asyncio.create_task(kept.get())
    await server.clock.advance(1)
    kept.expire()
    await server.clock.advance(1)
    assert await first == 1

    await server.clock.advance(7)
    assert (await kept.get(), server.asked) == (1, 1)
    await server.clock.advance(2)
    first, second = asyncio.create_task(kept.get()), asyncio.create_task(kept.get())
    await server.clock.advance(2)
    assert [await first, await second] == [2, 2]


async def test_what_nobody_expected_behind_the_back_is_not_swallowed():
    """Who asks next is told."""
    server = Server()
    kept = Kept(server.ask, server.clock, 2.0)
    assert await kept.at_hand() == 1
    await server.clock.advance(3)

    async def broken() -> int:
        raise ZeroDivisionError

    kept._ask = broken
    assert await kept.at_hand() == 1
    await server.clock.advance(0)
    with pytest.raises(ZeroDivisionError):
        await kept.at_hand()
