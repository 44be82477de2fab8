"""What was seen live is seen again in a replay, at any speed, each time."""

import asyncio
import itertools
import time
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from msgspec.structs import replace

from fakes.engine import FakeEngine
from fakes.stats import frame
from taped import AT_THE_END, Live, lines, only, replayed, write_lines
from tidegauge.config import Options
from tidegauge.docker.tape import Message, TapeReader
from tidegauge.metrics.catalogue import MEMORY_USAGE, SAMPLES, STATE
from waiting import wait_until_async


@pytest.fixture
async def engine(tmp_path: Path):
    async with FakeEngine(tmp_path / "s") as fake:
        yield fake


def steady(*numbers: int, pause: float = 0.01):
    """Frames that come one after the other, and then no more; a second opening goes on."""
    left = iter(numbers)

    async def stats(connection):
        await connection.begin_chunks()
        for number in left:
            await connection.chunk(frame(number, memory=1000 + number) + b"\n")
            await asyncio.sleep(pause)
        await asyncio.Event().wait()

    return stats


def started(container: str, second: int):
    state = {"Status": "running", "StartedAt": f"2026-11-22T10:00:{second:02}Z"}
    return lambda c: c.json({"Id": container, "State": state})


def chunks(live: Live, path: Path) -> int:
    """Stats chunks on the tape so far."""
    live.tape.flush()
    with TapeReader(path, lambda _: None) as tape:
        return sum(m.what == "chunk" and "/stats" in m.request for m in tape.messages())


async def until_chunks(live: Live, path: Path, count: int) -> None:
    await wait_until_async(lambda: chunks(live, path) >= count, 10, f"{count} chunks")


async def an_eventful_recording(engine: FakeEngine, path: Path) -> Live:
    """One container restarts, one ends, one comes late, one breaks off; noise in between."""

    async def broken(connection):
        await connection.begin_chunks()
        await connection.chunk(frame(40) + b"\n" + b"noise\n" + frame(41)[:50])
        connection.break_off()

    web = engine.add("web", steady(*range(1, 9)))
    db = engine.add("db", steady(*range(20, 26)))
    engine.add("flaky", broken)
    moments = itertools.count(1795341600 * 10**9, 10**9)
    async with Live(path, local=engine.host) as live:
        await until_chunks(live, path, 10)
        engine.replies[f"/containers/{web}/json"] = started(web, 3)
        await engine.ring("start", web, next(moments))
        late = engine.add("late", steady(30, 31, 32))
        await engine.ring("start", late, next(moments))
        await until_chunks(live, path, 18)
        engine.listed[1]["State"] = "exited"
        await engine.ring("die", db, next(moments), exitCode="3")
        await wait_until_async(lambda: db not in live.followers[0].watched, 5, "closed")
        await wait_until_async(lambda: live.journal.counts.get("stream lost"), 5, "told")
    return live


async def test_every_live_sample_comes_again_with_equal_numbers(engine, tmp_path):
    """All series, sample by sample, all events and states, all troubles."""
    path = tmp_path / "tape"
    live = await an_eventful_recording(engine, path)

    again = await asyncio.to_thread(replayed, path)

    assert again.recorded == live.keep.recorded
    assert again.counts == dict(live.journal.counts)
    assert sorted(again.sentences) == sorted(live.sentences)
    assert again.recorded["local", "web", SAMPLES.name, ()] == ((1,) * 8, 8)
    assert ("local", "late", SAMPLES.name, ()) in again.recorded


async def test_the_fastest_replay_is_the_same_each_time(engine, tmp_path):
    """Snapshot by snapshot, with every sample in the same tick."""
    path = tmp_path / "tape"
    await an_eventful_recording(engine, path)
    options = Options(tick_interval=0.03)

    first, *others = [await asyncio.to_thread(replayed, path, options) for _ in range(5)]

    assert len(first.keep.snapshots) > 3
    for other in others:
        assert other.keep.snapshots == first.keep.snapshots
        assert other.sentences == first.sentences


async def test_two_engines_in_one_file(engine, tmp_path):
    """Containers of one name on both keep apart."""
    engine.add("web", steady(1, 2, 3))
    path = tmp_path / "tape"
    async with FakeEngine(tmp_path / "s2") as second:
        second.add("web", steady(11, 12))
        async with Live(path, one=engine.host, two=second.host) as live:
            await until_chunks(live, path, 5)

    again = await asyncio.to_thread(replayed, path)

    assert again.recorded == live.keep.recorded
    assert again.recorded["one", "web", MEMORY_USAGE.name, ()][0] == (1001, 1002, 1003)
    assert again.recorded["two", "web", MEMORY_USAGE.name, ()][0] == (1011, 1012)
    assert again.played.summary.endswith("of 2 engines: 2 containers, 5 samples.\n")
    assert again.played.tally.table().splitlines()[0].startswith("engine  container  samples")


async def test_your_own_choice_of_what_was_recorded(engine, tmp_path):
    """Fewer containers than were recorded, under other names."""
    engine.add("web", steady(1, 2, 3))
    engine.add("db", steady(1, 2, 3))
    path = tmp_path / "tape"
    async with Live(path, local=engine.host) as live:
        await until_chunks(live, path, 6)

    chosen = await asyncio.to_thread(replayed, path, only(AT_THE_END, "d*"))
    named = await asyncio.to_thread(
        replayed, path, replace(only(AT_THE_END), containers={"web": "shop"})
    )

    assert {alias for _, alias, *_ in chosen.recorded if alias} == {"db"}
    assert {alias for _, alias, *_ in named.recorded if alias} == {"shop"}


