"""A replaying transport answers as the recorded engine did, when it did."""

import asyncio

import pytest

from manual_clock import ManualClock, settle
from tidegauge.docker.replaying import AHEAD, WAITING, Player
from tidegauge.docker.tape import Message, RecordedEngine
from tidegauge.errors import ConnectionLost, EngineError, EngineUnreachable, NotAnEngine

LIST = "/v1.41/containers/json"
STATS = "/v1.41/containers/abc/stats"


class Tape:
    """Messages written by hand; each exchange has a number of its own."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self._numbers = 0

    def get(self, asked: float, answered: float, text: str, request: str = LIST, **more) -> None:
        self._numbers += 1
        self._add(asked, "asked", request)
        self._add(answered, more.pop("what", "reply"), request, status=200, text=text, **more)

    def stream(
        self, asked: float, *chunks: tuple[float, str], end: str = "", request: str = STATS, **more
    ) -> None:
        self._numbers += 1
        self._add(asked, "asked", request)
        self._add(asked, "opened", request, status=200)
        for at, text in chunks:
            self._add(at, "chunk", request, text=text)
        if end:
            self._add(chunks[-1][0] if chunks else asked, end, request, **more)

    def _add(self, at, what, request, **more):
        message = Message(at, what, self._numbers, "local", request, **more)
        self.messages.append(message)


class Playing:
    """A player at work on a clock of the test's."""

    def __init__(self, tape: Tape) -> None:
        self.clock = ManualClock()
        messages = sorted(tape.messages, key=lambda message: message.t)
        self.player = Player(messages, self.clock)
        self.transport = self.player.transport(RecordedEngine("local", "unix:///s"))

    async def __aenter__(self):
        self._task = asyncio.create_task(self.player.play())
        await settle()
        return self

    async def __aexit__(self, *_):
        self._task.cancel()
        await asyncio.wait([self._task])

    @property
    def over(self) -> bool:
        return self._task.done()

    async def get(self, path: str = LIST) -> str:
        reply = await self.transport.get(path, {"all": "1"})
        return reply.body.decode() if reply.status == 200 else str(reply.status)

    async def read(self, into: list[str], path: str = STATS) -> None:
        async with self.transport.stream(path, {}, 60) as opened:
            async for chunk in opened.chunks:
                into += [chunk.decode()]
        into.append("end")


async def test_a_reply_comes_at_its_time():
    """Not before it came then; the request waits for it."""
    tape = Tape()
    tape.get(0.0, 0.5, "first")
    async with Playing(tape) as playing:
        asking = asyncio.create_task(playing.get())
        await playing.clock.advance(0.4)
        assert not asking.done()
        await playing.clock.advance(0.2)

        assert await asking == "first"
    assert playing.transport.address == "unix:///s"


async def test_the_next_request_gets_the_next_reply_if_it_is_about_its_time():
    """A program a little faster than the one that recorded waits for what that one heard."""
    tape = Tape()
    tape.get(0.0, 0.0, "first")
    tape.get(5.1, 5.2, "second")
    async with Playing(tape) as playing:
        assert await playing.get() == "first"
        await playing.clock.advance(5.0)
        asking = asyncio.create_task(playing.get())
        await playing.clock.advance(0.1)
        assert not asking.done()
        await playing.clock.advance(0.2)
        assert await asking == "second"


async def test_a_request_too_many_gets_the_newest_reply():
    """More often asked than it was recorded: no stall."""
    tape = Tape()
    tape.get(0.0, 0.0, "first")
    tape.get(60.0, 60.0, "second")
    tape.stream(0.0, *((float(second), "x") for second in range(80)))
    async with Playing(tape) as playing:
        assert [await playing.get() for _ in range(3)] == ["first"] * 3
        await playing.clock.advance(60.0 - AHEAD - 2)
        assert await playing.get() == "first"


async def test_a_late_request_gets_what_is_true_now():
    """Less often asked: replies nobody wanted are passed over."""
    tape = Tape()
    for second in range(5):
        tape.get(second, second, str(second))
    async with Playing(tape) as playing:
        await playing.clock.advance(3.5)

        assert await playing.get() == "3"


async def test_version_and_query_are_the_recorders():
    """A newer program may speak a newer API and ask for more."""
    tape = Tape()
    tape.get(0.0, 0.0, "all", "/v1.41/containers/json?all=1")
    async with Playing(tape) as playing:
        assert await playing.get("/v1.55/containers/json") == "all"


async def test_a_list_with_sizes_is_another_than_one_without():
    """Neither answers for the other, whichever was asked for nearer to now."""
    tape = Tape()
    tape.get(0.0, 0.0, "plain")
    tape.get(0.0, 0.0, "sized", request=f"{LIST}?all=1&size=1")
    async with Playing(tape) as playing:
        await settle()
        for _ in range(2):
            assert await playing.get() == "plain"
            reply = await playing.transport.get(LIST, {"all": "1", "size": "1"})
            assert reply.body == b"sized"


