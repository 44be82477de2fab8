"""Edge cases that show only while a stream is held: all from an engine's socket to the registry."""

import json
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import msgspec
import pytest

from edge_cases.chain import following
from fakes.engine import Connection, FakeEngine, Reply
from fakes.stats import streaming
from recorded import lines
from tidegauge.clock import SystemClock
from tidegauge.docker.attention import EMPTY_IN_A_ROW, LATE_SECONDS
from tidegauge.docker.frames import ListedContainer
from waiting import wait_until_async

SHARED = "docker-20.10.24-cgroup1-network"
BURN = lines("docker-20.10.24-cgroup1/stats-stream-burn")
MOVER = lines(f"{SHARED}/stats-stream-mover")
SHARER = lines(f"{SHARED}/stats-stream-sharer")
OWNER_GONE = [line for line in SHARER if '"read":"0001' in line]


class LeapingClock(SystemClock):
    """Real time, with leaps."""

    leaps = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self.leaps


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[FakeEngine]:
    async with FakeEngine(tmp_path / "s") as fake:
        yield fake


def sending(some: Sequence[str]) -> Reply:
    return streaming(*(line.encode() for line in some))


def add_sharer(engine: FakeEngine, some: Sequence[str], owner: str) -> str:
    """A running container that uses the network of another, as the engine tells when asked."""
    key = engine.add("sharer", sending(some))
    state = {"Status": "running", "StartedAt": "2020-01-01T00:00:00Z"}
    mode = {"NetworkMode": f"container:{owner}"}
    engine.replies[f"/containers/{key}/json"] = lambda c: c.json(
        {"Id": key, "State": state, "HostConfig": mode}
    )
    return key


async def test_case_13_the_owner_of_a_shared_network_is_gone(engine: FakeEngine) -> None:
    """A running container that gives only empty samples is told, once, with cause and remedy.

    Recorded: what an engine sends of a container when the one whose network it shares is stopped,
    and later removed; the lines of a restart between were left out.
    """
    assert len(OWNER_GONE) == 11 > EMPTY_IN_A_ROW
    some = [*SHARER[:8], *OWNER_GONE, *OWNER_GONE]
    add_sharer(engine, some, "31a3fe5090f1" + "0" * 52)

    async with following(engine.host) as chain:
        told = chain.journal.counts
        await wait_until_async(lambda: told.get("empty samples", 0) == 2, 10, "two times ten")

    assert [sentence for sentence in chain.sentences if "empty" in sentence] == [
        "engine local sends empty samples of sharer, which runs; nothing of it is recorded. It"
        " shares the network of 31a3fe5090f1, which does not run; start that one and then this one"
        " again, or make both anew."
    ]
    chain.collect()
    assert len(chain.samples("memory.usage")) == 8
    assert min(chain.samples("memory.usage")) > 0


async def test_case_13b_the_end_of_it_is_told_and_nothing_counts_twice(engine: FakeEngine) -> None:
    """After its owner runs again: told, and its CPU time is that of one life.

    Recorded, with the empty samples twice.
    """
    owner = engine.add("owner", sending([]))
    add_sharer(engine, [*SHARER[:8], *OWNER_GONE, *SHARER[14:18]], owner)

    async with following(engine.host) as chain:
        await wait_until_async(lambda: "samples come again" in chain.sentences, 10, "the end")
        chain.collect()

    assert "It shares the network of owner, which does not run;" in chain.sentences[-2]
    used = [json.loads(SHARER[n])["cpu_stats"]["cpu_usage"]["total_usage"] for n in (0, 17)]
    assert sum(chain.samples("cpu.time")) == used[1] - used[0] == 0


async def test_case_15_an_interface_was_renamed_inside_a_container(engine: FakeEngine) -> None:
    """The engine then fails to read it and sends empty samples: told as above, with this cause.

    Recorded: eth0 of a running container was renamed to eth9.
    """
    engine.add("mover", sending(MOVER))

    async with following(engine.host) as chain:
        await wait_until_async(lambda: chain.journal.counts.get("empty samples"), 10, "told")

    assert chain.sentences[-1] == (
        "engine local sends empty samples of mover, which runs; nothing of it is recorded. Most"
        " likely an interface of its network was renamed or moved; start it again."
    )


