"""The demo's engine behind a real socket, with a clock that runs faster: where no compiler is."""

import asyncio
from pathlib import Path
from urllib.parse import parse_qsl

from fakes.engine import Connection, FakeEngine
from tidegauge.docker.endpoint import Simulated
from tidegauge.docker.wire import OpenStream, Query, Transport
from tidegauge.simulation.engine import SimulatedEngine
from tidegauge.simulation.transport import SimulatedTransport


class FastClock:
    """Implements `tidegauge.clock.Clock`; so many seconds pass in each."""

    def __init__(self, starts_at: float, speed: float) -> None:
        self._starts_at, self._speed = starts_at, speed
        self._began = asyncio.get_running_loop().time()

    def now(self) -> float:
        return self._starts_at + self.monotonic()

    def skip_to(self, time: float) -> None:
        """Leave out what is until then; who sleeps sees it when it wakes."""
        self._starts_at += max(0.0, time - self.now())

    def monotonic(self) -> float:
        return (asyncio.get_running_loop().time() - self._began) * self._speed

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(max(0.0, seconds) / self._speed)

    async def beat(self, seconds: float) -> None:
        raise NotImplementedError  # the engine waits for times alone

    async def wait(self, event: asyncio.Event, seconds: float) -> bool:
        raise NotImplementedError  # the engine waits for times alone


class ServedSimulation(FakeEngine):
    """Up to 200 streams; ``starts_at`` is the time of the script at which it begins."""

    def __init__(self, socket: Path, containers: int, starts_at: float, speed: float) -> None:
        super().__init__(socket)
        engine = SimulatedEngine(Simulated(containers, seed=1), starts_at)
        self.clock = FastClock(starts_at, speed)
        self._transport: Transport = SimulatedTransport(engine, self.host, self.clock)

    async def _answer(self, connection: Connection) -> None:
        path, _, text = connection.path.partition("?")
        query = dict(parse_qsl(text))
        if not path.endswith(("/stats", "/events")):
            reply = await self._transport.get(path, query)
            headers = "".join(f"{name}: {value}\r\n" for name, value in reply.headers.items())
            await connection.body(reply.body, reply.status, headers)
            return
        async with self._transport.stream(path, query, None) as stream:
            await _send(connection, stream, query)


async def _send(connection: Connection, stream: OpenStream, query: Query) -> None:
    """All of it, or of ``stream=0`` the second sample, whose ``precpu_stats`` is the first's."""
    once = query.get("stream", "1").lower() in {"0", "false"}
    if stream.status != 200 or once:
        unwanted = 1 if stream.status == 200 and query.get("one-shot") != "1" else 0
        async for body in stream.chunks:
            if not unwanted:
                await connection.body(body, stream.status)
                return
            unwanted -= 1
    await connection.begin_chunks()
    async for chunk in stream.chunks:
        await connection.chunk(chunk)
    await connection.end_chunks()
