"""Rows of what the registry holds, and what goes with them."""

from datetime import UTC, datetime, timedelta

import pytest

from manual_clock import ManualClock
from recorded import a_container, frames, intervals_of
from tidegauge.docker.frames import Engine, NetworkStats
from tidegauge.docker.intervals import Interval, Life
from tidegauge.docker.lives import Condition, LifeEvent
from tidegauge.docker.resources import Resources
from tidegauge.docker.stock import ContainerSize, DiskUse, Stock
from tidegauge.history.codec import ABSENT
from tidegauge.history.remembering import SURROUNDINGS_SECONDS, Remembering
from tidegauge.history.rows import Event
from tidegauge.history.taking import KEPT, Taker
from tidegauge.host import Host, HostSample
from tidegauge.metrics import CATALOGUE, Registry
from tidegauge.readings import (
    ContinuityReading,
    InterfaceTraffic,
    NetworkReading,
    PidsReading,
    continuity,
    cpu,
    disk,
    memory,
    network,
    pids,
)

WEB = ("container", "e", "web")


def test_what_is_kept_is_in_the_catalogue():
    """Under its name of today; and no state, which events tell."""
    assert KEPT.keys() <= {metric.name for metric in CATALOGUE}
    assert "container.state" not in KEPT


class Kept:
    """A recorder into memory."""

    def __init__(self) -> None:
        self.rows, self.events, self.facts = [], [], {}

    def several(self, rows) -> None:
        self.rows += rows

    def event(self, event) -> None:
        self.events.append(event)

    def know(self, who, facts) -> None:
        assert who not in self.facts or self.facts[who] != facts
        self.facts[who] = facts


class Watched:
    """A registry, and what is remembered of it."""

    def __init__(self) -> None:
        self.clock, self.kept = ManualClock(), Kept()
        self.registry = Registry({}, self.clock)
        self.remembering = Remembering(self.registry, self.kept, self.clock)
        self.container = a_container()

    def sampled(self, tasks: int = 1) -> None:
        self.registry.pids(PidsReading(self.container, tasks, None))
        self.registry.continuity(ContinuityReading(self.container, 0))

    def row(self, now: float | None = None):
        recorders = self.registry.container(self.container)
        taker = Taker()
        return taker.row(recorders, 1, self.clock.monotonic() if now is None else now)


def named(row) -> dict:
    """The values of a row that are known, by metric and attributes."""
    found = {}
    for stored, value in zip(row.shape, row.values, strict=True):
        if value != ABSENT:
            key = (stored.metric, *(value for _, value in stored.attributes))
            found[key] = round(value * stored.scale, 6)
    return found


@pytest.fixture
def watched() -> Watched:
    return Watched()


def test_a_recorded_stream_becomes_rows(watched):
    """A row for each sample, at the engine's time, with counters that only grow."""
    registry, container = watched.registry, watched.container
    some = [
        interval
        for interval in intervals_of(frames("docker-20.10.24-cgroup1/lifecycle-stream"), container)
        if interval is not None
    ]
    sinks = (cpu, registry.cpu), (memory, registry.memory), (network, registry.network)
    for interval in some:
        for read, record in (*sinks, (disk, registry.disk), (pids, registry.pids)):
            if (reading := read(interval)) is not None:
                record(reading)
        registry.continuity(continuity(interval))
        watched.remembering.interval(interval)

    rows = watched.kept.rows
    assert [row.at for row in rows] == [
        round(interval.now.read.timestamp() * 1000) for interval in some
    ]
    assert {row.identity for row in rows} == {WEB}
    for n, stored in enumerate(rows[-1].shape):
        values = [row.values[n] for row in rows if len(row.values) > n]
        if stored.counter:
            assert [*values] == sorted(values), stored
    last = named(rows[-1])
    assert last["container.memory.usage",] > 0
    assert last["container.cpu.time",] > 0
    assert last["container.network.io", "receive", "eth0"] >= 0
    assert {stored.metric for stored in rows[-1].shape} <= KEPT.keys()


def test_rows_of_the_same_series_share_their_shape(watched):
    """So that nothing has to compare them; another interface makes another one."""
    watched.sampled()
    watched.remembering.interval(_interval(watched.container))
    watched.remembering.interval(_interval(watched.container))
    eth0 = InterfaceTraffic("eth0", NetworkStats(*[1] * 8))
    watched.registry.network(NetworkReading(watched.container, Life(from_birth=True), (eth0,)))
    watched.remembering.interval(_interval(watched.container))

    first, second, third = (row.shape for row in watched.kept.rows)
    assert first is second
    assert {stored.metric for stored in {*third} - {*first}} == {"container.network.io"}
    assert all(
        stored.counter == (stored.metric != "container.pids.count")
        for stored in {*third} - {*first}
    )


def _interval(container) -> Interval:
    (frame,) = frames("docker-20.10.24-cgroup1/lifecycle-stream")[3:4]
    return Interval(container, Life(from_birth=True), None, frame)


def test_what_is_unknown_is_absent(watched):
    """As is a number that no column holds."""
    watched.sampled(3)
    assert named(watched.row()) == {("container.pids.count",): 3}
    watched.sampled(2**64)
    assert named(watched.row()) == {}


def test_shares_of_a_core_are_kept_to_a_thousandth(watched):
    """Limits are no integers."""
    resources = Resources(cpus=1.5)
    watched.registry.condition(Condition(watched.container, "running", resources=resources))
    interval = _interval(watched.container)
    watched.registry.cpu(cpu(interval))
    watched.sampled()
    assert named(watched.row())["container.cpu.limit.current",] == 1.5


