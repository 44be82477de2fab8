"""Streams are held through whatever happens to containers and to the engine."""

import asyncio
import json

import pytest
import structlog

from fakes.engine import FakeEngine
from tidegauge.backoff import Backoff
from tidegauge.clock import SystemClock
from tidegauge.docker.choice import Choice
from tidegauge.docker.client import EngineClient
from tidegauge.docker.endpoint import parse_endpoint
from tidegauge.docker.following import Follower
from tidegauge.docker.frames import Sample
from tidegauge.docker.holding import NOTICES_KEPT
from tidegauge.docker.lives import Condition, LifeEvent
from tidegauge.docker.transport import HttpTransport
from tidegauge.errors import NoSocketLeft
from tidegauge.journal import Journal
from tidegauge.streams import sink
from waiting import wait_until_async

EVERYTHING = Choice({}, ["**"], [])


class QuickClock(SystemClock):
    """Real turns of the loop, but nobody waits long; ``slept`` is what each wanted to."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        await asyncio.sleep(seconds / 100)


def frame(second: int, total: int = 10**9) -> bytes:
    read = f"2026-11-22T10:00:{second:02}.5Z"
    return json.dumps({"read": read, "cpu_stats": {"cpu_usage": {"total_usage": total}}}).encode()


def streaming(*chunks: bytes, end: str = "hold"):
    """A stats stream of these chunks, which then stays open, ends, or breaks off."""

    async def stats(connection):
        await connection.begin_chunks()
        for chunk in chunks:
            await connection.chunk(chunk)
        if end == "hold":
            await asyncio.Event().wait()
        elif end == "end":
            await connection.end_chunks()
        else:
            connection.break_off()

    return stats


class Watch:
    """A follower at work: its samples by alias, what it logged."""

    def __init__(
        self,
        host: str,
        choice: Choice,
        journal: Journal | None = None,
        name: str = "local",
        transport: type[HttpTransport] = HttpTransport,
    ) -> None:
        self.logged: list[dict[str, object]] = []
        log = structlog.wrap_logger(None, processors=[self._keep])
        self.journal = journal or Journal(log)
        client = EngineClient(name, transport(parse_endpoint(host)))
        self.clock = QuickClock()
        self.follower = Follower(client, choice, self.journal, self.clock, lambda: 0.5)
        self.samples: list[tuple[str, int]] = []
        self.told: list[LifeEvent | Condition] = []

    def _keep(self, _logger, _method, event):
        self.logged.append(event)
        raise structlog.DropEvent

    def seen(self, alias: str) -> list[int]:
        return [second for name, second in self.samples if name == alias]

    def events(self):
        """Name, kind, exit code and lifetime of each event told."""
        return [
            (told.container.alias, told.kind, told.exit_code, told.lifetime)
            for told in self.told
            if isinstance(told, LifeEvent)
        ]

    def states(self, alias: str) -> list[str]:
        """The states told of one container."""
        return [
            "gone" if told.gone else told.state
            for told in self.told
            if isinstance(told, Condition) and told.container.alias == alias
        ]

    def said(self, code: str) -> list[str]:
        key = code.replace(" ", "_")
        return [str(event["event"]) for event in self.logged if event.get("code") == key]

    async def __aenter__(self):
        def keep(seen):
            if isinstance(seen, Sample):
                self.samples.append((seen.container.alias, seen.frame.read.second))
            else:
                self.told.append(seen)

        self._task = asyncio.create_task((self.follower.source() >> sink(keep)).run())
        return self

    async def __aexit__(self, *_):
        self._task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await self._task


async def test_every_chosen_container_is_streamed(engine):
    """Samples of all chosen containers come; those of others do not."""
    engine.add("web", streaming(frame(1) + b"\n", frame(2) + b"\n"))
    engine.add("db", streaming(frame(3) + b"\n"))
    engine.add("noise", streaming(frame(4) + b"\n"))

    async with Watch(engine.host, Choice({}, ["**"], ["noise"])) as watch:
        await wait_until_async(lambda: len(watch.samples) == 3, 20, "three samples")

    assert watch.seen("web") == [1, 2]
    assert watch.seen("db") == [3]


async def test_a_missing_container_is_reported_and_picked_up_when_it_appears(engine):
    """The others go on meanwhile; both its absence and its coming are told once."""
    engine.add("web", streaming(frame(1) + b"\n"))
    choice = Choice({"web": "web", "late": "shop-late"}, [], [])

    async with Watch(engine.host, choice) as watch:
        await wait_until_async(lambda: watch.seen("web"), 20, "the present one is watched")
        engine.add("late", streaming(frame(7) + b"\n"))
        await engine.ring("start")
        await wait_until_async(lambda: watch.seen("shop-late"), 20, "the late one is watched")

    assert watch.said("container missing") == [
        'engine local has no container "late" yet; it is watched as soon as it appears.'
    ]
    assert [e["container"] for e in watch.logged if e["event"] == "container appeared"] == ["late"]


async def test_an_engine_that_goes_away_is_told_in_one_line(tmp_path):
    """Not one more for each of its containers."""
    async with FakeEngine(tmp_path / "s") as engine:
        for number in range(20):
            engine.add(f"c{number}", streaming(frame(1) + b"\n"))
        watch = Watch(engine.host, EVERYTHING)
        await watch.__aenter__()
        await wait_until_async(lambda: len(watch.samples) == 20, 20, "all are watched")
    await wait_until_async(lambda: watch.journal.counts["engine lost"] > 1, 20, "it is tried again")
    await watch.__aexit__()

    assert watch.said("stream lost") == []
    assert len(watch.said("engine lost")) == 1


async def test_garbage_is_counted_told_once_and_the_stream_goes_on(engine):
    """Half an object and noise between samples cost nothing but themselves."""
    torn = frame(9)[:40] + b"\n"
    engine.add("web", streaming(frame(1) + b"\n" + torn, b"noise\n" + frame(2) + b"\n"))

    async with Watch(engine.host, EVERYTHING) as watch:
        await wait_until_async(lambda: watch.seen("web") == [1, 2], 20, "both samples")

    assert watch.journal.counts["garbage received"] == 2
    (told,) = watch.said("garbage received")
    assert told.startswith("engine local sent something that is no message (web): ")


async def test_a_broken_stream_is_reopened_and_delays_no_other(engine):
    """One container's stream breaks off again and again; both containers go on."""
    engine.add("flaky", streaming(frame(1) + b"\n", end="break"))
    engine.add("web", streaming(frame(5) + b"\n"))

    async with Watch(engine.host, EVERYTHING) as watch:
        await wait_until_async(lambda: len(watch.seen("flaky")) >= 3, 20, "three openings")

    assert watch.seen("web") == [5]
    assert len(watch.said("stream lost")) == 1
    assert watch.journal.counts["stream lost"] >= 2


