"""The seam to the wire: bytes over a unix socket or TCP. All HTTP is aiohttp's.

Foreign exceptions end here: `_translate` is the table from aiohttp's to ours. Tests put another
`Transport` in its place.
"""

import asyncio
import os
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Protocol

import aiohttp
from msgspec import Struct

from tidegauge.docker.endpoint import Endpoint
from tidegauge.errors import (
    ConnectionLost,
    EngineError,
    EngineForbidden,
    EngineUnreachable,
    NotAnEngine,
)

CONNECT_SECONDS = 5.0
REPLY_SECONDS = 60.0
"""A loaded daemon takes tens of seconds for a list; more than a minute is a hung one."""

Query = Mapping[str, str]


class Reply(Struct, frozen=True):
    """A whole answer; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class OpenStream(Struct, frozen=True):
    """An answer that goes on: its status, and its body as it comes."""

    status: int
    chunks: AsyncIterator[bytes]


class Transport(Protocol):
    """What the client needs of the wire."""

    @property
    def address(self) -> str:
        """Where it leads to, as the user wrote it."""
        ...

    async def get(self, path: str, query: Query) -> Reply:
        """One request, one whole reply; raises `EngineError`."""
        ...

    def stream(
        self, path: str, query: Query, idle_seconds: float | None
    ) -> AbstractAsyncContextManager[OpenStream]:
        """One request whose reply goes on; ``idle_seconds`` of silence lose the connection."""
        ...

    async def close(self) -> None:
        """Close all connections."""
        ...


class HttpTransport:
    """HTTP to one endpoint, with as many connections as there are streams.

    aiohttp's defaults would cut a stream after 5 minutes and stop at 100 connections.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._session: aiohttp.ClientSession | None = None

    @property
    def address(self) -> str:
        """The endpoint, as the user wrote it."""
        return self._endpoint.text

    async def get(self, path: str, query: Query) -> Reply:
        """One request, one whole reply."""
        try:
            async with (
                asyncio.timeout(REPLY_SECONDS),
                self._open().get(self._endpoint.base + path, params=query) as response,
            ):
                headers = {name.lower(): value for name, value in response.headers.items()}
                return Reply(response.status, headers, await response.read())
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise _translate(error, self._endpoint.text) from error

    @asynccontextmanager
    async def stream(
        self, path: str, query: Query, idle_seconds: float | None
    ) -> AsyncGenerator[OpenStream, None]:
        """One request whose reply goes on."""
        timeout = aiohttp.ClientTimeout(sock_connect=CONNECT_SECONDS, sock_read=idle_seconds)
        url = self._endpoint.base + path
        try:
            response = await self._open().get(url, params=query, timeout=timeout)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise _translate(error, self._endpoint.text) from error
        try:
            yield OpenStream(response.status, self._chunks(response))
        finally:
            response.close()

    async def _chunks(self, response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
        try:
            async for chunk in response.content.iter_any():
                yield chunk
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise _translate(error, self._endpoint.text) from error

    async def close(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            socket = self._endpoint.socket
            self._session = aiohttp.ClientSession(
                connector=aiohttp.UnixConnector(socket, limit=0)
                if socket
                else aiohttp.TCPConnector(limit=0),
                timeout=aiohttp.ClientTimeout(sock_connect=CONNECT_SECONDS),
                auto_decompress=False,
            )
        return self._session


def _translate(error: Exception, address: str) -> EngineError:
    """What an exception of aiohttp or the system means for an engine's user."""
    cause = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    match cause:
        case PermissionError():
            return EngineForbidden(
                f"no permission to use {address}: run as root, or add your user to the group"
                ' that owns the socket ("sudo usermod -aG docker $USER", then log in again).'
            )
        case FileNotFoundError() | ConnectionRefusedError() if address.startswith("unix:"):
            lack = (
                "there is no such"
                if isinstance(cause, FileNotFoundError)
                else "nobody listens on that"
            )
            return EngineUnreachable(
                f"no engine at {address}: {lack} socket."
                ' Is Docker running ("sudo systemctl start docker")?'
            )
        case aiohttp.ServerTimeoutError() | TimeoutError():
            return EngineUnreachable(f"the engine at {address} does not answer in time.")
        case aiohttp.ClientResponseError() | ssl.SSLError():
            return NotAnEngine(f"what listens at {address} does not speak HTTP as an engine does.")
        case _ if isinstance(error, aiohttp.ClientConnectorError):
            return EngineUnreachable(
                f"no engine at {address}: {_reason(cause)}."
                " Is Docker running there, and listening at that address?"
            )
        case _:
            return ConnectionLost(f"the engine at {address} broke the connection off.")


def _reason(error: Exception) -> str:
    number = error.errno if isinstance(error, OSError) else None
    # asyncio's own text for a refused connection repeats the address instead of the reason
    return (os.strerror(number) if number and number > 0 else str(error)).lower()
