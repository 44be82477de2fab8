"""Edge cases of streams of samples: where they begin, stop, break, and what is between."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import pairwise

import pytest

from edge_cases.chain import WEB, Chain, a_framing, chained, edited, side_by_side
from recorded import RECORDINGS, a_container, lines, streams
from tidegauge.metrics import identity

BURN = lines("docker-20.10.24-cgroup1/stats-stream-burn")
LIFECYCLE = lines("docker-20.10.24-cgroup1/lifecycle-stream")
LIFECYCLES = [path for path in streams() if path.stem == "lifecycle-stream"]

MEMORY = {"memory.usage", "memory.working_set"}
COUNTERS = ("cpu.time", "network.io.sum", "disk.io.sum")


def total_usage(line: str) -> int:
    return int(json.loads(line)["cpu_stats"]["cpu_usage"]["total_usage"])


def is_empty(line: str) -> bool:
    return str(json.loads(line)["read"]).startswith("0001")


def increments_and_rates(chain: Chain) -> list[float]:
    """Every number that is a difference of two."""
    return [
        float(number)
        for snapshot in chain.snapshots
        for series in snapshot.series
        if series.metric.kind.value == "counter" or series.metric.name == "container.cpu.usage"
        for number in series.samples
    ]


def test_case_01_the_first_sample_of_a_stream_gives_no_rate() -> None:
    """Levels are known from the first sample on; rates and increments begin with the second.

    Recorded: the first line has a ``preread`` of the year 1 and zeros in ``precpu_stats``.
    """
    first = json.loads(BURN[0])
    assert first["preread"].startswith("0001")
    assert first["precpu_stats"]["cpu_usage"]["total_usage"] == 0

    chain = chained(BURN[:2])

    assert chain.names(0) >= MEMORY
    assert not chain.names(0) & {"cpu.usage", "cpu.time", "network.io", "network.io.sum"}
    assert chain.samples("cpu.time") == [total_usage(BURN[1]) - total_usage(BURN[0])]
    assert max(chain.samples("cpu.usage")) < 0.4  # 0.3 CPU; not the average of its whole life


@pytest.mark.parametrize("path", LIFECYCLES, ids=lambda path: path.parent.name)
def test_case_02_a_stopped_container_gives_nothing(path) -> None:
    """The empty objects that come each second while it is stopped record nothing, not even 0.

    Recorded.
    """
    some = path.read_text(encoding="utf-8").splitlines()

    chain = chained(some, a_container(path.parent.name))

    for number, line in enumerate(some):
        assert (chain.snapshots[number].series == ()) == is_empty(line)
    assert min(chain.samples("memory.usage")) > 0
    assert min(chain.samples("pids.count")) > 0


@pytest.mark.parametrize("engine", ["docker-20.10.24-cgroup1", "podman-5.4.2-cgroup1"])
def test_case_03_a_single_sample_of_a_stopped_container_is_none(engine: str) -> None:
    """With ``stream=false`` Docker sends an object of zeros, Podman an error: both record nothing.

    Recorded: the replies of both.
    """
    reply = (RECORDINGS / engine / "stats-once-exited.json").read_text("utf-8").strip()

    chain = chained([reply], a_container(engine))

    assert chain.snapshots[0].series == ()
    assert chain.garbage == ([] if engine.startswith("docker") else [reply.encode()])


@pytest.mark.parametrize("path", LIFECYCLES, ids=lambda path: path.parent.name)
def test_case_04_a_restart_begins_counters_anew_and_totals_go_on(path) -> None:
    """Counters that fell are a new life: nothing is negative or wrapped, totals never fall.

    Recorded: a restart without an empty object between (Docker), stops, a kill.
    """
    some = path.read_text(encoding="utf-8").splitlines()
    used = [total_usage(line) for line in some]
    assert any(later < earlier for earlier, later in pairwise(used))

    chain = chained(some, a_container(path.parent.name))

    assert min(increments_and_rates(chain)) >= 0
    assert max(chain.samples("cpu.usage")) < 2
    for name in COUNTERS:
        for way in ("receive", "transmit", "read", "write", ""):
            totals = [series.last for series in chain.series(name, *filter(None, [way]))]
            assert totals == sorted(totals)


def test_case_05_a_container_made_anew_goes_on_under_its_name() -> None:
    """Another id under the same name: the same series, whose totals go on.

    Recorded: the life of one container, then that of another.
    """
    old = lines("docker-20.10.24-cgroup1/exit-stream")
    first, second = a_container(id="a" * 64), a_container(id="b" * 64)

    chain = side_by_side([*((first, line) for line in old), *((second, line) for line in BURN)])

    totals = [series.last for series in chain.series("cpu.time")]
    assert totals == sorted(totals)
    known = {identity(series.entity) for snapshot in chain.snapshots for series in snapshot.series}
    assert known == {("container", "e", "web"), ("engine", "e", "")}
    alone = chained(old).samples("cpu.time") + chained(BURN).samples("cpu.time")
    assert chain.samples("cpu.time") == alone
    assert min(increments_and_rates(chain)) >= 0


def test_case_06_a_duplicate_or_an_older_sample_is_discarded() -> None:
    """What is not newer than the sample before is counted as dropped and changes no total.

    Recorded lines, put out of order by hand.
    """
    chain = chained([*BURN[:3], BURN[2], BURN[4], BURN[3], *BURN[5:]])

    assert chain.journal.counts == {"sample out of order": 2}
    assert chain.total("cpu.time") == chained(BURN).total("cpu.time")
    assert 0 < min(chain.samples("cpu.usage")) <= max(chain.samples("cpu.usage")) < 0.4


def test_case_26_rates_are_over_the_time_that_passed() -> None:
    """On a busy host seconds lie between two samples; no rate assumes that it was one.

    Recorded: a starved host, with intervals from 1 to 24 s.
    """
    some = lines("docker-26.1.5-cgroup2/stats-stream-burn")
    at = [datetime.fromisoformat(json.loads(line)["read"]) for line in some]
    passed = [(later - earlier) / timedelta(seconds=1) for earlier, later in pairwise(at)]
    assert max(passed) > 20
    used = [later - earlier for earlier, later in pairwise(map(total_usage, some))]

    chain = chained(some)

    expected = [used[n] / passed[n] / 1e9 for n in range(len(used))]
    assert chain.samples("cpu.usage") == pytest.approx(expected, rel=1e-5)
    assert max(chain.samples("cpu.usage")) < 0.5
    assert sum(chain.samples("samples.missed")) > 20


def test_case_30_a_sample_takes_nothing_from_the_one_before() -> None:
    """What an object leaves out is absent, though one decoder and one stream had it just before.

    Recorded: lines of a container with networks, without any, and of a stopped one, as one stream.
    """
    with_networks = lines("docker-20.10.24-cgroup1/stats-stream-two")[0]
    without = lines("docker-20.10.24-cgroup1/stats-stream-nonet")[0]
    stopped = next(line for line in LIFECYCLE if is_empty(line))

    decoded = a_framing([]).feed(f"{with_networks}\n{without}\n{stopped}\n".encode())

    assert [frame.networks is not None for frame in decoded] == [True, False, False]
    assert decoded[2].memory_stats is not None
    assert decoded[2].memory_stats.usage is decoded[2].memory_stats.limit is None
    assert [frame.pids_stats is not None and frame.pids_stats.current for frame in decoded] == [
        *(2, 1, None),
    ]


def test_case_31_numbers_up_to_2_64_are_exact() -> None:
    """The largest number an engine can send is kept to the last digit; so is a difference of 2.

    Recorded lines, the counter edited by hand.
    """
    highest = 2**64 - 1
    some = [
        edited(line, cpu_stats__cpu_usage__total_usage=highest - left)
        for line, left in zip(BURN, (5, 2, 0), strict=False)
    ]

    chain = chained(some)

    assert chain.samples("cpu.time") == [3, 2]
    assert chain.total("cpu.time") == highest


CUTS: dict[str, Callable[[bytes], list[bytes]]] = {
    "byte by byte": lambda data: [data[n : n + 1] for n in range(len(data))],
    "half objects": lambda data: [data[n : n + 997] for n in range(0, len(data), 997)],
    "several at once": lambda data: [data],
    "without newlines": lambda data: [data.replace(b"\n", b"")],
    "without newlines, cut": lambda data: [
        part for line in data.splitlines() for part in (line[:500], line[500:])
    ],
}


@pytest.mark.parametrize("cut", CUTS.values(), ids=CUTS)
def test_case_32_objects_are_found_however_chunks_are_cut(cut) -> None:
    """Half an object, several, or no newline between them: the same samples come out.

    Recorded bytes of five samples, cut anew.
    """
    data = "\n".join([*LIFECYCLE[13:18], ""]).encode()
    garbage: list[bytes] = []
    framing = a_framing(garbage)

    found = [frame for chunk in cut(data) for frame in framing.feed(chunk)] + framing.finish()

    assert found == a_framing([]).feed(data)
    assert len(found) == 5
    assert garbage == []


@pytest.mark.parametrize(
    "engine", ["docker-20.10.24-cgroup1", "podman-4.3.1-cgroup1", "podman-5.4.2-cgroup1"]
)
def test_case_33_a_paused_container_shows_a_rate_of_zero(engine: str) -> None:
    """Its counters stand still and its samples go on: 0 cores each second, and its memory.

    Recorded.
    """
    some = lines(f"{engine}/stats-stream-paused")

    chain = chained(some, a_container(engine))

    assert chain.samples("cpu.usage") == [0.0] * (len(some) - 1)
    assert len(chain.samples("memory.usage")) == len(chain.samples("samples")) == len(some)
    assert min(chain.samples("memory.usage")) > 0
    assert chain.journal.counts == {}
    assert WEB.started_at is None  # nothing but the samples told
