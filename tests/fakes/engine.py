"""An engine of scripted bytes: real HTTP on a unix socket, every reply in the test's hand."""

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Self

Reply = Callable[["Connection"], Awaitable[None]]


class Connection:
    """One request being answered."""

    def __init__(self, path: str, writer: asyncio.StreamWriter) -> None:
        self.path, self._writer = path, writer

    async def raw(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    async def json(self, document: object, status: int = 200, headers: str = "") -> None:
        await self.body(json.dumps(document).encode(), status, headers)

    async def body(self, body: bytes, status: int = 200, headers: str = "") -> None:
        head = f"HTTP/1.1 {status} X\r\n{headers}Content-Length: {len(body)}\r\n\r\n"
        await self.raw(head.encode() + body)

    async def begin_chunks(self) -> None:
        await self.raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")

    async def chunk(self, data: bytes) -> None:
        await self.raw(f"{len(data):x}\r\n".encode() + data + b"\r\n")

    async def end_chunks(self) -> None:
        await self.raw(b"0\r\n\r\n")

    def break_off(self) -> None:
        """Close without the last chunk, as a daemon that was killed."""
        self._writer.close()


class FakeEngine:
    """Answers like Docker 20.10 unless told otherwise, path by path.

    ``replies`` maps the end of a path (before ``?``) to what answers it. ``requests`` are the
    paths asked for, with their queries.
    """

    def __init__(self, socket: Path) -> None:
        self.socket = socket
        self.host = f"unix://{socket}"
        self.requests: list[str] = []
        self.listed: list[dict[str, object]] = []
        self.replies: dict[str, Reply] = {
            "/_ping": lambda c: c.body(b"OK", headers="Api-Version: 1.41\r\n"),
            "/version": lambda c: c.json({"Version": "20.10.24", "Components": []}),
            "/containers/json": lambda c: c.json(self.listed),
            "/events": self._quiet_events,
        }
        self._removed = 0
        self._gone = False
        self._doorbells: list[Connection] = []
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def add(self, name: str, stats: Reply, state: str = "running") -> str:
        """List one more container, with this stats stream; returns its id."""
        container = f"{self._removed + len(self.listed) + 1:064x}"
        self.listed.append(
            {"Id": container, "Names": [f"/{name}"], "Image": "img", "State": state, "Labels": {}}
        )
        self.replies[f"/containers/{container}/stats"] = stats
        self.replies[f"/containers/{container}/json"] = lambda c: c.json(
            {"Id": container, "State": {"Status": state, "StartedAt": "2020-01-01T00:00:00Z"}}
        )
        return container

    def forget_all(self) -> None:
        """All containers are removed; ids go on counting."""
        self._removed += len(self.listed)
        self.listed.clear()
        self.replies = {k: v for k, v in self.replies.items() if not k.startswith("/containers/0")}
        self.requests.clear()

    async def ring(
        self, action: str = "start", container: str = "", at_ns: int = 1, **told: str
    ) -> None:
        """Send a container event to all who listen."""
        actor = {"ID": container, "Attributes": told}
        event = {"Type": "container", "Action": action, "Actor": actor, "timeNano": at_ns}
        for connection in self._doorbells:
            await connection.chunk(json.dumps(event).encode() + b"\n")

    @property
    def listeners(self) -> int:
        return len(self._doorbells)

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_unix_server(self._serve, self.socket, backlog=1024)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        self._gone = True  # a connection accepted this moment is not served any more
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._server.wait_closed()
        await asyncio.sleep(0)  # aborted connections close on the loop's next turn

    async def _quiet_events(self, connection: Connection) -> None:
        await connection.begin_chunks()
        self._doorbells.append(connection)
        try:
            await asyncio.Event().wait()
        finally:
            self._doorbells.remove(connection)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._gone:
            writer.transport.abort()
            return
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        answering: asyncio.Task[None] | None = None
        try:
            while request := await self._request(reader):
                if answering is not None:
                    await answering
                answering = asyncio.create_task(self._answer(Connection(request, writer)))
        finally:
            writer.transport.abort()
            self._tasks.discard(task)
            if answering is not None:
                answering.cancel()
                await asyncio.gather(answering, return_exceptions=True)

    async def _request(self, reader: asyncio.StreamReader) -> str | None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            path = head.split(" ", 2)[1]
            self.requests.append(path)
            return path
        return None

    async def _answer(self, connection: Connection) -> None:
        path = connection.path.split("?")[0]
        unversioned = "/" + path.split("/", 2)[2] if path.startswith("/v1.") else path
        reply = self.replies.get(unversioned)
        with contextlib.suppress(ConnectionError):
            if reply is None:
                await connection.json({"message": "No such container: x"}, 404)
            else:
                await reply(connection)
