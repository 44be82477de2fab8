"""A transport that answers from a recording: the same requests, the same bytes, at their times.

One player reads the file and hands every message over when its time has come. Nothing here fails
because the program that replays asks a little earlier, later or more often than the one that
recorded: it may be a newer one, or have other options.

* A whole reply: the next one that was not given yet, if it was asked for about now, else the
  newest. Of a request that was never made the answer is a 404.
* A stream: the next recorded one of that container, waited for if need be. Where the recorder
  itself closed a stream, the next one continues it.

Requests are told apart by what they are about (`redacting.about`). API version and other parameters
are not looked at: they are the recorder's, and a newer Tidegauge may ask with others.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from urllib.parse import urlencode

from tidegauge.clock import Clock
from tidegauge.docker.redacting import about
from tidegauge.docker.tape import Message, RecordedEngine
from tidegauge.docker.wire import Into, OpenStream, Query, Refusal, Reply, poured
from tidegauge.errors import (
    ConnectionLost,
    EngineError,
    EngineForbidden,
    EngineUnreachable,
    NotAnEngine,
)

AHEAD = 16.0
"""Seconds the player looks ahead for requests: pauses between attempts differ by up to 15."""

WAITING = 64
"""So many messages of a stream that nobody has opened yet are kept, the newest."""

DRAIN_SECONDS = 0.05

_ERRORS = {
    each.__name__: each
    for each in (EngineForbidden, EngineUnreachable, NotAnEngine, ConnectionLost)
}

_UNKNOWN = b'{"message":"the recording has no answer to this"}'


class _Exchange:
    """One recorded request, and what of its answer has come so far and was not taken."""

    def __init__(self, asked: float) -> None:
        self.asked = asked
        self.taken = self.released = False
        self._messages: deque[Message] = deque()
        self._came = asyncio.Event()
        self._waiting = False

    @property
    def busy(self) -> bool:
        """Is there a reader that has not come back for more yet?"""
        return self.taken and not self.released and not (self._waiting and not self._messages)

    def put(self, message: Message) -> None:
        """The next message has come."""
        self._messages.append(message)
        if not self.taken and len(self._messages) > WAITING:
            del self._messages[1]  # the first says whether it could be opened at all
        self._came.set()

    async def first(self) -> Message:
        """The first message, as often as it is asked for."""
        while not self._messages:
            self._came.clear()
            self._waiting = True
            await self._came.wait()
            self._waiting = False
        return self._messages[0]

    async def take(self) -> Message:
        """The next message."""
        await self.first()
        return self._messages.popleft()


class _Shelf:
    """The recorded exchanges of one path, oldest first."""

    def __init__(self) -> None:
        self._exchanges: deque[_Exchange] = deque()
        self._grew = asyncio.Event()

    def add(self, exchange: _Exchange, now: float) -> None:
        """One more that lies ahead; those long outdated go."""
        self._exchanges.append(exchange)
        self._drop_until(now - AHEAD)
        self._grew.set()

    def remove(self, exchange: _Exchange) -> None:
        """One that led to nothing."""
        if exchange in self._exchanges:
            self._exchanges.remove(exchange)

    def present(self, now: float) -> _Exchange | None:
        """The one that answers a request made now; `None` when there is none near."""
        self._drop_until(now)
        known = self._exchanges
        if len(known) > 1 and known[0].taken and known[1].asked <= now + AHEAD:
            known.popleft()
        if not known:
            return None
        known[0].taken = True
        return known[0]

    async def claim(self) -> _Exchange:
        """Take the next one away, waiting for it."""
        while not self._exchanges:
            self._grew.clear()
            await self._grew.wait()
        exchange = self._exchanges.popleft()
        exchange.taken = True
        return exchange

    def _drop_until(self, moment: float) -> None:
        while len(self._exchanges) > 1 and self._exchanges[1].asked <= moment:
            self._exchanges.popleft()


class Player:
    """Hands the messages of a recording over at their times, to the transports of its engines."""

    def __init__(self, messages: Iterable[Message], clock: Clock) -> None:
        self._messages, self._clock = iter(messages), clock
        self._shelves: dict[tuple[str, str], _Shelf] = {}
        self._exchanges: dict[int, _Exchange] = {}
        self._open: set[_Exchange] = set()
        self._window: deque[Message] = deque()
        self.played = 0
        self.seconds = 0.0
        self._look_ahead()

    def transport(self, engine: RecordedEngine) -> "ReplayTransport":
        """The wire to one of the recorded engines."""
        return ReplayTransport(self, engine, self._clock)

    def shelf(self, engine: str, request: str) -> _Shelf:
        """All exchanges about this."""
        return self._shelves.setdefault((engine, about(request)), _Shelf())

    async def play(self) -> None:
        """Return at the end of the recording, when all that was handed over is worked off."""
        for message in self._due():
            pause = message.t - self._clock.monotonic()
            if pause > 0:
                await self._clock.sleep(pause)
            self._hand_over(message)
            self.played += 1
            self.seconds = max(self.seconds, message.t)
        await self._clock.sleep(0)
        while any(exchange.busy for exchange in self._open):
            await self._clock.sleep(DRAIN_SECONDS)

    def opened(self, exchange: _Exchange) -> None:
        """A stream has a reader."""
        self._open.add(exchange)

    def released(self, exchange: _Exchange) -> None:
        """It has none any more."""
        exchange.released = True
        self._open.discard(exchange)

    def _due(self) -> Iterator[Message]:
        while self._window:
            yield self._window.popleft()
            self._look_ahead()

    def _look_ahead(self) -> None:
        """Read on to `AHEAD` seconds before what comes next, and learn what will be asked."""
        window = self._window
        while not window or window[-1].t <= window[0].t + AHEAD:
            message = next(self._messages, None)
            if message is None:
                return
            window.append(message)
            if message.n not in self._exchanges and message.engine:
                exchange = self._exchanges[message.n] = _Exchange(message.t)
                shelf = self.shelf(message.engine, message.request)
                shelf.add(exchange, self._clock.monotonic())

    def _hand_over(self, message: Message) -> None:
        exchange = self._exchanges.get(message.n)
        if exchange is None or message.what == "asked":
            return
        exchange.put(message)
        if message.what in {"reply", "end", "failed", "closed"}:
            del self._exchanges[message.n]


class ReplayTransport:
    """Implements `tidegauge.docker.wire.Transport` for one recorded engine."""

    def __init__(self, player: Player, engine: RecordedEngine, clock: Clock) -> None:
        self._player, self._engine, self._clock = player, engine, clock

    @property
    def address(self) -> str:
        """Where the engine was when it was recorded."""
        return self._engine.address

    async def get(
        self,
        path: str,
        query: Query,
        seconds: float | None = None,  # noqa: ARG002, what took too long was recorded
    ) -> Reply:
        """The recorded reply; raises what was raised then."""
        shelf = self._player.shelf(self._engine.name, f"{path}?{urlencode(query, doseq=True)}")
        while (exchange := shelf.present(self._clock.monotonic())) is not None:
            message = await exchange.first()
            if message.what == "reply":
                return Reply(message.status, message.headers, message.body)
            if message.what == "failed":
                raise _error(message)
            shelf.remove(exchange)
        return Reply(404, {}, _UNKNOWN)

    @asynccontextmanager
    async def stream(
        self,
        path: str,
        query: Query,  # noqa: ARG002, see the module
        idle_seconds: float | None,  # noqa: ARG002, a silence that was too long was recorded
    ) -> AsyncGenerator[OpenStream, None]:
        """The recorded stream of this path."""
        reading = _Reading(self._player, self._player.shelf(self._engine.name, path))
        try:
            status = await reading.open()
            yield OpenStream(status, reading.chunks())
        finally:
            reading.close()

    async def pour(
        self, path: str, query: Query, idle_seconds: float, into: Into
    ) -> Refusal | None:
        """The same, given away piece by piece."""
        return await poured(self.stream(path, query, idle_seconds), into)

    def read_calmly(self, *, calm: bool) -> None:
        """It comes when it comes."""

    async def catch_up(self) -> None:
        """Nothing waits."""

    async def close(self) -> None:
        """Nothing is open."""


class _Reading:
    """One reader of the streams of one path."""

    def __init__(self, player: Player, shelf: _Shelf) -> None:
        self._player, self._shelf = player, shelf
        self._exchange: _Exchange | None = None

    async def open(self) -> int:
        """Begin the next recorded stream; its status."""
        while True:
            self._exchange = await self._shelf.claim()
            self._player.opened(self._exchange)
            message = await self._exchange.take()
            if message.what == "opened":
                return message.status
            self.close()
            if message.what == "failed":
                raise _error(message)

    async def chunks(self) -> AsyncIterator[bytes]:
        """The chunks of this stream, and of the next where the recorder closed it."""
        while self._exchange is not None:
            message = await self._exchange.take()
            if message.what == "chunk":
                yield message.body
            elif message.what == "failed":
                raise _error(message)
            elif message.what == "closed":
                self.close()
                await self.open()
            else:
                return

    def close(self) -> None:
        """Read no more."""
        if self._exchange is not None:
            self._player.released(self._exchange)
            self._exchange = None


def _error(message: Message) -> EngineError:
    kind = _ERRORS.get(message.error, ConnectionLost)
    return kind((message.text or "").strip() or "the connection was lost.")