class Exhausted(HttpTransport):
    """Has sockets for all but the streams."""

    async def pour(self, path, query, idle_seconds, into):
        raise NoSocketLeft("this process may open 3 files and sockets; raise that limit.")


async def test_a_limit_of_sockets_is_told_once_for_all_streams(engine):
    """Not once for each container; they are tried again, and all else goes on."""
    for number in range(5):
        engine.add(f"c{number}", None)

    async with Watch(engine.host, EVERYTHING, transport=Exhausted) as watch:
        count = watch.journal.counts
        await wait_until_async(lambda: count.get("no socket left", 0) > 10, 20, "tried again")

    assert watch.said("no socket left") == [
        "this process may open 3 files and sockets; raise that limit."
    ]
    assert watch.said("stream lost") == []


async def test_one_question_at_a_time_is_asked_about_empty_samples(engine):
    """While the engine does not answer it; frames go on, and what is noticed meanwhile is few."""
    empty = json.dumps({"read": "0001-01-01T00:00:00Z"}).encode() + b"\n"
    container = engine.add("web", streaming(empty * 100, frame(1) + b"\n"))
    asked, answers = f"/v1.41/containers/{container}/json", asyncio.Event()
    answer = engine.replies[f"/containers/{container}/json"]

    async def slow(connection):
        if engine.requests.count(asked) > 1:
            await answers.wait()
        await answer(connection)

    engine.replies[f"/containers/{container}/json"] = slow
    async with Watch(engine.host, EVERYTHING) as watch:
        await wait_until_async(lambda: 1 in watch.seen("web"), 20, "the frame behind them")
        assert engine.requests.count(asked) <= 2
        assert watch.journal.counts["notice given up"] > 0
        answers.set()
        await wait_until_async(lambda: watch.said("empty samples"), 20, "it is told all the same")

    assert engine.requests.count(asked) <= 2 + NOTICES_KEPT


