"""A transport whose other end is the simulated engine: no socket, but the same messages."""

import math
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager

import msgspec
from msgspec import Struct

from tidegauge.clock import Clock
from tidegauge.docker.wire import Into, OpenStream, Query, Refusal, Reply, poured
from tidegauge.simulation import messages
from tidegauge.simulation.engine import Incident, Instance, SimulatedEngine
from tidegauge.simulation.incidents import Condition
from tidegauge.simulation.samples import Samples

EVENTS_KEPT = 256
"""So many past events an engine can tell again."""

EVENTS_AHEAD = 5.0
"""Seconds for which it is worked out at once what will happen."""

TOLERANCE = 0.5
"""Seconds by which a sample may come too early: a sleep does not end exactly."""

_HEADERS = {
    "api-version": messages.API_VERSION,
    "content-type": "application/json",
    "server": f"Docker/{messages.VERSION} (linux)",
}


class _Filters(Struct):
    """What a list or a stream of events is asked for; nothing means everything."""

    type: list[str] = []
    event: list[str] = []
    id: list[str] = []
    name: list[str] = []
    label: list[str] = []
    status: list[str] = []


class SimulatedTransport:
    """Implements `tidegauge.docker.wire.Transport`; nothing of it is ever lost.

    ``pace`` are the seconds from the sample of a time to the next one, 1 or more.
    """

    def __init__(
        self,
        engine: SimulatedEngine,
        address: str,
        clock: Clock,
        pace: Callable[[float], float] = lambda _: 1.0,
    ) -> None:
        self._engine, self._address, self._clock, self._pace = engine, address, clock, pace
        self._pages: dict[str, Callable[[Query], object]] = {
            "/version": lambda _: messages.version(),
            "/info": lambda _: messages.info(engine, clock.now()),
            "/system/df": lambda _: messages.disk_use(engine, clock.now()),
            "/containers/json": self._list,
        }

    @property
    def address(self) -> str:
        """As the user wrote it."""
        return self._address

    async def get(
        self,
        path: str,
        query: Query,
        seconds: float | None = None,  # noqa: ARG002 (nothing here takes time)
    ) -> Reply:
        """One whole reply."""
        page = _plain(path)
        if page == "/_ping":
            return Reply(200, _HEADERS, b"OK")
        if answer := self._pages.get(page):
            return _reply(200, answer(query))
        match page.split("/"):
            case ["", "containers", key, "json"]:
                found = self._engine.condition_of(key, self._clock.now())
                return _reply(200, messages.inspected(*found)) if found else _no_container(key)
            case _:
                return _reply(404, {"message": "page not found"})

    @asynccontextmanager
    async def stream(
        self,
        path: str,
        query: Query,
        idle_seconds: float | None,  # noqa: ARG002 (it comes every second)
    ) -> AsyncGenerator[OpenStream, None]:
        """A stats stream, or the events."""
        match _plain(path).split("/"):
            case ["", "events"]:
                yield OpenStream(200, self._events(query))
            case ["", "containers", key, "stats"]:
                found = self._engine.condition_of(key, self._clock.now())
                if found:
                    yield OpenStream(200, self._samples(*found))
                else:
                    yield _refusal(_no_container(key))
            case _:
                yield _refusal(_reply(404, {"message": "page not found"}))

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

    def _list(self, query: Query) -> object:
        time, wanted = self._clock.now(), _filters(query)
        everything, sizes = query.get("all") == "1", query.get("size") == "1"
        return [
            messages.listed(*each, time, sizes=sizes)
            for each in self._engine.conditions(time)
            if _listed(*each, wanted, everything=everything)
        ]

    async def _samples(self, instance: Instance, first: Condition) -> AsyncIterator[bytes]:
        """One a second, until the container is removed."""
        samples, identity = Samples(self._engine, instance), instance.identity(first)
        earliest = self._clock.now()
        while True:
            due = math.ceil(earliest - instance.phase) + instance.phase
            await self._clock.sleep(due - self._clock.now())
            time = self._clock.now()
            now = instance.condition(time)
            if now is None or instance.identity(now) != identity:
                return
            yield samples.take(now, time)
            time = self._clock.now()  # which may have been set back
            earliest = time + self._pace(time) - TOLERANCE

    async def _events(self, query: Query) -> AsyncIterator[bytes]:
        """Those that are asked for, as they happen; with ``since`` first those that are kept."""
        wanted, known = _filters(query), self._clock.now()
        if since := query.get("since"):
            past = self._engine.incidents(float(str(since)), known)[-EVENTS_KEPT:]
            for each in _told(past, wanted):
                yield messages.written(messages.happened(each))
        while True:
            ahead = self._engine.incidents(known, known + EVENTS_AHEAD)
            known += EVENTS_AHEAD
            for each in _told(ahead, wanted):
                await self._clock.sleep(each.at - self._clock.now())
                yield messages.written(messages.happened(each))
            await self._clock.sleep(known - self._clock.now())
            if self._clock.now() < known - EVENTS_AHEAD:
                known = self._clock.now()  # it was set back


def _plain(path: str) -> str:
    """Without the API version."""
    version, slash, page = path[1:].partition("/")
    return slash + page if version[:1] == "v" and version[1:2].isdecimal() else path


def _reply(status: int, document: object) -> Reply:
    return Reply(status, _HEADERS, messages.written(document))


def _no_container(key: str) -> Reply:
    return _reply(404, {"message": f"No such container: {key}"})


def _refusal(reply: Reply) -> OpenStream:
    async def body() -> AsyncIterator[bytes]:
        yield reply.body

    return OpenStream(reply.status, body())


def _filters(query: Query) -> _Filters:
    return msgspec.json.decode(str(query.get("filters", "{}")), type=_Filters)


def _listed(instance: Instance, now: Condition, wanted: _Filters, *, everything: bool) -> bool:
    labels = messages.labels(instance)
    pairs = {*labels, *(f"{key}={value}" for key, value in labels.items())}
    return (
        (everything or bool(wanted.status) or now.lives or now.state == "restarting")
        and (not wanted.status or now.state in wanted.status)
        and (not wanted.id or any(instance.identity(now).startswith(x) for x in wanted.id))
        and (not wanted.name or any(part in instance.name for part in wanted.name))
        and pairs.issuperset(wanted.label)
    )


def _told(incidents: Iterable[Incident], wanted: _Filters) -> Iterable[Incident]:
    if wanted.type and "container" not in wanted.type:
        return []
    return [
        each
        for each in incidents
        if not wanted.event or each.step.action.partition(":")[0] in wanted.event
    ]