async def test_case_15b_empty_samples_of_a_container_that_does_not_run_are_no_trouble(
    engine: FakeEngine,
) -> None:
    """A stopped container gives the same bytes; the engine is asked, and nothing is told.

    Recorded, as of a container that waits to be restarted.
    """
    key = engine.add("loop", sending(MOVER), state="restarting")
    asked = f"/v1.41/containers/{key}/json"

    async with following(engine.host) as chain:
        await wait_until_async(lambda: engine.requests.count(asked) == 2, 10, "asked again")

    assert "empty samples" not in chain.journal.counts


async def test_case_25_a_backlog_of_old_samples_is_noticed_and_counted(engine: FakeEngine) -> None:
    """Samples that waited for us are told and counted as late, and none of them is lost.

    Counters stay right, and so do levels, for the time they were made; all get into the tick in
    which they came. Recorded, sent in one go after a pause of half a minute.
    """
    clock = LeapingClock()
    rest = [line.encode() + b"\n" for line in BURN[2:]]

    async def stats(connection: Connection) -> None:
        await connection.begin_chunks()
        await connection.chunk("\n".join([*BURN[:2], ""]).encode())
        await wait_until_async(lambda: seen() == 2, 10, "two samples came")
        clock.leaps = 30.0
        await connection.chunk(b"".join(rest))
        await wait_until_async(lambda: seen() == len(BURN), 10, "all came")
        await connection.end_chunks()

    def seen() -> int:
        chain.collect()
        return len(chain.samples("memory.usage"))

    engine.add("burn", stats)
    async with following(engine.host, clock) as chain:
        await wait_until_async(lambda: seen() == len(BURN), 10, "all came")

    # About 29 s late, and one second less with each sample of the backlog.
    assert abs(chain.journal.counts["late sample"] - (29 - LATE_SECONDS)) <= 2
    (told,) = [sentence for sentence in chain.sentences if "late" in sentence]
    assert told.startswith("samples of engine local come 29 s late: this machine")
    newest = json.loads(BURN[-1])["cpu_stats"]["cpu_usage"]["total_usage"]
    assert chain.total("cpu.time") == newest


def test_case_28_names_lose_their_slash_and_links_are_no_names() -> None:
    """``/web`` is web; of the names that links add, ``/a/b``, the shortest is the container's.

    Made by hand as engines send it; old links are not in the recordings.
    """
    some = [
        {"Id": "a" * 64, "Names": names} for names in (["/web"], ["/other/db", "/web"], ["web"])
    ]

    listed = msgspec.json.decode(json.dumps(some), type=list[ListedContainer])

    assert [one.name for one in listed] == ["web", "web", "web"]
    assert ListedContainer(id="b" * 64, names=None).name == "b" * 12


async def test_case_29_a_renamed_container_goes_on_under_its_new_name(engine: FakeEngine) -> None:
    """Its id stays: no rate is lost, and what it used under the old name is not used again.

    Recorded: a container renamed from life to life2 under an open stream.
    """
    last = lines("docker-20.10.24-cgroup1/lifecycle-stream")[29:]
    halves = [[line for line in last if f'"name":"/{name}"' in line] for name in ("life", "life2")]
    openings = iter(halves)

    async def stats(connection: Connection) -> None:
        await sending(next(openings))(connection)

    key = engine.add("life", stats)
    async with following(engine.host) as chain:

        def came(alias: str) -> int:
            chain.collect()
            return len(chain.samples("memory.usage", alias=alias))

        await wait_until_async(lambda: came("life") == len(halves[0]), 10, "the old name")
        engine.listed[0]["Names"] = ["/life2"]
        await engine.ring("rename", key, name="life2", oldName="/life")
        await wait_until_async(lambda: came("life2") == len(halves[1]), 10, "the new name")

    used = [json.loads(line)["cpu_stats"]["cpu_usage"]["total_usage"] for line in last]
    assert sum(chain.samples("cpu.time", alias="life")) == used[len(halves[0]) - 1] - used[0]
    assert sum(chain.samples("cpu.time", alias="life2")) == used[-1] - used[len(halves[0])]
    assert len(chain.samples("cpu.usage", alias="life2")) == len(halves[1])
