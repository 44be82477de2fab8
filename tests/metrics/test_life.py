"""State, health, restarts, exits and gaps as metrics."""

from datetime import UTC, datetime

from manual_clock import ManualClock
from recorded import a_container
from tidegauge.docker.lives import Condition, LifeEvent
from tidegauge.metrics import Registry
from tidegauge.metrics.registry import GONE_KEPT
from tidegauge.readings import ContinuityReading

WEB = a_container()
AT = datetime(2026, 1, 1, tzinfo=UTC)


def told(registry):
    """The last value of each series, by metric and attribute value."""
    return {
        (
            series.metric.name.removeprefix("container."),
            *(v for _, v in series.attributes),
        ): series.last
        for series in registry.collect(0).series
    }


def test_a_state_holds_until_the_next_one():
    """Each tick tells 1 for the state and 0 for the others, also when no event came."""
    registry = Registry({}, ManualClock())
    registry.condition(Condition(WEB, "running"))

    for _ in range(3):
        now = told(registry)
        assert now["state", "running"] == 1
        assert now["state", "exited"] == 0
    registry.condition(Condition(WEB, "exited"))

    assert told(registry)["state", "exited"] == 1


def test_a_container_that_is_gone_has_no_state_any_more():
    """Nothing stale is told of it."""
    registry = Registry({}, ManualClock())
    registry.condition(Condition(WEB, "running", "healthy"))
    registry.condition(Condition(WEB, "", gone=True))

    assert told(registry) == {}


def test_forgotten_states_are_not_told():
    """After a change of the configuration a container may not be watched any more."""
    registry = Registry({}, ManualClock())
    registry.condition(Condition(WEB, "running", "healthy"))
    registry.forget_states()
    assert told(registry) == {}

    registry.condition(Condition(WEB, "paused"))
    assert told(registry)["state", "paused"] == 1


def test_health_is_told_only_where_there_is_a_check():
    """From the list at first, from the event as soon as it changes."""
    registry = Registry({}, ManualClock())
    registry.condition(Condition(WEB, "running"))
    assert not any(key[0] == "health" for key in told(registry))

    registry.condition(Condition(WEB, "running", "healthy"))
    registry.life(LifeEvent(WEB, "health_status", AT, health="unhealthy"))

    assert told(registry)["health", "unhealthy"] == 1
    assert told(registry)["health", "healthy"] == 0


def test_exits_are_counted_by_their_codes():
    """Codes with a meaning have a series of their own; the rest share one."""
    registry = Registry({}, ManualClock())
    for code in (0, 137, 137, 3, 77, None):
        registry.life(LifeEvent(WEB, "die", AT, exit_code=code))
    registry.life(LifeEvent(WEB, "oom", AT))

    now = told(registry)
    exits = {key[1]: value for key, value in now.items() if key[0] == "exit.count"}
    assert exits == {"0": 1, "137": 2, "other": 2}
    assert now["oom.count",] == 1


def test_restarts_are_those_of_the_policy_and_those_by_hand():
    """The engine counts only the first kind; the events tell the second."""
    registry = Registry({}, ManualClock())
    registry.condition(Condition(WEB, "running", restarts=4))
    registry.life(LifeEvent(WEB, "restart", AT))

    assert told(registry)["restart.count",] == 5

    registry.condition(Condition(WEB, "running", restarts=6))
    assert told(registry)["restart.count",] == 7


def test_samples_and_missed_seconds_are_counted():
    """What came and what did not, since the start."""
    registry = Registry({}, ManualClock())
    for missed in (0.0, 0.0, 23.0):
        registry.continuity(ContinuityReading(WEB, missed))

    now = told(registry)
    assert now["samples",] == 3
    assert now["samples.missed",] == 23


def test_totals_of_removed_containers_are_kept_for_the_newest_only():
    """A container made anew under its name goes on counting; thousands of others fill no memory."""
    registry = Registry({}, ManualClock())
    many = [a_container(id=f"c{number}", alias=f"a{number}") for number in range(GONE_KEPT + 50)]
    for container in many:
        registry.life(LifeEvent(container, "oom", AT))
        registry.condition(Condition(container, "", gone=True))
    ends = {series.entity.alias for series in registry.collect(0).series}
    assert len(ends) == len(many), "what was counted before the end is told"

    registry.life(LifeEvent(many[0], "oom", AT))
    registry.life(LifeEvent(many[-1], "oom", AT))

    totals = {s.entity.alias: s.last for s in registry.collect(0).series}
    assert totals == {"a0": 1, many[-1].alias: 2}
