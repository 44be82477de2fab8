"""Run in a network of its own: listens to events, drops all packets, prints how that ended."""

import asyncio
import subprocess
import time

from fakes.tcp_engine import TcpEngine
from tidegauge.docker import connectors
from tidegauge.docker.client import EngineClient
from tidegauge.docker.endpoint import parse_endpoint
from tidegauge.docker.transport import HttpTransport
from tidegauge.errors import EngineError

SECONDS = (1, 1, 1, 2)
"""On; idle, between probes; probes: in the order of the real ones."""


async def main() -> None:
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)  # noqa: ASYNC221
    async with TcpEngine() as engine:
        client = EngineClient("local", HttpTransport(parse_endpoint(engine.host)))
        await client.connect()
        async with client.events(lambda *_: None) as events:
            subprocess.run(["iptables", "-A", "INPUT", "-j", "DROP"], check=True)  # noqa: ASYNC221
            started = time.monotonic()
            try:
                await asyncio.wait_for(anext(events), 30)
            except EngineError as error:
                print(f"{type(error).__name__} after {time.monotonic() - started:.1f} s")
        await client.close()


if __name__ == "__main__":
    connectors.KEEPALIVE = tuple(
        (level, option, value)
        for (level, option, _), value in zip(connectors.KEEPALIVE, SECONDS, strict=True)
    )
    asyncio.run(main())