def test_only_what_holds_is_told(watched):
    """No row of what stopped, and no size that nobody measured lately."""
    watched.sampled()
    watched.registry.size(ContainerSize(watched.container, 4096, holds=10))
    watched.registry.condition(Condition(watched.container, "running"))
    assert named(watched.row())["container.filesystem.usage",] == 4096
    assert ("container.filesystem.usage",) not in named(watched.row(11))
    assert watched.row(31) is None
    watched.registry.condition(Condition(watched.container, "exited"))
    assert watched.row() is None


def test_what_is_taken_is_not_collected(watched):
    """Exporters get the same as without a history."""
    watched.sampled()
    watched.registry.condition(
        Condition(watched.container, "running", resources=Resources(memory=100))
    )
    other = Watched()
    other.sampled()
    other.registry.condition(Condition(other.container, "running", resources=Resources(memory=100)))
    watched.row()
    for _ in range(2):
        assert watched.registry.collect(1.0).series == other.registry.collect(1.0).series


def test_engines_and_the_machine_are_taken_now_and_then(watched):
    """Each 10 seconds, at our own time."""
    registry, remembering = watched.registry, watched.remembering
    engine = Engine("e", "docker", "26.1.5")
    registry.stock(Stock(engine, {"running": 3}, 5, 2, 1000))
    registry.disk_use(DiskUse(engine, 1, None, None, {}, None, holds=100))
    sample = HostSample(Host("h"), 0.25, 1_500_000_000, resident=50_000, cpu={"user": 7})
    registry.host(sample)
    watched.sampled()
    for _ in range(25):
        remembering.machine(sample)
        watched.clock._passed += 1

    assert [row.identity[0] for row in watched.kept.rows] == ["engine", "host"] * 3
    assert [row.at for row in watched.kept.rows[::2]] == [
        1_000_000 + n * round(1000 * SURROUNDINGS_SECONDS) for n in range(3)
    ]
    of_engine, of_host = map(named, watched.kept.rows[:2])
    assert of_engine == {("engine.containers", "running"): 3, ("engine.images.size",): 1}
    assert of_host["tidegauge.process.memory",] == 50_000
    assert of_host["tidegauge.loop.lag",] == 0.25
    assert of_host["tidegauge.process.cpu.time",] == 1.5
    assert watched.kept.facts == {
        ("engine", "e", ""): {"kind": "docker", "version": "26.1.5"},
        ("host", "h", ""): {},
    }


def test_facts_are_told_when_they_change(watched):
    """Tags by their names."""
    watched.container = a_container(
        image="nginx", image_id="sha256:1", tags=(("project", "shop"), ("id", "x"))
    )
    watched.sampled()
    watched.remembering.interval(_interval(watched.container))
    watched.remembering.interval(_interval(watched.container))
    assert watched.kept.facts[WEB] == {
        "id": "c0",
        "name": "web",
        "image": "nginx",
        "image_id": "sha256:1",
        "tag:project": "shop",
        "tag:id": "x",
    }
    watched.container = a_container(image="nginx:2")
    watched.sampled()
    watched.remembering.interval(_interval(watched.container))
    assert watched.kept.facts[WEB] == {"id": "c0", "name": "web", "image": "nginx:2"}


def test_events_with_what_is_known_of_them(watched):
    """And that an alias goes on with another container, at the time that one was made."""
    at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(milliseconds=1)
    ms = round(at.timestamp() * 1000)
    remembering = watched.remembering
    remembering.life(LifeEvent(watched.container, "start", at))
    remembering.life(LifeEvent(watched.container, "die", at, exit_code=137, lifetime=2.5))
    remembering.life(LifeEvent(watched.container, "health_status", at, health="healthy"))
    remembering.condition(Condition(watched.container, "running"))
    remembering.condition(Condition(watched.container, "running", before="a" * 64))
    remembering.condition(
        Condition(a_container(id="b" * 64, created=500), "running", before="a" * 64)
    )

    assert watched.kept.events == [
        Event(WEB, ms, "start"),
        Event(WEB, ms, "die", {"exit_code": 137, "lifetime": 2.5}),
        Event(WEB, ms, "health_status", {"health": "healthy"}),
        Event(WEB, 1_000_000, "recreated", {"before": "a" * 12, "now": "c0"}),
        Event(WEB, 500_000, "recreated", {"before": "a" * 12, "now": "b" * 12}),
    ]


def test_what_is_gone_is_forgotten(watched):
    """It does not wait for one of its name."""
    watched.sampled()
    watched.remembering.interval(_interval(watched.container))
    watched.remembering.condition(Condition(watched.container, "", gone=True))
    assert watched.remembering._taker._taken == {}
    assert watched.remembering._known == {}


def test_a_container_beyond_the_limits_has_no_rows(watched):
    """The registry does not have it."""
    watched.remembering.interval(_interval(watched.container))
    assert watched.kept.rows == []


def test_series_keep_their_place_while_they_do_not_hold(watched):
    """Otherwise each change of a state, and the first size, would begin another block."""
    taker = Taker()
    recorders = None

    def row():
        return taker.row(recorders, 1, watched.clock.monotonic())

    watched.sampled()
    recorders = watched.registry.container(watched.container)
    watched.registry.condition(Condition(watched.container, "running"))
    unsized = row()
    watched.registry.size(ContainerSize(watched.container, 4096, holds=10))
    before = row()
    watched.clock._passed += 11
    without = row()
    watched.registry.size(ContainerSize(watched.container, 4096, holds=10))
    after = row()
    assert unsized.shape is before.shape is without.shape is after.shape
    assert named(before) == named(after)
    assert ("container.filesystem.usage",) not in named(without)
