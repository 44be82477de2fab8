"""What the kernel itself counts, and what engines send as it comes."""

import asyncio
import json
import time
from typing import Any, NamedTuple

from servers.engine import DockerEngine


class CpuTime(NamedTuple):
    """What a container had used at a moment of the monotonic clock, both in seconds."""

    at: float
    used: float


def cpu_time(engine: DockerEngine, container: str) -> CpuTime:
    """The kernel's own count, cgroup v1 or v2."""
    for group in engine.groups_of(container):
        for name, start, divisor in (("cpuacct.usage", "", 1e9), ("cpu.stat", "usage_usec ", 1e6)):
            file = group / name
            lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
            for line in lines:
                if line.startswith(start) and line[len(start) :].isdecimal():
                    return CpuTime(time.monotonic(), int(line[len(start) :]) / divisor)
    raise AssertionError(f"the kernel does not count the CPU time of {container}")


def cores_between(first: CpuTime, last: CpuTime) -> float:
    """Cores in use between two moments."""
    return (last.used - first.used) / (last.at - first.at)


class Answer(NamedTuple):
    """A whole answer of an engine."""

    status: int
    body: bytes

    @property
    def documents(self) -> list[dict[str, Any]]:
        """The lines of its body."""
        return [json.loads(line) for line in self.body.splitlines()]


async def answer_to(engine: DockerEngine, path: str, seconds: float) -> Answer:
    """Read an answer to its orderly end; `TimeoutError` if that does not come."""
    async with asyncio.timeout(seconds):
        reader, writer = await asyncio.open_unix_connection(engine.socket)
        try:
            writer.write(f"GET {path} HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n".encode())
            head, _, body = (await reader.read(-1)).partition(b"\r\n\r\n")
        finally:
            writer.close()
    status = int(head.split()[1])
    if b"transfer-encoding: chunked" in head.lower():
        assert body.endswith(b"0\r\n\r\n"), "it broke off"
        body = b"".join(_chunks(body))
    return Answer(status, body)


def _chunks(body: bytes) -> list[bytes]:
    chunks = []
    while body:
        size, _, rest = body.partition(b"\r\n")
        length = int(size, 16)
        chunks.append(rest[:length])
        body = rest[length + 2 :]
    return chunks
