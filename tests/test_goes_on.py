"""The way that costs least records what the way of the readings records: of everything, the same.

A sample goes on as the one before if its container is the same object; the other way is forced by
giving each sample an equal one of its own.
"""

import asyncio
import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from manual_clock import ManualClock
from recorded import a_container, decode, lines, streams
from snapshots import a_journal
from tidegauge.docker.frames import Sample
from tidegauge.docker.intervals import Interval, Intervals
from tidegauge.docker.lives import Condition, LifeEvent
from tidegauge.docker.resources import Resources
from tidegauge.globs import Selection
from tidegauge.history.remembering import Remembering
from tidegauge.metrics import Registry
from tidegauge.pipeline import collecting
from tidegauge.readings.steady import Steady
from tidegauge.streams import Outlet, Source
from tidegauge.web.recent import Recent

STREAMS = [f"{path.parent.name}/{path.stem}" for path in streams()]
KINDS = ["docker-20.10.24-cgroup1/lifecycle-stream", "docker-26.1.5-cgroup2/stats-stream-burn"]
ALLOWED = Resources(cpus=1.5, memory=2**28)
WEB = a_container(started_at=datetime(2026, 1, 1, tzinfo=UTC))
START = datetime(2026, 11, 22, 14, 0, tzinfo=UTC)


class Rows:
    """A recorder of history into memory."""

    def __init__(self) -> None:
        self.rows: list[object] = []

    def row(self, row: Any) -> None:
        known = dict(zip(row.shape, row.values, strict=True))
        self.rows.append((row.identity, row.at, known))

    def know(self, _who: object, _facts: object) -> None:
        pass


class Onlooking:
    """Takes what viewers are shown; and how many samples went on."""

    name = "onlooking"

    def __init__(self, kept: dict[str, Selection]) -> None:
        self.recent, self.went_on = Recent(), 0
        self.recent.choose(kept)

    def interval(self, interval: Interval) -> None:
        self.recent.interval(interval)

    def steady(self, sample: Steady) -> None:
        self.went_on += 1
        self.recent.steady(sample)

    def condition(self, seen: Condition) -> None:
        pass

    def life(self, event: LifeEvent) -> None:
        pass


def recorded(
    samples: Sequence[Sample], kept: dict[str, Selection], tick: int
) -> tuple[list[object], int]:
    """All that is told of them, with a tick after so many samples; and how many went on."""
    journal, _ = a_journal()
    registry, rows, onlooking = Registry({}, ManualClock()), Rows(), Onlooking(kept)
    remembering: Any = Remembering(registry, rows, ManualClock())  # type: ignore[arg-type]
    told: list[object] = []

    def look() -> None:
        told.extend(
            (one.metric.name, one.attributes, one.last, one.samples, one.histogram)
            for one in registry.collect(1.0).present
        )
        if (newest := onlooking.recent.of(WEB)) is not None:
            last = newest.interval
            told.append((newest.sparks(300), last.before, last.now, newest.read))

    async def produce(outlet: Outlet[Any]) -> None:
        await outlet.send(Condition(WEB, "running", resources=ALLOWED))
        for number, sample in enumerate(samples, 1):
            await outlet.send(sample)
            if number % tick == 0:
                look()

    source = Source("samples", produce)
    drawn = collecting(
        *(source, Intervals(journal.drop), registry, journal, kept),
        onlookers=[onlooking, remembering],
    )
    asyncio.run(drawn.run())
    look()
    return [*told, rows.rows, dict(journal.counts)], onlooking.went_on


def ways(
    wire: Sequence[bytes], kept: dict[str, Selection], tick: int, engine: str = "docker"
) -> int:
    """Both ways told the same; how many samples went on by the one that costs least."""
    web = replace(WEB, engine=a_container(engine).engine)
    shared = [Sample(web, decode(line), line) for line in wire]
    own = [Sample(replace(web), each.frame, each.line) for each in shared]
    told, went_on = recorded(shared, kept, tick)
    expected, none = recorded(own, kept, tick)
    assert none == 0
    assert told == expected
    return went_on


