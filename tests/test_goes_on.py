"""The way that costs least records what the way of the readings records: of everything, the same.

A sample goes on as the one before if its container is the same object; the other way is forced by
giving each sample an equal one of its own.
"""

import asyncio
import json
from collections.abc import Callable, Sequence
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from fakes.world import ALLOWED, KINDS, LOOK, START, WEB, Seen, World
from manual_clock import ManualClock
from recorded import a_container, decode, lines, streams
from snapshots import a_journal
from tidegauge.docker.frames import Sample, Still
from tidegauge.docker.intervals import Interval, Intervals
from tidegauge.docker.lives import Condition, LifeEvent
from tidegauge.docker.resources import Resources
from tidegauge.globs import Selection
from tidegauge.history.remembering import Remembering
from tidegauge.history.rows import Row
from tidegauge.metrics import Limits, Registry, identity
from tidegauge.pipeline import collecting
from tidegauge.readings.layout import Steady
from tidegauge.streams import Outlet, Source
from tidegauge.web.recent import Recent

STREAMS = [f"{path.parent.name}/{path.stem}" for path in streams()]


LATE = {"container.cpu.limit.current", "container.memory.limit.current"}
"""What does not come with samples may be in the history some seconds later."""


class Rows:
    """A recorder of history into memory."""

    def __init__(self) -> None:
        self.rows: list[object] = []
        self._facts: dict[object, object] = {}

    def several(self, rows: Sequence[Row]) -> None:
        for row in rows:
            pairs = zip(row.shape, row.values, strict=True)
            known = {one: value for one, value in pairs if one.metric not in LATE}
            self.rows.append((row.identity, row.at, known))

    def event(self, event: object) -> None:
        self.rows.append(event)

    def know(self, who: object, facts: object) -> None:
        if self._facts.get(who) != facts:
            self._facts[who] = facts
            self.rows.append((who, facts))


class Onlooking:
    """Takes what viewers are shown; and how many samples went on."""

    name = "onlooking"

    def __init__(self, kept: dict[str, Selection]) -> None:
        self.recent, self.went_on = Recent(), 0
        self.recent.choose(kept)

    def interval(self, interval: Interval) -> None:
        self.recent.interval(interval)

    def steady(self, sample: Steady) -> None:
        self.went_on += len(sample.rows)
        self.recent.steady(sample)

    def condition(self, seen: Condition) -> None:
        pass

    def life(self, event: LifeEvent) -> None:
        pass


def recorded(
    seen: Sequence[Seen], kept: dict[str, Selection], limits: Limits
) -> tuple[list[object], int]:
    """All that is told of it; and how many samples went on."""
    clock, (journal, _) = ManualClock(), a_journal()
    registry, rows, onlooking = Registry({}, clock), Rows(), Onlooking(kept)
    registry.limit(limits)
    remembering: Any = Remembering(registry, rows, clock)  # type: ignore[arg-type]
    told: list[object] = []
    names = dict.fromkeys(each.container for each in seen if isinstance(each, Sample | Still))

    def look() -> None:
        told.extend(
            (identity(one.entity), one.metric.name, one.attributes, one.last, one.samples)
            for one in registry.collect(clock.now()).present
        )
        told.extend(
            (newest.sparks(300), newest.interval.before, newest.interval.now, newest.read)
            for each in names
            if (newest := onlooking.recent.of(each)) is not None
        )

    async def produce(outlet: Outlet[Any]) -> None:
        for each in seen:
            if isinstance(each, float):
                await clock.advance(each)
            elif isinstance(each, str):
                look()
            else:
                await outlet.send(each)

    source = Source("samples", produce)
    drawn = collecting(
        *(source, Intervals(journal.drop), registry, journal, kept),
        onlookers=[onlooking, remembering],
    )
    asyncio.run(drawn.run())
    look()
    return [*told, rows.rows, dict(journal.counts)], onlooking.went_on


def own(seen: Seen) -> list[Seen]:
    """Each sample with a container of its own, an equal one."""
    if isinstance(seen, Still):
        return [one for sample in seen.samples() for one in own(sample)]
    if isinstance(seen, Sample):
        return [replace(seen, container=replace(seen.container))]
    return [seen]


def ways(seen: Sequence[Seen], kept: dict[str, Selection], limits: Limits | None = None) -> int:
    """Both ways told the same; how many samples went on by the one that costs least."""
    told, went_on = recorded(seen, kept, limits or Limits())
    expected, none = recorded([one for each in seen for one in own(each)], kept, limits or Limits())
    assert none == 0
    assert told == expected
    return went_on


def of_one(wire: Sequence[bytes], tick: int, engine: str = "docker") -> list[Seen]:
    """The samples of one container on an engine whose name begins with its kind."""
    web = replace(WEB, engine=a_container(engine).engine)
    seen: list[Seen] = [Condition(web, "running", resources=ALLOWED)]
    for number, line in enumerate(wire, 1):
        seen += [1.0, Sample(web, decode(line), line), *([] if number % tick else [LOOK])]
    return seen


