"""What a container is and may use stands while its engine has it, and is told in each tick."""

from datetime import UTC, datetime

import pytest

from manual_clock import ManualClock
from recorded import a_container
from tidegauge.docker.frames import Container
from tidegauge.docker.intervals import Life
from tidegauge.docker.lives import Condition
from tidegauge.docker.resources import Resources
from tidegauge.metrics import Attributes, Number, Registry, Snapshot
from tidegauge.metrics.entities import USE_HOLDS
from tidegauge.readings import (
    ContinuityReading,
    CpuReading,
    MemoryReading,
    PidsReading,
    UptimeReading,
)

AT = datetime(2026, 1, 1, tzinfo=UTC)
FOUND, BORN = Life(from_birth=False), Life(from_birth=True)
WEB = a_container(image="img:1", image_id="sha256:1", started_at=AT, created=1_700_000_000)
ALLOWED = Resources(1.5, 150_000, 100_000, 512, 1000, 3000, 500, 50)

CPU = {
    "container.cpu.limit.current": 1.5,
    "container.cpu.quota": 150_000,
    "container.cpu.period": 100_000,
    "container.cpu.shares": 512,
}
MEMORY = {
    "container.memory.limit.current": 1000,
    "container.memory.reservation": 500,
    "container.memory.swap.limit": 3000,
}


def sample(registry: Registry, container: Container = WEB, cores: float = 0.5) -> None:
    """One second of use: 700 bytes, and so many cores of four."""
    registry.cpu(CpuReading(container, FOUND, 1, None, None, None, 4, cores, None))
    registry.memory(MemoryReading(container, FOUND, 800, 700, 4000, None, None, None))
    registry.continuity(ContinuityReading(container, 0.0))


def known(resources: Resources | None = ALLOWED, container: Container = WEB) -> Condition:
    """It runs, and was asked about."""
    return Condition(container, "running", restarts=2, resources=resources)


def levels(snapshot: Snapshot) -> dict[str, Number]:
    """Every series that there is."""
    return {each.metric.name: each.last for each in snapshot.present}


def limits(snapshot: Snapshot) -> dict[str, Number]:
    """The limits among them."""
    return {name: level for name, level in levels(snapshot).items() if name in CPU | MEMORY}


def samples(snapshot: Snapshot, name: str) -> tuple[Number, ...]:
    """The samples of one metric in the tick."""
    return next((each.samples for each in snapshot.series if each.metric.name == name), ())


def test_limits_are_told_in_each_tick_while_a_container_runs() -> None:
    """One inspection is enough for all ticks to come, for who asks for samples too."""
    registry = Registry({}, ManualClock())
    registry.condition(known())
    sample(registry)

    for _ in range(3):
        snapshot = registry.collect(1.0)
        assert limits(snapshot) == CPU | MEMORY
        assert samples(snapshot, "container.memory.limit.current") == (1000,)
        assert samples(snapshot, "container.restart.count") == (2,)


def test_lists_in_between_change_nothing() -> None:
    """A list tells a state and nothing of limits."""
    registry = Registry({}, ManualClock())
    registry.condition(known())
    sample(registry)
    registry.condition(Condition(WEB, "running", "healthy"))

    assert limits(registry.collect(1.0)) == CPU | MEMORY


async def test_limits_and_restarts_of_a_stopped_container_stand_and_are_not_told_again() -> None:
    """It is still allowed that much; but no samples come of what does not run."""
    clock = ManualClock()
    registry = Registry({}, clock)
    registry.condition(known())
    sample(registry)
    registry.collect(1.0)
    registry.condition(Condition(WEB, "exited"))
    await clock.advance(USE_HOLDS + 1)

    snapshot = registry.collect(2.0)

    assert limits(snapshot) == CPU | MEMORY
    assert levels(snapshot)["container.restart.count"] == 2
    assert not samples(snapshot, "container.memory.limit.current")
    assert not samples(snapshot, "container.restart.count")
    assert "container.memory.usage" not in levels(snapshot)


@pytest.mark.parametrize("lost", [Condition(WEB, ""), Condition(WEB, "", gone=True), None])
def test_limits_are_forgotten_with_the_state_and_come_back(lost: Condition | None) -> None:
    """A lost engine, a removed container, a new configuration: nothing old is told afterwards."""
    registry = Registry({}, ManualClock())
    registry.condition(known())
    sample(registry)
    registry.collect(1.0)
    if lost is None:
        registry.forget_states()
    else:
        registry.condition(lost)
    assert not {*levels(registry.collect(2.0))} & {*CPU, *MEMORY, "container.restart.count"}

    registry.condition(Condition(WEB, "running"))
    assert not limits(registry.collect(3.0)), "a list came, and it was not asked about yet"

    registry.condition(known(Resources(cpus=2.0)))
    assert limits(registry.collect(4.0)) == {"container.cpu.limit.current": 2.0}


