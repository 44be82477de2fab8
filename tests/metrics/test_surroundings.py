"""What is recorded of engines, of the machine and of Tidegauge itself, and what of it stands."""

from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from manual_clock import ManualClock
from recorded import a_container, frames
from tidegauge.docker.frames import Engine
from tidegauge.docker.intervals import Interval, Life
from tidegauge.docker.lives import Condition
from tidegauge.docker.stock import (
    ContainerSize,
    DiskUse,
    Effort,
    EngineGone,
    FileSystem,
    FileSystems,
    Stock,
)
from tidegauge.host import Host, HostMemory, HostSample
from tidegauge.metrics import Limits, Registry, Snapshot, identity
from tidegauge.metrics.engines import CYCLE_HOLDS, EFFORT_HOLDS, ENGINE_SERIES, STOCK_HOLDS
from tidegauge.metrics.machine import HOLDS, HOST_SERIES
from tidegauge.metrics.registry import COUNTED_EVERY, FORGET_AFTER
from tidegauge.metrics.surroundings import SURROUNDINGS

ENGINE, HOST = Engine("e"), Host("h1")
WEB = a_container()
STOCK = Stock(ENGINE, {"running": 2, "paused": 0, "stopped": 1}, 3, 4, 5)
USE = DiskUse(ENGINE, 10, 2, 30, {"a": 10, "b": 20}, 40, holds=60.0)
DISK = FileSystems(ENGINE, (FileSystem("/data", 100, 60, 30, 9, 4),))
MODES = {"user": 20, "nice": 0, "system": 10, "idle": 60, "iowait": 10, "interrupt": 0, "steal": 0}
READ = frames("docker-20.10.24-cgroup1/stats-stream-burn")[0]


def a_look(second: int = 1, **more: object) -> HostSample:
    """A machine whose CPUs did the same in each second, and that swaps."""
    known = {
        "cpu": {mode: time * second for mode, time in MODES.items()},
        "resident": 50,
        "cpus": 2,
        "memory": HostMemory(100, 40, 10, 20, 60, 8, 6),
        "load": (0.5, 0.25, 0.125),
        "at": 1000.0 + second,
        "version": "1.2.3",
    }
    return HostSample(HOST, 0.001, 1000 * second, **(known | more))


def an_interval(begin: float, end: float, engine: Engine = ENGINE) -> Interval:
    """Two samples of a container, so many seconds after midnight."""
    day = datetime(2026, 1, 1, tzinfo=UTC)
    before, now = (type(READ)(day + timedelta(seconds=at)) for at in (begin, end))
    return Interval(replace(WEB, engine=engine), Life(from_birth=False), before, now)


def told(snapshot: Snapshot) -> dict[tuple[str, ...], object]:
    """The newest value of each series there is, by name and attribute values."""
    return {
        (each.metric.name, *(value for _, value in each.attributes)): each.last
        for each in snapshot.present
    }


def names(snapshot: Snapshot) -> set[str]:
    return {each.metric.name for each in snapshot.present}


def surveyed(registry: Registry) -> None:
    registry.stock(STOCK)
    registry.disk_use(USE)
    registry.file_systems(DISK)


def test_everything_that_is_not_a_sample_can_be_told_and_takes_no_more_than_it_may() -> None:
    """There is no row in the table that nothing records; limits know what each may take."""
    registry = Registry({"engine lost": 1}, ManualClock())
    surveyed(registry)
    registry.cycle(an_interval(0, 1))
    registry.effort(Effort(ENGINE, 7.5, 0.5, 3))
    registry.size(ContainerSize(WEB, 5, 60.0, 50))
    for second in (1, 2):
        registry.host(a_look(second))

    series = registry.collect(1.0).series
    assert {each.metric for each in series} == set(SURROUNDINGS)
    counts = {"engine": 0, "host": 0, "container": 0}
    for each in series:
        counts[identity(each.entity)[0]] += 1
    assert counts == {"engine": ENGINE_SERIES + 2 + 5, "host": HOST_SERIES + 1, "container": 2}