async def test_a_stopped_container_is_closed_and_opened_at_its_start(engine):
    """No stream is held on a container that does not run."""
    container = engine.add("web", streaming(frame(1) + b"\n"))

    async with Watch(engine.host, EVERYTHING) as watch:
        await wait_until_async(lambda: watch.seen("web") == [1], 20, "the first life")
        engine.listed[0]["State"] = "exited"
        await engine.ring("die", container)
        await wait_until_async(lambda: not watch.follower.watched, 20, "closed")
        engine.listed[0]["State"] = "running"
        await engine.ring("start", container)
        await wait_until_async(lambda: watch.seen("web") == [1, 1], 20, "the second life")


async def test_a_restart_under_an_open_stream_is_known_by_its_time_of_birth(engine):
    """After a start event the container is inspected again, and its samples carry the new birth."""
    container = engine.add("web", streaming(frame(1) + b"\n"))

    async with Watch(engine.host, EVERYTHING) as watch:
        await wait_until_async(lambda: watch.seen("web"), 20, "the stream is open")
        engine.replies[f"/containers/{container}/json"] = lambda c: c.json(
            {"Id": container, "State": {"StartedAt": "2026-01-01T00:00:00Z"}}
        )
        await engine.ring("start", container)
        await wait_until_async(
            lambda: watch.follower.watched[container].started_at.year == 2026, 20, "the new birth"
        )

    assert watch.seen("web") == [1]


async def test_an_absent_engine_is_waited_for(tmp_path):
    """No engine: told once with the address and the remedy; its coming is enough."""
    path = tmp_path / "s"

    async with Watch(f"unix://{path}", EVERYTHING) as watch:
        await wait_until_async(
            lambda: watch.journal.counts.get("engine lost", 0) >= 3, 20, "three attempts"
        )
        (told,) = watch.said("engine lost")
        assert told.startswith(f"no engine at unix://{path}: there is no such socket. Is Docker")
        assert watch.follower.trouble == told
        assert (watch.follower.name, watch.follower.lost) == ("local", 0)  # it was never there
        assert watch.follower.status() == "waiting for engine local"
        async with FakeEngine(path) as engine:
            engine.add("web", streaming(frame(1) + b"\n"))
            await wait_until_async(lambda: watch.seen("web"), 20, "its first sample")
            assert watch.follower.settled


async def test_an_engine_that_is_lost_each_time_is_asked_less_and_less_often(engine):
    """As one whose events fail: it answers, and is lost at once."""
    engine.replies["/events"] = lambda c: c.body(b"<html>Bad Gateway</html>", status=502)
    pauses = [0.375 * 2**n for n in range(4)]  # with half of the jitter there can be
    async with Watch(engine.host, EVERYTHING) as watch:

        def asked_less():
            return [each for each in watch.clock.slept if each in pauses] == pauses

        await wait_until_async(asked_less, 10, "longer pauses")


async def forbidden(connection):
    """As a socket proxy answers."""
    await connection.body(b"<html>403 Forbidden</html>", status=403)


async def test_where_events_are_forbidden_containers_are_looked_for(engine):
    """That is told once, and what appears later is watched as well."""
    engine.replies["/events"] = forbidden
    engine.add("web", streaming(frame(1) + b"\n"))

    async with Watch(engine.host, EVERYTHING) as watch:
        await wait_until_async(lambda: watch.seen("web") == [1], 20, "a sample")
        engine.add("late", streaming(frame(2) + b"\n"))
        await wait_until_async(lambda: watch.seen("late") == [2], 20, "another's sample")

    assert watch.said("events forbidden") == [
        "engine local, or a proxy before it, forbids /events (status 403); let that through."
        " Until then containers are looked for each 5 s, and how and when they end is unknown."
    ]
    assert watch.said("engine lost") == []
    assert engine.requests.count("/v1.41/containers/json?all=1") < 10