@pytest.mark.parametrize("recording", STREAMS)
def test_recorded_streams_are_told_the_same_both_ways(recording: str) -> None:
    """Of all engines; and on those of Docker most samples of a running container go on."""
    wire = [line.encode() for line in lines(recording)]
    went_on = ways(wire, {}, 10, recording)

    running = sum(decode(line).running for line in wire)
    if recording.startswith("docker") and running > 20:
        assert went_on > running / 2


Frame = dict[str, Any]


def counted(*operations: str) -> Callable[[Frame, int], None]:
    """Block IO of one device, by these operations, and perhaps how often."""

    def change(frame: Frame, size: int) -> None:
        entries = [{"major": 8, "minor": 0, "op": op, "value": size} for op in operations]
        frame["blkio_stats"]["io_service_bytes_recursive"] = entries
        if operations[0].islower():
            frame["blkio_stats"]["io_serviced_recursive"] = entries

    return change


def more_traffic(frame: Frame, size: int) -> None:
    """Bytes came."""
    for each in (frame.get("networks") or {}).values():
        each["rx_bytes"] += size


def one_more_network(frame: Frame, size: int) -> None:
    """An interface appears."""
    networks = frame.get("networks") or {}
    first = next(iter(networks.values()), {"rx_bytes": size})
    frame["networks"] = {**networks, "eth1": first}


def put(*path: str, value: Callable[[int], Any]) -> Callable[[Frame, int], None]:
    """Something else in one place."""

    def change(frame: Frame, size: int) -> None:
        *others, last = path
        for name in others:
            frame = frame.setdefault(name, {})
        frame[last] = value(size)

    return change


# What a real engine does to a frame now and then, and some things that none should.
CHANGES: dict[str, Callable[[Frame, int], None]] = {
    "as it was": lambda _frame, _size: None,
    "usage": put("memory_stats", "usage", value=lambda size: size),
    "limit": put("memory_stats", "limit", value=lambda size: size + 1),
    "no memory": put("memory_stats", value=lambda _: {}),
    "fails": put("memory_stats", "failcnt", value=lambda size: size),
    "cpu falls": put("cpu_stats", "cpu_usage", "total_usage", value=lambda size: size + 1),
    "all cpus": put("cpu_stats", "cpu_usage", "total_usage", value=lambda size: size * 10**6),
    "no throttling": put("cpu_stats", "throttling_data", value=lambda _: None),
    "huge": put("cpu_stats", "system_cpu_usage", value=lambda _: 2**64 - 1),
    "network appears": one_more_network,
    "no network": put("networks", value=lambda _: None),
    "traffic": more_traffic,
    "disk": counted("Read", "Write", "Total"),
    "operations": counted("read", "write"),
    "odd device": counted("Read"),
    "tasks": put("pids_stats", "current", value=lambda size: size),
    "no task limit": put("pids_stats", "limit", value=lambda _: None),
    "stopped": put("read", value=lambda _: "0001-01-01T00:00:00Z"),
}
STEP = st.tuples(
    st.sampled_from([*CHANGES, *["as it was"] * 6]),
    st.sampled_from([0, 1, 3, 4096, 10**9]),
    st.integers(1, 4),  # of as many samples in a row
    st.sampled_from([1.0, 1.0, 1.0, 1.3, 1.7, 2.5, 0.05, -3.0, 40.0]),
)
LEFT_OUT = st.sets(
    st.sampled_from(
        ["docker-cpu", "docker-memory", "docker-network", "docker-blkio", "docker-pids"]
    ),
    max_size=2,
)


@given(st.sampled_from(KINDS), st.lists(STEP, max_size=25), LEFT_OUT, st.integers(2, 12))
def test_whatever_comes_is_told_the_same_both_ways(
    recording: str, steps: list[tuple[str, int, int, float]], without: set[str], tick: int
) -> None:
    """Counters that fall, parts that come and go, gaps, clocks set back, missing numbers."""
    frames = [json.loads(line) for line in lines(recording)]
    wire, at, number = list[bytes](), START, 0
    for change, size, times, seconds in steps:
        for _ in range(times):
            frame = json.loads(json.dumps(frames[number % len(frames)]))
            at += timedelta(seconds=seconds)
            frame["read"] = at.isoformat().replace("+00:00", "Z")
            CHANGES[change](frame, size)
            wire.append(json.dumps(frame).encode())
            number += 1
    if wire:
        ways(wire, {category: Selection(()) for category in without}, tick)