def test_an_engine_in_numbers() -> None:
    """As it was said; volumes and file systems by their names."""
    registry = Registry({}, ManualClock())
    surveyed(registry)

    assert told(registry.collect(1.0)) == {
        ("engine.containers", "running"): 2,
        ("engine.containers", "paused"): 0,
        ("engine.containers", "stopped"): 1,
        ("engine.images",): 3,
        ("engine.cpu.count",): 4,
        ("engine.memory.capacity",): 5,
        ("engine.images.size",): 10,
        ("engine.volumes",): 2,
        ("engine.volumes.size",): 30,
        ("engine.volume.size", "a"): 10,
        ("engine.volume.size", "b"): 20,
        ("engine.build_cache.size",): 40,
        ("engine.filesystem.capacity", "/data"): 100,
        ("engine.filesystem.usage", "/data"): 60,
        ("engine.filesystem.available", "/data"): 30,
        ("engine.filesystem.inodes.capacity", "/data"): 9,
        ("engine.filesystem.inodes.usage", "/data"): 4,
    }


def test_what_is_not_said_any_more_ends() -> None:
    """A volume that was removed, a file system that hangs, an image size that is unknown now."""
    registry = Registry({}, ManualClock())
    surveyed(registry)
    registry.collect(1.0)
    registry.disk_use(DiskUse(ENGINE, None, 1, 20, {"b": 20}, None, holds=60.0))
    registry.file_systems(FileSystems(ENGINE, ()))

    left = told(registry.collect(2.0))
    assert ("engine.volume.size", "b") in left
    assert ("engine.volume.size", "a") not in left
    assert not {name for name, *_ in left if "filesystem" in name or "images.size" in name}


async def test_what_it_costs_an_engine_to_be_watched() -> None:
    """By the way samples come, and in nanoseconds; what cannot be seen is absent."""
    clock = ManualClock()
    registry = Registry({}, clock)
    registry.effort(Effort(ENGINE, None, 2.5))
    assert told(registry.collect(1.0)) == {("engine.stats.rate", "read"): 2.5}

    registry.effort(Effort(ENGINE, 0.0, 2.5, 0))
    registry.effort(Effort(ENGINE, 40.0, 0.0, 3 * 10**9))
    assert told(registry.collect(2.0)) == {
        ("engine.stats.rate", "stream"): 40.0,
        ("engine.stats.rate", "read"): 0.0,
        ("engine.process.cpu.time",): 3 * 10**9,
    }
    await clock.advance(EFFORT_HOLDS)
    assert names(registry.collect(3.0)) == set()


async def test_what_an_engine_said_stands_for_its_time() -> None:
    """The stock for three minutes, the use of the disk as long as its rounds take."""
    clock = ManualClock()
    registry = Registry({}, clock)
    surveyed(registry)
    registry.cycle(an_interval(0, 1))
    registry.collect(1.0)
    await clock.advance(CYCLE_HOLDS - 0.1)
    assert "engine.stats.cycle" in names(registry.collect(2.0))
    await clock.advance(0.1)
    assert {"engine.images.size", "engine.images"} <= names(registry.collect(3.0))
    assert "engine.stats.cycle" not in names(registry.collect(3.0))
    await clock.advance(USE.holds - CYCLE_HOLDS)
    assert "engine.images.size" not in names(registry.collect(4.0))
    assert "engine.filesystem.usage" in names(registry.collect(4.0))
    await clock.advance(STOCK_HOLDS - USE.holds)
    assert names(registry.collect(5.0)) == set()


@pytest.mark.parametrize("end", ["lost", "another configuration"])
def test_nothing_a_lost_engine_said_stands(end: str) -> None:
    """Until it says it anew; and what another configuration watches no more neither."""
    registry = Registry({}, ManualClock())
    registry.gone(EngineGone(ENGINE))
    surveyed(registry)
    registry.collect(1.0)
    if end == "lost":
        registry.gone(EngineGone(ENGINE))
    else:
        registry.forget_states()

    assert names(registry.collect(2.0)) == set()
    registry.stock(STOCK)
    assert "engine.images" in names(registry.collect(3.0))


async def test_the_size_of_a_container_stands_while_the_engine_has_it() -> None:
    """For its time, whether it runs or not."""
    clock = ManualClock()
    registry = Registry({}, clock)
    registry.condition(Condition(WEB, "exited"))
    registry.size(ContainerSize(WEB, 5, 60.0))
    registry.collect(1.0)
    assert told(registry.collect(2.0))["container.filesystem.usage",] == 5
    await clock.advance(60)
    assert "container.filesystem.usage" not in names(registry.collect(3.0))

    registry.size(ContainerSize(WEB, 0, 60.0))
    registry.collect(4.0)
    registry.condition(Condition(WEB, "", gone=True))
    assert "container.filesystem.usage" not in names(registry.collect(5.0))


