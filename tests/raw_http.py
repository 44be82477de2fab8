"""HTTP as bytes, chunk by chunk, with nothing of the product and nothing that hides a framing."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Self

SECONDS = 20.0
"""No answer, chunk or end takes so long unless it never comes."""


def question(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: docker\r\n\r\n".encode()


class RawConnection:
    """One connection to a unix socket; each answer is read before the next question."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self.status = 0
        self.headers: dict[str, str] = {}

    @classmethod
    async def to(cls, socket: Path) -> Self:
        return cls(*await asyncio.open_unix_connection(socket))

    async def ask(self, path: str) -> None:
        """Ask, and read the answer's head."""
        self._writer.write(question(path))
        await self.head()

    async def head(self) -> None:
        """The head of the next answer."""
        head = (await self._until(b"\r\n\r\n")).decode()
        first, *lines = head.strip().split("\r\n")
        self.status = int(first.split()[1])
        pairs = (line.partition(": ") for line in lines)
        self.headers = {name.lower(): value for name, _, value in pairs}

    async def get(self, path: str) -> Any:
        """The whole JSON answer to a question; see ``status``."""
        await self.ask(path)
        async with asyncio.timeout(SECONDS):
            return json.loads(await self._reader.readexactly(int(self.headers["content-length"])))

    async def chunk(self) -> bytes:
        """One chunk without its framing; nothing for the last one."""
        size = await self._until(b"\r\n")
        async with asyncio.timeout(SECONDS):
            body = await self._reader.readexactly(int(size, 16) + 2)
        assert body.endswith(b"\r\n")
        return body[:-2]

    async def event(self) -> Any:
        """One chunk that is one JSON object and its newline."""
        chunk = await self.chunk()
        assert chunk.endswith(b"}\n"), chunk
        assert chunk.count(b"\n") == 1
        return json.loads(chunk)

    async def events(self, count: int) -> list[Any]:
        return [await self.event() for _ in range(count)]

    async def rest(self) -> bytes:
        """What comes until the other end closes."""
        async with asyncio.timeout(SECONDS):
            return await self._reader.read()

    def close(self) -> None:
        self._writer.transport.abort()

    async def _until(self, end: bytes) -> bytes:
        async with asyncio.timeout(SECONDS):
            return await self._reader.readuntil(end)


@contextlib.asynccontextmanager
async def connected(socket: Path) -> AsyncIterator[RawConnection]:
    """A connection for the time of a block."""
    connection = await RawConnection.to(socket)
    try:
        yield connection
    finally:
        connection.close()
        await asyncio.sleep(0)  # an aborted connection closes on the loop's next turn


@contextlib.asynccontextmanager
async def streaming(socket: Path, path: str) -> AsyncIterator[RawConnection]:
    """A stream whose head has come and said 200, in chunks."""
    async with connected(socket) as connection:
        await connection.ask(path)
        assert connection.status == 200
        assert connection.headers["transfer-encoding"] == "chunked"
        yield connection
