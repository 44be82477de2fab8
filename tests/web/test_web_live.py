"""Server-sent events: one look for all, the newest state for the slow, none when nobody watches."""

import asyncio
import json
import re
import socket
from collections.abc import AsyncIterator

import aiohttp
import pytest
from served import ENGINE, Served, serving

from manual_clock import ManualClock, settle
from snapshots import a_journal
from tidegauge.clock import SystemClock
from tidegauge.docker.frames import Container
from tidegauge.docker.lives import Condition, LifeEvent
from tidegauge.errors import Unanswerable
from tidegauge.web import answers, live, server
from tidegauge.web.live import Beat, Live, Viewer
from tidegauge.web.views import EventView, LiveContainer, LiveStatus, Values
from waiting import wait_until_async

WEB = Container(ENGINE, "c0ffee", "web", "web")


def state(cpu: float) -> LiveContainer:
    return LiveContainer("running", None, cpu, Values(cpu=cpu))


class Sight:
    """Implements `tidegauge.web.live.Sight` with what a test sets."""

    def __init__(self) -> None:
        self.seen: dict[str, LiveContainer] = {}
        self.looks = 0
        self.told_of: list[frozenset[str]] = []

    def containers(self) -> dict[str, LiveContainer]:
        self.looks += 1
        return dict(self.seen)

    def watched(self, keys: frozenset[str]) -> None:
        self.told_of.append(keys)

    def status(self, viewers: int) -> LiveStatus:
        return LiveStatus(0.0, [], [], None, viewers)


class Running:
    """A `Live` at work, on a clock that stands still."""

    def __init__(self) -> None:
        self.sight, self.clock = Sight(), ManualClock()
        self.journal, self.sentences = a_journal()
        self.live = Live(self.sight, self.clock, self.journal)
        self._task = asyncio.create_task(self.live.run())

    async def close(self) -> None:
        self._task.cancel()
        await asyncio.wait([self._task])


@pytest.fixture
async def at_work() -> AsyncIterator[Running]:
    one = Running()
    yield one
    await one.close()


def told(message: bytes) -> list[tuple[str, dict]]:
    """The events in some bytes of a stream."""
    found = re.findall(r"event: (\w+)\ndata: (.*)\n\n", message.decode())
    return [(kind, json.loads(data)) for kind, data in found]


def values(data: dict) -> dict[str, float]:
    return {key: each["values"]["cpu"] for key, each in data["containers"].items()}


async def test_the_first_view_is_whole_and_later_ones_are_changes(at_work) -> None:
    """What is gone is named; seconds without a change come too."""
    at_work.sight.seen = {"e/a": state(1), "e/b": state(2)}
    viewer = at_work.live.join(frozenset())
    messages = viewer.messages(at_work.clock)
    assert await anext(messages) == b"retry: 2000\n\n"
    (kind, data), (status, _) = told(await anext(messages))
    assert (kind, status) == ("overview", "status")
    assert data == {
        "at": 1000.0,
        "containers": {
            "e/a": {"state": "running", "health": None, "sampled_at": 1, "values": {"cpu": 1}},
            "e/b": {"state": "running", "health": None, "sampled_at": 2, "values": {"cpu": 2}},
        },
        "gone": [],
    }
    at_work.sight.seen = {"e/a": state(1), "e/c": state(3)}
    await at_work.clock.advance(1)
    ((_, data),) = told(await anext(messages))
    assert (data["at"], values(data), data["gone"]) == (1001.0, {"e/c": 3}, ["e/b"])
    await at_work.clock.advance(1)
    ((_, data),) = told(await anext(messages))
    assert (values(data), data["gone"]) == ({}, [])


async def test_who_reads_slowly_gets_the_newest_at_once(at_work) -> None:
    """Seconds are merged: nothing that still holds is missing, nothing old is there."""
    at_work.sight.seen = {"e/a": state(1), "e/b": state(1), "e/c": state(1)}
    slow, fast = at_work.live.join(frozenset()), at_work.live.join(frozenset())
    await take(fast)
    await take(slow)
    for n, there in enumerate(("abc", "ab", "bd", "bcd"), start=2):
        at_work.sight.seen = {f"e/{key}": state(n if key != "b" else 2) for key in there}
        await at_work.clock.advance(1)
        await take(fast)
    ((kind, data),) = told(await take(slow))

    assert kind == "overview"
    assert values(data) == {"e/b": 2, "e/c": 5, "e/d": 5}
    assert (data["gone"], data["at"]) == (["e/a"], 1004.0)


async def take(viewer: Viewer) -> bytes:
    """What waits for a viewer."""
    return viewer._take()


async def test_nobody_watching_is_no_work(at_work) -> None:
    """Neither before the first viewer nor after the last one."""
    await at_work.clock.advance(10)
    assert at_work.sight.looks == 0
    viewer = at_work.live.join(frozenset())
    assert (at_work.sight.looks, at_work.live.viewers) == (1, 1)
    await at_work.clock.advance(3)
    assert at_work.sight.looks == 4
    at_work.live.leave(viewer)
    await at_work.clock.advance(10)
    assert (at_work.sight.looks, at_work.live.viewers) == (4, 0)
    assert at_work.live._known == {}


