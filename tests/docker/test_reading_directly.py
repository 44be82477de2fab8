"""Containers that are read without their engine, one by one, and those that cannot be."""

import asyncio
from datetime import UTC, datetime

import pytest
import structlog

from fakes.engine import FakeEngine
from manual_clock import ManualClock
from tidegauge.clock import SystemClock
from tidegauge.docker.choice import Choice
from tidegauge.docker.client import EngineClient, InspectedContainer
from tidegauge.docker.direct import UNREAD, Direct, Paces
from tidegauge.docker.endpoint import parse_endpoint
from tidegauge.docker.following import Follower, catch_up
from tidegauge.docker.frames import (
    Container,
    CpuStats,
    CpuUsage,
    Engine,
    Sample,
    StatsFrame,
    Still,
)
from tidegauge.docker.lives import LifeEvent, Observation
from tidegauge.docker.pacing import STREAMS, Demand
from tidegauge.docker.transport import HttpTransport
from tidegauge.errors import OutOfReach
from tidegauge.journal import Journal
from tidegauge.streams import sink
from waiting import wait_until_async

START = datetime(2026, 1, 1, tzinfo=UTC).timestamp()
FAR = "its processes are not seen here"


class Hasty(SystemClock):
    """Nobody waits long."""

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds / 50)

    async def beat(self, seconds: float) -> None:
        await asyncio.sleep(seconds / 50)


class FakeProbe:
    """A run of a container, which goes on until it is ``over``."""

    def __init__(self, reader: "FakeReader", key: str, pid: int) -> None:
        self.reader, self.key, self.pid = reader, key, pid
        self.over = self.closed = self.still = False
        self.at = 0.0

    def look(self) -> bool | None:
        assert not self.closed
        if self.over:
            return None
        self.reader.passed += 1
        self.at = START + self.reader.passed
        return not self.still

    def frame(self) -> StatsFrame:
        read = datetime.fromtimestamp(self.at, UTC)
        return StatsFrame(read, CpuStats(CpuUsage(self.pid)), source="cgroup")

    def close(self) -> None:
        self.closed = True


class FakeReader:
    """Opens all containers but those that are ``far``."""

    def __init__(self) -> None:
        self.far: set[str] = set()
        self.probes: list[FakeProbe] = []
        self.sweeps = self.passed = 0
        self.capacity: int | None = 0
        self.closed = False

    def begin(self) -> None:
        self.sweeps += 1
        if self.capacity is not None:
            self.capacity += 2

    def open(self, key: str, pid: int, mode: str) -> FakeProbe:
        if key in self.far or pid <= 0:
            raise OutOfReach(FAR)
        self.probes.append(FakeProbe(self, key, pid))
        return self.probes[-1]

    def close(self) -> None:
        self.closed = True


class Log:
    """What was told."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.journal = Journal(structlog.wrap_logger(None, processors=[self._keep]))

    def _keep(self, _logger, _method, event):
        self.lines.append(str(event["event"]))
        raise structlog.DropEvent


class Taken:
    """A container's samples."""

    def __init__(self, name: str) -> None:
        self.container = Container(Engine("local"), name.ljust(64, "0"), name, name)
        self.frames: list[StatsFrame] = []
        self.seconds: list[float] = []
        self.still: list[list[tuple[int, int]]] = []
        self.over: list[bool] = []

    def take_direct(self, frame: StatsFrame, seconds: float) -> None:
        self.frames.append(frame)
        self.seconds.append(seconds)

    def take_still(self, frame, reads, capacities, seconds) -> None:
        assert frame is self.frames[-1]
        self.seconds.append(seconds)
        self.still.append(
            [
                (round(read.timestamp() - START), n)
                for read, n in zip(reads, capacities, strict=True)
            ]
        )

    def run_over(self, *, reached: bool) -> None:
        self.over.append(reached)


def inspected(pid: int = 5, status: str = "running") -> InspectedContainer:
    found = InspectedContainer()
    state = type(found.state)(status=status, pid=pid)
    return InspectedContainer(state=state)


def direct(reader, log, clock, wanted="auto", paces=None):
    return Direct("local", reader, wanted, paces=paces or Paces(), clock=clock, journal=log.journal)


