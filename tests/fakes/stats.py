"""Stats streams for the fake engine: frames with values a test can name, and how they come."""

import asyncio
import json

from fakes.engine import Connection, Reply


def frame(second: int, memory: int = 1000, pids: int = 3) -> bytes:
    """One frame of a container on one busy CPU, at so many seconds past ten."""
    cpu = {"cpu_usage": {"total_usage": (1 + second) * 10**9}, "online_cpus": 2}
    return json.dumps(
        {
            "read": f"2026-11-22T10:00:{second:02}.5Z",
            "cpu_stats": cpu,
            "memory_stats": {"usage": memory, "limit": 4000, "stats": {"inactive_file": 0}},
            "pids_stats": {"current": pids},
        }
    ).encode()


def streaming(*chunks: bytes, end: bool = False) -> Reply:
    """A stats stream of these lines, which then stays open or ends."""

    async def stats(connection: Connection) -> None:
        await connection.begin_chunks()
        for chunk in chunks:
            await connection.chunk(chunk + b"\n")
        if not end:
            await asyncio.Event().wait()
        await connection.end_chunks()

    return stats
