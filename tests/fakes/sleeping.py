"""A container of the fake engine in which nothing moves: lines of it differ in their time."""

import asyncio
import re

from fakes.engine import Connection, FakeEngine
from recorded import RECORDINGS
from waiting import wait_until_async

_STREAM = RECORDINGS / "docker-20.10.24-cgroup1" / "stats-stream-nonet.ndjson"

SLEEPING = _STREAM.read_bytes().splitlines(keepends=True)[2:]
"""What Docker sends of one; before come two lines that are not like these."""


def line_at(second: int) -> bytes:
    """A line of it at so many seconds past ten."""
    head, _, rest = SLEEPING[0].partition(b'"read":')
    time = b'"2026-11-22T10:%02d:%02dZ"' % divmod(second, 60)
    return head + b'"read":' + time + rest[rest.index(b",") :]


class Sleeping:
    """A test says when a line of it comes, and what an inspection tells."""

    def __init__(self, engine: FakeEngine, name: str) -> None:
        self.status, self.started = "running", "2020-01-01T00:00:00Z"
        self.streams: list[Connection] = []
        self.key = engine.add(name, self._stream)
        engine.replies[f"/containers/{self.key}/json"] = self.inspected

    async def inspected(self, connection: Connection) -> None:
        state = {"Status": self.status, "StartedAt": self.started}
        await connection.json({"Id": self.key, "State": state})

    async def _stream(self, connection: Connection) -> None:
        await connection.begin_chunks()
        self.streams.append(connection)
        await asyncio.Event().wait()

    async def sends(self, *seconds: int) -> None:
        """They are in the kernel when this returns: a unix socket has no wire."""
        await wait_until_async(lambda: self.streams, 20, "a stream")
        for second in seconds:
            await self.streams[-1].chunk(line_at(second))

    async def works(self, *seconds: int) -> None:
        """The same, and each second it has taken some CPU time more."""
        await wait_until_async(lambda: self.streams, 20, "a stream")
        for second in seconds:
            used = b'"total_usage":%d' % (10**9 + 10**6 * second)
            line = re.sub(rb'"total_usage":\d+', used, line_at(second), count=1)
            await self.streams[-1].chunk(line)
