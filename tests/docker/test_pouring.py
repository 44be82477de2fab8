"""A reply that goes on is poured out the same on every way there is to an engine."""

import asyncio
import gc
import json
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager, suppress
from itertools import count, pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from certificates import Authority
from fakes.engine import Connection, FakeEngine, Reply
from fakes.stats import frame, streaming
from fakes.tcp_engine import TcpEngine
from tidegauge.clock import SystemClock
from tidegauge.docker.draining import GULP_BYTES
from tidegauge.docker.endpoint import Tls, parse_endpoint
from tidegauge.docker.framing import LONGEST
from tidegauge.docker.recording import RecordingTransport
from tidegauge.docker.replaying import Player
from tidegauge.docker.tape import RecordedEngine, TapeReader, TapeWriter
from tidegauge.docker.transport import HttpTransport
from tidegauge.docker.wire import Into, Query, Refusal, Transport, poured
from tidegauge.errors import ConnectionLost, EngineError, EngineUnreachable, NotAnEngine
from waiting import wait_until_async

PATH, QUERY = "/v1.41/containers/web/stats", {"stream": "1"}
EVENT = json.dumps({"read": "x" * 3000}).encode() + b"\n"


class Iterated(HttpTransport):
    """Pours what it reads chunk by chunk, as through ssh."""

    async def pour(
        self, path: str, query: Query, idle_seconds: float, into: Into
    ) -> Refusal | None:
        return await poured(self.stream(path, query, idle_seconds), into)


class Site:
    """An engine and a way to it; ``says`` is what it answers to a stats request."""

    def __init__(self, engine: FakeEngine, transport: Transport) -> None:
        self.engine, self.transport = engine, transport

    def says(self, reply: Reply, container: str = "web") -> None:
        self.engine.replies[f"/containers/{container}/stats"] = reply

    async def pour(self, idle: float = 60.0) -> tuple[bytes, Refusal | None]:
        given: list[bytes] = []
        refusal = await self.transport.pour(PATH, QUERY, idle, given.append)
        return b"".join(given), refusal


@asynccontextmanager
async def over_a_socket(
    folder: Path, kind: type[HttpTransport], interval: float = 0.0
) -> AsyncIterator[Site]:
    async with FakeEngine(folder / "s") as engine:
        transport = kind(parse_endpoint(engine.host), interval)
        yield Site(engine, transport)
        await transport.close()


@asynccontextmanager
async def over_tcp(_folder: Path) -> AsyncIterator[Site]:
    async with TcpEngine() as engine:
        transport = HttpTransport(parse_endpoint(engine.host.replace("127.0.0.1", "localhost")))
        yield Site(engine, transport)
        await transport.close()


@asynccontextmanager
async def over_tls(folder: Path) -> AsyncIterator[Site]:
    authority = Authority(folder / "site")
    server, mine = authority.signed("engine", ["127.0.0.1"]), authority.signed("monitor")
    tls = Tls(ca=str(authority.ca), cert=str(mine.cert), key=str(mine.key))
    async with TcpEngine(server.server(authority.ca)) as engine:
        transport = HttpTransport(parse_endpoint(engine.host, tls), 0.02)
        yield Site(engine, transport)
        await transport.close()


class Replayed(HttpTransport):
    """Pours what a recording of the same reply gives when it is played."""

    tape: Path

    async def pour(
        self, path: str, query: Query, idle_seconds: float, into: Into
    ) -> Refusal | None:
        engine, clock = RecordedEngine("local", self.address), SystemClock()
        writer = TapeWriter(self.tape, clock, lambda: None, force=True)
        writer.begin("0", [engine])
        with suppress(EngineError):
            recording = RecordingTransport(self, "local", writer, count(1))
            await poured(recording.stream(path, query, idle_seconds), lambda _: None)
        writer.close()
        with TapeReader(self.tape, lambda _: None) as reader:
            player = Player(reader.messages(), clock)
            playing = asyncio.create_task(player.play())
            try:
                return await player.transport(engine).pour(path, query, idle_seconds, into)
            finally:
                playing.cancel()


@asynccontextmanager
async def over_a_tape(folder: Path) -> AsyncIterator[Site]:
    async with over_a_socket(folder, Replayed) as site:
        site.transport.tape = folder / "tape"
        yield site


