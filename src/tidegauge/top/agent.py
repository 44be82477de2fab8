"""From a running agent: its list of containers, and then what moves, as it is sent."""

import asyncio
import os
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from typing import TypeVar
from urllib.parse import quote, urlsplit

import aiohttp
import msgspec
from msgspec import UNSET
from msgspec.structs import replace

from tidegauge.backoff import Backoff
from tidegauge.clock import Clock
from tidegauge.errors import AgentError, ConfigError
from tidegauge.terminal.text import printable
from tidegauge.top.happened import Happened
from tidegauge.top.source import State, unknown
from tidegauge.top.trails import POINTS
from tidegauge.web.views import (
    ContainerView,
    EngineView,
    ErrorView,
    EventsAnswer,
    EventView,
    LiveContainer,
    LiveOverview,
    LiveStatus,
    Overview,
)

LIST = "/api/v1/containers"
LIVE = "/api/v1/live"
EVENTS = "/api/v1/events"

ANSWER_SECONDS = 10.0
SILENCE_SECONDS = 40.0
"""It sends something every 15 s at least."""

LONGEST = 64 << 20
"""Bytes of a message: of ten thousand containers one has 3 MB."""

ANEW = frozenset({"start", "rename", "update", "recreated", "restart"})
"""Events after which more has changed than what is sent each second."""

T = TypeVar("T")


def address_of(text: str) -> str:
    """The address of an agent without the slash at its end; raises `ConfigError`."""
    try:
        parts = urlsplit(text)
        well = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
        if well and not (parts.query or parts.fragment or parts.username is not None):
            return text.rstrip("/")
    except ValueError:
        pass  # brackets or a port that are none
    raise ConfigError(
        f'--connect must be an address such as "http://127.0.0.1:8470", not "{printable(text)}".'
    )


