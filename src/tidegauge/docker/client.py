"""The Engine API, as far as Tidegauge needs it: nine GET requests.

Source: the Engine API reference; measured differences between engines are noted where they
matter. Versions are negotiated: the newest both sides know, and never below 1.24.
"""

import re
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from functools import partial
from typing import TypeVar

import msgspec
from msgspec import Struct, field

from tidegauge.docker.frames import (
    ContainerEvent,
    Engine,
    HostConfig,
    ListedContainer,
    StatsFrame,
)
from tidegauge.docker.framing import Framing, Handing, untaken
from tidegauge.docker.stock import Info, SystemDf
from tidegauge.docker.wire import REPLY_SECONDS, Query, Reply, Transport
from tidegauge.errors import (
    EngineError,
    NoSuchContainer,
    NotAnEngine,
    RequestForbidden,
    RequestRefused,
)

Version = tuple[int, int]
T = TypeVar("T")

OLDEST: Version = (1, 24)
NEWEST: Version = (1, 55)

IDLE_SECONDS = 60.0
"""A stats stream this silent is lost: engines send something each second, the slowest in 24."""

LIFE_EVENTS = (
    *("create", "start", "restart", "die", "died", "oom", "destroy", "remove"),
    *("rename", "update", "pause", "unpause", "health_status"),
)
"""The events of a container's life; ``remove`` and ``died`` are Podman's words."""

FORBIDDEN = (401, 403)

Garbage = Callable[[bytes, str], None]


class _Component(Struct):
    name: str = field(default="", name="Name")


class _VersionReply(Struct):
    version: str = field(default="", name="Version")
    components: list[_Component] | None = field(default=None, name="Components")


class _RefusalInside(Struct):
    """An error within a good answer: so Podman 5 says that a container does not run."""

    message: str
    response: int


class ContainerHealth(Struct, frozen=True):
    """``State.Health``: ``starting``, ``healthy`` or ``unhealthy``."""

    status: str = field(default="", name="Status")


class ContainerState(Struct, frozen=True):
    """``State`` of an inspected container; a year of 1 means never started.

    ``pid`` is its first process as the engine numbers it, 0 while it does not run.
    """

    status: str = field(default="", name="Status")
    pid: int = field(default=0, name="Pid")
    started_at: datetime | None = field(default=None, name="StartedAt")
    health: ContainerHealth | None = field(default=None, name="Health")


class InspectedContainer(Struct, frozen=True):
    """The reply of ``/containers/{id}/json``."""

    id: str = field(default="", name="Id")
    state: ContainerState = field(default_factory=ContainerState, name="State")
    host_config: HostConfig = field(default_factory=HostConfig, name="HostConfig")
    restarts: int = field(default=0, name="RestartCount")


