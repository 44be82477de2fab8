"""The way that costs least records what the way of the readings records: of everything, the same.

A sample goes on as the one before if its container is the same object; the other way is forced by
giving each sample an equal one of its own.
"""

import asyncio
import json
from collections.abc import Sequence
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


def changed(frame: dict[str, Any], change: str, size: int) -> None:
    """What a real engine does to a frame now and then, and some that none should."""
    memory, networks = frame["memory_stats"], frame.get("networks")
    match change:
        case "usage":
            memory["usage"] = memory.get("usage", 0) + size
        case "no usage":
            memory.pop("usage", None)
        case "limit":
            memory["limit"] = size + 1
        case "no memory":
            frame["memory_stats"] = {}
        case "fails":
            memory["failcnt"] = size
        case "cpu falls":
            frame["cpu_stats"]["cpu_usage"]["total_usage"] = size + 1
        case "all cpus":
            frame["cpu_stats"]["cpu_usage"]["total_usage"] *= 1 + size
        case "no throttling":
            frame["cpu_stats"].pop("throttling_data", None)
        case "huge":
            frame["cpu_stats"]["system_cpu_usage"] = 2**64 - 1
        case "network appears":
            first = next(iter(networks.values())) if networks else {"rx_bytes": 1}
            frame["networks"] = {**(networks or {}), "eth1": first}
        case "no network":
            frame.pop("networks", None)
        case "traffic" if networks:
            for each in networks.values():
                each["rx_bytes"] += size
        case "disk":
            entry = {"major": 8, "minor": 0, "op": "Read", "value": size}
            both = [entry, {**entry, "op": "Write"}]
            frame["blkio_stats"]["io_service_bytes_recursive"] = both
        case "operations":
            entry = {"major": 8, "minor": 0, "op": "read", "value": size}
            both = [entry, {**entry, "op": "write"}]
            frame["blkio_stats"]["io_service_bytes_recursive"] = both
            frame["blkio_stats"]["io_serviced_recursive"] = both
        case "tasks":
            frame["pids_stats"]["current"] = size
        case "stopped":
            frame["read"] = "0001-01-01T00:00:00Z"
        case _:
            pass


CHANGES = st.sampled_from(
    [
        *("usage", "no usage", "limit", "no memory", "fails", "cpu falls", "all cpus", "huge"),
        *("no throttling", "network appears", "no network", "traffic", "disk", "operations"),
        *("tasks", "stopped", "", "", "", "", "", ""),
    ]
)
STEP = st.tuples(
    CHANGES,
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
    """Counters that fall, parts that come and go, gaps, clocks set back, numbers that are missing."""
    frames = [json.loads(line) for line in lines(recording)]
    wire, at, number = list[bytes](), START, 0
    for change, size, times, seconds in steps:
        for _ in range(times):
            frame = json.loads(json.dumps(frames[number % len(frames)]))
            at += timedelta(seconds=seconds)
            frame["read"] = at.isoformat().replace("+00:00", "Z")
            changed(frame, change, size)
            wire.append(json.dumps(frame).encode())
            number += 1
    if wire:
        ways(wire, {category: Selection(()) for category in without}, tick)
