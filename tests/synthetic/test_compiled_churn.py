"""The engine in C: what happens to its containers, and what goes wrong with its streams."""

from datetime import datetime
from typing import Any

import pytest
from synthetic.running import EngineFailed, SyntheticEngine

from raw_http import connected, streaming
from waiting import wait_until_async

pytestmark = pytest.mark.synthetic

NEVER = "0001-01-01T00:00:00Z"
STATS = "/containers/synth-00001/stats"


@pytest.fixture
def engine(require):
    require(SyntheticEngine)
    with SyntheticEngine(3, rate=50) as engine:
        yield engine


async def listed(engine: SyntheticEngine) -> dict[str, Any]:
    """All containers by name."""
    async with connected(engine.socket) as connection:
        every = await connection.get("/containers/json?all=1")
    return {each["Names"][0][1:]: each for each in every}


async def inspected(engine: SyntheticEngine, name: str) -> Any:
    async with connected(engine.socket) as connection:
        return await connection.get(f"/containers/{name}/json")


async def test_a_stop_empties_the_samples(engine: SyntheticEngine) -> None:
    """The first empty one still tells the last real values; after a start there are none."""
    async with streaming(engine.socket, STATS) as stream:
        last = await stream.event()
        assert engine.do("stop", 1)
        first_empty = await stream.event()
        while first_empty["read"] != NEVER:
            last, first_empty = first_empty, await stream.event()
        empty = await stream.event()
        assert engine.do("start", 1)
        real = await stream.event()
        while real["read"] == NEVER:
            real = await stream.event()
        second = await stream.event()

    assert first_empty["preread"] == last["read"]
    assert first_empty["precpu_stats"] == last["cpu_stats"]
    assert empty["preread"] == NEVER
    assert empty["precpu_stats"] == empty["cpu_stats"] == first_empty["cpu_stats"]
    assert real["preread"] == NEVER
    assert real["precpu_stats"]["cpu_usage"]["total_usage"] == 0
    assert second["preread"] == real["read"]
    assert second["precpu_stats"] == real["cpu_stats"]
    assert second["cpu_stats"]["cpu_usage"]["total_usage"] < 10**12 < 10**14


async def test_each_change_is_told(engine: SyntheticEngine) -> None:
    """As Docker tells it, in the order of the changes; what changes nothing is not told."""
    async with streaming(engine.socket, "/v1.41/events?filters=%7B%7D") as told:
        for action in ("stop", "stop", "start", "die", "create", "remove", "create", "start"):
            engine.do(action, 1)
        engine.do("remove", 1)
        actions = ["kill", "die", "stop", "start", "die", "destroy", "create", "start"]
        actions += ["kill", "die", "destroy"]
        events = await told.events(len(actions))

    assert [each["Action"] for each in events] == actions
    assert {each["Type"] for each in events} == {"container"}
    assert {each["Actor"]["Attributes"]["name"] for each in events} == {"synth-00001"}
    codes = [each["Actor"]["Attributes"]["exitCode"] for each in events if each["status"] == "die"]
    assert codes == ["137", "1", "137"]
    ids = [each["id"] for each in events]
    assert len(set(ids)) == 2
    assert set(ids[:6]).isdisjoint(ids[6:])


async def test_a_script_of_churn_is_followed(require) -> None:
    """In the order of its times, with containers by number and by id."""
    require(SyntheticEngine)
    third = f"{3:08x}{0:056}"
    script = f"""
# seconds, action, container
0.2 start 1
0.1 stop 1
0.1 remove 2
0.2 create 2
0.3 start 2
0.1 die {third}
0.1 remove 4
0.1 create 7
"""
    with SyntheticEngine(5, churn=script) as engine:

        async def over() -> dict[str, Any]:
            now = await listed(engine)
            two = now.get("synth-00002", {"State": ""})
            return now if two["State"] == "running" and two["Id"][8:12] == "0001" else {}

        now = await wait_until_async(over, 10, "the last line of the script")
        one, three = [await inspected(engine, f"synth-0000{number}") for number in (1, 3)]

    states = {name: each["State"] for name, each in now.items()}
    assert states == {
        "synth-00000": "running",
        "synth-00001": "running",
        "synth-00002": "running",
        "synth-00003": "exited",
        "synth-00007": "created",
    }
    started, created = (
        datetime.fromisoformat(text) for text in (one["State"]["StartedAt"], one["Created"])
    )
    assert started > created
    assert (three["State"]["ExitCode"], three["Id"]) == (1, third)


@pytest.mark.parametrize("line", ["1 explode 3", "soon stop 3", "1 stop", "1 stop 3 now"])
def test_a_script_with_a_mistake_is_refused(require, line: str) -> None:
    """The line is named."""
    require(SyntheticEngine)
    with pytest.raises(EngineFailed, match=r"^synthetic engine: line 2 of \S+ is not SECONDS"):
        SyntheticEngine(5, churn=f"0 stop 1\n{line}\n")


async def test_a_cut_ends_a_stream_within_a_chunk(engine: SyntheticEngine) -> None:
    """As when a daemon is killed: no last chunk."""
    async with streaming(engine.socket, STATS) as stream:
        await stream.event()
        assert engine.do("cut", 1)
        rest = await stream.rest()

    *_, broken = rest.split(b"\r\n")
    assert broken.startswith(b'{"read":')
    assert not broken.endswith(b"}\n")


async def test_a_stalled_stream_is_silent(engine: SyntheticEngine) -> None:
    """It stays open while others go on, and nothing is sent on it."""
    async with streaming(engine.socket, STATS) as stream:
        await stream.event()
        assert engine.do("stall", 2) is False  # nobody listens to that one
        assert engine.do("stall", 1)
        async with streaming(engine.socket, STATS) as other:
            before = engine.truth(streams=True)
            await other.events(5)
            after = engine.truth(streams=True)
        await stream.events(before["streams"][0]["sent"] - 1)

    assert after["streams_open"] == 2
    assert after["streams"][0]["sent"] == before["streams"][0]["sent"]
    assert after["streams"][1]["sent"] >= 5
    assert after["streams"][0]["skipped"] == 0


async def test_garbage_comes_between_events(engine: SyntheticEngine) -> None:
    """A whole chunk of it, and then the stream goes on."""
    async with streaming(engine.socket, STATS) as stream:
        await stream.event()
        assert engine.do("garbage", "synth-00001")
        while (chunk := await stream.chunk()).startswith(b"{"):
            pass
        assert chunk == b"<<this is no JSON>>\n"
        await stream.event()


async def test_an_object_without_end_grows(engine: SyntheticEngine) -> None:
    """In pieces, past any size that a reader may want to keep."""
    async with streaming(engine.socket, STATS) as stream:
        await stream.event()
        assert engine.do("huge", 1)
        while (chunk := await stream.chunk()).endswith(b"}\n"):
            pass
        assert chunk == b'{"read":"'
        pieces = [await stream.chunk() for _ in range(20)]

    assert {len(piece) for piece in pieces} == {64 << 10}
    assert b"".join(pieces).strip(b"x") == b""
