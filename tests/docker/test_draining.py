"""Streams are read less often while nobody waits for what they have, and at once for who asks."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from fakes.engine import Connection, FakeEngine, Reply
from tidegauge.docker import draining
from tidegauge.docker.endpoint import parse_endpoint
from tidegauge.docker.transport import HttpTransport
from waiting import wait_until_async

NEVER = 1e9
INTERVAL = 0.02
EVENT = b"x" * 3000


class Taken:
    """The pieces that came, and when the stream was read."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.read_at: list[float] = []
        self._reading = False
        self.seconds = 0.0
        """How long it takes to take one."""

    def __call__(self, piece: bytes) -> None:
        loop = asyncio.get_running_loop()
        self.pieces.append(piece)
        time.sleep(self.seconds)
        if not self._reading:
            self._reading = True
            self.read_at.append(loop.time())
            loop.call_soon(self._read)

    def _read(self) -> None:
        self._reading = False


class Site:
    """An engine and a way to it; each stream that is begun ends with the site."""

    def __init__(self, engine: FakeEngine, interval: float) -> None:
        self.engine = engine
        self.transport = HttpTransport(parse_endpoint(engine.host), interval)
        self.pouring: list[asyncio.Task[object]] = []

    def pour(self, name: str, reply: Reply) -> Taken:
        taken, path = Taken(), f"/containers/{name}/stats"
        self.engine.replies[path] = reply
        pour = self.transport.pour(f"/v1.41{path}", {}, 60.0, taken)
        self.pouring.append(asyncio.create_task(pour))
        return taken


@asynccontextmanager
async def a_site(folder: Path, interval: float = INTERVAL) -> AsyncIterator[Site]:
    async with FakeEngine(folder / "s") as engine:
        site = Site(engine, interval)
        try:
            yield site
        finally:
            for each in site.pouring:
                each.cancel()
            await asyncio.wait(site.pouring)
            await site.transport.close()


class Sends:
    """A stream that sends so many events each time it is asked to."""

    def __init__(self) -> None:
        self._connection: Connection | None = None

    async def __call__(self, connection: Connection) -> None:
        await connection.begin_chunks()
        self._connection = connection
        await asyncio.Event().wait()

    async def send(self, *events: bytes) -> None:
        """They are in the kernel when this returns: a unix socket has no wire."""
        await wait_until_async(lambda: self._connection, 20, "the stream is open")
        assert self._connection is not None
        for event in events:
            await self._connection.chunk(event)


def steady(size: int) -> Reply:
    async def stats(connection: Connection) -> None:
        await connection.begin_chunks()
        while True:
            await connection.chunk(b"x" * size)
            await asyncio.sleep(INTERVAL / 2)

    return stats


@pytest.fixture
def calm(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever does not ask waits for ever."""
    monkeypatch.setattr(draining, "CALM_SECONDS", NEVER)


async def test_streams_are_read_once_in_each_calm_interval(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All that came meanwhile is read in one go, in its order."""
    every = 0.25
    monkeypatch.setattr(draining, "CALM_SECONDS", every)
    async with a_site(tmp_path) as site:
        site.transport.read_calmly(calm=True)
        taken = site.pour("web", steady(10))
        await wait_until_async(lambda: len(taken.read_at) >= 4, 10, "some reads")

    cells = [int(at / every + 0.001) for at in taken.read_at]
    assert len({*cells}) == len(cells)
    assert len(taken.pieces) > len(taken.read_at)


async def test_what_has_more_than_some_lines_is_read_sooner(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stream that is left unread slows every client of its engine."""
    monkeypatch.setattr(draining, "CALM_SECONDS", 1.0)
    async with a_site(tmp_path) as site:
        site.transport.read_calmly(calm=True)
        taken = site.pour("web", steady(draining.CALM_BYTES + 1000))

        def often() -> bool:
            cells = [int(at) for at in taken.read_at]
            return any(cells.count(cell) > 5 for cell in cells)

        await wait_until_async(often, 10, "more than five reads within a second")


@pytest.mark.usefixtures("calm")
async def test_who_catches_up_has_all_that_came(tmp_path: Path) -> None:
    """Of each stream, and in its order; what comes later is for the next time."""
    async with a_site(tmp_path) as site:
        site.transport.read_calmly(calm=True)
        sends = [Sends() for _ in range(3)]
        taken = [site.pour(str(n), each) for n, each in enumerate(sends)]
        for n, each in enumerate(sends):
            await each.send(EVENT, b"%d" % n)
        await site.transport.catch_up()
        assert [each.pieces for each in taken] == [[EVENT, b"0"], [EVENT, b"1"], [EVENT, b"2"]]

        await site.transport.catch_up()
        await sends[1].send(b"more")
        assert [len(each.pieces) for each in taken] == [2, 2, 2]
        await site.transport.catch_up()
        assert [len(each.pieces) for each in taken] == [2, 3, 2]


@pytest.mark.usefixtures("calm")
async def test_who_catches_up_while_streams_are_read_has_all_that_came(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also of those that were read before: they are read once more."""
    monkeypatch.setattr(draining, "TURN_SECONDS", 0.0005)
    async with a_site(tmp_path) as site:
        site.transport.read_calmly(calm=True)
        sends = {str(n): Sends() for n in range(40)}
        taken = {name: site.pour(name, each) for name, each in sends.items()}
        for each in taken.values():
            each.seconds = 0.001
        for each in sends.values():
            await each.send(EVENT)
        site.transport.read_calmly(calm=False)
        while not (read := [name for name, each in taken.items() if each.pieces]):
            await asyncio.sleep(0)
        name = read[0]
        await sends[name].send(b"more")
        assert not all(each.pieces for each in taken.values())

        await site.transport.catch_up()

        assert taken[name].pieces == [EVENT, b"more"]
        assert all(each.pieces for each in taken.values())


@pytest.mark.usefixtures("calm")
async def test_streams_are_read_soon_when_somebody_waits(tmp_path: Path) -> None:
    """Not only after the calm interval that has begun."""
    async with a_site(tmp_path) as site:
        site.transport.read_calmly(calm=True)
        sends = Sends()
        taken = site.pour("web", sends)
        await sends.send(EVENT)

        site.transport.read_calmly(calm=False)
        await wait_until_async(lambda: taken.pieces == [EVENT], 20, "it is read")
        await sends.send(EVENT)
        await wait_until_async(lambda: len(taken.pieces) == 2, 20, "and goes on")


@pytest.mark.usefixtures("calm")
async def test_what_is_read_at_once_has_no_calm_interval(tmp_path: Path) -> None:
    """So it was asked for."""
    async with a_site(tmp_path, 0.0) as site:
        site.transport.read_calmly(calm=True)
        sends = Sends()
        taken = site.pour("web", sends)
        await sends.send(EVENT)
        await wait_until_async(lambda: taken.pieces == [EVENT], 20, "it is read")


async def test_there_is_nothing_to_catch_up_without_streams(tmp_path: Path) -> None:
    """Before the first and after the last."""
    transport = HttpTransport(parse_endpoint(f"unix://{tmp_path / 's'}"), INTERVAL)
    transport.read_calmly(calm=True)
    await transport.catch_up()
    await transport.close()
    transport.read_calmly(calm=False)
    await transport.catch_up()