async def test_a_second_is_looked_at_and_encoded_once_for_all(at_work, monkeypatch) -> None:
    """Whoever keeps up gets the same bytes; only those who chose get their own."""
    encoded = []
    message = live.message

    def counting(kind, data):
        encoded.append(kind)
        return message(kind, data)

    viewers = [at_work.live.join(frozenset()) for _ in range(50)]
    chosen = at_work.live.join(frozenset({"e/a"}))
    for viewer in (*viewers, chosen):
        await take(viewer)
    monkeypatch.setattr(live, "message", counting)
    at_work.sight.seen = {"e/a": state(1), "e/b": state(2)}
    await at_work.clock.advance(1)
    taken = [await take(viewer) for viewer in viewers]

    assert encoded == ["overview"]
    assert len(set(taken)) == 1
    ((_, data),) = told(await take(chosen))
    assert values(data) == {"e/a": 1}


async def test_those_that_are_watched_are_told_each_second(at_work) -> None:
    """So that they are followed more closely; each set of them once."""
    viewers = [at_work.live.join(frozenset({"e/a"})) for _ in range(2)]
    at_work.sight.told_of.clear()
    await at_work.clock.advance(2)

    assert at_work.sight.told_of == [frozenset({"e/a"})] * 2
    for viewer in viewers:
        at_work.live.leave(viewer)
    await at_work.clock.advance(2)
    assert len(at_work.sight.told_of) == 2


async def test_the_status_comes_every_five_seconds(at_work) -> None:
    """And at once."""
    viewer = at_work.live.join(frozenset())
    kinds = []
    for _ in range(11):
        kinds.append([kind for kind, _ in told(await take(viewer))])
        await at_work.clock.advance(1)
    with_status = [n for n, each in enumerate(kinds) if "status" in each]
    assert with_status == [0, 5, 10]


async def test_events_wait_and_the_oldest_make_room(at_work) -> None:
    """A hundred for each viewer; what is dropped is counted. Those of others are not told."""
    all_of_them, chosen = at_work.live.join(frozenset()), at_work.live.join(frozenset({"e/a"}))
    for n in range(130):
        at_work.live.happened(EventView(float(n), "container:e/b", "start", {}))
    at_work.live.happened(EventView(130.0, "container:e/a", "die", {"exit_code": 1}))
    happened = [data for kind, data in told(await take(all_of_them)) if kind == "happened"]

    assert [data["at"] for data in happened] == [float(n) for n in range(31, 131)]
    assert at_work.journal.counts == {live.DROPPED: 31}
    assert [data for kind, data in told(await take(chosen)) if kind == "happened"] == [
        {"at": 130.0, "entity": "container:e/a", "kind": "die", "facts": {"exit_code": 1}}
    ]


async def test_a_hundred_may_watch(at_work) -> None:
    """One more is refused, until somebody leaves."""
    viewers = [at_work.live.join(frozenset()) for _ in range(100)]
    with pytest.raises(Unanswerable) as refused:
        at_work.live.join(frozenset())
    assert refused.value.status == 503
    assert str(refused.value) == ("100 viewers watch already, and more are not served; try later.")
    at_work.live.leave(viewers[0])
    at_work.live.join(frozenset())


async def test_a_silent_connection_is_kept_alive() -> None:
    """With a comment after 15 s; the end of everything ends it."""
    clock = ManualClock()
    viewer = Viewer(frozenset(), lambda: None)
    messages = viewer.messages(clock)
    await anext(messages)
    waiting = asyncio.ensure_future(anext(messages))
    await clock.advance(14)
    assert not waiting.done()
    await clock.advance(1)
    assert await waiting == b": keep-alive\n\n"
    viewer.end()
    assert [each async for each in messages] == []


async def test_a_look_that_fails_costs_a_second(at_work) -> None:
    """It is told once, and looked again."""
    viewer = at_work.live.join(frozenset())
    await take(viewer)
    broken, at_work.sight.containers = at_work.sight.containers, lambda: 1 / 0
    await at_work.clock.advance(2)
    at_work.sight.containers = broken
    await at_work.clock.advance(1)

    assert at_work.journal.counts[live.FAILED] == 2
    assert at_work.sentences[0] == (
        "a look for viewers failed: ZeroDivisionError('division by zero')."
    )
    assert [kind for kind, _ in told(await take(viewer))] == ["overview"]


def test_merging_is_the_same_in_any_grouping() -> None:
    """(a, b), c is a, (b, c)."""
    a = Beat(1.0, {"x": state(1), "y": state(1)}, ["z"])
    b = Beat(2.0, {"z": state(2)}, ["x"])
    c = Beat(3.0, {"x": state(3)}, ["y"])
    one, other = a.then(b).then(c), a.then(b.then(c))

    assert (one.containers, set(one.gone), one.at) == (other.containers, set(other.gone), other.at)
    assert (one.containers, set(one.gone)) == ({"z": state(2), "x": state(3)}, {"y"})