async def test_an_engine_that_is_lost_while_events_are_forbidden_is_joined_again(tmp_path):
    """That it is gone is seen all the same."""
    path = tmp_path / "s"

    async with Watch(f"unix://{path}", EVERYTHING) as watch:
        async with FakeEngine(path) as engine:
            engine.replies["/events"] = forbidden
            engine.add("web", streaming(frame(1) + b"\n"))
            await wait_until_async(lambda: watch.seen("web") == [1], 20, "a sample")
        await wait_until_async(lambda: watch.said("engine lost"), 20, "the loss")
        path.unlink(missing_ok=True)
        async with FakeEngine(path) as engine:
            engine.add("web", streaming(frame(2) + b"\n"))
            await wait_until_async(lambda: watch.seen("web") == [1, 2], 20, "it is back")


async def test_where_details_are_forbidden_samples_come_all_the_same(engine):
    """For all containers of an engine that is told once."""
    for name in ("web", "db"):
        container = engine.add(name, streaming(frame(1) + b"\n"))
        engine.replies[f"/containers/{container}/json"] = forbidden

    async with Watch(engine.host, EVERYTHING) as watch:
        await wait_until_async(
            lambda: watch.seen("web") == watch.seen("db") == [1], 20, "a sample of each"
        )

    assert watch.said("details forbidden") == [
        "engine local, or a proxy before it, forbids /containers/ID/json (status 403); let that"
        " through. Until then limits, health, restarts and times of start are unknown, and no"
        " container is read directly."
    ]
    assert {*watch.states("web")} == {"running"}


async def test_a_lost_engine_is_joined_again_with_all_its_containers(tmp_path):
    """The engine goes away and comes back: streams are opened anew."""
    path = tmp_path / "s"

    async with Watch(f"unix://{path}", EVERYTHING) as watch:
        for life in (1, 2):
            async with FakeEngine(path) as engine:
                engine.add("web", streaming(frame(life) + b"\n"))
                await wait_until_async(lambda: life in watch.seen("web"), 20, "samples")
            await wait_until_async(lambda: not watch.follower.watched, 20, "closed")
            await wait_until_async(lambda: watch.states("web")[-1] == "", 20, "state unknown")
            await wait_until_async(lambda: watch.follower.lost == life, 20, "its loss is counted")
            path.unlink(missing_ok=True)


async def test_a_list_that_fails_closes_no_stream(engine):
    """A slow or refused list is retried; open streams go on."""
    engine.add("web", streaming(frame(1) + b"\n"))

    async with Watch(engine.host, EVERYTHING) as watch:
        await wait_until_async(lambda: watch.seen("web"), 20, "the stream is open")
        good = engine.replies["/containers/json"]
        engine.replies["/containers/json"] = lambda c: c.json({"message": "busy"}, 500)
        await engine.ring()
        await wait_until_async(lambda: watch.said("list failed"), 20, "told")
        assert watch.follower.watched
        engine.add("late", streaming(frame(2) + b"\n"))
        engine.replies["/containers/json"] = good
        await wait_until_async(lambda: watch.seen("late"), 20, "the retried list")

    assert watch.seen("web") == [1]


async def test_an_alias_that_another_has_is_told_once(engine):
    """Both are recorded, the later one under its name with its id; every list finds it again."""
    engine.add("a", streaming(frame(1) + b"\n"))
    engine.add("b", streaming(frame(2) + b"\n"))

    async with Watch(engine.host, Choice({"b": "web", "a": "web"}, [], [])) as watch:
        await wait_until_async(lambda: len(watch.samples) == 2, 20, "both are watched")
        await engine.ring()
        await wait_until_async(lambda: watch.journal.counts["alias taken"] > 1, 20, "listed again")

    assert watch.said("alias taken") == [
        'container "b" of engine local is recorded as "web-000000000000", because another is'
        ' called "web" already.'
    ]


def test_delays_double_to_a_limit_with_jitter_and_start_over():
    """Between half and all of each step, by the random number given."""
    backoff = Backoff(1, 5, iter([0.0, 1.0, 0.5, 0.5, 0.0]).__next__)

    assert [backoff.delay() for _ in range(4)] == [0.5, 2.0, 3.0, 3.75]
    backoff.reset()
    assert backoff.delay() == 0.5


