"""Questions to one engine, each with a whole reply, over sockets of our own that are used again.

A client made for all of HTTP takes three times the CPU for this, and that is much of what it takes
to begin with a thousand containers, or to read them in turn.
"""

import asyncio
import socket
import ssl
from collections.abc import Mapping
from contextlib import suppress
from functools import partial

from msgspec import Struct

from tidegauge.docker.answer import Answer, NotHttp
from tidegauge.docker.dialling import Dialler, finished, host_of, request_for, send
from tidegauge.docker.endpoint import Endpoint
from tidegauge.docker.tls import TlsFiles
from tidegauge.docker.troubles import Unreached, translate, unanswered
from tidegauge.docker.wire import Query, Reply

IDLE_SECONDS = 15.0
"""After so long a socket is not used again: engines may close it at any moment."""

IDLE_MOST = 8
"""More idle sockets are not kept: no more questions are under way at once."""

GULP_BYTES = 64 * 1024


class _Idle(Struct, frozen=True):
    connection: socket.socket
    context: ssl.SSLContext | None
    since: float


class Asker:
    """Asks; a socket whose reply came whole waits for the next question."""

    def __init__(self, endpoint: Endpoint, tls: TlsFiles | None) -> None:
        self._endpoint, self._tls = endpoint, tls
        self._dialler = Dialler(endpoint, to_the_last=True)
        self._host = host_of(endpoint)
        self._idle: list[_Idle] = []

    async def get(self, path: str, query: Query, seconds: float | None) -> Reply:
        """Implements `Transport.get`."""
        request, context = request_for(self._host, path, query), None
        try:
            async with asyncio.timeout(seconds):
                context = self._tls.context() if self._tls else None
                return await self._ask(request, context)
        except TimeoutError as error:
            raise translate(error, self._endpoint.text) from error
        except (Unreached, OSError, NotHttp) as error:
            raise await unanswered(error, self._endpoint, context) from error

    def close(self) -> None:
        """Close what is idle."""
        while self._idle:
            self._idle.pop().connection.close()

    async def _ask(self, request: bytes, context: ssl.SSLContext | None) -> Reply:
        while (used := self._used(context)) is not None:
            # An idle connection may have ended meanwhile; then it is asked over another.
            with suppress(OSError):
                return await self._answered(used, context, request)
        return await self._answered(await self._dialler.dial(request, context), context)

    def _used(self, context: ssl.SSLContext | None) -> socket.socket | None:
        """The idle socket that was used last, if any is still good."""
        good_since = asyncio.get_running_loop().time() - IDLE_SECONDS
        while self._idle:
            idle = self._idle.pop()
            if idle.since >= good_since and idle.context is context:
                return idle.connection
            idle.connection.close()
        return None

    async def _answered(
        self, connection: socket.socket, context: ssl.SSLContext | None, request: bytes = b""
    ) -> Reply:
        """The reply to this request, or to the one that was sent before."""
        goes_on = False
        try:
            if request:
                await send(connection, request)
            reply, goes_on = await _received(connection)
        finally:
            now = asyncio.get_running_loop().time()
            self._close_old(now)
            if goes_on and len(self._idle) < IDLE_MOST:
                self._idle.append(_Idle(connection, context, now))
            else:
                connection.close()
        return reply

    def _close_old(self, now: float) -> None:
        """Those that were used last are used again, so that the others grow old in front."""
        while self._idle and self._idle[0].since < now - IDLE_SECONDS:
            self._idle.pop(0).connection.close()


async def _received(connection: socket.socket) -> tuple[Reply, bool]:
    """A whole reply, and whether the connection may be used again."""
    came, pieces = bytearray(), list[bytes]()
    answer, receive = Answer(pieces.append), partial(connection.recv, GULP_BYTES)
    while data := await finished(receive, connection, reads=True):
        came += data
        if answer.feed(data):
            break
    else:
        if not answer.closed():
            raise ConnectionResetError
    head = came.find(b"\r\n\r\n") + 4
    headers = _headers(bytes(came[:head]))
    body = b"".join(pieces) if answer.refusal is None else answer.refusal.body
    return Reply(answer.status, headers, body), _goes_on(headers, came, head)


def _headers(head: bytes) -> dict[str, str]:
    fields = (line.partition(":") for line in head.decode("latin-1").split("\r\n")[1:])
    return {name.lower(): value.strip() for name, colon, value in fields if colon}


def _goes_on(headers: Mapping[str, str], came: bytearray, head: int) -> bool:
    """Did the reply end by itself, with nothing behind it, on a connection that stays open?"""
    if headers.get("connection", "").lower() == "close" or not came.startswith(b"HTTP/1.1"):
        return False
    if "transfer-encoding" in headers:
        return came.endswith(b"\r\n0\r\n\r\n")
    return headers.get("content-length") == str(len(came) - head)
