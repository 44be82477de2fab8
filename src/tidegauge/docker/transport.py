"""The seam to the wire: bytes over a unix socket, TCP, TLS or ssh. All HTTP is aiohttp's.

Foreign exceptions end here: `tidegauge.docker.troubles` has the table from aiohttp's to ours.
Tests put another `Transport` in its place.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Protocol

import aiohttp
from msgspec import Struct

from tidegauge.docker.connectors import SshConnector, connector_to
from tidegauge.docker.endpoint import Endpoint
from tidegauge.docker.tls import TlsFiles
from tidegauge.docker.troubles import translate, translate_tls

CONNECT_SECONDS = 5.0
REPLY_SECONDS = 60.0
"""A loaded daemon takes tens of seconds for a list; more than a minute is a hung one."""

Query = Mapping[str, str | tuple[str, ...]]
"""A parameter with several values is given so many times."""


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

    async def get(self, path: str, query: Query, seconds: float | None = REPLY_SECONDS) -> Reply:
        """One request, one whole reply; raises `EngineError`.

        ``seconds`` is how long it may take; with ``None`` the caller sees to that.
        """
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
    Raises `UnusableFile` for certificates that give no TLS.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._tls = TlsFiles(endpoint.tls) if endpoint.tls else None
        self._session: aiohttp.ClientSession | None = None

    @property
    def address(self) -> str:
        """The endpoint, as the user wrote it."""
        return self._endpoint.text

    async def get(self, path: str, query: Query, seconds: float | None = REPLY_SECONDS) -> Reply:
        """One request, one whole reply."""
        try:
            async with asyncio.timeout(seconds):
                async with await self._ask(path, query, None) as response:
                    headers = {name.lower(): value for name, value in response.headers.items()}
                    return Reply(response.status, headers, await response.read())
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise translate(error, self.address) from error

    @asynccontextmanager
    async def stream(
        self, path: str, query: Query, idle_seconds: float | None
    ) -> AsyncGenerator[OpenStream, None]:
        """One request whose reply goes on."""
        try:
            async with asyncio.timeout(REPLY_SECONDS):
                response = await self._ask(path, query, idle_seconds)
        except TimeoutError as error:
            raise translate(error, self.address) from error
        try:
            yield OpenStream(response.status, self._chunks(response))
        finally:
            response.close()

    async def _ask(
        self, path: str, query: Query, idle_seconds: float | None
    ) -> aiohttp.ClientResponse:
        """The reply as soon as it begins."""
        timeout = aiohttp.ClientTimeout(sock_connect=CONNECT_SECONDS, sock_read=idle_seconds)
        url, tls = self._endpoint.base + path, self._tls
        context = tls.context() if tls else None
        try:
            return await self._open().get(url, params=query, timeout=timeout, ssl=context or True)
        except (aiohttp.ClientError, OSError) as error:
            if tls and context:
                trouble = await translate_tls(error, self._endpoint, tls.tls, context)
                raise trouble from error
            raise translate(error, self.address) from error

    async def _chunks(self, response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
        try:
            async for chunk in response.content.iter_any():
                yield chunk
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise translate(error, self.address) from error

    async def close(self) -> None:
        """Close all connections."""
        if self._session is None:
            return
        session, self._session = self._session, None
        connector = session.connector
        await session.close()
        if isinstance(connector, SshConnector):
            await connector.reap()

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=connector_to(self._endpoint), auto_decompress=False
            )
        return self._session
