"""The server and its port: taken, freed, given back; clients that misbehave."""

import asyncio
import contextlib
import errno
import os
import socket

import aiohttp
import pytest
from served import Served, serving

from tidegauge.web import answers, server
from waiting import wait_until_async


@pytest.fixture
def taken():
    """A port on which somebody listens already."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        yield other


async def test_it_says_where_it_listens_and_gives_the_port_back() -> None:
    """The next one can listen there at once; no task is left."""
    first = Served()
    async with serving(first):
        address = first.url.removeprefix("http://")
    second = Served(listen=address)
    async with serving(second) as client, client.get("/healthz") as reply:
        assert reply.status == 200

    assert first.sentences == second.sentences == [f"metrics at http://{address}/metrics"]
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_taken_port_is_told_once_and_taken_when_it_is_free(taken, monkeypatch) -> None:
    """The address and what to do; no failure of the program."""
    monkeypatch.setattr(server, "LONGEST_PAUSE", 0.05)
    address = f"127.0.0.1:{taken.getsockname()[1]}"
    served = Served(listen=address)
    running = asyncio.create_task(served.server.run())
    await wait_until_async(lambda: served.journal.counts[server.BUSY] > 2, 10, "three tries")
    taken.close()
    await wait_until_async(lambda: len(served.sentences) > 1, 10, "it listens")
    running.cancel()
    await asyncio.wait([running])

    assert served.sentences == [
        f"no metrics at http://{address}/metrics: {os.strerror(errno.EADDRINUSE)}. Set web.listen"
        ' to another address, or to "" for none; this one is tried again.',
        f"metrics at http://{address}/metrics",
    ]


@pytest.mark.parametrize("host", ["no.such.host.invalid", "a..b", "x" * 70, "192.0.2.1"])
async def test_an_address_that_cannot_be_had_is_told(host: str) -> None:
    """Names that do not resolve, and addresses of others."""
    served = Served(listen=f"{host}:8470")
    running = asyncio.create_task(served.server.run())
    await wait_until_async(lambda: served.sentences or running.done(), 10, "it is told")
    running.cancel()
    await asyncio.wait([running])

    assert served.sentences[0].startswith(f"no metrics at http://{host}:8470/metrics: ")


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET / HTTP/1.1\r\nX: " + b"a" * 20_000 + b"\r\n\r\n",
        b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\nnonsense\r\n\r\n",
        b"\0" * 100,
    ],
)
async def test_garbage_is_refused_and_nothing_is_logged(garbage: bytes, capfd) -> None:
    """Others are served meanwhile and afterwards."""
    served = Served()
    async with serving(served) as client:
        host, _, port = served.url.removeprefix("http://").partition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(garbage)
        await writer.drain()
        writer.write_eof()
        await reader.read()
        writer.close()
        async with client.get("/healthz") as reply:
            assert reply.status == 200

    assert len(served.sentences) == 1
    assert capfd.readouterr() == ("", "")


async def test_connections_beyond_the_most_are_closed(monkeypatch) -> None:
    """So that they leave the engines theirs; counted, told once, and room is made by who goes."""
    monkeypatch.setattr(server, "MOST", 2)
    served = Served()
    async with serving(served) as client:
        host, _, port = served.url.removeprefix("http://").partition(":")
        idle = [await asyncio.open_connection(host, int(port)) for _ in range(2)]
        for _ in range(2):
            reader, writer = await asyncio.open_connection(host, int(port))
            with contextlib.suppress(ConnectionError):
                assert await reader.read() == b""
            writer.close()
        idle[0][1].close()

        async def answered() -> bool:
            with contextlib.suppress(aiohttp.ClientError):
                async with client.get("/healthz") as reply:
                    return reply.status == 200
            return False

        await wait_until_async(answered, 10, "there is room again")
        idle[1][1].close()

    assert served.sentences[1:] == [
        "more than 2 connections to the web server; further ones are closed at once."
    ]
    assert served.journal.counts[server.CROWDED] >= 2


async def test_a_client_that_asks_nothing_is_not_kept(monkeypatch) -> None:
    """Nor one that never comes to the end of its headers."""
    monkeypatch.setattr(server, "IDLE_SECONDS", 0.05)
    served = Served()
    async with serving(served):
        host, _, port = served.url.removeprefix("http://").partition(":")
        for begun in (b"", b"GET /healthz HTTP/1.1\r\nHost: local"):
            reader, writer = await asyncio.open_connection(host, int(port))
            writer.write(begun)
            async with asyncio.timeout(10):
                assert await reader.read() == b""
            writer.close()


async def test_a_client_that_does_not_read_is_cut_off(monkeypatch) -> None:
    """Its answer is given up after a while; others are served meanwhile."""
    monkeypatch.setattr(answers, "DEADLINE", 2.0)
    served = Served()

    async def large(_content_type: str) -> bytes:
        return b"x" * 20_000_000

    monkeypatch.setattr(served.metrics, "render", large)
    async with serving(served) as client:
        async with client.get("/healthz") as reply:
            assert reply.status == 200
        before = asyncio.all_tasks()
        host, _, port = served.url.removeprefix("http://").partition(":")
        reader, writer = await asyncio.open_connection(host, int(port), limit=1)
        writer.write(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
        await wait_until_async(lambda: asyncio.all_tasks() - before, 10, "it is answered")
        async with client.get("/healthz") as reply:
            assert reply.status == 200
        await wait_until_async(lambda: not asyncio.all_tasks() - before, 10, "it is given up")
        assert len(await reader.read()) < 20_000_000
        writer.close()

    assert len(served.sentences) == 1


async def test_a_client_that_goes_away_is_its_own_affair(monkeypatch) -> None:
    """In the middle of an answer, and before it: nothing is told."""
    served = Served()
    asked, answer = asyncio.Event(), asyncio.Event()

    async def slow(_content_type: str) -> bytes:
        asked.set()
        await answer.wait()
        return b"x" * 1_000_000

    monkeypatch.setattr(served.metrics, "render", slow)
    async with serving(served) as client:
        host, _, port = served.url.removeprefix("http://").partition(":")
        _, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
        await asked.wait()
        writer.transport.abort()
        await asyncio.sleep(0)
        answer.set()
        async with client.get("/healthz") as reply:
            assert reply.status == 200

    assert len(served.sentences) == 1


async def test_a_page_that_fails_is_told_with_its_trace(monkeypatch, capfd) -> None:
    """A bug in a page costs that page, and is seen."""
    served = Served()

    async def broken(_content_type: str) -> bytes:
        raise RuntimeError("a bug")

    monkeypatch.setattr(served.metrics, "render", broken)
    async with serving(served) as client:
        for _ in range(2):
            async with client.get("/metrics") as reply:
                assert reply.status == 500
        async with client.get("/healthz") as reply:
            assert reply.status == 200

    assert served.sentences[1:] == ["a web page failed: RuntimeError('a bug')."]
    assert served.journal.counts[server.FAILED] == 2
    assert capfd.readouterr() == ("", "")


async def test_a_stop_does_not_wait_for_idle_clients() -> None:
    """Connections that are kept open are closed with the server."""
    served = Served()
    async with aiohttp.ClientSession() as client:
        async with serving(served), client.get(f"{served.url}/healthz") as reply:
            assert reply.status == 200
        with pytest.raises(aiohttp.ClientConnectionError):
            await client.get(f"{served.url}/healthz")