def test_a_cycle_is_told_once_whatever_the_number_of_containers() -> None:
    """Intervals that overlap the one before are left out; those of another engine are its own."""
    registry = Registry({}, ManualClock())
    for begin in (0.0, 2.0, 4.5):
        for offset in (0.0, 0.25, 0.5, 0.75):
            registry.cycle(an_interval(begin + offset, begin + offset + 2))
            registry.cycle(an_interval(begin + offset, begin + offset + 1, Engine("other")))
    first = Interval(WEB, Life(from_birth=True), None, READ)
    registry.cycle(first)

    snapshot = registry.collect(1.0)
    cycles = {each.entity.name: each.samples for each in snapshot.series}
    assert cycles == {"e": (2.0, 2.0, 2.0), "other": (1.0,) * 3}
    (one, _) = snapshot.series
    assert one.histogram is not None
    assert sum(one.histogram.counts) == 3


def test_a_cycle_goes_on_after_the_clock_was_set_back() -> None:
    """An hour back is told at once, half a second is another container's sample."""
    registry = Registry({}, ManualClock())
    for begin in (7200.0, 7199.5, 3600.0, 3601.0):
        registry.cycle(an_interval(begin, begin + 1))

    (cycle,) = registry.collect(1.0).series
    assert cycle.samples == (1.0, 1.0, 1.0)


def test_the_machine_in_numbers() -> None:
    """Totals of CPU time, shares of the time between two looks, kinds of memory."""
    registry = Registry({"garbage received": 3}, ManualClock())
    registry.host(a_look(1))
    first = told(registry.collect(1.0))
    registry.host(a_look(2))
    registry.host(a_look(4))

    assert ("system.cpu.utilization",) not in first
    assert first["system.cpu.time", "user"] == 20
    assert told(registry.collect(2.0)) == {
        ("system.cpu.time", "user"): 80,
        ("system.cpu.time", "nice"): 0,
        ("system.cpu.time", "system"): 40,
        ("system.cpu.time", "idle"): 240,
        ("system.cpu.time", "iowait"): 40,
        ("system.cpu.time", "interrupt"): 0,
        ("system.cpu.time", "steal"): 0,
        ("system.cpu.utilization",): 0.3,
        ("system.cpu.logical.count",): 2,
        ("system.cpu.load_average.1m",): 0.5,
        ("system.cpu.load_average.5m",): 0.25,
        ("system.cpu.load_average.15m",): 0.125,
        ("system.memory.limit",): 100,
        ("system.memory.usage", "used"): 30,
        ("system.memory.usage", "free"): 40,
        ("system.memory.usage", "buffers"): 10,
        ("system.memory.usage", "cached"): 20,
        ("system.linux.memory.available",): 60,
        ("system.paging.usage", "used"): 2,
        ("system.paging.usage", "free"): 6,
        ("tidegauge.events", "garbage_received"): 3,
        ("tidegauge.series",): 0,
        ("tidegauge.process.cpu.time",): 4000,
        ("tidegauge.process.memory",): 50,
        ("tidegauge.clock",): 1004.0,
        ("tidegauge.info", "1.2.3"): 1,
        ("tidegauge.loop.lag",): 0.001,
    }


async def test_a_machine_that_is_not_looked_at_any_more_does_not_stand() -> None:
    """As a program that hung."""
    clock = ManualClock()
    registry = Registry({}, clock)
    registry.host(a_look())
    registry.collect(1.0)
    assert "system.memory.limit" in names(registry.collect(2.0))
    await clock.advance(HOLDS)
    assert names(registry.collect(3.0)) == set()


def test_a_machine_that_got_another_name_is_told_of_under_that_one_only() -> None:
    """A new configuration may give it one; under the former nothing is repeated for ever."""
    registry = Registry({"engine lost": 1}, ManualClock())
    registry.host(a_look())
    registry.collect(10.0)

    registry.forget_states()
    registry.host(replace(a_look(2), host=Host("h2")))

    assert {each.entity for each in registry.collect(20.0).present} == {Host("h2")}


def test_what_a_machine_does_not_tell_is_absent() -> None:
    """Where there is no /proc there are Tidegauge's own numbers, and no others."""
    registry = Registry({}, ManualClock())
    registry.host(HostSample(HOST, late=0.0, process_cpu=7))

    expected = {"tidegauge.process.cpu.time", "tidegauge.loop.lag", "tidegauge.series"}
    assert names(registry.collect(1.0)) == expected


