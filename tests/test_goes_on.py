"""The way that costs least records what the way of the readings records: of everything, the same.

A sample goes on as the one before if its container is the same object; the other way is forced by
giving each sample an equal one of its own.
"""

import asyncio
import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from manual_clock import ManualClock
from recorded import a_container, decode, lines, streams
from snapshots import a_journal
from tidegauge.docker.frames import Pressure, Sample, Stall, StatsFrame, Still, Throttling
from tidegauge.docker.intervals import Interval, Intervals
from tidegauge.docker.lives import Condition, LifeEvent
from tidegauge.docker.resources import Resources
from tidegauge.docker.stock import ContainerSize
from tidegauge.globs import Selection
from tidegauge.history.remembering import Remembering
from tidegauge.metrics import Limits, Registry, identity
from tidegauge.pipeline import collecting
from tidegauge.readings.layout import Steady
from tidegauge.streams import Outlet, Source
from tidegauge.web.recent import Recent

STREAMS = [f"{path.parent.name}/{path.stem}" for path in streams()]
KINDS = ["docker-20.10.24-cgroup1/lifecycle-stream", "docker-26.1.5-cgroup2/stats-stream-burn"]
ALLOWED = Resources(cpus=1.5, memory=2**28)
WEB = a_container(started_at=datetime(2026, 1, 1, tzinfo=UTC))
START = datetime(2026, 11, 22, 14, 0, tzinfo=UTC)


LATE = {"container.cpu.limit.current", "container.memory.limit.current"}
"""What does not come with samples may be in the history some seconds later."""


class Rows:
    """A recorder of history into memory."""

    def __init__(self) -> None:
        self.rows: list[object] = []
        self._facts: dict[object, object] = {}

    def row(self, row: Any) -> None:
        known = dict(zip(row.shape, row.values, strict=True))
        known = {one: value for one, value in known.items() if one.metric not in LATE}
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


LOOK = "somebody looks"

Seen = Sample | Still | Condition | LifeEvent | ContainerSize | float | str
"""What comes, the seconds that pass, and when somebody looks."""


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