@pytest.fixture
async def swept():
    """Runs a `Direct` on a clock that only a test moves."""
    tasks = []

    def run(one, hurried=lambda: False):
        tasks.append(asyncio.create_task(one.run(hurried)))

    yield run
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_each_container_has_its_pace(swept):
    """The first pattern that matches decides; one clock keeps each pace."""
    clock, reader, log = ManualClock(), FakeReader(), Log()
    one = direct(reader, log, clock, paces=Paces(1.0, (("w*", 0.1), ("web", 0.5))))
    web, db = Taken("web"), Taken("db")
    for each in (web, db):
        one.open(each, inspected())
    swept(one)

    await clock.advance(0)
    for _ in range(20):
        await clock.advance(0.1)

    assert (len(web.frames), {*web.seconds}) == (21, {0.1})
    assert (len(db.frames), {*db.seconds}) == (3, {1.0})


async def test_missed_sweeps_are_not_made_up_for(swept):
    """Who was held up for three seconds reads once, and keeps to its grid."""
    clock, reader, log = ManualClock(), FakeReader(), Log()
    one, web = direct(reader, log, clock), Taken("web")
    one.open(web, inspected())
    swept(one)

    await clock.advance(0)
    await clock.advance(3.5)
    await clock.advance(0.5)

    assert len(web.frames) == reader.sweeps == 5


async def test_a_run_that_is_over_is_closed_at_once(swept):
    """Its last frame is an empty one, and who holds it is told."""
    clock, reader, log = ManualClock(), FakeReader(), Log()
    one, web = direct(reader, log, clock), Taken("web")
    one.open(web, inspected())
    swept(one)
    await clock.advance(0)
    reader.probes[0].over = True

    await clock.advance(2)

    assert [frame.running for frame in web.frames] == [True, False]
    assert web.over == [True]
    assert reader.probes[0].closed
    assert len(one) == 0


async def test_files_that_never_tell_anything(swept):
    """They are out of reach, which is told, rather than opened again and again."""
    clock, reader, log = ManualClock(), FakeReader(), Log()
    one, web = direct(reader, log, clock), Taken("web")
    one.open(web, inspected())
    reader.probes[0].over = True
    swept(one)

    await clock.advance(2)

    assert (web.frames, web.over) == ([], [False])
    assert one.why_not == {"web": "its cgroup files can't be read"}


async def test_only_from_the_kernel(swept):
    """What can't be read so has no samples: each is told of, and each second counts as one less."""
    clock, reader, log = ManualClock(), FakeReader(), Log()
    one, web, db = direct(reader, log, clock, "cgroup"), Taken("web"), Taken("db")
    reader.far |= {web.container.id, db.container.id}
    for each in (web, db, web):
        with pytest.raises(OutOfReach):
            one.open(each, inspected())
    swept(one)

    await clock.advance(0)
    await clock.advance(2)

    assert log.lines == [
        f"container {name} of engine local has no samples, because engines.source is"
        f' "cgroup" and {FAR}.'
        for name in ("web", "db")
    ]
    assert log.journal.counts[UNREAD] == 6


def test_why_some_come_by_the_api_is_told_once_a_reason():
    """Not once a container: a thousand of a remote engine are one line."""
    reader, log = FakeReader(), Log()
    one = direct(reader, log, ManualClock())
    for name in ("web", "db"):
        taken = Taken(name)
        reader.far.add(taken.container.id)
        with pytest.raises(OutOfReach):
            one.open(taken, inspected())

    assert log.lines == ["samples come by the API"]
    assert one.why_not == {"web": FAR, "db": FAR}


@pytest.fixture
async def stood(swept):
    """A container that was seen once and has stood still since, for seven seconds."""
    clock, reader, log = ManualClock(), FakeReader(), Log()
    one, web = direct(reader, log, clock), Taken("web")
    one.open(web, inspected())
    swept(one)
    await clock.advance(0)
    reader.probes[0].still = True
    for _ in range(7):
        await clock.advance(1)
    assert (len(web.frames), web.still) == (1, [])
    return one, web, reader, clock


SEVEN = [(2, 4), (3, 6), (4, 8), (5, 10), (6, 12), (7, 14), (8, 16)]
"""Seconds, and what the machine could have given by then."""


async def test_samples_in_which_nothing_moved_wait_until_something_does(stood):
    """They are told together, before the one that moved."""
    _, web, reader, clock = stood
    reader.probes[0].still = False

    await clock.advance(1)

    assert web.still == [SEVEN]
    assert len(web.frames) == 2


