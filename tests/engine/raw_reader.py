"""A second reader of stats streams that shares nothing with the product."""

import asyncio
import re
from datetime import datetime

from servers.engine import DockerEngine

READ = re.compile(rb'\{"read":"([^"]+)"')


class RawReader:
    """Reads the same streams with nothing of the product: sockets and a regular expression."""

    def __init__(self, engine: DockerEngine) -> None:
        self._engine = engine
        self.reads: dict[str, list[float]] = {}

    def first(self) -> list[float]:
        """The time of the first sample of each container that gave one."""
        return [reads[0] for reads in self.reads.values() if reads]

    def last(self) -> list[float]:
        """The time of the newest one."""
        return [reads[-1] for reads in self.reads.values() if reads]

    async def read(self, name: str) -> None:
        reader, writer = await asyncio.open_unix_connection(self._engine.socket)
        writer.write(f"GET /containers/{name}/stats HTTP/1.1\r\nHost: d\r\n\r\n".encode())
        reads = self.reads[name] = []
        try:
            rest = b""
            while data := await reader.read(65536):
                rest, end = rest + data, 0
                for match in READ.finditer(rest):
                    reads.append(datetime.fromisoformat(_cut(match[1].decode())).timestamp())
                    end = match.end()
                rest = rest[end:]
        finally:
            writer.close()


def _cut(text: str) -> str:
    """To microseconds: 2026-11-22T14:32:45.936157348Z."""
    seconds, _, fraction = text.rstrip("Z").partition(".")
    return f"{seconds}.{(fraction + '000000')[:6]}+00:00"
