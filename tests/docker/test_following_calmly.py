"""What has come of a container's stream and waits is told before anything else is of it."""

import asyncio
from pathlib import Path
from typing import Self

import pytest

from fakes.engine import Connection, FakeEngine
from fakes.sleeping import Sleeping
from snapshots import a_journal
from tidegauge.clock import SystemClock
from tidegauge.docker import draining, following
from tidegauge.docker.choice import Choice
from tidegauge.docker.client import EngineClient
from tidegauge.docker.endpoint import parse_endpoint
from tidegauge.docker.following import Follower, catch_up, read_streams
from tidegauge.docker.frames import Sample, Still
from tidegauge.docker.lives import Condition, LifeEvent
from tidegauge.docker.pacing import Demand
from tidegauge.docker.transport import HttpTransport
from tidegauge.streams import sink
from waiting import wait_until_async


@pytest.fixture(autouse=True)
def calm(monkeypatch: pytest.MonkeyPatch) -> None:
    """Streams are read when somebody asks, and never else."""
    monkeypatch.setattr(draining, "CALM_SECONDS", 1e9)


class Watch:
    """A follower whose samples nobody waits for, and all that it told."""

    def __init__(self, engine: FakeEngine) -> None:
        journal, _ = a_journal()
        self.engine, self._other = engine, engine.add("other", Connection.begin_chunks)
        self.client = EngineClient("local", HttpTransport(parse_endpoint(engine.host), 0.02))
        self.follower = Follower(
            *(self.client, Choice({}, ["**"], ["other"]), journal, SystemClock(), lambda: 0.5),
            demand=Demand(10.0, each_second=True, at_once=False),
        )
        self.all: list[object] = []

    def seconds(self) -> list[int]:
        """When the samples were taken, in the order in which they were told."""
        found: list[int] = []
        for each in self.all:
            if isinstance(each, Sample):
                found.append(each.frame.read.second)
            elif isinstance(each, Still):
                found += [read.second for read in each.reads]
        return found

    def aliases(self) -> list[str]:
        """Under which name each sample was told."""
        found: list[str] = []
        for each in self.all:
            if isinstance(each, Sample | Still):
                found += [each.container.alias] * (
                    len(each.reads) if isinstance(each, Still) else 1
                )
        return found

    def names(self) -> list[str]:
        """Of which containers a state was told."""
        return [each.container.alias for each in self.all if isinstance(each, Condition)]

    def at(self, wanted: type, **known: object) -> int:
        """How many were told before the first such one, or -1."""
        for number, each in enumerate(self.all):
            if isinstance(each, wanted) and all(
                getattr(each, name) == value for name, value in known.items()
            ):
                return number
        return -1

    async def has_listed_anew(self) -> None:
        """An event of a container that is not watched has all looked at."""
        await self.engine.ring("start", self._other)

    async def has_two_waiting(self, web: Sleeping) -> None:
        """Of a container of which four samples were told before."""
        await web.sends(*range(4))
        await catch_up([self.follower])
        await web.sends(4, 5)

    async def __aenter__(self) -> Self:
        self.task = asyncio.create_task((self.follower.source() >> sink(self.all.append)).run())
        return self

    async def __aexit__(self, *_: object) -> None:
        self.task.cancel()
        await asyncio.wait([self.task])


async def test_they_wait_until_somebody_catches_up(engine: FakeEngine) -> None:
    """In the kernel, and then with the follower."""
    web = Sleeping(engine, "web")
    async with Watch(engine) as watch:
        await web.sends(*range(6))
        assert watch.seconds() == []
        await catch_up([watch.follower])
        assert watch.seconds() == [*range(6)]
        await web.sends(6, 7)
        await catch_up([watch.follower])

    assert watch.seconds() == [*range(8)]
    kinds = [type(each) for each in watch.all if isinstance(each, Sample | Still)]
    assert kinds == [Sample, Sample, Still, Still]


async def test_what_moved_is_told_before_that_others_did_not(engine: FakeEngine) -> None:
    """For the history, which writes what moved within a second."""
    web, shop = Sleeping(engine, "web"), Sleeping(engine, "shop")
    async with Watch(engine) as watch:
        for each in (web, shop):
            await each.sends(*range(4))
        await catch_up([watch.follower])
        before = len(watch.seconds())
        await web.sends(4, 5)
        await shop.works(4, 5)
        await read_streams([watch.follower])
        assert watch.seconds()[before:] == [4, 5]
        assert watch.aliases()[before:] == ["shop", "shop"]
        await catch_up([watch.follower])

    assert watch.aliases()[before:] == ["shop", "shop", "web", "web"]