@pytest.mark.parametrize("recording", STREAMS)
def test_recorded_streams_are_told_the_same_both_ways(recording: str) -> None:
    """Of all engines; and on those of Docker most samples of a running container go on."""
    wire = [line.encode() for line in lines(recording)]
    went_on = ways(of_one(wire, 10, recording), {})

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
        ways(of_one(wire, tick), {category: Selection(()) for category in without})


@given(
    st.randoms(use_true_random=False),
    st.integers(5, 60),
    LEFT_OUT,
    st.booleans(),
    st.sampled_from([Limits(), Limits(per_container=80), Limits(of_all=160), Limits(of_all=230)]),
)
@settings(max_examples=60, phases=(Phase.explicit, Phase.reuse, Phase.generate))
def test_lives_of_containers_are_told_the_same_both_ways(
    dice: Random, seconds: int, without: set[str], direct: bool, limits: Limits
) -> None:
    """Restarts, renames, what is made anew, shared networks, parts that come and go, limits."""
    world = World(dice, direct=direct)
    for _ in range(seconds):
        world.pass_by()
    ways(world.seen, {category: Selection(()) for category in without}, limits)


def test_a_device_that_is_counted_no_longer_by_operations_ends_nothing() -> None:
    """Its operations stay what they were, and its bytes go on."""
    frames = [json.loads(line) for line in lines(KINDS[1])][:12]
    wire: list[bytes] = []
    for number, frame in enumerate(frames):
        CHANGES["operations" if number < 6 else "disk"](frame, number * 1000)
        if number >= 6:
            frame["blkio_stats"]["io_serviced_recursive"] = []
        wire.append(json.dumps(frame).encode())
    assert ways(of_one(wire, 4), {}) > 3


def test_an_engine_with_one_container_that_is_not_counted_is_not_doubted() -> None:
    """Others of it have all numbers: the accounting is on."""
    odd = replace(WEB, id="odd", alias="odd")
    seen: list[Seen] = []
    for line in lines(KINDS[1])[:15]:
        without = json.loads(line)
        CHANGES["no memory"](without, 0)
        seen += [Sample(odd, decode(json.dumps(without))), Sample(WEB, decode(line))]
    told, went_on = recorded(seen, {}, Limits())
    assert went_on > 10
    assert told[-1] == {}


def asleep(*seconds: float) -> list[Seen]:
    """Three samples that were read alone, and then at these moments some in which nothing moved."""
    frame = replace(decode(lines(KINDS[1])[1]), source="cgroup")
    cpu = frame.cpu_stats
    assert cpu is not None
    assert cpu.system_cpu_usage is not None
    seen: list[Seen] = []
    for second in range(1, 4):
        now = replace(cpu, system_cpu_usage=cpu.system_cpu_usage + second)
        told = replace(frame, read=frame.read + timedelta(seconds=second), cpu_stats=now)
        seen.append(Sample(WEB, told, asked_every=1.0))
    reads = tuple(frame.read + timedelta(seconds=second) for second in seconds)
    capacities = tuple(cpu.system_cpu_usage + round(second) for second in seconds)
    return [*seen, Still(WEB, told, reads, capacities, 1.0)]


def test_samples_in_which_nothing_moved_are_rows_at_once() -> None:
    """From the second sample on that was read alone."""
    assert ways(asleep(*range(4, 14)), {}) == 2 + 10


def test_only_one_that_comes_late_is_looked_at_alone() -> None:
    """Those before and behind it go on."""
    assert ways(asleep(*range(4, 11), 14, 15, 16), {}) == 2 + 9


def test_what_does_not_come_with_samples_is_in_the_history_soon(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Within ten seconds, whatever goes on."""
    monkeypatch.setitem(globals(), "LATE", set())
    seen: list[Seen] = [Condition(WEB, "running", resources=Resources(memory=10**9))]
    for sample in asleep()[:3]:
        assert isinstance(sample, Sample)
        seen.append(sample)
        last = sample.frame
    cpu = last.cpu_stats
    assert cpu is not None
    for second in range(1, 30):
        now = replace(cpu, system_cpu_usage=(cpu.system_cpu_usage or 0) + second)
        frame = replace(last, read=last.read + timedelta(seconds=second), cpu_stats=now)
        seen += [1.0, Sample(WEB, frame, asked_every=1.0)]
        if second == 12:
            seen.append(Condition(WEB, "running", resources=Resources(memory=10**18 + 1)))

    told, went_on = recorded(seen, {}, Limits())
    rows: Any = told[-2]
    limits = [
        value
        for *_, known in rows
        for stored, value in known.items()
        if getattr(stored, "metric", "") == "container.memory.limit.current"
    ]
    assert went_on > 25
    assert limits[:15] == [10**9] * 15
    assert limits[-8:] == [10**18 + 1] * 8
