"""Questions over sockets that are used again: what is reused, and what is not."""

import asyncio
import selectors
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tidegauge.docker import asking
from tidegauge.docker.endpoint import parse_endpoint
from tidegauge.docker.transport import HttpTransport
from tidegauge.docker.wire import Reply
from tidegauge.errors import ConnectionLost, EngineUnreachable, NotAnEngine
from waiting import wait_until_async

PLAIN = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nApi-Version: 1.41\r\n\r\nyes"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nyes\r\n0\r\n\r\n"


class Engine:
    """Answers each request with the same bytes; counts connections and requests."""

    def __init__(self, path: Path, answer: bytes) -> None:
        self.path, self.answer = path, answer
        self.connections = self.requests = self.open = 0
        self.hangs_up_after = 1_000_000
        self.piece = 10

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.open += 1
        try:
            for _ in range(self.hangs_up_after):
                await reader.readuntil(b"\r\n\r\n")
                self.requests += 1
                for at in range(0, len(self.answer), self.piece):
                    writer.write(self.answer[at : at + self.piece])
                    await writer.drain()
                    await asyncio.sleep(0)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self.open -= 1
            writer.close()


@asynccontextmanager
async def asked(tmp_path: Path, answer: bytes) -> AsyncIterator[tuple[Engine, HttpTransport]]:
    """An engine that gives this answer, and what asks it."""
    engine = Engine(tmp_path / "s", answer)
    async with await asyncio.start_unix_server(engine.serve, engine.path):
        transport = HttpTransport(parse_endpoint(f"unix://{engine.path}"))
        yield engine, transport
        await transport.close()


async def ask(transport: HttpTransport) -> Reply:
    return await transport.get("/x", {})


@pytest.mark.parametrize(
    ("answer", "connections"),
    [
        (PLAIN, 1),
        (CHUNKED, 1),
        (PLAIN.replace(b"200 OK", b"404 Not Found"), 1),
        (PLAIN.replace(b"Api-Version: 1.41", b"Connection: close"), 3),
        (PLAIN.replace(b"HTTP/1.1", b"HTTP/1.0"), 3),
        (PLAIN + b"more than was asked for", 3),
    ],
)
async def test_a_connection_is_used_again_if_nothing_speaks_against_it(
    tmp_path: Path, answer: bytes, connections: int
) -> None:
    """Whole replies, one after the other, whatever the cuts."""
    async with asked(tmp_path, answer) as (engine, transport):
        if b"more" in answer:
            engine.piece = len(answer)
        replies = [await ask(transport) for _ in range(3)]

    assert {(each.status, each.body) for each in replies} == {
        (404 if b"404" in answer else 200, b"yes")
    }
    assert engine.requests == 3
    assert engine.connections == connections


async def test_names_of_headers_are_in_lower_case(tmp_path: Path) -> None:
    """Engines differ in how they write them."""
    async with asked(tmp_path, PLAIN) as (_, transport):
        assert (await ask(transport)).headers["api-version"] == "1.41"


async def test_an_idle_connection_that_ended_is_replaced(tmp_path: Path) -> None:
    """Whoever asks does not notice."""
    async with asked(tmp_path, PLAIN) as (engine, transport):
        engine.hangs_up_after = 1
        for _ in range(3):
            assert (await ask(transport)).body == b"yes"

    assert engine.connections == 3


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (PLAIN[:-1], ConnectionLost),
        (b"", ConnectionLost),
        (b"SSH-2.0-OpenSSH_9.2\r\n", NotAnEngine),
    ],
)
async def test_a_reply_that_is_none_is_an_error(
    tmp_path: Path, answer: bytes, error: type[Exception]
) -> None:
    """Broken off, not begun, or not HTTP."""
    async with asked(tmp_path, answer) as (engine, transport):
        engine.hangs_up_after = 1
        with pytest.raises(error):
            await ask(transport)


async def test_an_engine_that_does_not_answer_is_given_up(tmp_path: Path) -> None:
    """In the time the question has; its connection is not used again."""
    async with asked(tmp_path, PLAIN[:-1]) as (engine, transport):
        with pytest.raises(EngineUnreachable, match="does not answer in time"):
            await transport.get("/x", {}, 0.05)
        engine.answer = PLAIN
        assert (await ask(transport)).body == b"yes"
        assert engine.connections == 2


@pytest.mark.parametrize("host", ["a..b", "x" * 70])
async def test_a_name_that_no_host_can_have_is_said(host: str) -> None:
    """As any other engine that is not there."""
    transport = HttpTransport(parse_endpoint(f"tcp://{host}:2375"))
    with pytest.raises(EngineUnreachable, match="no name of a host"):
        await ask(transport)
    await transport.close()


class Counting(selectors.DefaultSelector):
    """Counts how often its loop looked at its sockets."""

    looks = 0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self.looks += 1
        return super().select(timeout)


def test_who_waits_for_an_answer_is_woken_by_it_alone(tmp_path: Path) -> None:
    """Until it comes the loop rests."""
    counting = Counting()

    async def wait() -> int:
        async with asked(tmp_path, PLAIN[:-1]) as (_, transport):
            with pytest.raises(EngineUnreachable):
                await transport.get("/x", {}, 0.5)
        return counting.looks

    with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(counting)) as runner:
        assert runner.run(wait()) < 100


async def test_questions_at_once_have_a_connection_each(tmp_path: Path) -> None:
    """Eight of them are kept for those that come later."""
    async with asked(tmp_path, PLAIN) as (engine, transport):
        for connections in (20, 32):
            found = await asyncio.gather(*(ask(transport) for _ in range(20)))
            assert [each.body for each in found] == [b"yes"] * 20
            assert engine.connections == connections


async def test_what_was_idle_for_long_is_closed_with_the_next_question(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also if another one is used that was not."""
    async with asked(tmp_path, PLAIN) as (engine, transport):
        await asyncio.gather(*(ask(transport) for _ in range(5)))
        assert engine.open == 5
        monkeypatch.setattr(asking, "IDLE_SECONDS", 0.3)

        async def one_is_left() -> bool:
            await ask(transport)
            return engine.open == 1

        await wait_until_async(one_is_left, 5, "old ones closed")