WAYS = {
    "iterated": lambda folder: over_a_socket(folder, Iterated),
    "unix": lambda folder: over_a_socket(folder, HttpTransport),
    "unix, now and then": lambda folder: over_a_socket(folder, HttpTransport, 0.02),
    "tcp": over_tcp,
    "tls": over_tls,
    "replayed": over_a_tape,
}
DRAINED = ("unix", "unix, now and then", "tcp", "tls")


@pytest.fixture
async def site(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Site]:
    async with WAYS[request.param](tmp_path) as made:
        yield made


each_way = pytest.mark.parametrize("site", WAYS, indirect=True)
each_drained = pytest.mark.parametrize("site", DRAINED, indirect=True)


def sending(*pieces: bytes, then: str = "close") -> Reply:
    """These bytes in as many writes, behind a head of chunks; then an end, or none."""

    async def stats(connection: Connection) -> None:
        await connection.begin_chunks()
        for piece in pieces:
            await connection.raw(piece)
            await asyncio.sleep(0)
        if then == "hold":
            await asyncio.Event().wait()
        connection.break_off()

    return stats


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


END = b"0\r\n\r\n"


@each_way
@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(places=st.lists(st.integers(1, 9000), max_size=8))
async def test_the_same_bytes_come_out_whatever_the_cuts(site: Site, places: list[int]) -> None:
    """Chunks and writes need not match."""
    data = chunk(EVENT) + chunk(EVENT[:7]) + chunk(EVENT[7:]) + END
    edges = sorted({0, len(data), *(place % len(data) for place in places)})
    site.says(sending(*(data[start:end] for start, end in pairwise(edges))))

    assert await site.pour() == (EVENT * 2, None)


@each_way
async def test_a_reply_without_chunks_ends_with_its_length_or_its_connection(site: Site) -> None:
    """As proxies send it."""

    async def until_closed(connection: Connection) -> None:
        await connection.raw(b"HTTP/1.0 200 OK\r\n\r\n" + EVENT)
        connection.break_off()

    site.says(lambda connection: connection.body(EVENT))
    assert await site.pour() == (EVENT, None)
    site.says(until_closed)
    assert await site.pour() == (EVENT, None)


@each_way
@pytest.mark.parametrize(
    ("status", "body"), [(404, b'{"message":"No such container: web"}\n'), (404, b""), (500, b"x")]
)
async def test_a_refusal_is_given_back_whole(site: Site, status: int, body: bytes) -> None:
    """Nothing of it is poured out."""
    site.says(lambda connection: connection.body(body, status))

    assert await site.pour() == (b"", Refusal(status, body))


@each_way
@pytest.mark.parametrize("sent", [b"", chunk(EVENT), chunk(EVENT) + b"bbb\r\n{", b"5"])
async def test_a_connection_that_breaks_off_is_lost(site: Site, sent: bytes) -> None:
    """Between chunks, inside one, or inside its size; what came before was given."""
    site.says(sending(sent))
    given: list[bytes] = []

    with pytest.raises(ConnectionLost, match="broke the connection off"):
        await site.transport.pour(PATH, QUERY, 60.0, given.append)
    assert EVENT.startswith(b"".join(given)[: len(EVENT)])


@each_way
async def test_an_engine_that_hangs_up_on_the_request_is_lost(site: Site) -> None:
    """Without a word."""

    async def hang_up(connection: Connection) -> None:
        connection.break_off()

    site.says(hang_up)
    with pytest.raises(ConnectionLost):
        await site.pour()


@each_way
async def test_what_does_not_speak_http_is_no_engine(site: Site) -> None:
    """Told as for any other request."""
    site.says(lambda connection: connection.raw(b"220 mail.example ESMTP ready\r\n\r\n"))

    with pytest.raises(NotAnEngine, match="does not speak HTTP as an engine does"):
        await site.pour()


async def test_an_engine_may_have_a_host_name_that_is_not_ascii() -> None:
    """It is asked for as any other, here in vain."""
    transport = HttpTransport(parse_endpoint("tcp://münchen.invalid:2375"))

    with pytest.raises(EngineUnreachable, match=r"tcp://münchen\.invalid"):
        await transport.pour(PATH, QUERY, 60.0, lambda _: None)
    await transport.close()


