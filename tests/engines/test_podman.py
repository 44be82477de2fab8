"""What Podman does otherwise than Docker, and that it shows in no number of ours."""

import asyncio
import itertools
import json

import pytest

from engine.watching import Watching
from engines.doing import does, more_samples
from engines.truth import answer_to
from frames_of import frames_of
from tidegauge.docker.client import EngineClient
from tidegauge.docker.endpoint import parse_endpoint
from tidegauge.docker.transport import HttpTransport
from tidegauge.errors import NoSuchContainer
from tidegauge.metrics.catalogue import (
    CPU_CAPACITY,
    CPU_PERIODS,
    CPU_USAGE,
    EXITS,
    MEMORY_CACHE,
    MISSED,
    OOMS,
    RESTARTS,
    STATE,
)
from waiting import wait_until_async

pytestmark = [pytest.mark.engines, pytest.mark.timeout(240)]

STUBBORN = 'trap "" TERM; while :; do sleep 1; done'


def is_old(podman):
    return podman.docker("version", "--format", "{{.Server.Version}}").startswith("4.")


def state_of(podman, name):
    listed = json.loads(podman.get("/containers/json?all=1"))
    return next(one["State"] for one in listed if one["Names"][0].lstrip("/") == name)


async def test_frames_lack_and_rename_fields(podman):
    """What they lack is absent with us, also where they send a 0 or another meaning."""
    podman.burn("spelt")
    frame = podman.stats("spelt")
    async with Watching(podman, ["spelt"]) as watching:
        await more_samples(watching, "spelt", 3)
        await does(podman, "rm", "--force", "spelt")

    assert frame["name"] == "spelt"
    old = is_old(podman)
    assert {"Id", "id"} & set(frame) == {"Id" if old else "id"}
    assert set(frame["networks"]) == {"network" if old else "eth0"}
    assert "stats" not in frame["memory_stats"]
    assert frame["cpu_stats"]["throttling_data"]["periods"] == 0  # of a throttled container
    assert watching.of("spelt", CPU_USAGE)
    for absent in (CPU_CAPACITY, CPU_PERIODS, MEMORY_CACHE):
        assert not watching.of("spelt", absent), absent.name


async def test_samples_come_every_five_seconds_and_none_is_missed(podman):
    """Rates are over the real time between two samples."""
    podman.burn("slow-beat")
    async with Watching(podman, ["slow-beat"]) as watching:
        await more_samples(watching, "slow-beat", 4)
        await does(podman, "rm", "--force", "slow-beat")

    reads = watching.reads["slow-beat"]
    gaps = [later - earlier for earlier, later in itertools.pairwise(reads)]
    assert all(4.5 < gap < 7.5 for gap in gaps), gaps
    assert not watching.of("slow-beat", MISSED)
    assert max(watching.of("slow-beat", CPU_USAGE)) < 0.5


async def test_a_stream_ends_when_its_container_stops(podman):
    """Docker's go on with empty frames; opened on a stopped one it ends at once as well."""
    container = podman.run("ending", "sleep", "1000")
    stream = asyncio.create_task(answer_to(podman, f"/containers/{container}/stats", 40))
    await wait_until_async(lambda: state_of(podman, "ending") == "running", 10, "it runs")
    await does(podman, "stop", "--time", "0", "ending")
    ended = await stream
    stopped = await answer_to(podman, f"/containers/{container}/stats", 10)
    await does(podman, "rm", "ending")

    assert ended.status == stopped.status == 200
    assert ended.documents[0]["read"][:2] == "20"
    if is_old(podman):
        assert stopped.body == b""
    else:
        assert stopped.documents[-1]["response"] == 500


async def test_a_stopped_container_is_left_alone_until_it_starts(podman):
    """No stream is opened on it again and again, and nothing it sends is garbage."""
    podman.run("resting", "sleep", "1000", options=("--stop-timeout", "0"))
    async with Watching(podman, ["resting"]) as watching:
        await more_samples(watching, "resting", 1)
        await does(podman, "stop", "--time", "0", "resting")
        await wait_until_async(lambda: not watching.follower.watched, 15, "the stream is closed")
        seen = len(watching.reads["resting"])
        await does(podman, "run", "--rm", "busybox:local", "sleep", "6")  # rings the doorbell
        assert len(watching.reads["resting"]) == seen
        assert not watching.follower.watched
        await does(podman, "start", "resting")
        await more_samples(watching, "resting", 2)
        await does(podman, "rm", "--force", "resting")

    assert not watching.journal.counts.keys() & {"garbage received", "stream lost"}


