"""``tidegauge health``: alive or not, and why not, in one sentence and an exit code."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from command import ended
from servers.process import free_ports
from tidegauge import health
from tidegauge.health import LISTEN


@contextlib.asynccontextmanager
async def answering(reply: bytes) -> AsyncIterator[str]:
    """Somebody on a free port who answers any request with this, and closes; the address."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(reply)
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        host, port = server.sockets[0].getsockname()
        yield f"{host}:{port}"


async def test_who_answers_200_is_alive() -> None:
    """Nothing to say, whatever else the answer holds."""
    async with answering(b"HTTP/1.0 200 OK\r\n\r\nalive\n") as address:
        assert await asyncio.to_thread(health.trouble, None, {LISTEN: address}) == ""
        assert await asyncio.to_thread(health.trouble, address, {LISTEN: "elsewhere:1"}) == ""


@pytest.mark.parametrize("everywhere", ["", "0.0.0.0"])
async def test_who_listens_everywhere_is_asked_here(everywhere: str) -> None:
    """An address that stands for all is not one to connect to."""
    async with answering(b"HTTP/1.1 200 OK\r\n\r\n") as address:
        listen = f"{everywhere}:{address.rpartition(':')[2]}"
        assert await asyncio.to_thread(health.trouble, None, {LISTEN: listen}) == ""


@pytest.mark.parametrize(
    "reply", [b"HTTP/1.0 500 Bad\r\n\r\n", b"SSH-2.0 200\r\n", b"HTTP/1.0", b""]
)
async def test_any_other_answer_is_none(reply: bytes) -> None:
    """A port in other hands, or an error, is not life."""
    async with answering(reply) as address:
        said = await asyncio.to_thread(health.trouble, address, {})
    assert said == f"what listens at {address} is no Tidegauge that is alive."


def test_nobody_there_is_said() -> None:
    """With the address that was asked."""
    (port,) = free_ports(1)
    said = health.trouble(f"127.0.0.1:{port}", {})
    assert said == f"no answer of 127.0.0.1:{port}: connection refused."


def test_an_address_that_is_none_is_said() -> None:
    """As it was given: typed, or in the environment; also where listening is switched off."""
    must = 'must be an address such as "127.0.0.1:8470" or "[::1]:8470", not'
    assert health.trouble("here", {}) == f'the address {must} "here".'
    assert health.trouble(None, {LISTEN: ""}) == f'TIDEGAUGE_WEB_LISTEN {must} "".'


async def test_as_a_command_it_has_an_exit_code() -> None:
    """0 and no word, or 1 and a sentence, by either way to say the address."""
    async with answering(b"HTTP/1.0 200 OK\r\n\r\n") as address:
        assert await ended("health", TIDEGAUGE_WEB_LISTEN=address) == (0, "", "")
        assert await ended("health", address) == (0, "", "")
    sentence = f"tidegauge: no answer of {address}: connection refused.\n"
    assert await ended("health", TIDEGAUGE_WEB_LISTEN=address) == (1, "", sentence)
    assert await ended("health", address) == (1, "", sentence)
