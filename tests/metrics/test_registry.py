"""From readings to snapshots: what is told in a tick, and what is not."""

from datetime import UTC, datetime

import pytest

from manual_clock import ManualClock
from recorded import a_container
from tidegauge.docker.frames import Container, Engine, NetworkStats, Throttling
from tidegauge.docker.intervals import Life
from tidegauge.docker.lives import Condition, LifeEvent
from tidegauge.docker.resources import Resources
from tidegauge.metrics import CATALOGUE, Kind, Metric, Registry, Series, Snapshot, catalogue
from tidegauge.metrics.registry import FORGET_AFTER
from tidegauge.metrics.surroundings import SURROUNDINGS
from tidegauge.readings import (
    ContinuityReading,
    CpuReading,
    DeviceIo,
    DiskReading,
    InterfaceTraffic,
    KernelReading,
    MemoryReading,
    NetworkReading,
    PidsReading,
    UptimeReading,
)

WEB = a_container()
AT = datetime(2026, 1, 1, tzinfo=UTC)
FOUND, BORN = Life(from_birth=False), Life(from_birth=True)
WHOLE = Container(
    *(Engine("e", version="28.5.2"), "c0", "web", "web", "img"),
    started_at=AT,
    image_id="sha256:1",
    created=1700000000,
)
ALLOWED = Resources(0.5, 50_000, 100_000, 512, 4000, 8000, 2000, 50)


def told(snapshot: Snapshot) -> dict[tuple[object, ...], tuple[object, tuple[object, ...]]]:
    """Series by metric name and attribute values: last and samples."""
    return {
        (series.metric.name, *(value for _, value in series.attributes)): (
            series.last,
            series.samples,
        )
        for series in snapshot.series
    }


def some_cpu(
    total: int, life: Life = FOUND, container: Container = WEB, **known: object
) -> CpuReading:
    """A CPU reading of which only the total is known."""
    unknown = dict.fromkeys(("user", "kernel", "system", "online", "cores", "throttling"))
    return CpuReading(container, life, total, **(unknown | known))


def some_traffic(life: Life = FOUND, container: Container = WEB, **received: int) -> NetworkReading:
    """A network reading: bytes received by each interface, nothing else known."""
    return NetworkReading(
        container,
        life,
        tuple(InterfaceTraffic(name, NetworkStats(n)) for name, n in received.items()),
    )


def test_the_catalogue_has_each_name_once() -> None:
    """A metric is known by its name, and says what it counts in which unit."""
    assert len({metric.name for metric in CATALOGUE}) == len(CATALOGUE)
    for metric in CATALOGUE:
        assert metric.unit
        assert metric.help
        assert metric.kind in Kind
        assert metric.scale > 0
        assert metric.source or metric.name.startswith("tidegauge."), "only ours are of no field"


def test_every_metric_of_the_catalogue_can_be_told() -> None:
    """No row in the table is without series, and these have the attributes it says."""
    registry = Registry({}, ManualClock())
    for more in (1, 2):
        times = {"user": more, "kernel": more, "system": more, "cores": 1.0}
        registry.condition(Condition(WHOLE, "running", "healthy", 1, resources=ALLOWED))
        registry.cpu(some_cpu(more, **times, throttling=Throttling(more, more, more)))
        registry.memory(MemoryReading(WEB, FOUND, *([more] * 10)))
        registry.network(
            NetworkReading(WEB, FOUND, (InterfaceTraffic("eth0", NetworkStats(*[more] * 8)),))
        )
        registry.disk(DiskReading(WEB, FOUND, (DeviceIo("8:0", more, more, more, more),)))
        registry.pids(PidsReading(WEB, more, 50))
        registry.kernel(KernelReading(WEB, FOUND, (more,) * 9, more))
        registry.uptime(UptimeReading(WEB, 7.5))
        registry.continuity(ContinuityReading(WEB, 3.0))
        registry.life(LifeEvent(WEB, "die", AT, exit_code=137))
        registry.life(LifeEvent(WEB, "oom", AT))

    attributes: dict[Metric, set[str]] = {}
    for series in registry.collect(1.0).series:
        attributes.setdefault(series.metric, set()).update(key for key, _ in series.attributes)
    assert attributes == {
        metric: set(metric.attributes) for metric in CATALOGUE if metric not in SURROUNDINGS
    }