async def test_what_waits_for_long_is_told_however_silent_its_stream(
    engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is older in the history than it is said to be."""
    web = Sleeping(engine, "web")
    async with Watch(engine) as watch:
        await watch.has_two_waiting(web)
        await read_streams([watch.follower])
        assert watch.seconds() == [*range(4)]
        monkeypatch.setattr(following, "WAIT_SECONDS", 0.0)
        await read_streams([watch.follower])

    assert watch.seconds() == [*range(6)]


async def refused(connection: Connection) -> None:
    await connection.json({"message": "busy"}, status=500)


async def test_a_stream_that_ends_is_told_to_its_end(engine: FakeEngine) -> None:
    """However long it takes until there is another one."""
    web = Sleeping(engine, "web")
    async with Watch(engine) as watch:
        await watch.has_two_waiting(web)
        engine.replies[f"/containers/{web.key}/json"] = refused
        web.streams[-1].break_off()

        async def all_are_told() -> bool:
            await read_streams([watch.follower])
            return watch.seconds() == [*range(6)]

        await wait_until_async(all_are_told, 20, "those that waited")


async def test_somebody_who_looks_has_them_soon(engine: FakeEngine) -> None:
    """Those that waited, and from then on each."""
    web = Sleeping(engine, "web")
    async with Watch(engine) as watch:
        await watch.has_two_waiting(web)

        watch.follower.interest.look("web")
        await wait_until_async(lambda: watch.seconds() == [*range(6)], 20, "those that waited")
        await web.sends(6)
        await wait_until_async(lambda: watch.seconds() == [*range(7)], 20, "the next one")


@pytest.mark.parametrize("action", ["pause", "die", "destroy"])
async def test_an_event_comes_behind_the_samples_before_it(engine: FakeEngine, action: str) -> None:
    """However much waits."""
    web = Sleeping(engine, "web")
    async with Watch(engine) as watch:
        await watch.has_two_waiting(web)
        if action == "destroy":
            engine.forget_all()
        await engine.ring(action, web.key)
        await wait_until_async(lambda: watch.at(LifeEvent) >= 0, 20, "the event")

    assert watch.seconds() == [*range(6)]
    assert watch.at(LifeEvent) > watch.at(Still)
    assert all(not isinstance(each, Still) for each in watch.all[watch.at(LifeEvent) :])


async def test_one_that_a_list_has_no_more_is_told_to_its_end(engine: FakeEngine) -> None:
    """Where no event tells of it, too."""
    web = Sleeping(engine, "web")
    async with Watch(engine) as watch:
        await watch.has_two_waiting(web)
        engine.forget_all()
        await watch.has_listed_anew()
        await wait_until_async(lambda: watch.at(Condition, gone=True) >= 0, 20, "it is gone")

    assert watch.seconds() == [*range(6)]
    gone = watch.all[watch.at(Condition, gone=True) :]
    assert not [each for each in gone if isinstance(each, Sample | Still)]


async def test_one_that_was_renamed_keeps_its_samples_under_the_old_name(
    engine: FakeEngine,
) -> None:
    """Those before, and in order."""
    web = Sleeping(engine, "web")
    async with Watch(engine) as watch:
        await watch.has_two_waiting(web)
        engine.listed[0]["Names"] = ["/shop"]
        await watch.has_listed_anew()
        await wait_until_async(lambda: "shop" in watch.names(), 20, "the new name")
        await wait_until_async(lambda: len(web.streams) == 2, 20, "a stream")
        await web.sends(6)
        await catch_up([watch.follower])

    assert watch.seconds() == [*range(7)]
    assert watch.aliases() == ["web"] * 6 + ["shop"]


async def test_samples_behind_a_start_know_of_it(engine: FakeEngine) -> None:
    """Also if they had come before the engine was asked when that was."""
    web = Sleeping(engine, "web")
    async with Watch(engine) as watch:
        await web.sends(*range(4))
        await catch_up([watch.follower])

        async def inspect(connection: Connection) -> None:
            await web.sends(10)  # the first of the new life
            web.started = "2026-11-22T10:00:05Z"
            await web.inspected(connection)

        engine.replies[f"/containers/{web.key}/json"] = inspect
        await engine.ring("start", web.key)
        await wait_until_async(lambda: 10 in watch.seconds(), 20, "a sample behind the start")

    told = [each for each in watch.all if isinstance(each, Sample | Still)][-1]
    assert told.container.started_at is not None
    assert told.container.started_at.year == 2026


async def test_what_waits_is_told_when_the_engine_is_lost(engine: FakeEngine) -> None:
    """Before that its containers are in a state that nobody knows."""
    web, lost = Sleeping(engine, "web"), asyncio.Event()

    async def events(connection: Connection) -> None:
        await connection.begin_chunks()
        await lost.wait()
        connection.break_off()

    engine.replies["/events"] = events
    async with Watch(engine) as watch:
        await web.sends(*range(3))
        await catch_up([watch.follower])
        await web.sends(3, 4)
        await watch.client.catch_up()
        assert watch.seconds() == [0, 1, 2]
        lost.set()
        await wait_until_async(lambda: watch.at(Condition, state="") >= 0, 20, "it is lost")

    assert watch.seconds() == [*range(5)]
    assert watch.at(Condition, state="") > max(
        number for number, each in enumerate(watch.all) if isinstance(each, Still)
    )


async def test_what_waits_is_told_when_the_program_ends(engine: FakeEngine) -> None:
    """As far as it was read."""
    web = Sleeping(engine, "web")
    async with Watch(engine) as watch:
        await web.sends(*range(5))
        await watch.client.catch_up()
        assert watch.seconds() == [0, 1]

    assert watch.seconds() == [*range(5)]


async def test_no_task_and_no_socket_stays(engine: FakeEngine) -> None:
    """Of a container that came and went while nobody looked."""
    before = descriptors()
    async with Watch(engine) as watch:
        for _ in range(3):
            web = Sleeping(engine, "web")
            await watch.has_listed_anew()
            await web.sends(0, 1)
            engine.forget_all()
            await engine.ring("destroy", web.key)
            await wait_until_async(lambda: not watch.follower.watched, 20, "it is gone")
    # The engine's own sockets for the last of them go with its connections.
    await wait_until_async(lambda: descriptors() <= before, 20, "all are closed")


def descriptors() -> int:
    """How many this process has open."""
    return sum(1 for _ in Path("/proc/self/fd").iterdir())