class Agent:
    """Implements `tidegauge.top.source.Source`. Opens nothing before it runs."""

    def __init__(self, url: str, token: str, clock: Clock, random: Callable[[], float]) -> None:
        self._url, self._clock, self._random = url, clock, random
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._state = State(clock.now(), {})
        self._happened = Happened(clock)

    @property
    def title(self) -> str:
        """Its address."""
        return f"agent at {self._url.partition('://')[2]}"

    async def probe(self, seconds: float) -> None:
        """Return if an agent answers in this time; raises `AgentError`."""
        async with self._session(seconds) as session:
            await self._get(session, LIST, Overview)

    async def run(self, show: Callable[[State], None]) -> None:
        """Show what it sends; where that ends, ask again, until cancelled."""
        backoff = Backoff(0.5, 5.0, self._random)

        def seen(state: State) -> None:
            backoff.reset()
            self._state = state
            show(state)

        while True:
            try:
                async with self._session(None) as session:
                    await self._follow(session, seen)
            except AgentError as error:
                lost = {key: unknown(each) for key, each in self._state.containers.items()}
                self._state = State(self._clock.now(), lost, str(error))
                show(self._state)
            await self._clock.sleep(backoff.delay())

    async def events(self, key: str) -> Sequence[EventView]:
        """Those of the last hour in its history; without one, those that were sent."""
        query = f"?start=-1h&entity=container:{quote(key, safe='')}"
        try:
            async with self._session(ANSWER_SECONDS) as session:
                answer = await self._get(session, EVENTS + query, EventsAnswer)
        except AgentError:
            return self._happened.of(key)
        return answer.events

    async def _follow(self, session: aiohttp.ClientSession, show: Callable[[State], None]) -> None:
        """Show the list, and each second what moved; raises `AgentError` at the end."""
        async with (
            self._asked(session, LIVE) as answer,
            aclosing(self._messages(answer.content)) as messages,
        ):
            state = _listed(await self._get(session, f"{LIST}?sparks={POINTS}", Overview))
            show(state)
            complete = True
            async for kind, data in messages:
                match kind:
                    case b"overview":
                        live = self._decoded(data, LiveOverview)
                        if complete and live.containers.keys() <= state.containers.keys():
                            state = _moved(state, live)
                        else:
                            state = _listed(await self._get(session, LIST, Overview))
                            complete = True
                        show(state)
                    case b"happened":
                        event = self._decoded(data, EventView)
                        self._happened.happened(event)
                        complete = complete and event.kind not in ANEW
                    case b"status":
                        told = self._decoded(data, LiveStatus)
                        state = replace(state, trouble=_troubles(told.engines))
                    case _:
                        pass  # a comment, or of a later version
        raise AgentError(f"{self.title} has ended.")

    async def _messages(self, content: aiohttp.StreamReader) -> AsyncGenerator[tuple[bytes, bytes]]:
        """Server-sent events: their kinds and data."""
        rest = b""
        async for chunk in content.iter_any():
            *whole, rest = (rest + chunk).split(b"\n\n")
            for message in whole:
                parted = (line.partition(b": ") for line in message.split(b"\n"))
                fields = {name: data for name, _, data in parted}
                yield fields.get(b"event", b""), fields.get(b"data", b"")
            if len(rest) > LONGEST:
                raise AgentError(f"what {self.title} sends is no answer of Tidegauge.")

    async def _get(self, session: aiohttp.ClientSession, path: str, kind: type[T]) -> T:
        async with self._asked(session, path) as answer, asyncio.timeout(ANSWER_SECONDS):
            return self._decoded(await answer.read(), kind)

    @asynccontextmanager
    async def _session(self, seconds: float | None) -> AsyncGenerator[aiohttp.ClientSession]:
        timeout = aiohttp.ClientTimeout(
            total=seconds, connect=seconds or ANSWER_SECONDS, sock_read=SILENCE_SECONDS
        )
        async with aiohttp.ClientSession(headers=self._headers, timeout=timeout) as session:
            yield session

    @asynccontextmanager
    async def _asked(
        self, session: aiohttp.ClientSession, path: str
    ) -> AsyncGenerator[aiohttp.ClientResponse]:
        """The answer; all that may go wrong with it is an `AgentError`."""
        try:
            async with session.get(self._url + path, allow_redirects=False) as answer:
                if answer.status != 200:
                    raise AgentError(self._refusal(answer.status, await answer.content.read(4096)))
                yield answer
        except TimeoutError as error:
            raise AgentError(f"{self.title} does not answer in time.") from error
        except (aiohttp.ClientError, OSError, UnicodeError) as error:
            raise AgentError(f"no answer of {self.title}: {_reason(error)}.") from error

    def _refusal(self, status: int, body: bytes) -> str:
        if status == 401:
            return f"{self.title} asks for its token; set it in TIDEGAUGE_WEB_TOKEN."
        try:
            said = msgspec.json.decode(body, type=ErrorView).error
        except (msgspec.DecodeError, UnicodeDecodeError):
            return f"{self.title} is no Tidegauge, or an old one (HTTP status {status})."
        return f"{self.title} says: {said}"

    def _decoded(self, data: bytes, kind: type[T]) -> T:
        try:
            return msgspec.json.decode(data, type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise AgentError(f"what {self.title} sends is no answer of Tidegauge.") from None


def _listed(overview: Overview) -> State:
    containers = {each.key: each for each in overview.containers}
    return State(overview.at, containers, _troubles(overview.engines))


def _moved(state: State, live: LiveOverview) -> State:
    """The state a second later; containers that are new are not in it yet."""
    gone = {*live.gone}
    containers = {
        key: _renewed(each, live.containers[key]) if key in live.containers else each
        for key, each in state.containers.items()
        if key not in gone
    }
    return replace(state, at=live.at, containers=containers)


def _renewed(container: ContainerView, live: LiveContainer) -> ContainerView:
    return replace(
        container,
        state=live.state,
        health=live.health,
        sampled_at=live.sampled_at,
        values=live.values,
        sparks=UNSET,
    )


def _troubles(engines: Sequence[EngineView]) -> str:
    return " ".join(each.trouble for each in engines if each.trouble)


def _reason(error: Exception) -> str:
    number = getattr(error, "errno", None)
    if isinstance(number, int) and number > 0:
        return os.strerror(number).lower()
    return str(error).lower() or type(error).__name__