def test_a_first_reading_has_levels_and_no_increments() -> None:
    """Differences need two values; levels need one."""
    registry = Registry({}, ManualClock())
    registry.cpu(some_cpu(10**12, cores=None))
    registry.network(some_traffic(eth0=10**9))
    registry.memory(MemoryReading(WEB, FOUND, 1000, 700, 4000, None, None, None))

    assert told(registry.collect(1.0)) == {
        ("container.memory.usage",): (1000, (1000,)),
        ("container.memory.usage.peak",): (1000, (1000,)),
        ("container.memory.working_set",): (700, (700,)),
        ("container.memory.limit.effective",): (4000, (4000,)),
        ("container.memory.limit.utilization",): (0.175, (0.175,)),
    }


def test_what_is_unknown_is_not_told() -> None:
    """An absent number makes no series, not even one of zeros."""
    registry = Registry({}, ManualClock())
    for total in (1, 2):
        registry.cpu(some_cpu(total, BORN))
        registry.memory(MemoryReading(WEB, BORN, 1000, 700, None, None, None, None))
        registry.network(some_traffic(BORN, eth0=total))
        registry.disk(DiskReading(WEB, BORN, (DeviceIo("8:0", total, None),)))
        registry.pids(PidsReading(WEB, 3, None))

    assert set(told(registry.collect(1.0))) == {
        ("container.cpu.time",),
        ("container.memory.usage",),
        ("container.memory.usage.peak",),
        ("container.memory.working_set",),
        ("container.network.io.sum", "receive"),
        ("container.network.io", "receive", "eth0"),
        ("container.disk.io.sum", "read"),
        ("container.disk.io", "read", "8:0"),
        ("container.pids.count",),
    }


def test_nothing_is_told_twice() -> None:
    """A tick without samples has no series: an old value is not repeated."""
    registry = Registry({}, ManualClock())
    for total in (1, 2):
        registry.cpu(some_cpu(total, cores=0.5))
        registry.memory(MemoryReading(WEB, FOUND, 1000, 700, 4000, 5, 6, 7))
        registry.pids(PidsReading(WEB, 3, 50))
    registry.collect(1.0)

    assert registry.collect(2.0).series == ()


def test_samples_of_a_tick_are_all_there() -> None:
    """Each second's value is kept, with the newest or the total beside them."""
    registry = Registry({}, ManualClock())
    for total, cores in ((100, None), (150, 0.5), (350, 2.0)):
        registry.cpu(some_cpu(total, cores=cores))

    assert told(registry.collect(1.0)) == {
        ("container.cpu.time",): (350, (50, 200)),
        ("container.cpu.usage",): (2.0, (0.5, 2.0)),
    }


def test_the_hosts_capacity_does_not_begin_with_a_container() -> None:
    """A container's birth adds its own CPU time, never the host's since its start."""
    registry = Registry({}, ManualClock())
    registry.cpu(some_cpu(5, BORN, system=10**15))
    registry.cpu(some_cpu(6, BORN, system=10**15 + 7))

    assert told(registry.collect(1.0)) == {
        ("container.cpu.time",): (6, (5, 1)),
        ("container.cpu.capacity.time",): (10**15 + 7, (7,)),
    }


def test_a_sum_is_of_all_parts() -> None:
    """Totals and increments of the sum are those of the parts together."""
    registry = Registry({}, ManualClock())
    registry.network(some_traffic(eth0=1000, eth1=200))
    registry.network(some_traffic(eth0=1010, eth1=205))

    seen = told(registry.collect(1.0))
    assert seen["container.network.io.sum", "receive"] == (1215, (15,))
    assert seen["container.network.io", "receive", "eth0"] == (1010, (10,))
    assert seen["container.network.io", "receive", "eth1"] == (205, (5,))