async def test_it_comes_over_http() -> None:
    """With the headers that proxies and browsers need; happenings as they happen."""
    served = Served(clock=SystemClock())
    await served.see_recording()
    async with serving(served) as client, client.get("/api/v1/live") as reply:
        assert reply.status == 200
        assert reply.headers["Content-Type"] == "text/event-stream"
        assert reply.headers["Cache-Control"] == "no-store"
        assert reply.headers["X-Accel-Buffering"] == "no"
        assert "Content-Encoding" not in reply.headers
        assert await reply.content.readuntil(b"\n\n") == b"retry: 2000\n\n"
        ((kind, data),) = told(await reply.content.readuntil(b"\n\n"))
        assert (kind, data["containers"]["e/web"]["values"]["pids"]) == ("overview", 1)
        await served.see(
            LifeEvent(WEB, "die", served_at(served), exit_code=1, lifetime=2.5),
            Condition(WEB, "running", before="older"),
        )
        found: list[tuple[str, dict]] = []
        while len(found) < 2:
            message = told(await reply.content.readuntil(b"\n\n"))
            found += [each for each in message if each[0] == "happened"]
        assert found[0][1]["facts"] == {"exit_code": 1, "lifetime": 2.5}
        assert (found[1][1]["kind"], found[1][1]["facts"]) == (
            "recreated",
            {"before": "older", "now": "c0ffee"},
        )
        async with client.head("/api/v1/live") as head:
            assert head.headers["Content-Type"] == "text/event-stream"
        assert served.live.viewers == 1
    assert served.live.viewers == 0


def served_at(served: Served):
    return served.recent.of(WEB).interval.now.read


async def test_a_viewer_that_stops_reading_is_cut_off_and_holds_little(monkeypatch) -> None:
    """Meanwhile others get every second, and what is kept for it stays as small as one state."""
    monkeypatch.setattr(answers, "DEADLINE", 0.5)
    monkeypatch.setattr(live, "BEAT", 0.01)
    served = Served(clock=SystemClock())
    big = "x" * 20_000
    beats = 0

    def containers():
        nonlocal beats
        beats += 1
        return {f"e/{n}": LiveContainer(big, None, float(beats), Values()) for n in range(20)}

    served.now.containers = containers
    async with serving(served) as client:
        host, _, port = served.url.removeprefix("http://").partition(":")
        with socket.create_connection((host, int(port))) as stalled:
            stalled.sendall(b"GET /api/v1/live HTTP/1.1\r\nHost: localhost\r\n\r\n")
            await wait_until_async(lambda: served.live.viewers == 1, 10, "it watches")
            (viewer,) = served.live._viewers
            async with client.get("/api/v1/live") as reply:
                for _ in range(30):
                    await reply.content.readuntil(b"\n\n")
                await wait_until_async(lambda: served.live.viewers == 1, 20, "it is cut off")
                assert viewer not in served.live._viewers
                assert len(viewer._beat.containers) == 20
                before = beats
                await reply.content.readuntil(b"\n\n")
                await wait_until_async(lambda: beats > before, 10, "others go on")
    assert served.live.viewers == 0


async def test_a_stop_lets_viewers_go(monkeypatch) -> None:
    """At once; a browser comes back after two seconds."""
    monkeypatch.setattr(server, "CLOSING_SECONDS", 30.0)
    served = Served(clock=SystemClock())
    async with serving(served) as client:
        reply = await client.get("/api/v1/live")
        await reply.content.readuntil(b"\n\n")
        loop = asyncio.get_running_loop()
        begun = loop.time()
    assert loop.time() - begun < 10
    assert served.live.viewers == 0
    reply.close()
    await settle()


async def test_a_stream_with_a_bug_is_cut_off(monkeypatch) -> None:
    """Nothing that is no event is sent behind what was; it is told."""
    served = Served(clock=SystemClock())
    monkeypatch.setattr(live, "message", lambda *_: 1 / 0)
    monkeypatch.setattr(served.live, "_told", lambda: b"")
    async with serving(served) as client, client.get("/api/v1/live") as reply:
        assert await reply.content.readuntil(b"\n\n") == b"retry: 2000\n\n"
        with pytest.raises(aiohttp.ClientError):
            await reply.content.read()
    assert served.sentences[1:] == ["a web page failed: ZeroDivisionError('division by zero')."]
    assert served.live.viewers == 0


async def test_the_hundred_and_first_hears_why() -> None:
    """503 in JSON."""
    served = Served(clock=SystemClock())
    for _ in range(100):
        served.live.join(frozenset())
    async with serving(served) as client, client.get("/api/v1/live") as reply:
        assert reply.status == 503
        assert "100 viewers" in (await reply.json())["error"]
