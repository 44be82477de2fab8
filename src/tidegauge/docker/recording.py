"""A transport that passes everything through and writes down what passed, with its time."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from typing import Self
from urllib.parse import urlencode

from tidegauge.docker.redacting import redacted
from tidegauge.docker.tape import Message, TapeWriter, What
from tidegauge.docker.wire import (
    REPLY_SECONDS,
    Into,
    OpenStream,
    Query,
    Refusal,
    Reply,
    Transport,
    poured,
)
from tidegauge.errors import EngineError

KEPT_HEADERS = ("api-version",)

_LAST = ("reply", "end", "failed", "closed")


class RecordingTransport:
    """Records what one engine is asked and answers; ``numbers`` is shared by all engines."""

    def __init__(
        self, inner: Transport, engine: str, tape: TapeWriter, numbers: "count[int]"
    ) -> None:
        self._inner, self._engine, self._tape, self._numbers = inner, engine, tape, numbers

    @property
    def address(self) -> str:
        """That of the engine."""
        return self._inner.address

    async def get(self, path: str, query: Query, seconds: float | None = REPLY_SECONDS) -> Reply:
        """One request, one whole reply, of which only what Tidegauge decodes is recorded."""
        with _Exchange(self._tape, self._engine, path, query, next(self._numbers)) as exchange:
            reply = await self._inner.get(path, query, seconds)
            headers = {name: reply.headers[name] for name in KEPT_HEADERS if name in reply.headers}
            body = redacted(path, reply.status, reply.body)
            exchange.write("reply", body, status=reply.status, headers=headers)
            return reply

    @asynccontextmanager
    async def stream(
        self, path: str, query: Query, idle_seconds: float | None
    ) -> AsyncGenerator[OpenStream, None]:
        """One request whose reply goes on; its bytes are recorded as they are."""
        with _Exchange(self._tape, self._engine, path, query, next(self._numbers)) as exchange:
            async with self._inner.stream(path, query, idle_seconds) as opened:
                exchange.write("opened", status=opened.status)
                yield OpenStream(opened.status, _chunks(opened, exchange))

    async def pour(
        self, path: str, query: Query, idle_seconds: float, into: Into
    ) -> Refusal | None:
        """The same, given away piece by piece."""
        return await poured(self.stream(path, query, idle_seconds), into)

    def read_calmly(self, *, calm: bool) -> None:
        """Each piece is taped as it comes."""

    async def catch_up(self) -> None:
        """Nothing waits."""

    async def close(self) -> None:
        """Close all connections; the tape stays open."""
        await self._inner.close()


async def _chunks(opened: OpenStream, exchange: "_Exchange") -> AsyncIterator[bytes]:
    try:
        async for chunk in opened.chunks:
            exchange.write("chunk", chunk)
            yield chunk
    except EngineError as error:
        exchange.failed(error)
        raise
    exchange.write("end")


class _Exchange:
    """One request on the tape, from ``asked`` to whatever ended it."""

    def __init__(self, tape: TapeWriter, engine: str, path: str, query: Query, number: int) -> None:
        self._tape, self._engine, self._number = tape, engine, number
        self._request = f"{path}?{urlencode(query, doseq=True)}" if query else path
        self._over = False

    def __enter__(self) -> Self:
        self.write("asked")
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, EngineError):
            self.failed(error)
        elif not self._over:
            self.write("closed")

    def failed(self, error: EngineError) -> None:
        """Write that the connection could not be had, or was lost."""
        if not self._over:
            self.write("failed", str(error).encode(), error=type(error).__name__)

    def write(
        self,
        what: What,
        body: bytes = b"",
        *,
        status: int = 0,
        headers: dict[str, str] | None = None,
        error: str = "",
    ) -> None:
        """Write one message."""
        self._over = what in _LAST
        text, data = _as_text(body)
        self._tape.write(
            Message(
                t=self._tape.moment(),
                what=what,
                n=self._number,
                engine=self._engine,
                request=self._request,
                status=status,
                headers=headers or {},
                error=error,
                text=text,
                data=data,
            )
        )


def _as_text(body: bytes) -> tuple[str | None, bytes | None]:
    """Text as it is; bytes that are none (a chunk may end within a sign) apart."""
    try:
        return body.decode() if body else None, None
    except UnicodeDecodeError:
        return None, body