async def test_they_wait_twenty_seconds_at_most(stood):
    """Each second is among them once."""
    _, web, _, clock = stood

    for _ in range(43):
        await clock.advance(1)

    assert [len(each) for each in web.still] == [21, 21]
    assert [second for each in web.still for second, _ in each] == [*range(2, 44)]


async def test_who_asks_gets_all_of_them(stood):
    """Each once, and nothing of a container that is not read."""
    one, web, _, _ = stood

    for key in (web.container.id, "another", web.container.id):
        one.tell_waiting(key)

    assert web.still == [SEVEN]


async def test_a_container_that_is_closed_loses_none(stood):
    """Nor does one that ended: what waits is told before its end."""
    one, web, _, _ = stood

    one.close([web.container.id])

    assert web.still == [SEVEN]


async def test_the_end_of_a_run_is_told_behind_them(stood):
    """The empty frame comes last."""
    _, web, reader, clock = stood
    reader.probes[0].over = True

    await clock.advance(1)

    assert web.still == [SEVEN]
    assert [frame.running for frame in web.frames] == [True, False]


async def test_nothing_waits_while_somebody_is_hurried(swept):
    """Each sample comes as any other then; as it does where the machine tells nothing of itself."""
    clock, reader, log, hurried = ManualClock(), FakeReader(), Log(), [True]
    one, web = direct(reader, log, clock), Taken("web")
    one.open(web, inspected())
    swept(one, lambda: hurried[0])
    await clock.advance(0)
    reader.probes[0].still = True

    await clock.advance(1)
    assert len(web.frames) == 2
    hurried[0] = False
    await clock.advance(1)
    assert len(web.frames) == 2
    reader.capacity = None
    await clock.advance(1)

    assert len(web.frames) == 3
    assert web.still == [[(3, 6)]]


class Watch:
    """A follower of a fake engine at work, which may read directly."""

    def __init__(self, engine: FakeEngine, wanted: str = "auto", demand: Demand = STREAMS) -> None:
        self.reader, self.log = FakeReader(), Log()
        self.direct = direct(self.reader, self.log, Hasty(), wanted)
        client = EngineClient("local", HttpTransport(parse_endpoint(engine.host)))
        self.follower = Follower(
            *(client, Choice({}, ["**"], []), self.log.journal, Hasty(), lambda: 0.5),
            direct=self.direct,
            demand=demand,
        )
        self.samples: list[Sample] = []
        self.all: list[Observation] = []

    def of(self, alias: str, source: str) -> list[Sample]:
        """Those of a running container, from there."""
        return [
            each
            for each in self.samples
            if each.container.alias == alias and each.frame.running and each.frame.source == source
        ]

    async def more(self, alias: str, source: str) -> None:
        before = len(self.of(alias, source))
        await wait_until_async(
            lambda: len(self.of(alias, source)) > before, 20, f"samples of {alias} from {source}"
        )

    async def __aenter__(self):
        def keep(seen):
            self.all.append(seen)
            if isinstance(seen, Sample):
                self.samples.append(seen)

        self._task = asyncio.create_task((self.follower.source() >> sink(keep)).run())
        return self

    async def __aexit__(self, *_):
        self._task.cancel()
        await asyncio.wait([self._task])


class AContainer:
    """A container of the fake engine that a test starts and stops."""

    def __init__(self, engine: FakeEngine, name: str) -> None:
        self.engine, self.streams = engine, 0
        self.key = engine.add(name, self._stream)
        self.pid, self.status = 5, "running"
        engine.replies[f"/containers/{self.key}/json"] = self._inspect

    async def _inspect(self, connection):
        state = {"Status": self.status, "Pid": self.pid, "StartedAt": "2020-01-01T00:00:00Z"}
        await connection.json({"Id": self.key, "State": state})

    async def _stream(self, connection):
        self.streams += 1
        await connection.begin_chunks()
        for second in range(60):
            await connection.chunk(b'{"read":"2026-11-22T10:00:%02d.5Z"}\n' % second)
            await asyncio.sleep(0.02)


async def test_what_can_be_read_directly_has_no_stream(engine):
    """The engine is asked once where it is, and never for a sample."""
    web = AContainer(engine, "web")
    async with Watch(engine) as watch:
        await watch.more("web", "cgroup")
        assert (watch.follower.read_directly, len(watch.follower.watched)) == (1, 1)

    assert web.streams == 0
    assert engine.requests.count(f"/v1.41/containers/{web.key}/json") == 1
    assert all(probe.closed for probe in watch.reader.probes)
    assert watch.reader.closed


