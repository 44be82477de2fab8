"""HTTP to an engine over a unix socket, TCP, TLS or ssh.

Questions and samples go over sockets of our own; events, and all through ssh, by aiohttp. Foreign
exceptions end here: `tidegauge.docker.troubles` has the table from aiohttp's to ours.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from tidegauge.docker.asking import Asker
from tidegauge.docker.connectors import SshConnector, connector_to
from tidegauge.docker.dialling import CONNECT_SECONDS
from tidegauge.docker.draining import Drain
from tidegauge.docker.endpoint import Endpoint
from tidegauge.docker.tls import TlsFiles
from tidegauge.docker.troubles import translate, unanswered
from tidegauge.docker.wire import REPLY_SECONDS, Into, OpenStream, Query, Refusal, Reply, poured


class HttpTransport:
    """Implements `tidegauge.docker.wire.Transport`, with as many connections as there are streams.

    aiohttp's defaults would cut a stream after 5 minutes and stop at 100 connections.
    ``read_interval`` are the seconds between two looks at what is poured, 0 for at once.
    Raises `UnusableFile` for certificates that give no TLS.
    """

    def __init__(self, endpoint: Endpoint, read_interval: float = 0.0) -> None:
        self._endpoint = endpoint
        self._tls = TlsFiles(endpoint.tls) if endpoint.tls else None
        self._session: aiohttp.ClientSession | None = None
        self._asker = Asker(endpoint, self._tls)
        self._drain = Drain(endpoint, self._tls, read_interval)

    @property
    def address(self) -> str:
        """The endpoint, as the user wrote it."""
        return self._endpoint.text

    async def get(self, path: str, query: Query, seconds: float | None = REPLY_SECONDS) -> Reply:
        """One request, one whole reply."""
        if self._endpoint.ssh is None:
            return await self._asker.get(path, query, seconds)
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

    def pour(
        self, path: str, query: Query, idle_seconds: float, into: Into
    ) -> Coroutine[Any, Any, Refusal | None]:
        """One request whose reply is given away; through ssh each piece as it comes."""
        if self._endpoint.ssh is not None:
            return poured(self.stream(path, query, idle_seconds), into)
        return self._drain.pour(path, query, idle_seconds, into)

    def read_calmly(self, *, calm: bool) -> None:
        """Is nobody waiting for what is poured?"""
        self._drain.read_calmly(calm=calm)

    async def catch_up(self) -> None:
        """Give away what has come by now; through ssh it was already."""
        await self._drain.catch_up()

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
            raise await unanswered(error, self._endpoint, context) from error

    async def _chunks(self, response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
        try:
            async for chunk in response.content.iter_any():
                yield chunk
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise translate(error, self.address) from error

    async def close(self) -> None:
        """Close all connections."""
        self._asker.close()
        self._drain.close()
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