class EngineClient:
    """One engine. `connect` comes first; every method raises `EngineError`."""

    def __init__(self, name: str, transport: Transport) -> None:
        self.name, self._transport = name, transport
        self._prefix = ""
        self._frames = msgspec.json.Decoder(StatsFrame)

    @property
    def address(self) -> str:
        """Where it leads to, as the user wrote it."""
        return self._transport.address

    async def connect(self) -> Engine:
        """Ping, agree on an API version, ask who it is.

        Raises:
            NotAnEngine: something answers that is no container engine.
        """
        ping = await self._transport.get("/_ping", {})
        if ping.status in FORBIDDEN:
            raise self._refusal("/_ping", ping.status, ping.body)
        theirs = _parse_version(ping.headers.get("api-version", ""))
        if ping.status != 200 or theirs is None:
            raise NotAnEngine(_not_an_engine(self._transport.address, ping))
        if theirs < OLDEST:
            raise EngineError(
                f"engine {self.name} speaks API {_show(theirs)}; Tidegauge needs"
                f" {_show(OLDEST)} (Docker 1.12) or newer."
            )
        reply = await self._ask_version(min(theirs, NEWEST))
        podman = any("podman" in c.name.lower() for c in reply.components or ())
        return Engine(self.name, "podman" if podman else "docker", reply.version)

    async def _ask_version(self, version: Version) -> _VersionReply:
        self._prefix = f"/v{_show(version)}"
        try:
            return await self._get("/version", {}, _VersionReply)
        except RequestRefused as refusal:
            limit = _limit_in(str(refusal))
            if refusal.status != 400 or limit in {None, version}:
                raise
            self._prefix = f"/v{_show(limit)}" if limit else ""
            return await self._get("/version", {}, _VersionReply)

    async def containers(self, *, stopped: bool = False) -> list[ListedContainer]:
        """All running containers, and the stopped ones if asked for."""
        query = {"all": "1"} if stopped else {}
        return await self._get("/containers/json", query, list[ListedContainer])

    async def info(self) -> Info:
        """What the engine and its machine have, in numbers."""
        return await self._get("/info", {}, Info)

    async def sizes(self) -> list[ListedContainer]:
        """All containers with their sizes; no time limit. The engine walks their layers."""
        query = {"all": "1", "size": "1"}
        return await self._get("/containers/json", query, list[ListedContainer], None)

    async def disk_use(self) -> SystemDf:
        """Images, volumes and build cache; no time limit. The engine walks the volumes.

        ``type`` leaves the containers out from API 1.42 on, ``verbose`` names the volumes from
        1.52 on; engines pass over a parameter they do not know.
        """
        query: Query = {"type": ("image", "volume", "build-cache"), "verbose": "1"}
        return await self._get("/system/df", query, SystemDf, None)

    async def inspect(self, container: str) -> InspectedContainer:
        """One container in detail, by id or name."""
        return await self._get(f"/containers/{container}/json", {}, InspectedContainer)

    async def sample(self, container: str, seconds: float) -> StatsFrame:
        """One frame, for which the engine looks at the container once, within so many seconds.

        Only for engines that answer this at once (`tidegauge.docker.pacing`).
        """
        query = {"stream": "0", "one-shot": "1"}
        return await self._get(f"/containers/{container}/stats", query, StatsFrame, seconds)

    async def stats(
        self,
        container: str,
        take: Callable[[StatsFrame, bytes], None],
        garbage: Garbage,
        again: Callable[[bytes], bool] = untaken,
    ) -> None:
        """Give away the live frames of a container as they come, about one a second.

        With each goes the line it was, or nothing if it came in pieces. ``again`` sees each piece
        before, and says if that is all that has to be done about it.

        Returns when the engine ends the stream (the container was removed; with Podman also: it
        stopped, or did not run to begin with); raises `ConnectionLost` when the stream breaks off
        (the engine is gone). What ``take`` raises comes out as it is.
        """
        frames = Handing(self._frames, take, partial(_unless_refused, garbage), again)
        path, query = f"/containers/{container}/stats", {"stream": "1"}
        refusal = await self._transport.pour(self._prefix + path, query, IDLE_SECONDS, frames.hand)
        if refusal is not None:
            raise self._refusal(path, refusal.status, refusal.body)
        frames.hand_rest()

    @asynccontextmanager
    async def events(
        self, garbage: Garbage, since: int | None = None
    ) -> AsyncGenerator[AsyncIterator[ContainerEvent], None]:
        """What happens to containers (`LIFE_EVENTS`), as it happens.

        With ``since`` (nanoseconds of the engine's clock) the engine first replays what it still
        has from that time on.
        """
        filters = msgspec.json.encode({"type": ["container"], "event": LIFE_EVENTS}).decode()
        query = {"filters": filters}
        if since is not None:
            query["since"] = f"{since // 10**9}.{since % 10**9:09}"
        framing = Framing(msgspec.json.Decoder(ContainerEvent), garbage)
        async with self._transport.stream(self._prefix + "/events", query, None) as reply:
            if reply.status != 200:
                body = b"".join([chunk async for chunk in reply.chunks])
                raise self._refusal("/events", reply.status, body)
            yield _documents(reply.chunks, framing)

    def read_calmly(self, *, calm: bool) -> None:
        """Is nobody waiting for what streams have as soon as it comes?"""
        self._transport.read_calmly(calm=calm)

    async def catch_up(self) -> None:
        """Give away what has come by now."""
        await self._transport.catch_up()

    async def close(self) -> None:
        """Close all connections."""
        await self._transport.close()

    async def _get(
        self, path: str, query: Query, kind: type[T], seconds: float | None = REPLY_SECONDS
    ) -> T:
        reply = await self._transport.get(self._prefix + path, query, seconds)
        if reply.status != 200:
            raise self._refusal(path, reply.status, reply.body)
        try:
            return msgspec.json.decode(reply.body, type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise NotAnEngine(
                f"engine {self.name} answered {path} with something else than it should: {error}."
            ) from error

    def _refusal(self, path: str, status: int, body: bytes) -> EngineError:
        said = _message(body)
        if status == 404 and path.startswith("/containers/"):
            return NoSuchContainer(f"engine {self.name} has no container {path.split('/')[2]}.")
        if status in FORBIDDEN:
            return RequestForbidden(
                f"engine {self.name}, or a proxy before it, forbids {_shown(path)} (status"
                f" {status}); let that through.",
                status,
            )
        return RequestRefused(
            f"engine {self.name} refused {path} with status {status}: {said}.", status
        )


async def _documents(chunks: AsyncIterator[bytes], framing: Framing[T]) -> AsyncIterator[T]:
    async for chunk in chunks:
        for document in framing.feed(chunk):
            yield document
    for document in framing.finish():
        yield document


def _unless_refused(garbage: Garbage, data: bytes, error: str) -> None:
    try:
        msgspec.json.decode(data, type=_RefusalInside)
    except msgspec.DecodeError:
        garbage(data, error)


def _message(body: bytes) -> str:
    """The engine's own words: JSON with a message, plain text, or nothing (Podman 4)."""
    try:
        said = msgspec.json.decode(body, type=dict[str, object]).get("message")
    except (msgspec.DecodeError, UnicodeDecodeError):
        said = body[:200].decode(errors="replace")
    return str(said or "no reason given").strip().rstrip(".")


def _shown(path: str) -> str:
    """The same for all containers, and as it stands in lists of what a proxy lets through."""
    return re.sub(r"(?<=^/containers/)[^/]+(?=/)", "ID", path)


def _not_an_engine(address: str, ping: Reply) -> str:
    if b"HTTPS" in ping.body:
        return (
            f"the engine at {address} expects TLS: give its certificates as engines.tls, or in"
            " DOCKER_CERT_PATH with DOCKER_TLS_VERIFY=1."
        )
    return (
        f"what answers at {address} is no container engine: GET /_ping gave status"
        f" {ping.status} without an API version. Check the address."
    )


def _parse_version(text: str) -> Version | None:
    match = re.fullmatch(r"(\d+)\.(\d+)", text.strip())
    return (int(match[1]), int(match[2])) if match else None


def _limit_in(message: str) -> Version | None:
    match = re.search(r"(?:Max|Min)imum supported API version is (\d+\.\d+)", message)
    return _parse_version(match[1]) if match else None


def _show(version: Version) -> str:
    return f"{version[0]}.{version[1]}"
