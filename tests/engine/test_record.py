"""What a real engine says, recorded, replays to what was recorded live."""

import asyncio

import pytest

from taped import AT_THE_END, Live, lines, only, replayed
from tidegauge.metrics.catalogue import CPU_USAGE, MEMORY_USAGE, SAMPLES
from waiting import wait_until_async

pytestmark = [pytest.mark.engine, pytest.mark.timeout(180)]

SECRET = "PASSWORD=correct-horse-battery-staple"


async def engine_does(engine, *command):
    await asyncio.to_thread(engine.docker, *command)


async def more_samples(tape, alias, live, count):
    """Wait until so many more stats chunks of this container are on the tape."""

    def known():
        key = next(k for k, each in live.followers[0].watched.items() if each.alias == alias)
        live.tape.flush()
        requests = [line.get("request", "") for line in until_now(tape)]
        return sum(f"/containers/{key}/stats" in request for request in requests)

    await wait_until_async(
        lambda: any(each.alias == alias for each in live.followers[0].watched.values()), 20, alias
    )
    before = known()
    await wait_until_async(lambda: known() >= before + count, 30, f"{count} more of {alias}")


def until_now(path):
    """The lines of a recording that is being written."""
    import json
    import zlib

    raw = zlib.decompressobj(wbits=31).decompress(path.read_bytes())
    return [json.loads(line) for line in raw.splitlines() if line.endswith(b"}")]


async def test_a_recording_of_two_containers_replays_to_the_same_series(docker_engine, tmp_path):
    """One restarts, one is removed: every series equals the one recorded live."""
    path = tmp_path / "tape"
    options = ("--env", SECRET, "--stop-timeout", "0")
    docker_engine.burn("taped-burn", options=options)
    docker_engine.run("taped-idle", "sleep", "10000", options=options)

    async with Live(path, only(AT_THE_END, "taped-*"), local=docker_engine.host) as live:
        await more_samples(path, "taped-burn", live, 5)
        await more_samples(path, "taped-idle", live, 2)
        await engine_does(docker_engine, "restart", "--time", "0", "taped-burn")
        await more_samples(path, "taped-burn", live, 5)
        await engine_does(docker_engine, "rm", "--force", "taped-idle")
        await wait_until_async(lambda: len(live.followers[0].watched) == 1, 10, "removed")
        await more_samples(path, "taped-burn", live, 2)
    await engine_does(docker_engine, "rm", "--force", "taped-burn")

    again = await asyncio.to_thread(replayed, path)

    assert again.recorded == live.keep.recorded
    assert again.counts == dict(live.journal.counts)
    assert sum(again.recorded["local", "taped-burn", SAMPLES.name, ()][0]) >= 7
    assert len(again.recorded["local", "taped-burn", CPU_USAGE.name, ()][0]) >= 5
    assert len(again.recorded["local", "taped-idle", MEMORY_USAGE.name, ()][0]) >= 2
    text = str(lines(path))
    assert "taped-idle" in text
    assert SECRET.partition("=")[2] not in text
    print(again.played.summary + again.played.tally.table())