def test_a_part_that_goes_takes_nothing_from_the_sum() -> None:
    """The sum never falls; a part back from zero adds 0 and goes on."""
    registry = Registry({}, ManualClock())
    for parts in (
        {"eth0": 1000, "eth1": 500},
        {"eth0": 1010},
        {"eth0": 1020, "eth1": 3},
        {"eth0": 1020, "eth1": 8},
    ):
        registry.network(some_traffic(**parts))

    assert told(registry.collect(1.0))["container.network.io.sum", "receive"] == (
        1525,
        (10, 10, 5),
    )


@pytest.mark.parametrize("life", [FOUND, BORN])
def test_a_part_that_comes_while_we_watch_counts_from_zero(life: Life) -> None:
    """An interface connected or a device first used later adds its first value, once."""
    registry = Registry({}, ManualClock())
    registry.network(some_traffic(life, eth0=100))
    registry.collect(1.0)
    registry.network(some_traffic(life, eth0=100, eth1=40))

    seen = told(registry.collect(2.0))
    assert seen["container.network.io", "receive", "eth1"] == (40, (40,))
    assert seen["container.network.io.sum", "receive"] == (140, (40,))


def test_a_restart_goes_on_under_the_same_name() -> None:
    """Totals never fall over restarts and recreation; the new life's first value counts."""
    registry = Registry({}, ManualClock())
    again = a_container(id="c1")
    registry.cpu(some_cpu(1000))
    registry.network(some_traffic(eth0=500))
    registry.cpu(some_cpu(30, BORN, again))
    registry.network(some_traffic(BORN, again, eth0=90))

    snapshot = registry.collect(1.0)
    assert told(snapshot) == {
        ("container.cpu.time",): (1030, (30,)),
        ("container.network.io.sum", "receive"): (590, (90,)),
        ("container.network.io", "receive", "eth0"): (590, (90,)),
    }
    assert {series.entity for series in snapshot.series} == {again}


def test_a_level_that_ends_within_a_tick_is_not_told_as_zero() -> None:
    """Its newest value in that tick is told, and nothing in the next one."""
    registry = Registry({}, ManualClock())
    for limit in (4000, None):
        registry.memory(MemoryReading(WEB, FOUND, 1000, 700, limit, None, None, None))
    snapshot = registry.collect(1.0)

    assert told(snapshot)["container.memory.limit.utilization",] == (0.175, (0.175,))
    registry.memory(MemoryReading(WEB, FOUND, 1000, 700, None, None, None, None))
    present = {series.metric.name for series in registry.collect(2.0).present}
    assert "container.memory.limit.utilization" not in present


def test_names_and_engines_do_not_mix() -> None:
    """Two containers, or one name on two engines, have their own series."""
    registry = Registry({}, ManualClock())
    far = Container(WEB.engine.__class__("far"), WEB.id, WEB.name, WEB.alias)
    for container in (WEB, a_container(id="c1", alias="db"), far):
        registry.pids(PidsReading(container, 3, None))

    assert [
        (series.entity.engine.name, series.entity.alias) for series in registry.collect(1.0).series
    ] == [("e", "web"), ("e", "db"), ("far", "web")]


def test_a_container_is_forgotten_after_a_day_without_samples() -> None:
    """Memory is bounded; before that its totals go on."""
    registry = Registry({}, ManualClock())
    registry.cpu(some_cpu(1000))
    registry.cpu(some_cpu(1010))
    registry.collect(0.0)
    registry.collect(FORGET_AFTER)
    registry.cpu(some_cpu(1030))
    assert told(registry.collect(FORGET_AFTER + 1))["container.cpu.time",] == (1030, (20,))

    registry.collect(2 * FORGET_AFTER + 2)
    registry.cpu(some_cpu(1050))

    assert registry.collect(2 * FORGET_AFTER + 3).series == ()


def test_a_snapshot_is_frozen() -> None:
    """What happens after a tick does not reach into it, nor what we count about ourselves."""
    journal = {"sample out of order": 1}
    registry = Registry(journal, ManualClock())
    registry.pids(PidsReading(WEB, 3, None))
    snapshot = registry.collect(1.0)

    journal["sample out of order"] = 2
    registry.pids(PidsReading(WEB, 4, None))

    assert snapshot.at == 1.0
    assert snapshot.journal == {"sample out of order": 1}
    assert snapshot.series == (Series(WEB, catalogue.PIDS, (), 3, (3,), since=1000.0),)