async def test_a_life_of_300_ms_leaves_its_start_exit_code_and_lifetime(engine):
    """Too short for a sample or a list: its events tell of it all the same."""
    async with Watch(engine.host, EVERYTHING) as watch:
        await wait_until_async(lambda: engine.listeners, 20, "listening")
        short = {"name": "flash", "image": "img", "exitCode": "7"}
        await engine.ring("start", "f" * 64, 10_000_000_000, **short)
        await engine.ring("die", "f" * 64, 10_300_000_000, **short)
        await engine.ring("destroy", "f" * 64, 10_400_000_000, **short)
        await wait_until_async(lambda: len(watch.events()) == 3, 20, "three events")

    assert watch.events() == [
        ("flash", "start", None, None),
        ("flash", "die", 7, 0.3),
        ("flash", "destroy", None, None),
    ]


async def test_events_of_containers_that_are_not_chosen_are_not_told(engine):
    """Their labels and names come with the event, so no list has to be asked."""
    async with Watch(engine.host, Choice({}, ["**"], ["label:secret"])) as watch:
        await wait_until_async(lambda: engine.listeners, 20, "listening")
        await engine.ring("die", "a" * 64, 10, name="hidden", secret="1", exitCode="0")
        await engine.ring("die", "b" * 64, 20, name="seen", exitCode="0")
        await wait_until_async(watch.events, 20, "an event")

    assert [event[0] for event in watch.events()] == ["seen"]


async def test_events_missed_while_the_engine_was_away_are_asked_for(tmp_path):
    """After a reconnection the engine replays since the last one heard; none is told twice."""
    path = tmp_path / "s"

    async with Watch(f"unix://{path}", EVERYTHING) as watch:
        async with FakeEngine(path) as engine:
            await wait_until_async(lambda: engine.listeners, 20, "listening")
            await engine.ring("oom", "a" * 64, 5_000_000_007, name="web")
            await wait_until_async(watch.events, 20, "the event")
        path.unlink(missing_ok=True)
        async with FakeEngine(path) as engine:
            await wait_until_async(lambda: engine.listeners, 20, "listening again")
            assert any("since=5.000000007" in asked for asked in engine.requests)
            await engine.ring("oom", "a" * 64, 5_000_000_007, name="web")
            await engine.ring("die", "a" * 64, 6_000_000_000, name="web", exitCode="137")
            await wait_until_async(lambda: len(watch.events()) == 2, 20, "the next event")

    assert [event[1] for event in watch.events()] == ["oom", "die"]


async def test_states_and_health_are_told_with_every_list(engine):
    """A stopped container has a state too; one that vanished is told to be gone."""
    container = engine.add("web", streaming(frame(1) + b"\n"), state="exited")

    async with Watch(engine.host, EVERYTHING) as watch:
        await wait_until_async(lambda: "exited" in watch.states("web"), 20, "its state")
        engine.listed.clear()
        await engine.ring("destroy", container, 1, name="web")
        await wait_until_async(lambda: "gone" in watch.states("web"), 20, "gone")


async def test_a_container_that_was_not_found_is_opened_when_a_list_has_it(engine):
    """A 404 in a moment of trouble is no end: the next list decides."""
    container = engine.add("web", streaming(frame(1) + b"\n"))
    stats = engine.replies.pop(f"/containers/{container}/stats")

    async with Watch(engine.host, EVERYTHING) as watch:
        asked = f"/v1.41/containers/{container}/stats?stream=1"
        await wait_until_async(lambda: asked in engine.requests, 20, "it was asked for")
        await wait_until_async(lambda: engine.listeners, 20, "listening")
        engine.replies[f"/containers/{container}/stats"] = stats
        await engine.ring("update", container, 5, name="web")
        await wait_until_async(lambda: watch.seen("web") == [1], 20, "its sample")