def without_states(recorded):
    """A state is told while it is known; when the engine is lost again depends on the moment."""
    return {key: value for key, value in recorded.items() if key[2] != STATE.name}


async def test_a_lost_engine_is_lost_again(tmp_path):
    """And joined again where it was; its streams go on."""
    path, host = tmp_path / "tape", f"unix://{tmp_path}/s"
    async with AsyncExitStack() as outlives_the_recording, Live(path, local=host) as live:
        await wait_until_async(lambda: live.journal.counts["engine lost"], 5, "nobody there")
        async with FakeEngine(tmp_path / "s") as engine:
            engine.add("web", steady(1, 2))
            await until_chunks(live, path, 2)
        await wait_until_async(lambda: not live.followers[0].watched, 5, "lost")
        (tmp_path / "s").unlink()
        engine = await outlives_the_recording.enter_async_context(FakeEngine(tmp_path / "s"))
        engine.add("web", steady(3, 4))
        await until_chunks(live, path, 4)

    again = await asyncio.to_thread(replayed, path)

    assert again.recorded["local", "web", MEMORY_USAGE.name, ()][0] == (1001, 1002, 1003, 1004)
    assert without_states(again.recorded) == without_states(live.keep.recorded)


def ten_minutes(path: Path) -> Path:
    """A sample a second of two containers, as raw lines."""
    header = b'{"recording":"tidegauge","format":1,"version":"0","time":0,"engines":[{"name":"e"}]}'
    listed = (
        '[{"Id":"a","Names":["/a"],"State":"running"},{"Id":"b","Names":["/b"],"State":"running"}]'
    )
    whole = [
        ("/_ping", "OK"),
        ("/v1.41/version", "{}"),
        ("/v1.41/containers/json", listed),
        ("/v1.41/containers/a/json", '{"Id":"a"}'),
        ("/v1.41/containers/b/json", '{"Id":"b"}'),
    ]
    messages: list[Message] = []
    for n, (request, text) in enumerate(whole, 1):
        messages.append(Message(0, "asked", n, "e", request))
        headers = {"api-version": "1.41"}
        messages.append(Message(0, "reply", n, "e", request, 200, headers, text=text))
    for n, name in enumerate(("events", "containers/a/stats", "containers/b/stats"), 10):
        messages += [Message(0, what, n, "e", f"/{name}", 200) for what in ("asked", "opened")]
    for second in range(1, 601):
        for n, name in ((11, "a"), (12, "b")):
            text = (
                frame(0, memory=second)
                .decode()
                .replace("10:00:00.5Z", f"10:{second // 60:02}:{second % 60:02}.5Z")
            )
            messages.append(
                Message(
                    second - 0.5, "chunk", n, "e", f"/containers/{name}/stats", text=f"{text}\n"
                )
            )
    messages.append(Message(600.5, "finished"))
    from msgspec.json import encode

    return write_lines(path, [header, *map(encode, messages)])


def test_ten_minutes_pass_in_a_moment(tmp_path):
    """Every second's sample in its tick: 60 ticks of 10 s, 10 samples of each container."""
    before = time.monotonic()
    again = replayed(ten_minutes(tmp_path / "tape"), Options())

    assert time.monotonic() - before < 20
    ticks = again.keep.snapshots
    assert [round(tick.at, 6) for tick in ticks] == [*range(10, 601, 10), 600.5]
    for tick in ticks[:60]:
        memory = [len(series.samples) for series in tick.series if series.metric == MEMORY_USAGE]
        assert memory == [10, 10]
    assert again.played.summary == "Replayed 600.5 s of 1 engine: 2 containers, 1200 samples.\n"


@pytest.mark.parametrize("speed", [600.0, 1e6])
def test_at_any_speed_it_records_the_same(tmp_path, speed):
    """A second for ten minutes, and faster than any machine."""
    path = ten_minutes(tmp_path / "tape")

    assert (
        replayed(path, Options(), speed).keep.snapshots == replayed(path, Options()).keep.snapshots
    )


def test_a_replay_without_a_container_is_a_replay(tmp_path):
    """Nothing chosen: no table, but a summary."""
    again = replayed(ten_minutes(tmp_path / "tape"), only(AT_THE_END, "none"))

    assert again.played.tally.table() == ""
    assert again.played.summary == "Replayed 600.5 s of 1 engine: 0 containers, 0 samples.\n"


async def test_cut_short_anywhere_it_plays_what_is_there(engine, tmp_path):
    """At many places of a real recording: numbers of a part, one sentence, no traceback."""
    path, cut = tmp_path / "tape", tmp_path / "cut"
    live = await an_eventful_recording(engine, path)
    whole = path.read_bytes()
    samples = []

    for length in range(len(whole) // 3, len(whole) - 1, len(whole) // 40):
        cut.write_bytes(whole[:length])
        again = await asyncio.to_thread(replayed, cut)
        if again.breaks_off:
            assert again.breaks_off.startswith(f"{cut} breaks off after ")
        else:  # nothing but the check sum of gzip is missing
            assert again.recorded == live.keep.recorded
        samples.append(again.played.tally.samples)
    assert samples == sorted(samples)
    assert samples[-1] <= live.keep.recorded["local", "web", SAMPLES.name, ()][1] + 20
    assert lines(path)[-1]["what"] == "finished"