def test_events_are_counted_by_their_code_and_series_as_they_are() -> None:
    """Each event counts in the tick it was told in; a code that never came is absent."""
    journal: dict[str, int] = {"export failed": 2}
    registry = Registry(journal, ManualClock())
    registry.host(a_look())
    registry.stock(STOCK)
    series = {(each.metric.name, *each.attributes): each for each in registry.collect(1.0).series}
    failed = series["tidegauge.events", ("event.code", "export_failed")]
    assert (failed.last, failed.samples) == (2, (2,))
    assert series["tidegauge.series",].last == 6

    journal |= {"export failed": 5, "engine lost": 1}
    events = [each for each in registry.collect(2.0).series if "events" in each.metric.name]
    assert [(each.last, each.samples) for each in events] == [(5, (3,)), (1, (1,))]
    assert [each for each in registry.collect(3.0).series if "events" in each.metric.name] == []


async def test_ticks_that_nobody_collects_count_events_and_series_too() -> None:
    """Without exporters, those who look between ticks find the same."""
    registry = Registry({"export failed": 2}, ManualClock())
    registry.host(a_look())
    registry.stock(STOCK)

    await registry.let_go(1.0)

    (host,) = (each for each in registry.live() if isinstance(each.entity, Host))
    found = {(metric.name, *of): one.last for metric, of, one in host.holding(0.0)}
    assert found["tidegauge.events", ("event.code", "export_failed")] == 2
    assert found["tidegauge.series",] == 6

    registry.effort(Effort(ENGINE, 1.0, 0.0, cpu=7))
    registry.stock(replace(STOCK, images=None))
    for at in range(COUNTED_EVERY):
        await registry.let_go(2.0 + at)
    found = {(metric.name, *of): one.last for metric, of, one in host.holding(0.0)}
    assert found["tidegauge.series",] == 8


async def test_series_that_began_are_counted_at_the_next_tick() -> None:
    """The count is not of a time when most containers were not there yet."""
    registry = Registry({}, ManualClock())
    registry.host(a_look())
    await registry.let_go(1.0)
    registry.stock(STOCK)

    await registry.let_go(2.0)

    (host,) = (each for each in registry.live() if isinstance(each.entity, Host))
    found = {metric.name: one.last for metric, _, one in host.holding(0.0)}
    assert found["tidegauge.series"] == 6


def test_volumes_beyond_an_engines_limit_are_refused_and_removed_ones_make_room() -> None:
    """The total is of all of them all the same."""
    refused: list[str] = []
    registry = Registry({}, ManualClock(), lambda _, subject: refused.append(subject))
    registry.limit(Limits(ENGINE_SERIES + 1, 10_000))
    registry.disk_use(USE)
    assert refused == ["engine e"]
    sizes = {name for name, *_ in told(registry.collect(1.0)) if name == "engine.volume.size"}
    assert sizes == {"engine.volume.size"}

    registry.disk_use(DiskUse(ENGINE, 10, 1, 20, {"c": 20}, 40, holds=60.0))
    left = told(registry.collect(2.0))
    assert ("engine.volume.size", "c") in left
    assert len(refused) == 1


def test_an_engine_and_a_machine_of_long_ago_make_room() -> None:
    """All they took is given back."""
    refused: list[str] = []
    registry = Registry({}, ManualClock(), lambda _, subject: refused.append(subject))
    registry.limit(Limits(500, ENGINE_SERIES + HOST_SERIES + 7))
    surveyed(registry)
    registry.host(a_look())
    registry.collect(0.0)
    assert registry.collect(FORGET_AFTER + 1).series != ()  # how many series there are
    registry.stock(Stock(Engine("f"), {}))
    registry.disk_use(DiskUse(Engine("f"), 1, 7, 7, dict.fromkeys("abcdefg", 1), 1, 60.0))

    assert refused == []
    assert {each.name for each in (one.entity for one in registry.live())} == {"f", "h1"}


def test_shapes_change_with_the_series_they_are_of() -> None:
    """Whoever keeps names until the shape changes never misses one."""
    registry = Registry({}, ManualClock())
    shapes = list[object]()
    for step in (
        lambda: registry.stock(STOCK),
        lambda: registry.disk_use(USE),
        lambda: registry.disk_use(DiskUse(ENGINE, 1, 2, 3, {"a": 1, "c": 2}, 4, 60.0)),
        lambda: registry.file_systems(DISK),
        lambda: registry.effort(Effort(ENGINE, 7.5, 0.5, 3)),
        lambda: registry.gone(EngineGone(ENGINE)),
    ):
        step()
        (engine,) = registry.live()
        shapes.append(engine.shape(0.0))

    assert len(set(shapes)) == len(shapes)