async def test_an_update_is_looked_into_under_the_open_stream(engine):
    """What the engine then says is told; the stream goes on as it is."""
    container = engine.add("web", streaming(frame(1) + b"\n"))
    inspected = f"/v1.41/containers/{container}/json"

    async with Watch(engine.host, EVERYTHING) as watch:
        await wait_until_async(lambda: watch.seen("web"), 20, "the stream is open")
        await wait_until_async(lambda: engine.listeners, 20, "listening")
        assert engine.requests.count(inspected) == 1
        engine.replies[f"/containers/{container}/json"] = lambda c: c.json(
            {"Id": container, "State": {"Status": "running"}, "HostConfig": {"Memory": 10**8}}
        )
        await engine.ring("update", container, 5, name="web")
        await wait_until_async(
            lambda: any(
                told.resources is not None and told.resources.memory == 10**8
                for told in watch.told
                if isinstance(told, Condition)
            ),
            20,
            "the new limit",
        )

    assert engine.requests.count(inspected) == 2
    assert engine.requests.count(f"/v1.41/containers/{container}/stats?stream=1") == 1


async def test_a_container_made_anew_by_compose_is_linked_with_the_old_one(engine):
    """The event of its renaming may come before any list has it; it is told once."""
    old = engine.add("web", streaming(frame(1) + b"\n"))

    async with Watch(engine.host, EVERYTHING) as watch:
        await wait_until_async(lambda: watch.seen("web") == [1], 20, "the old one")
        new = engine.add(f"{old[:12]}_web", streaming(frame(2) + b"\n"), state="created")
        await engine.ring("create", new, 5, name=f"{old[:12]}_web")
        await wait_until_async(lambda: watch.states(f"{old[:12]}_web"), 20, "the new one")
        del engine.listed[0]
        engine.listed[0].update(Names=["/web"], State="running")
        await engine.ring("die", old, 6, name="web", exitCode="0")
        await engine.ring("destroy", old, 7, name="web")
        await engine.ring("rename", new, 8, name="web", oldName=f"/{old[:12]}_web")
        await engine.ring("start", new, 9, name="web")
        await wait_until_async(lambda: watch.seen("web") == [1, 2], 20, "the new one's sample")
        await engine.ring("update", new, 10, name="web")
        await wait_until_async(lambda: watch.states("web").count("running") > 3, 20, "listed again")

    linked = [told for told in watch.told if isinstance(told, Condition) and told.before]
    assert [(told.container.alias, told.before, told.container.id) for told in linked] == [
        ("web", old, new)
    ]


async def test_a_container_that_is_made_anew_while_the_engine_is_away_is_linked(tmp_path):
    """What was known before the loss is compared with what the engine has after it."""
    path = tmp_path / "s"

    async with Watch(f"unix://{path}", EVERYTHING) as watch:
        async with FakeEngine(path) as engine:
            old = engine.add("web", streaming(frame(1) + b"\n"))
            await wait_until_async(lambda: watch.seen("web") == [1], 20, "the old one")
        path.unlink(missing_ok=True)
        async with FakeEngine(path) as engine:
            engine.add("web", streaming())
            engine.forget_all()  # its id is not given again
            new = engine.add("web", streaming(frame(2) + b"\n"))
            await wait_until_async(lambda: watch.seen("web") == [1, 2], 20, "the new one")

    linked = [told for told in watch.told if isinstance(told, Condition) and told.before]
    assert [(told.before, told.container.id) for told in linked] == [(old, new)]


async def test_the_removal_of_a_replaced_task_is_not_told_of_the_one_in_its_place(engine):
    """A Swarm removes what is left of old tasks when nobody thinks of them any more."""

    def labels(task):
        of = {"service.name": "web", "task.id": task, "node.id": "n"}
        return {f"com.docker.swarm.{name}": value for name, value in of.items()}

    old = engine.add("web.1.old", streaming(), state="exited")
    new = engine.add("web.1.new", streaming(frame(1) + b"\n"))
    for listed, task in zip(engine.listed, ("old", "new"), strict=True):
        listed["Labels"] = labels(task)

    async with Watch(engine.host, EVERYTHING) as watch:
        await wait_until_async(lambda: watch.seen("web.1") == [1], 20, "a sample")
        del engine.listed[0]
        await engine.ring("destroy", old, 5, name="web.1.old", **labels("old"))
        await engine.ring("update", new, 6, name="web.1.new", **labels("new"))
        await wait_until_async(watch.events, 20, "an event")

    assert watch.events() == [("web.1", "update", None, None)]
    assert "gone" not in watch.states("web.1")