async def test_others_come_by_the_api(engine):
    """Container by container, and each is inspected once all the same."""
    _, far = AContainer(engine, "web"), AContainer(engine, "far")
    watch = Watch(engine)
    watch.reader.far.add(far.key)
    async with watch:
        await watch.more("web", "cgroup")
        await watch.more("far", "api")
        assert watch.follower.why_not_directly == {"far": FAR}

    assert engine.requests.count(f"/v1.41/containers/{far.key}/json") == 1
    assert watch.of("web", "api") == watch.of("far", "cgroup") == []


async def test_only_from_the_kernel_means_no_stream(engine):
    """One that can't be read has no samples at all."""
    _, far = AContainer(engine, "web"), AContainer(engine, "far")
    watch = Watch(engine, "cgroup")
    watch.reader.far.add(far.key)
    async with watch:
        await watch.more("web", "cgroup")
        await watch.more("web", "cgroup")

    assert watch.of("far", "api") == []
    assert far.streams == 0


async def test_a_restart_is_a_new_run(engine):
    """The engine is asked where it is now; what was open of the old run is closed."""
    web = AContainer(engine, "web")
    async with Watch(engine) as watch:
        await watch.more("web", "cgroup")
        web.pid = 6
        watch.reader.probes[0].over = True
        await wait_until_async(lambda: len(watch.reader.probes) == 2, 20, "a second run")
        await watch.more("web", "cgroup")

    assert watch.reader.probes[0].closed
    assert [each.frame.running for each in watch.samples].count(False) == 1
    totals = [each.frame.cpu_stats.cpu_usage.total_usage for each in watch.of("web", "cgroup")]
    assert totals == sorted(totals)
    assert {*totals} == {5, 6}


async def test_one_that_stopped_is_read_again_when_it_starts(engine):
    """Meanwhile it has neither samples nor a stream."""
    web = AContainer(engine, "web")
    async with Watch(engine) as watch:
        await watch.more("web", "cgroup")
        web.pid, web.status = 0, "restarting"
        watch.reader.probes[0].over = True
        inspections = f"/v1.41/containers/{web.key}/json"
        await wait_until_async(lambda: engine.requests.count(inspections) == 2, 20, "a look")
        web.pid, web.status = 7, "running"
        await engine.ring("start", web.key)
        await wait_until_async(lambda: len(watch.reader.probes) == 2, 20, "a second run")

    assert web.streams == 0


async def test_one_that_comes_into_reach_leaves_the_api(engine):
    """At its next start it is looked for again."""
    web = AContainer(engine, "web")
    watch = Watch(engine)
    watch.reader.far.add(web.key)
    async with watch:
        await watch.more("web", "api")
        watch.reader.far.clear()
        await engine.ring("start", web.key)
        await watch.more("web", "cgroup")
        assert watch.follower.why_not_directly == {}
        assert watch.follower.read_directly == 1


async def test_one_that_goes_is_closed(engine):
    """Removed by the engine's own word."""
    AContainer(engine, "web")
    async with Watch(engine) as watch:
        await watch.more("web", "cgroup")
        engine.forget_all()
        await engine.ring("destroy")
        await wait_until_async(lambda: watch.follower.read_directly == 0, 20, "it closed")

        assert watch.reader.probes[0].closed


@pytest.mark.parametrize("how", ["event", "catching up", "looking"])
async def test_what_waits_is_told_before_an_event_and_to_who_asks(engine, how):
    """Nothing else is told of a container before its samples."""
    web = AContainer(engine, "web")
    watch = Watch(engine, demand=Demand(10.0, each_second=True, at_once=False))
    async with watch:
        await watch.more("web", "cgroup")
        (probe,) = watch.reader.probes
        probe.still = True
        before = watch.reader.passed
        await wait_until_async(lambda: watch.reader.passed >= before + 3, 20, "some looks")
        assert not [each for each in watch.all if isinstance(each, Still)]

        if how == "event":
            await engine.ring("pause", web.key)
        elif how == "looking":
            watch.follower.interest.look("web")
        else:
            await catch_up([watch.follower])
        await wait_until_async(
            lambda: any(isinstance(each, Still) for each in watch.all), 20, "they are told"
        )

    kinds = [type(each) for each in watch.all]
    assert kinds.index(Sample) < kinds.index(Still)
    if how == "event":
        assert kinds.index(Still) < kinds.index(LifeEvent)
