"""The program's own client cannot tell the simulated engine from a real one."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from itertools import pairwise
from typing import TypeVar

import pytest

from frames_of import frames_of
from manual_clock import settle
from recorded import RECORDINGS
from simulation.today import NOON, Today, an_engine, named
from snapshots import a_journal
from tidegauge.app import Memory, draw, followers_of
from tidegauge.clock import SystemClock
from tidegauge.config import Options
from tidegauge.docker.client import EngineClient
from tidegauge.docker.frames import ContainerEvent, Engine, ListedContainer, StatsFrame
from tidegauge.docker.lives import health_in
from tidegauge.docker.resources import Resources
from tidegauge.docker.stock import disk_use, stock
from tidegauge.errors import NoSuchContainer
from tidegauge.metrics import Snapshot
from tidegauge.playback import PlaybackClock
from tidegauge.simulation.transport import SimulatedTransport
from tidegauge.streams import ticks

T = TypeVar("T")

REPLIES = RECORDINGS / "docker-26.1.5-cgroup2"


@pytest.fixture
def clock() -> Today:
    return Today()


@pytest.fixture
def transport(clock: Today) -> SimulatedTransport:
    return SimulatedTransport(an_engine(), "demo://", clock)


@pytest.fixture
async def client(transport: SimulatedTransport) -> EngineClient:
    client = EngineClient("demo", transport)
    await client.connect()
    return client


def no_garbage(data: bytes, error: str) -> None:
    pytest.fail(f"{error}: {data!r}")


async def within(clock: Today, seconds: float, stream: AsyncIterator[T]) -> list[T]:
    """All that comes while so much time passes."""
    got: list[T] = []

    async def take() -> None:
        async for each in stream:
            got.append(each)  # noqa: PERF401 (what came stays when it is cancelled)

    task = asyncio.create_task(take())
    await settle()
    await clock.advance(seconds)
    if not task.done():
        task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return got


async def test_it_answers_as_docker_26(transport: SimulatedTransport) -> None:
    """To the greeting that every client begins with."""
    client = EngineClient("demo", transport)

    assert await client.connect() == Engine("demo", "docker", "26.1.5")
    assert client.address == "demo://"


async def test_containers_are_listed_as_the_engine_is_asked(client: EngineClient) -> None:
    """Those that run, or all; with the labels Compose gives them."""
    running, every = await client.containers(), await client.containers(stopped=True)

    assert {each.name for each in every} - {each.name for each in running} == {"shop-migrate-1"}
    assert {each.state for each in running} == {"running"}
    by_name = {each.name: each for each in every}
    assert len(by_name) == 17
    assert by_name["shop-web-2"].labels == {
        "com.docker.compose.project": "shop",
        "com.docker.compose.service": "web",
        "com.docker.compose.container-number": "2",
        "com.docker.compose.oneoff": "False",
        "com.example.team": "platform",
    }
    assert by_name["hopeful_wozniak"].labels == {}
    assert health_in(by_name["shop-mail-1"]) == "healthy"
    assert by_name["shop-migrate-1"].status == "Exited (0) 2 days ago"
    assert by_name["blog-mariadb-1"].status == "Up 2 months"


async def test_a_listed_container_has_the_shape_of_a_real_one(
    transport: SimulatedTransport,
) -> None:
    """Names in Docker's order; sizes only when they are asked for."""
    recorded = json.loads((REPLIES / "containers-all-size.json").read_bytes())
    names = max(([*each] for each in recorded), key=len)

    for size, wanted in (("1", names), ("0", [x for x in names if not x.startswith("Size")])):
        reply = await transport.get("/v1.45/containers/json", {"all": "1", "size": size})
        assert [*json.loads(reply.body)[0]] == wanted


@pytest.mark.parametrize(
    ("filters", "names"),
    [
        ({"label": ["com.docker.compose.project=blog"]}, {"blog-wordpress-1", "blog-mariadb-1"}),
        (
            {"label": ["com.docker.compose.service=api", "com.example.team"]},
            {"shop-api-1", "shop-api-2"},
        ),
        ({"name": ["post"]}, {"shop-postgres-1"}),
        ({"status": ["exited", "dead"]}, {"shop-migrate-1"}),
        ({"id": ["nobody"]}, set[str]()),
    ],
)
async def test_a_list_can_be_filtered(
    transport: SimulatedTransport, filters: dict[str, list[str]], names: set[str]
) -> None:
    """By label, by part of a name, by state, by the beginning of an id."""
    reply = await transport.get("/containers/json", {"filters": json.dumps(filters)})

    assert {each["Names"][0][1:] for each in json.loads(reply.body)} == names


async def test_limits_are_told_as_docker_tells_them(client: EngineClient) -> None:
    """Of CPU, memory and tasks; nothing of what has none."""
    api, mail = await client.inspect("shop-api-1"), await client.inspect("shop-mail-1")

    assert Resources.of(api.host_config) == Resources(
        0.5, 50_000, 100_000, None, 384 << 20, 768 << 20, 192 << 20, 200
    )
    assert Resources.of(mail.host_config) == Resources()
    assert (mail.state.health and mail.state.health.status) == "healthy"
    assert api.state.started_at == datetime.fromtimestamp(NOON - 43_200 - 20 * 86_400 + 0.6, UTC)


async def test_a_container_answers_to_its_name_and_its_id(client: EngineClient) -> None:
    """And to the beginning of its id."""
    by_name = await client.inspect("shop-worker-1")

    assert await client.inspect(by_name.id) == by_name
    assert await client.inspect(by_name.id[:12]) == by_name