async def test_what_was_never_asked_is_not_found():
    """At once: the program goes on as with an engine that has no such thing."""
    tape = Tape()
    tape.get(0.0, 0.0, "first")
    async with Playing(tape) as playing:
        assert await playing.get("/v1.41/containers/zzz/json") == "404"


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("EngineUnreachable", EngineUnreachable),
        ("NotAnEngine", NotAnEngine),
        ("FromTheFuture", ConnectionLost),
    ],
)
async def test_errors_come_again(name, kind):
    """Of the same kind and with the same words."""
    tape = Tape()
    tape.get(0.0, 0.0, "no engine.", what="failed", error=name)
    async with Playing(tape) as playing:
        with pytest.raises(EngineError) as raised:
            await playing.get()

    assert type(raised.value) is kind
    assert str(raised.value) == "no engine."


async def test_a_request_the_recorder_gave_up_is_passed_over():
    """The next one answers, or nothing does."""
    tape = Tape()
    tape.get(0.0, 1.0, "", what="closed")
    tape.get(2.0, 2.5, "second")
    async with Playing(tape) as playing:
        asking = asyncio.create_task(playing.get())
        await playing.clock.advance(2.4)
        assert not asking.done()
        await playing.clock.advance(0.2)
        assert await asking == "second"


async def test_chunks_come_at_their_times_and_the_end_is_the_end():
    """A clean end ends the stream."""
    tape, got = Tape(), []
    tape.stream(0.0, (1.0, "a"), (2.0, "b"), end="end")
    async with Playing(tape) as playing:
        reading = asyncio.create_task(playing.read(got))
        await playing.clock.advance(1.5)
        assert got == ["a"]
        await playing.clock.advance(0.5)
        await reading

    assert got == ["a", "b", "end"]


async def test_a_stream_that_broke_off_breaks_off():
    """With the recorded words."""
    tape, got = Tape(), []
    tape.stream(0.0, (1.0, "a"), end="failed", error="ConnectionLost", text="gone.")
    async with Playing(tape) as playing:
        reading = asyncio.create_task(playing.read(got))
        await playing.clock.advance(1.5)
        with pytest.raises(ConnectionLost, match="gone"):
            await reading

    assert got == ["a"]


async def test_a_stream_asked_for_early_waits_and_late_misses_nothing():
    """Opened before it was recorded, or after its first chunks came."""
    tape, early, late = Tape(), [], []
    tape.stream(5.0, (6.0, "a"), (7.0, "b"), end="end")
    tape.stream(20.0, (21.0, "c"), (22.0, "d"), end="end")
    async with Playing(tape) as playing:
        first = asyncio.create_task(playing.read(early))
        await playing.clock.advance(10)
        await first
        await playing.clock.advance(11.5)
        second = asyncio.create_task(playing.read(late))
        await settle()
        assert late == ["c"]
        await playing.clock.advance(2)
        await second

    assert early == ["a", "b", "end"]
    assert late == ["c", "d", "end"]


async def test_a_stream_the_recorder_closed_goes_on_with_the_next():
    """A program that does not close it there loses nothing."""
    tape, got = Tape(), []
    tape.stream(0.0, (1.0, "a"), end="closed")
    tape.stream(2.0, (3.0, "b"), end="end")
    async with Playing(tape) as playing:
        reading = asyncio.create_task(playing.read(got))
        await playing.clock.advance(4)
        await reading

    assert got == ["a", "b", "end"]


async def test_of_a_stream_nobody_opens_little_is_kept():
    """Memory is bounded; the newest chunks are there for who comes late."""
    tape, got = Tape(), []
    tape.stream(0.0, *((0.1 * number, f"{number} ") for number in range(200)), end="end")
    async with Playing(tape) as playing:
        await playing.clock.advance(30)
        await playing.read(got)

    assert len(got) == WAITING - 1  # with "opened" and "end"
    assert got[-2:] == ["199 ", "end"]


async def test_the_play_is_over_when_all_is_worked_off():
    """A reader that is still busy with the last chunk is waited for."""
    tape, got, work = Tape(), [], asyncio.Event()
    tape.stream(0.0, (1.0, "a"))
    async with Playing(tape) as playing:

        async def slow():
            async with playing.transport.stream(STATS, {}, None) as opened:
                async for chunk in opened.chunks:
                    await work.wait()
                    got.append(chunk)

        reading = asyncio.create_task(slow())
        await playing.clock.advance(5)
        assert not playing.over
        work.set()
        await playing.clock.advance(1)
        assert playing.over
        assert playing.player.played == 3
        assert playing.player.seconds == 1.0
        reading.cancel()
        await asyncio.wait([reading])

    assert got == [b"a"]


async def test_messages_of_no_known_request_are_passed_over():
    """Of an exchange whose end was played, say; a damaged file has such."""
    tape = Tape()
    tape.get(0.0, 0.0, "first")
    tape.messages += [
        Message(0.5, "chunk", 77),
        Message(0.6, "reply", 1, "local", LIST, 200, text="late"),
    ]
    async with Playing(tape) as playing:
        assert await playing.get() == "first"
        await playing.clock.advance(2)
        assert playing.over