@each_drained
async def test_garbage_between_chunks_ends_the_stream(site: Site) -> None:
    """In one sentence; sizes that no engine sends are garbage, too."""
    for size in (b"-1", b"f" * 16, b"x" * 1000):
        site.says(sending(chunk(EVENT) + size + b"\r\n"))
        with pytest.raises(NotAnEngine, match="does not speak HTTP as an engine does"):
            await site.pour()


@each_way
async def test_an_object_of_any_size_comes_through(site: Site) -> None:
    """More than any buffer holds, in one chunk, with nothing behind it that would ring a bell."""
    whole = asyncio.Event()
    length = LONGEST + 1

    def count_up(piece: bytes) -> None:
        nonlocal length
        length -= len(piece)
        if not length:
            whole.set()

    then = "close" if isinstance(site.transport, Replayed) else "hold"
    site.says(sending(chunk(b"x" * length), *([END] if then == "close" else []), then=then))
    pouring = asyncio.create_task(site.transport.pour(PATH, QUERY, 60.0, count_up))

    await asyncio.wait_for(whole.wait(), 20)
    pouring.cancel()
    await asyncio.wait([pouring])


async def flood(connection: Connection) -> None:
    """Chunks as fast as they are taken."""
    await connection.begin_chunks()
    while True:
        await connection.raw(chunk(b"x" * GULP_BYTES))


@pytest.mark.parametrize("interval", [0.0, 0.05])
async def test_a_silent_stream_is_given_up_and_a_slow_one_is_not(
    tmp_path: Path, interval: float
) -> None:
    """Silence is measured from the last byte, and noticed at the next look."""

    async def slow(connection: Connection) -> None:
        await connection.begin_chunks()
        while True:
            await connection.raw(chunk(EVENT))
            await asyncio.sleep(0.1)

    async with over_a_socket(tmp_path, HttpTransport, interval) as site:
        site.says(slow, "slow")
        site.says(flood, "flood")
        site.says(sending(chunk(EVENT), then="hold"))
        going_on = [
            asyncio.create_task(site.transport.pour(path_of(container), {}, 3.0, ignore))
            for container in ("slow", "flood", "flood")
        ]

        with pytest.raises(EngineUnreachable, match="does not answer in time"):
            await site.pour(idle=3.0)
        assert not any(each.done() for each in going_on)
        for each in going_on:
            each.cancel()
        await asyncio.wait(going_on)


@each_drained
async def test_a_stream_that_floods_holds_no_other_up(site: Site) -> None:
    """Each is read in turn, and the flooding one all the time."""
    flooded, quiet = Counted(), Counted()

    async def some(connection: Connection) -> None:
        await connection.begin_chunks()
        for _ in range(5):
            await connection.raw(chunk(EVENT))
            await asyncio.sleep(0.03)
        await connection.end_chunks()

    site.says(flood, "flood")
    site.says(some)
    flooding = [
        asyncio.create_task(site.transport.pour(path_of("flood"), {}, 60.0, flooded))
        for _ in range(3)
    ]
    assert await site.transport.pour(PATH, QUERY, 60.0, quiet) is None
    seen = flooded.bytes
    await wait_until_async(lambda: flooded.bytes > seen + GULP_BYTES, 10, "the flood goes on")
    for each in flooding:
        each.cancel()
    await asyncio.wait(flooding)

    assert quiet.bytes == 5 * len(EVENT)


@each_drained
async def test_a_stream_that_is_cancelled_leaves_no_descriptor(site: Site) -> None:
    """Its socket is closed at once, so that the engine stops, too."""
    site.says(sending(chunk(EVENT), then="hold"))
    before, seen = descriptors(), Counted()
    pouring = asyncio.create_task(site.transport.pour(PATH, QUERY, 60.0, seen))
    await wait_until_async(lambda: seen.bytes, 10, "an event")

    pouring.cancel()
    await asyncio.wait([pouring])

    assert pouring.cancelled()
    # Two at each end: the drain keeps its epoll until the transport is closed.
    await wait_until_async(lambda: descriptors() <= before + 1, 10, "both ends are closed")


async def test_a_thousand_streams_open_and_close_at_once(tmp_path: Path) -> None:
    """All deliver, however short the engine's queue; nothing is left of them."""
    before, many = descriptors(), 1000
    async with over_a_socket(tmp_path, HttpTransport, 0.05) as site:
        site.says(sending(chunk(EVENT), then="hold"))
        seen = [Counted() for _ in range(many)]
        pouring = [
            asyncio.create_task(site.transport.pour(PATH, QUERY, 60.0, each)) for each in seen
        ]
        await wait_until_async(lambda: all(each.bytes == len(EVENT) for each in seen), 30, "all")
        for each in pouring:
            each.cancel()
        await asyncio.wait(pouring)
    gc.collect()

    await wait_until_async(lambda: descriptors() <= before, 10, "all sockets are closed")


