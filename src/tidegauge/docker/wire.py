"""The seam to the wire: what the client needs of it, whoever is at the other end.

Over sockets that is `tidegauge.docker.transport`. A recording, a replay and a simulated engine
put another `Transport` in its place, and so do tests.
"""

from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

from msgspec import Struct

REPLY_SECONDS = 60.0
"""A loaded daemon takes tens of seconds for a list; more than a minute is a hung one."""

Query = Mapping[str, str | tuple[str, ...]]
"""A parameter with several values is given so many times."""

Into = Callable[[bytes], None]
"""Takes each piece of a body as it is read; it has done its work when it returns."""


class Reply(Struct, frozen=True):
    """A whole answer; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class OpenStream(Struct, frozen=True):
    """An answer that goes on: its status, and its body as it comes."""

    status: int
    chunks: AsyncIterator[bytes]


class Refusal(Struct, frozen=True):
    """An answer that should have gone on and did not: any status but 200, and its body."""

    status: int
    body: bytes


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

    def pour(
        self, path: str, query: Query, idle_seconds: float, into: Into
    ) -> Coroutine[Any, Any, Refusal | None]:
        """The same for a reply that is given away piece by piece, without a turn of a task each.

        Returns ``None`` at its end. What ``into`` raises comes out here and ends this reply only.
        """
        ...

    def read_calmly(self, *, calm: bool) -> None:
        """Is nobody waiting for what is poured? Then it may be looked at less often."""
        ...

    async def catch_up(self) -> None:
        """Return when what has come by now of all that is poured was given away."""
        ...

    async def close(self) -> None:
        """Close all connections."""
        ...


async def poured(opening: AbstractAsyncContextManager[OpenStream], into: Into) -> Refusal | None:
    """`Transport.pour`, of a stream that can be iterated."""
    async with opening as opened:
        if opened.status != 200:
            return Refusal(opened.status, b"".join([chunk async for chunk in opened.chunks]))
        async for chunk in opened.chunks:
            into(chunk)
    return None
