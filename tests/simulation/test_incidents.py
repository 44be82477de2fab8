"""What happens when, and in which state it leaves containers."""

from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulation.today import NOON, an_engine, named
from tidegauge.simulation.incidents import Condition


def told(name: str, seconds: float = 600.0) -> list[tuple[float, str]]:
    """When within ten minutes what happens to a container."""
    engine = an_engine()
    return [
        (round(each.at - NOON, 3), each.step.action)
        for each in engine.incidents(NOON, NOON + seconds)
        if each.instance.name == name
    ]


def condition(name: str, seconds: float) -> Condition | None:
    return named(an_engine(), name).condition(NOON + seconds)


def test_the_worker_is_killed_for_its_memory_and_started_again() -> None:
    """Every six minutes, with exit code 137, by its restart policy."""
    assert told("shop-worker-1") == [
        (100.0, "oom"),
        (100.1, "die"),
        (100.7, "start"),
        (460.0, "oom"),
        (460.1, "die"),
        (460.7, "start"),
    ]

    before, dead, after = (condition("shop-worker-1", at) for at in (99.0, 100.2, 101.0))
    assert before is not None
    assert dead is not None
    assert after is not None
    assert (dead.state, dead.exit_code, dead.out_of_memory) == ("restarting", 137, True)
    assert (after.state, after.out_of_memory) == ("running", False)
    assert after.started == NOON + 100.7
    assert after.restarts == before.restarts + 1
    assert after.generation == before.generation


def test_replicas_of_web_are_made_anew_one_after_the_other() -> None:
    """Twelve seconds apart, under their names, with new ids."""
    engine = an_engine()
    steps = ["kill", "die", "stop", "destroy", "create", "start"]

    for number in (1, 2, 3):
        web = named(engine, f"shop-web-{number}")
        begins = NOON + 250 + 12 * (number - 1)
        assert [action for _, action in told(web.name)] == steps
        assert told(web.name)[0][0] == begins - NOON
        before, after = web.condition(begins), web.condition(begins + 5)
        assert before is not None
        assert after is not None
        assert web.condition(begins + 1.2) is None
        assert web.identity(before) != web.identity(after)
        assert after.started == begins + 2.0


def test_a_report_is_written_every_two_minutes() -> None:
    """By a container that lives for twenty seconds, and is removed."""
    assert told("shop-report-1", 130) == [
        (20.0, "create"),
        (20.5, "start"),
        (40.5, "die"),
        (40.6, "destroy"),
    ]
    assert condition("shop-report-1", 19.9) is None
    assert condition("shop-report-1", 41) is None


def test_a_health_check_fails_for_a_while() -> None:
    """For 45 seconds of five minutes."""
    assert told("shop-mail-1", 300) == [
        (170.0, "health_status: unhealthy"),
        (215.0, "health_status: healthy"),
    ]
    healths = [condition("shop-mail-1", at) for at in (169.0, 171.0, 216.0)]
    assert [each and each.healthy for each in healths] == [True, False, True]


def test_one_container_is_paused_and_one_stands_still() -> None:
    """The states that are neither running nor gone."""
    paused, stopped = condition("hopeful_wozniak", 61), condition("shop-migrate-1", 61)

    assert told("hopeful_wozniak", 130) == [(60.0, "pause"), (120.0, "unpause")]
    assert paused is not None
    assert paused.state == "paused"
    assert stopped is not None
    assert stopped.state == "exited"
    assert stopped.exit_code == 0


@pytest.mark.parametrize("pieces", [1, 7, 3600, 9973])
def test_nothing_is_told_twice_or_lost(pieces: int) -> None:
    """Asked for an hour at once, or piece by piece."""
    engine, ends = an_engine(), [NOON + 3600 * piece / pieces for piece in range(pieces + 1)]
    found = [each for span in pairwise(ends) for each in engine.incidents(*span)]

    assert [each.at for each in found] == sorted(each.at for each in found)
    assert Counter(each.step.action for each in found) == {
        "oom": 10,
        **dict.fromkeys(("kill", "stop"), 18),
        **dict.fromkeys(("create", "destroy"), 48),
        "die": 10 + 18 + 30,
        "start": 10 + 18 + 30,
        **dict.fromkeys(("pause", "unpause"), 8),
        **dict.fromkeys(("health_status: unhealthy", "health_status: healthy"), 12),
    }


@given(st.floats(0, 7200), st.integers(0, 199))
def test_an_event_is_told_on_one_side_of_any_moment(seconds: float, number: int) -> None:
    """Also where times with fractions of a second are rounded."""
    instance = an_engine(200).instances[number]
    for each in instance.incidents(NOON + seconds, NOON + seconds + 700):
        before = list(instance.incidents(NOON + seconds, each.at))
        after = list(instance.incidents(each.at, NOON + seconds + 700))
        assert before[-1] == each
        assert each not in after
