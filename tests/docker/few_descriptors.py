"""Run as a process of its own, which cannot raise its limit: more streams than it may have."""

import asyncio
import json
import resource
import sys

from tidegauge.docker.client import EngineClient
from tidegauge.docker.endpoint import parse_endpoint
from tidegauge.docker.transport import HttpTransport
from tidegauge.errors import NoSocketLeft


async def main(host: str, path: str, streams: int) -> None:
    delivering: set[int] = set()
    sentences: list[str] = []
    transport = HttpTransport(parse_endpoint(host))

    async def pour(number: int) -> None:
        try:
            await transport.pour(path, {}, 60.0, lambda _: delivering.add(number))
        except NoSocketLeft as error:
            sentences.append(str(error))

    tasks = [asyncio.create_task(pour(number)) for number in range(streams)]
    while len(delivering) + len(sentences) < streams:
        await asyncio.sleep(0.01)
    client = EngineClient("local", transport)
    await client.connect()
    listed = len(await client.containers())
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await client.close()
    print(json.dumps([len(delivering), listed, sentences]))


if __name__ == "__main__":
    host, path, limit, streams = sys.argv[1:]
    resource.setrlimit(resource.RLIMIT_NOFILE, (int(limit) // 2, int(limit)))
    asyncio.run(main(host, path, int(streams)))