def test_limits_of_a_container_that_came_and_went_within_a_tick_are_told_once() -> None:
    """It is gone by the end of the tick, and what was recorded of it until then is told."""
    registry = Registry({}, ManualClock())
    registry.condition(known())
    sample(registry)
    registry.condition(Condition(WEB, "", gone=True))

    assert samples(registry.collect(1.0), "container.memory.limit.current") == (1000,)
    assert not limits(registry.collect(2.0))


def test_a_limit_that_was_taken_away_ends() -> None:
    """``docker update`` can lift limits."""
    registry = Registry({}, ManualClock())
    registry.condition(known())
    sample(registry)
    registry.collect(1.0)
    registry.condition(known(Resources()))
    sample(registry)

    snapshot = registry.collect(2.0)

    assert limits(snapshot) == {}
    assert not samples(snapshot, "container.memory.available")


def test_limits_are_told_of_what_is_recorded_only() -> None:
    """A category that leaves a container out has nothing of it at all."""
    registry = Registry({}, ManualClock())
    registry.condition(known())
    assert limits(registry.collect(1.0)) == {}

    registry.cpu(CpuReading(WEB, FOUND, 1, None, None, None, 4, None, None))
    assert limits(registry.collect(2.0)) == CPU


def test_what_the_limits_leave() -> None:
    """Use over what is allowed, with the host's CPUs where it has no limit; never below 0."""
    registry = Registry({}, ManualClock())
    sample(registry)
    assert not samples(registry.collect(1.0), "container.cpu.limit.utilization"), "not asked yet"

    registry.condition(known())
    sample(registry, cores=0.75)
    sample(registry, cores=3.0)
    snapshot = registry.collect(2.0)
    assert samples(snapshot, "container.cpu.limit.utilization") == (0.5, 2.0)
    assert samples(snapshot, "container.memory.available") == (300, 300)
    assert samples(snapshot, "container.memory.limit.utilization") == (0.175, 0.175)

    registry.condition(known(Resources(memory=600)))
    sample(registry, cores=3.0)
    snapshot = registry.collect(3.0)
    assert samples(snapshot, "container.cpu.limit.utilization") == (0.75,)
    assert samples(snapshot, "container.memory.available") == (0,)


def test_the_limit_of_tasks_is_that_of_the_samples_or_else_what_the_engine_says() -> None:
    """Podman does not send it with its samples."""
    registry = Registry({}, ManualClock())
    registry.condition(known(container=a_container("podman")))
    registry.pids(PidsReading(WEB, 3, None))
    assert samples(registry.collect(1.0), "container.pids.limit") == (50,)

    registry.pids(PidsReading(WEB, 3, 60))
    assert samples(registry.collect(2.0), "container.pids.limit") == (60,)


def test_the_peak_is_of_the_present_life() -> None:
    """It falls with a new life only."""
    registry = Registry({}, ManualClock())
    peaks: list[Number] = []
    for usage, life in ((500, FOUND), (900, FOUND), (700, FOUND), (300, BORN), (400, BORN)):
        registry.memory(MemoryReading(WEB, life, usage, usage, None, None, None, None))
        peaks += samples(registry.collect(1.0), "container.memory.usage.peak")

    assert peaks == [500, 900, 900, 300, 400]


def info(registry: Registry) -> list[Attributes]:
    """The attributes of all series that say which container it is."""
    present = registry.collect(1.0).present
    return [each.attributes for each in present if each.metric.name == "container.info"]


def test_a_container_says_which_one_it_is() -> None:
    """By id, name, image and engine; what is not known is left out; one made anew replaces it."""
    registry = Registry({}, ManualClock())
    registry.condition(known())
    assert info(registry) == [
        (
            ("container.id", "c0"),
            ("container.name", "web"),
            ("container.image.name", "img:1"),
            ("container.image.id", "sha256:1"),
            ("container.runtime.name", "docker"),
        )
    ]

    registry.condition(Condition(WEB, "", gone=True))
    assert info(registry) == []

    registry.condition(Condition(a_container(id="c1"), "created"))
    assert [dict(each)["container.id"] for each in info(registry)] == ["c1"]


def test_when_it_was_made_and_when_it_started() -> None:
    """In Unix seconds; a container that never started has no such time."""
    registry = Registry({}, ManualClock())
    registry.condition(known())
    now = levels(registry.collect(1.0))
    assert now["container.started.time"] == AT.timestamp()
    assert now["container.created.time"] == 1_700_000_000

    never = a_container(started_at=datetime(1, 1, 1, tzinfo=UTC))
    registry.condition(Condition(never, "created"))
    now = levels(registry.collect(2.0))
    assert not {"container.started.time", "container.created.time"} & {*now}


async def test_the_uptime_of_a_stopped_container_does_not_stand() -> None:
    """It does not run for so long any more."""
    clock = ManualClock()
    registry = Registry({}, clock)
    registry.condition(known())
    sample(registry)
    registry.uptime(UptimeReading(WEB, 7.5))
    assert levels(registry.collect(1.0))["container.uptime"] == 7.5
    assert levels(registry.collect(2.0))["container.uptime"] == 7.5

    registry.condition(Condition(WEB, "exited"))

    assert "container.uptime" not in levels(registry.collect(3.0))
