"""aiohttp's connections, opened in our ways: over TCP with keepalive, and through ssh."""

import asyncio
import socket
from collections.abc import Callable, Sequence

import aiohttp
from aiohttp.client_proto import ResponseHandler

from tidegauge.docker.endpoint import Endpoint, SshHost
from tidegauge.docker.ssh import Tunnel, by_hand
from tidegauge.errors import EngineError, EngineForbidden, EngineUnreachable

DIALS_AT_ONCE = 5
"""sshd begins to turn clients away at ten that have not yet said who they are (MaxStartups)."""

DIAL_SECONDS = 10.0
"""After so long without a byte a tunnel no longer holds others up."""

REAP_SECONDS = 5.0
"""Longer than it takes to kill a process that will not end."""

SSH_IDLE_SECONDS = 120.0
"""A tunnel is dear, so an idle one waits for the next list of containers."""

Lost = Callable[[BaseException | None], None]

# A dead peer is noticed after 60 s, on a stream of events too, where silence means nothing.
KEEPALIVE = (
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 30),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 10),
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3),
)


AddrInfo = tuple[int, int, int, str, tuple[object, ...]]
"""As `socket.getaddrinfo` gives it."""


def connector_to(endpoint: Endpoint) -> aiohttp.BaseConnector:
    """What connects to the endpoint, as often as it is asked."""
    if endpoint.socket is not None:
        return aiohttp.UnixConnector(endpoint.socket, limit=0)
    if endpoint.ssh is not None:
        return SshConnector(endpoint.ssh, endpoint.text)
    return aiohttp.TCPConnector(limit=0, socket_factory=kept_alive)


def kept_alive(address: AddrInfo) -> socket.socket:
    """A TCP socket that notices when its peer is gone."""
    made = socket.socket(*address[:3])
    for level, option, value in KEEPALIVE:
        made.setsockopt(level, option, value)
    return made


class SshConnector(aiohttp.BaseConnector):
    """Each connection is a process of ssh; `reap` after closing waits for the last of them."""

    def __init__(self, host: SshHost, address: str) -> None:
        super().__init__(limit=0, keepalive_timeout=SSH_IDLE_SECONDS)
        self._host, self._address = host, address
        self._dials = asyncio.Semaphore(DIALS_AT_ONCE)
        self._tunnels: set[Tunnel] = set()
        self._endings: set[asyncio.Task[None]] = set()

    async def _create_connection(
        self,
        req: aiohttp.ClientRequest,  # noqa: ARG002 (aiohttp's signature)
        traces: Sequence[object],  # noqa: ARG002 (the same)
        timeout: aiohttp.ClientTimeout,  # noqa: ARG002, ASYNC109 (ssh has its own)
    ) -> ResponseHandler:
        await self._dials.acquire()
        dial = _Dial(self._dials)
        try:
            tunnel, ours = await Tunnel.open(self._host)
        except BaseException:
            dial.over()
            raise
        self._tunnels.add(tunnel)

        def made() -> ResponseHandler:
            return _Handler(self._loop, tunnel, dial.over, self._ending)

        _, handler = await self._loop.create_unix_connection(made, sock=ours)
        return handler

    def _ending(self, tunnel: Tunnel, lost: Lost) -> None:
        task = self._loop.create_task(self._end(tunnel, lost))
        self._endings.add(task)
        task.add_done_callback(self._endings.discard)

    async def _end(self, tunnel: Tunnel, lost: Lost) -> None:
        try:
            words = await tunnel.ended()
        finally:
            self._tunnels.discard(tunnel)
        lost(self._trouble(words) if words else None)

    def _trouble(self, words: str) -> EngineError:
        denied = "permission denied" in words.lower()
        kind = EngineForbidden if denied else EngineUnreachable
        return kind(
            f"no engine at {self._address}: ssh says: {words}."
            f' See that this works without a question: "{by_hand(self._host)}".'
        )

    async def reap(self) -> None:
        """Return when no process is left; the connector must be closed before."""
        async with asyncio.timeout(REAP_SECONDS):
            while self._tunnels:
                # Told of on the loop's next turn, so there may be no task for it yet.
                await asyncio.sleep(0)
                if self._endings:
                    await asyncio.wait(self._endings)


class _Dial:
    """A permit to dial; `over` gives it back, once."""

    def __init__(self, permits: asyncio.Semaphore) -> None:
        self._permits: asyncio.Semaphore | None = permits
        self._late = asyncio.get_running_loop().call_later(DIAL_SECONDS, self.over)

    def over(self) -> None:
        self._late.cancel()
        if self._permits is not None:
            self._permits.release()
            self._permits = None


class _Handler(ResponseHandler):
    """Tells aiohttp of a lost connection when the process is gone, and then with its reason."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        tunnel: Tunnel,
        dialled: Callable[[], None],
        ending: Callable[[Tunnel, Lost], None],
    ) -> None:
        super().__init__(loop)
        self._tunnel, self._dialled, self._ending = tunnel, dialled, ending
        self._answered = False

    def data_received(self, data: bytes) -> None:
        if not self._answered:
            self._answered = True
            self._dialled()
        super().data_received(data)

    def close(self) -> None:
        self._tunnel.terminate()
        super().close()

    def abort(self) -> None:
        self._tunnel.terminate()
        super().abort()

    def connection_lost(self, exc: BaseException | None) -> None:
        self._dialled()

        def lost(trouble: BaseException | None) -> None:
            payload = self._payload
            # One that had worked is lost like any other: aiohttp may try once more.
            super(_Handler, self).connection_lost(exc if self._answered else trouble or exc)
            broken = payload.exception() if payload else None
            if broken and trouble:
                broken.__cause__ = trouble

        self._ending(self._tunnel, lost)