class World:
    """Three containers to which everything happens that can, by the throw of dice."""

    def __init__(self, dice: Random, *, direct: bool) -> None:
        self._dice, self.seen, self._direct = dice, list[Seen](), direct
        self._told: dict[str, StatsFrame] = {}
        self._frame = json.loads(lines(KINDS[1])[1])
        self._containers = [replace(WEB, id=str(n) * 64, alias=f"c{n}") for n in range(3)]
        self._used, self._at, self._every = [10**9] * 3, START, 0.0
        self._parts: list[dict[str, int]] = [{}, {}, {}]
        self._operations = True
        for each in self._containers:
            self.seen.append(Condition(each, "running", resources=ALLOWED))

    def pass_by(self) -> None:
        """A second or some, and a sample of most."""
        seconds = self._dice.choice([1.0, 1.0, 1.0, 1.0, 2.0, 2.5, 0.6, 5.0, 40.0])
        self._at += timedelta(seconds=seconds)
        self.seen.append(seconds)
        self._happens()
        for number in range(3):
            if self._dice.random() < 0.6:
                self._used[number] += int(seconds * 1e8)
            if self._dice.random() < 0.9:
                self._sample(number)
        if self._dice.random() < 0.3:
            self._stand_still(self._dice.randrange(3))
        if self._dice.random() < 0.15:
            self.seen.append(LOOK)

    def _happens(self) -> None:
        number = self._dice.randrange(3)
        parts, container = self._parts[number], self._containers[number]
        match self._dice.randrange(25):
            case 0:
                self._used[number] = 1000
                parts.clear()
                self._become(number, started_at=self._at - timedelta(seconds=0.3))
                self.seen.append(LifeEvent(self._containers[number], "die", self._at, exit_code=1))
            case 1 | 2:
                parts[self._dice.choice(["eth0", "eth1", "8:0", "8:16"])] = 0
            case 3 if parts:
                del parts[next(iter(parts))]
            case 4:
                self._operations = not self._operations
            case 5:
                self._become(number, network_of="" if container.network_of else "z")
            case 6:
                self.seen.append(Condition(container, "", gone=True))
                self._used[number] = 5000
                self._become(number, id=self._dice.choice("abcdef") * 64)
            case 7:
                self.seen.append(Condition(container, "renamed", gone=True))
                self._become(number, alias=f"c{number}{self._dice.choice('xy')}")
            case 8:
                self.seen.append(Condition(container, self._dice.choice(["exited", "running"])))
            case 9:
                self._every = self._dice.choice([0.0, 2.0, 5.0])
            case _:
                pass

    def _become(self, number: int, **changes: Any) -> None:
        self._containers[number] = new = replace(self._containers[number], **changes)
        self.seen.append(Condition(new, "running", resources=ALLOWED))

    def _sample(self, number: int) -> None:
        frame = json.loads(json.dumps(self._frame))
        frame["read"] = self._at.isoformat().replace("+00:00", "Z")
        frame["cpu_stats"]["cpu_usage"]["total_usage"] = self._used[number]
        parts = self._parts[number]
        for name in parts:
            parts[name] += self._dice.choice([0, 10, 100])
        counts = ("rx_bytes", "rx_packets", "rx_errors", "rx_dropped")
        counts += ("tx_bytes", "tx_packets", "tx_errors", "tx_dropped")
        frame["networks"] = {
            name: dict.fromkeys(counts, count) for name, count in parts.items() if name[0] == "e"
        }
        entries = [
            {"major": 8, "minor": int(name[2:]), "op": op, "value": count}
            for name, count in parts.items()
            if name[0] == "8"
            for op in ("read", "write")
        ]
        frame["blkio_stats"]["io_service_bytes_recursive"] = entries
        frame["blkio_stats"]["io_serviced_recursive"] = entries if self._operations else None
        if self._dice.random() < 0.03:
            del frame["memory_stats"]["usage"]
        line, container = json.dumps(frame).encode(), self._containers[number]
        if not self._direct:
            told = self._told[container.id] = decode(line)
            self.seen.append(Sample(container, told, line, self._every))
            return
        found = self._by_the_kernel(decode(line), self._told.get(container.id))
        self._told[container.id] = found
        self.seen.append(Sample(container, found, asked_every=self._every or 1.0))

    def _stand_still(self, number: int) -> None:
        """Nothing moves for some samples, and mostly they are in time."""
        frame = self._told.get(self._containers[number].id)
        cpu = frame and frame.cpu_stats
        if frame is None or cpu is None or cpu.system_cpu_usage is None:
            return
        every = self._every or (1.0 if self._direct else 0.0)
        reads, capacities, usual = list[datetime](), list[int](), every or 1.0
        at, capacity = frame.read, cpu.system_cpu_usage
        for _ in range(self._dice.randrange(1, 12)):
            step = self._dice.choice([*[usual] * 30, 0.04, 2.6 * usual])
            at, capacity = at + timedelta(seconds=step), capacity + self._dice.choice([10**9, 0])
            reads.append(at)
            capacities.append(capacity)
        passed = (reads[-1] - self._at).total_seconds()
        if passed > 0:
            self._at = reads[-1]
            self.seen.append(passed)
        container = self._containers[number]
        self.seen.append(Still(container, frame, tuple(reads), tuple(capacities), every))

    def _by_the_kernel(self, frame: StatsFrame, before: StatsFrame | None) -> StatsFrame:
        """As it is read directly: what did not change is the same object."""
        cpu, memory = frame.cpu_stats, frame.memory_stats
        assert cpu is not None
        assert memory is not None
        stall = Stall(len(self.seen), None if self._dice.random() < 0.01 else 3)
        pressure = Pressure(stall, Stall(1, 1), self._dice.choice([None, *[Stall(2, 2)] * 9]))
        bursts = replace(cpu.throttling_data or Throttling(), bursts=1, burst_time=5)
        swap = self._dice.choice([0, 4096, *[None] * 9])
        kept = replace(memory, swap=swap, oom_kills=1, failcnt=self._dice.choice([3, 3, 3, None]))
        found = replace(
            frame,
            source="cgroup",
            pressure=pressure,
            memory_stats=kept,
            cpu_stats=replace(cpu, throttling_data=bursts),
        )
        if before is None or self._dice.random() < 0.1:
            return found
        still = self._dice.random() < 0.7
        same = {
            name: getattr(before, name)
            for name in ("memory_stats", "networks", "blkio_stats", "pids_stats", "pressure")
            if still or getattr(before, name) == getattr(found, name)
        }
        earlier, now = before.cpu_stats, found.cpu_stats
        assert earlier is not None
        assert now is not None
        usage = earlier.cpu_usage if earlier.cpu_usage == now.cpu_usage else now.cpu_usage
        shared = replace(now, cpu_usage=usage, throttling_data=earlier.throttling_data)
        return replace(found, cpu_stats=shared, **same)


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


def test_samples_in_which_nothing_moved_are_rows_at_once() -> None:
    """From the second sample on that was read alone."""
    frame = replace(decode(lines(KINDS[1])[1]), source="cgroup")
    cpu = frame.cpu_stats
    assert cpu is not None
    assert cpu.system_cpu_usage is not None
    seen: list[Seen] = []
    for second in range(1, 4):
        now = replace(cpu, system_cpu_usage=cpu.system_cpu_usage + second)
        told = replace(frame, read=frame.read + timedelta(seconds=second), cpu_stats=now)
        seen.append(Sample(WEB, told, asked_every=1.0))
    reads = tuple(frame.read + timedelta(seconds=second) for second in range(4, 14))
    capacities = tuple(cpu.system_cpu_usage + second for second in range(4, 14))
    seen.append(Still(WEB, told, reads, capacities, 1.0))

    assert ways(seen, {}) == 2 + 10