async def test_a_full_queue_of_an_engine_is_waited_for(tmp_path: Path) -> None:
    """A unix socket refuses then, and tells nobody when there is room."""
    path, loop = tmp_path / "s", asyncio.get_running_loop()
    with socket.socket(socket.AF_UNIX) as listener, ExitStack() as others:
        listener.bind(str(path))
        listener.listen(0)
        listener.setblocking(False)
        with suppress(BlockingIOError):
            while True:
                other = others.enter_context(socket.socket(socket.AF_UNIX))
                other.setblocking(False)
                other.connect(str(path))
        transport, seen = HttpTransport(parse_endpoint(f"unix://{path}")), Counted()
        pouring = asyncio.create_task(transport.pour(PATH, QUERY, 60.0, seen))
        await asyncio.sleep(0.05)
        assert not pouring.done()

        while not pouring.done():
            with suppress(TimeoutError):
                accepted, _ = await asyncio.wait_for(loop.sock_accept(listener), 0.05)
                others.enter_context(accepted)
                accepted.send(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nyes")

        assert await pouring is None
        assert seen.bytes == 3
        await transport.close()


async def test_an_engine_that_takes_no_request_is_given_up(tmp_path: Path) -> None:
    """One that accepts and never reads is as one that does not answer."""
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        transport = HttpTransport(parse_endpoint(f"unix://{path}"))
        longer_than_a_buffer = PATH + "x" * 4_000_000
        with pytest.raises(EngineUnreachable, match="does not answer in time"):
            async with asyncio.timeout(30):
                await transport.pour(longer_than_a_buffer, QUERY, 60.0, ignore)
        await transport.close()


@each_way
async def test_a_failure_of_who_takes_the_bytes_is_its_own(site: Site) -> None:
    """It comes out as it is, even if it looks like one of the connection; others go on."""
    site.says(sending(chunk(EVENT), then="hold"))
    site.says(sending(chunk(EVENT), END), "other")

    def fail(_piece: bytes) -> None:
        raise OSError("a bug")

    seen = Counted()
    if isinstance(site.transport, Replayed):
        site.says(sending(chunk(EVENT), END))
    else:
        assert await site.transport.pour(path_of("other"), {}, 60.0, seen) is None
        assert seen.bytes == len(EVENT)
    with pytest.raises(OSError, match="a bug"):
        await site.transport.pour(PATH, QUERY, 60.0, fail)


@pytest.mark.parametrize(("limit", "streams"), [(256, 220), (64, 60)])
async def test_a_process_that_may_open_no_more_says_so(
    tmp_path: Path, limit: int, streams: int
) -> None:
    """The streams that are open go on, a list still answers; the limit is named, and the remedy."""
    async with FakeEngine(tmp_path / "s") as engine:
        path = f"/v1.41/containers/{engine.add('web', streaming(frame(1)))}/stats"
        script = Path(__file__).parent / "few_descriptors.py"
        ran = await asyncio.create_subprocess_exec(
            *(sys.executable, str(script), engine.host, path, str(limit), str(streams)),
            stdout=subprocess.PIPE,
        )
        out, _ = await asyncio.wait_for(ran.communicate(), 60)

    delivering, listed, sentences = json.loads(out)
    assert limit / 2 < delivering < streams
    assert listed == 1
    assert {*sentences} == {
        f"this process may open {limit} files and sockets, which is too few for all streams of the"
        f' engine at {engine.host}; raise that limit ("ulimit -n", LimitNOFILE= of systemd,'
        " --ulimit nofile= of docker run)."
    }


class Counted:
    """Takes bytes and keeps their number."""

    def __init__(self) -> None:
        self.bytes = 0

    def __call__(self, piece: bytes) -> None:
        self.bytes += len(piece)


def ignore(_piece: bytes) -> None:
    pass


def path_of(container: str) -> str:
    return f"/v1.41/containers/{container}/stats"


def descriptors() -> int:
    """How many this process has open."""
    return sum(1 for _ in Path("/proc/self/fd").iterdir())