async def test_what_it_does_not_have_is_refused(
    client: EngineClient, transport: SimulatedTransport
) -> None:
    """In Docker's words and with its status."""
    with pytest.raises(NoSuchContainer):
        await client.inspect("nobody")
    with pytest.raises(NoSuchContainer):
        await client.stats("nobody", lambda *_: None, no_garbage)

    reply = await transport.get("/v1.45/networks", {})
    assert (reply.status, reply.body) == (404, b'{"message":"page not found"}\n')


async def test_the_survey_is_answered(client: EngineClient) -> None:
    """States, the machine, and what of a disk is used."""
    engine = Engine("demo")
    seen, use = stock(engine, await client.info()), disk_use(engine, await client.disk_use(), 60.0)

    assert seen.containers == {"running": 16, "paused": 0, "stopped": 1}
    assert (seen.cpus, seen.memory) == (8, 16 << 30)
    assert use.images
    assert use.build_cache
    assert use.volumes == len(use.volume_sizes) == 5
    assert use.volumes_size == sum(use.volume_sizes.values())
    sizes: list[ListedContainer] = await client.sizes()
    assert all(each.writable and each.writable >= 40 << 10 for each in sizes)


async def test_a_sample_comes_every_second(client: EngineClient, clock: Today) -> None:
    """At the container's own part of the second; of the engine's time, not ours."""
    async with frames_of(client, "shop-redis-1", no_garbage) as stream:
        frames: list[StatsFrame] = await within(clock, 5.0, stream)

    phase = named(an_engine(), "shop-redis-1").phase
    reads = [each.read.timestamp() - NOON for each in frames]
    assert reads == pytest.approx([phase + second for second in range(5)], abs=1e-5)


async def test_containers_are_looked_at_all_over_the_second() -> None:
    """So two hundred of them cost the same at any moment."""
    phases = sorted(each.phase for each in an_engine(200).instances)

    assert len(phases) == 200
    assert max(later - earlier for earlier, later in pairwise(phases)) < 0.05


async def test_a_stream_outlives_a_restart_and_ends_with_its_container(
    client: EngineClient, clock: Today
) -> None:
    """Empty samples while nothing runs; the end when it is removed."""
    async with frames_of(client, "shop-worker-1", no_garbage) as stream:
        worker = await within(clock, 130.0, stream)
    assert len(worker) == 130
    empty = sum(not each.running for each in worker)
    assert empty in {0, 1}

    async with frames_of(client, "shop-web-1", no_garbage) as stream:
        web = await within(clock, 300.0, stream)
    assert 0 < web[-1].read.timestamp() - NOON < 251.1


async def test_events_come_when_they_happen(client: EngineClient, clock: Today) -> None:
    """Only those that are asked for, at their times, with what Docker tells with them."""
    async with client.events(no_garbage) as stream:
        events: list[ContainerEvent] = await within(clock, 101.0, stream)

    assert [(each.time_ns / 1e9 - NOON, each.action) for each in events] == [
        (pytest.approx(at, abs=1e-5), action)
        for at, action in (
            *((20.0, "create"), (20.5, "start"), (40.5, "die"), (40.6, "destroy")),
            *((60.0, "pause"), (100.0, "oom"), (100.1, "die"), (100.7, "start")),
        )
    ]
    died = events[-2].actor.attributes
    assert (died["name"], died["exitCode"]) == ("shop-worker-1", "137")
    assert died["execDuration"] == "359"
    assert died["com.docker.compose.service"] == "worker"


async def test_past_events_are_told_again(client: EngineClient, clock: Today) -> None:
    """From a time on, the last 256 of them at most; then it goes on."""
    await clock.advance(45.0)
    async with client.events(no_garbage, since=int((NOON + 20.2) * 1e9)) as stream:
        events = await within(clock, 20.0, stream)
    assert [each.action for each in events] == ["start", "die", "destroy", "pause"]

    async with client.events(no_garbage, since=int((NOON - 86_400) * 1e9)) as stream:
        kept = an_engine().incidents(NOON - 86_400, clock.now())[-256:]
        ended = [each for each in kept if each.step.action in {"kill", "stop"}]  # not asked for
        assert len(await within(clock, 0.0, stream)) == 256 - len(ended)


def test_the_whole_program_sees_all_of_it() -> None:
    """Twelve minutes of ten containers: ends, restarts and successors, and no complaint."""
    journal, sentences = a_journal()
    clock = PlaybackClock(NOON, float("inf"), SystemClock())

    async def run() -> Snapshot:
        client = EngineClient("demo", SimulatedTransport(an_engine(11), "demo://", clock))
        options, memory = Options(), Memory(journal, clock)
        followers = followers_of(options, [client], journal, clock, lambda: 0.0)
        program = draw(options, followers, (), memory, ticks(clock, 10.0, asyncio.Event()))
        collecting = asyncio.create_task(program.collecting.run())
        await clock.sleep(12 * 60)
        collecting.cancel()
        await asyncio.gather(collecting, return_exceptions=True)
        return memory.registry.collect(clock.now())

    with asyncio.Runner(loop_factory=clock.new_loop) as runner:
        seen = runner.run(run())

    exits = {
        (series.entity.alias, *(code for _, code in series.attributes)): series.last
        for series in seen.present
        if series.metric.name == "container.exit.count" and series.last
    }
    assert exits == {
        **{(f"shop-web-{number}", "0"): 1 for number in (1, 2, 3)},
        ("shop-worker-1", "137"): 2,
        ("shop-report-1", "0"): 6,
    }
    assert {**journal.counts} == {}
    assert sentences.count("container recreated") == 3 + 5
