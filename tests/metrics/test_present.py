"""What a snapshot holds beside this tick's samples: what still stands, and no more."""

from datetime import UTC, datetime

from manual_clock import ManualClock
from tidegauge.docker.frames import Container, Engine
from tidegauge.docker.lives import Condition, LifeEvent
from tidegauge.metrics import Registry, Snapshot
from tidegauge.metrics.entities import USE_HOLDS
from tidegauge.readings import ContinuityReading, PidsReading

WEB = Container(Engine("e"), id="c0", name="web", alias="web")
LASTING = {
    *("container.info", "container.state"),
    *("container.samples", "container.samples.missed"),
}


def sample(registry: Registry) -> None:
    registry.pids(PidsReading(WEB, 3, None))
    registry.continuity(ContinuityReading(WEB, 0.0))


def names(snapshot: Snapshot) -> set[str]:
    return {series.metric.name for series in snapshot.present}


def test_the_newest_value_stands_between_samples() -> None:
    registry = Registry({}, ManualClock())
    sample(registry)
    registry.collect(1.0)

    (pids,) = (each for each in registry.collect(2.0).standing if "pids" in each.metric.name)
    assert (pids.last, pids.samples) == (3, ())


async def test_what_no_sample_came_of_for_long_does_not_stand() -> None:
    clock = ManualClock()
    registry = Registry({}, clock)
    sample(registry)
    registry.condition(Condition(WEB, "running"))
    registry.collect(1.0)
    await clock.advance(USE_HOLDS)
    assert "container.pids.count" in names(registry.collect(2.0))
    await clock.advance(0.1)
    assert names(registry.collect(3.0)) == LASTING


def test_the_use_of_a_stopped_container_does_not_stand_and_its_life_does() -> None:
    registry = Registry({}, ManualClock())
    sample(registry)
    registry.collect(1.0)
    registry.condition(Condition(WEB, "exited"))
    assert names(registry.collect(2.0)) == LASTING


def test_the_use_of_a_life_that_ended_does_not_stand_in_the_next() -> None:
    """A restart may be over before any list tells that it was stopped."""
    registry = Registry({}, ManualClock())
    sample(registry)
    registry.condition(Condition(WEB, "running"))
    registry.collect(1.0)
    registry.life(LifeEvent(WEB, "die", datetime(2026, 1, 1, tzinfo=UTC), exit_code=0))
    assert "container.pids.count" not in names(registry.collect(2.0))


def test_nothing_of_a_removed_container_stands() -> None:
    registry = Registry({}, ManualClock())
    sample(registry)
    registry.condition(Condition(WEB, "running"))
    registry.collect(1.0)
    registry.condition(Condition(WEB, "", gone=True))
    assert names(registry.collect(2.0)) == set()
