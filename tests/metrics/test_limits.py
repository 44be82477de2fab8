"""Memory and backends are finite: series beyond the limits are not recorded, and that is told."""

from datetime import UTC, datetime

import pytest

from manual_clock import ManualClock
from recorded import a_container
from tidegauge.docker.frames import Container, NetworkStats, Throttling
from tidegauge.docker.intervals import Life
from tidegauge.docker.lives import Condition, LifeEvent
from tidegauge.docker.resources import Resources
from tidegauge.docker.stock import ContainerSize
from tidegauge.metrics import Limits, Registry, Snapshot
from tidegauge.metrics.catalogue import EXIT_CODES
from tidegauge.metrics.life import HEALTHS, STATES
from tidegauge.metrics.limits import BASE_SERIES
from tidegauge.metrics.registry import FORGET_AFTER
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
BORN = Life(from_birth=True)
AT = datetime(2026, 1, 1, tzinfo=UTC)
WHOLE = a_container(started_at=AT, created=1700000000)
ALLOWED = Resources(0.5, 50_000, 100_000, 512, 4000, 8000, 2000, 50)

PER_INTERFACE, PER_DEVICE = 8, 4


def traffic(container: Container, *names: str, seen: int = 1) -> NetworkReading:
    """A network reading with these interfaces."""
    stats = NetworkStats(*[seen] * 8)
    return NetworkReading(container, BORN, tuple(InterfaceTraffic(name, stats) for name in names))


def limited(per_container: int, of_all: int) -> tuple[Registry, list[tuple[str, str]]]:
    """A registry, and what it refused: sentences and subjects."""
    refused: list[tuple[str, str]] = []
    registry = Registry(
        {}, ManualClock(), lambda sentence, subject: refused.append((sentence, subject))
    )
    registry.limit(Limits(per_container, of_all))
    return registry, refused


def parts(snapshot: Snapshot, alias: str = "web") -> set[str]:
    """The interfaces and devices that have series."""
    return {
        value
        for series in snapshot.series
        for key, value in series.attributes
        if series.entity.alias == alias and key in {"network.interface.name", "system.device"}
    }


def test_what_a_container_takes_is_what_it_may_have() -> None:
    """The number in the sample configuration is that of the code: a full container has no more."""
    registry = Registry({}, ManualClock())
    stats = NetworkStats(*[1] * 8)
    told: set[tuple[str, object]] = set()
    for state in STATES:
        registry.cpu(CpuReading(WEB, BORN, 1, 1, 1, 1, 2, 0.5, Throttling(1, 1, 1)))
        registry.memory(MemoryReading(WEB, BORN, *([1] * 10)))
        registry.network(NetworkReading(WEB, BORN, (InterfaceTraffic("eth0", stats),)))
        registry.disk(DiskReading(WEB, BORN, (DeviceIo("8:0", 1, 1, 1, 1),)))
        registry.pids(PidsReading(WEB, 1, 50))
        registry.kernel(KernelReading(WEB, BORN, (1,) * 9, 1))
        registry.uptime(UptimeReading(WEB, 7.5))
        registry.continuity(ContinuityReading(WEB, 3.0))
        registry.condition(Condition(WHOLE, state, HEALTHS[0], 1, resources=ALLOWED))
        registry.size(ContainerSize(WHOLE, 1, 60.0, 2))
        for code in (0, 1, 126, 127, 137, 139, 143, 99):
            registry.life(LifeEvent(WEB, "die", AT, exit_code=code))
        registry.life(LifeEvent(WEB, "oom", AT))
        told |= {(each.metric.name, each.attributes) for each in registry.collect(1.0).series}

    assert len(EXIT_CODES) == 8
    assert len(told) == BASE_SERIES + PER_INTERFACE + PER_DEVICE


def test_interfaces_and_devices_beyond_a_containers_limit_are_refused() -> None:
    """Those known stay; further ones are told, with the option's name, and record nothing."""
    registry, refused = limited(BASE_SERIES + 2 * PER_INTERFACE + PER_DEVICE - 1, 10_000)

    registry.network(traffic(WEB, "eth0", "eth1", "eth2"))
    registry.disk(DiskReading(WEB, BORN, (DeviceIo("8:0", 1, 1),)))
    registry.network(traffic(a_container(id="c1", alias="db"), "eth0"))
    snapshot = registry.collect(1.0)

    assert parts(snapshot) == {"eth0", "eth1"}
    assert parts(snapshot, "db") == {"eth0"}
    assert refused == 2 * [
        (
            "web has more series than limits.series_per_container"
            f" ({BASE_SERIES + 2 * PER_INTERFACE + PER_DEVICE - 1}); further interfaces and"
            " devices of it are not recorded.",
            "web",
        )
    ]


def test_containers_beyond_the_limit_of_all_are_refused() -> None:
    """Nothing of them is recorded; the ones before go on."""
    registry, refused = limited(100, 2 * BASE_SERIES + PER_INTERFACE)
    some = [a_container(id=f"c{n}", alias=f"web{n}") for n in range(3)]

    for _ in range(2):
        for container in some:
            registry.pids(PidsReading(container, 5, None))
            registry.continuity(ContinuityReading(container, 0.0))
        registry.network(traffic(some[0], "eth0", "eth1"))
    snapshot = registry.collect(1.0)

    assert {series.entity.alias for series in snapshot.series} == {"web0", "web1"}
    assert parts(snapshot, "web0") == {"eth0"}
    assert set(refused) == {
        (
            f"there are more series than limits.series ({2 * BASE_SERIES + PER_INTERFACE});"
            " further containers, interfaces and devices are not recorded.",
            "",
        )
    }


def test_what_is_forgotten_makes_room() -> None:
    """A container of long ago gives back what it took, interfaces included."""
    registry, refused = limited(100, BASE_SERIES + PER_INTERFACE)
    registry.network(traffic(WEB, "eth0"))
    registry.collect(0.0)
    registry.collect(FORGET_AFTER + 1)

    registry.network(traffic(a_container(id="c1", alias="db"), "eth0"))

    assert refused == []
    assert parts(registry.collect(FORGET_AFTER + 2), "db") == {"eth0"}


@pytest.mark.parametrize("seen", [1, 1000])
def test_an_interface_let_in_later_does_not_bring_its_past(seen: int) -> None:
    """After the limit was raised it counts from then on, not from the beginning of the life."""
    registry, _ = limited(BASE_SERIES + PER_INTERFACE, 10_000)
    registry.network(traffic(WEB, "eth0", "eth1", seen=seen))
    registry.network(traffic(WEB, "eth0", "eth1", seen=seen + 1))
    registry.collect(1.0)
    registry.limit(Limits(500, 10_000))

    for more in (2, 5):
        registry.network(traffic(WEB, "eth0", "eth1", seen=seen + more))

    increments = [
        series.samples
        for series in registry.collect(2.0).series
        if ("network.interface.name", "eth1") in series.attributes
    ]
    assert increments == [(0, 3)] * PER_INTERFACE