async def test_a_container_that_takes_long_to_stop_is_watched_to_its_end(podman):
    """Its state has a name of Podman's own while it still runs."""
    podman.run("stubborn", "sh", "-c", STUBBORN)
    async with Watching(podman, ["stubborn", "bell"]) as watching:
        await more_samples(watching, "stubborn", 1)
        stopping = asyncio.create_task(does(podman, "stop", "--time", "12", "stubborn"))
        await wait_until_async(lambda: state_of(podman, "stubborn") == "stopping", 5, "stopping")
        await does(podman, "run", "-d", "--name", "bell", "busybox:local", "sleep", "1000")
        await wait_until_async(lambda: watching.reads["bell"], 10, "a newer list was taken")
        watching.collect()
        names = {one.alias for one in watching.follower.watched.values()}
        running = watching.totals["stubborn", STATE.name, (("container.state", "running"),)][-1]
        assert state_of(podman, "stubborn") == "stopping"
        await stopping
        await wait_until_async(lambda: len(watching.follower.watched) == 1, 15, "it has stopped")
        await does(podman, "rm", "--force", "stubborn", "bell")

    assert names == {"stubborn", "bell"}
    assert running == 1


async def test_an_unknown_container_and_an_unknown_version(podman):
    """Refused without a word, and not refused at all."""
    client = EngineClient("local", HttpTransport(parse_endpoint(podman.host)))
    engine = await client.connect()
    with pytest.raises(NoSuchContainer, match="has no container nobody"):
        await client.stats("nobody", lambda *_: None, lambda *_: None)
    await client.close()
    unknown = await answer_to(podman, "/containers/nobody/stats", 10)
    future = await answer_to(podman, "/v9.99/version", 10)

    assert engine.kind == "podman"
    assert unknown.status == 404
    assert (unknown.body == b"") == is_old(podman)
    assert future.status == 200


async def test_a_restart_tells_itself_before_it_happens(podman):
    """Still it counts once, and no number is wrong."""
    podman.burn("again")
    async with Watching(podman, ["again"]) as watching:
        await more_samples(watching, "again", 2)
        await does(podman, "restart", "--time", "0", "again")
        await wait_until_async(
            lambda: [one.kind for one in watching.events["again"]][-1:] == ["start"], 15, "a start"
        )
        await more_samples(watching, "again", 3)
        kinds = [one.kind for one in watching.events["again"]]
        watching.holds_no_wrong_number("again")
        assert watching.totals["again", RESTARTS.name, ()][-1] == 1
        assert max(watching.of("again", CPU_USAGE)) < 0.5
        await does(podman, "rm", "--force", "again")

    assert kinds == ["restart", "die", "start"]


async def test_memory_running_out_is_an_end_without_an_oom_event(podman):
    """The exit code is all there is; no kill is counted that was not told."""
    limits = ("--memory", "24m", "--memory-swap", "24m")
    async with Watching(podman, ["hungry"]) as watching:
        await wait_until_async(lambda: watching.follower.settled, 15, "the engine is joined")
        await does(
            podman, "run", "-d", *limits, "--name", "hungry", "busybox:local", "tail", "/dev/zero"
        )
        events = watching.events["hungry"]
        await wait_until_async(lambda: any(one.kind == "die" for one in events), 30, "its end")
        await does(podman, "rm", "hungry")
        await wait_until_async(lambda: events[-1].kind == "destroy", 15, "its removal")

    assert [one.kind for one in events] == ["create", "start", "die", "destroy"]
    assert watching.totals["hungry", EXITS.name, (("exit.code", "137"),)][-1] == 1
    assert not watching.totals["hungry", OOMS.name, ()]


async def test_what_a_stopped_container_answers_is_no_garbage(podman):
    """Nothing at all, or an error in the middle of success."""
    container = podman.run("answering", "true")
    await wait_until_async(lambda: state_of(podman, "answering") == "exited", 10, "it ended")
    client = EngineClient("local", HttpTransport(parse_endpoint(podman.host)))
    await client.connect()
    garbage: list[bytes] = []
    async with frames_of(client, container, lambda data, _: garbage.append(data)) as frames:
        got = [frame async for frame in frames]
    await client.close()
    await does(podman, "rm", "answering")

    assert (got, garbage) == ([], [])
