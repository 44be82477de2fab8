"""Streams or reads in turn: the table of what decides it, and that it does not flap."""

import pytest

from tidegauge.docker.frames import Engine
from tidegauge.docker.pacing import STREAMS, Demand, Load, Pace, can_turn

KEPT = Demand(10.0, each_second=True)
UNKEPT = Demand(10.0, each_second=False)
CALM, SLOW = Load(100, 1.35), Load(200, 1.7)


@pytest.mark.parametrize(
    ("kind", "version", "tick", "can"),
    [
        ("docker", "25.0.0", 10, True),
        ("docker", "28.5.2+dfsg1", 5, True),
        ("docker", "24.0.9", 10, False),
        ("docker", "20.10.24", 10, False),
        ("docker", "dev", 10, False),
        ("docker", "", 10, False),
        ("podman", "5.4.2", 10, False),
        ("podman", "25.0.0", 10, False),
        ("docker", "25.0.0", 4.9, False),
    ],
)
def test_only_some_engines_can_be_read_in_turn(
    kind: str, version: str, tick: float, *, can: bool
) -> None:
    """Those that answer a read at once, and only for a tick that leaves time between two."""
    engine = Engine("local", "podman" if kind == "podman" else "docker", version)

    assert can_turn(engine, Demand(tick, each_second=False)) is can
    assert not can_turn(engine, STREAMS)


@pytest.mark.parametrize(("tick", "seconds"), [(5, 5), (10, 10), (60, 15), (0.2, 5)])
def test_a_tick_is_the_time_between_two_reads_within_bounds(tick: float, seconds: float) -> None:
    """A sample stands for 30 s, whatever the tick is."""
    assert Demand(tick, each_second=False).interval == seconds


@pytest.mark.parametrize(
    ("demand", "load", "turns"),
    [
        (UNKEPT, Load(0), True),
        (UNKEPT, CALM, True),
        (UNKEPT, SLOW, True),
        (UNKEPT, Load(3000), False),  # 1 + 3000 x 4 ms: each comes less often than it would be read
        (UNKEPT, Load(3000, 9.0), True),
        (UNKEPT, Load(3000, 11.0), False),
        (KEPT, Load(0), False),
        (KEPT, CALM, False),
        (KEPT, Load(5000), False),  # nothing was measured yet
    ],
)
def test_who_keeps_nothing_reads_in_turn(demand: Demand, load: Load, *, turns: bool) -> None:
    """After a minute, unless it would be more work for the engine."""
    pace = Pace(demand)
    assert [pace.turns(load, at) for at in (100.0, 159.0, 160.0)] == [False, False, turns]


def decided(pace: Pace, begin: int, *loads: Load) -> list[bool]:
    """What is decided every five seconds."""
    return [pace.turns(load, begin + 5.0 * number) for number, load in enumerate(loads)]


def test_an_engine_that_is_slow_for_a_while_is_read_in_turn() -> None:
    """Though every second is kept: it cannot be had anyway. Half a minute of it is a while."""
    assert decided(Pace(KEPT), 0, *[SLOW] * 8) == [False] * 6 + [True] * 2
    assert decided(Pace(KEPT), 0, *[SLOW] * 5, CALM, *[SLOW] * 6) == [False] * 12
    assert decided(Pace(KEPT), 0, *[Load(4000, 12.0)] * 20) == [False] * 20


def test_streams_come_back_after_minutes_when_reads_were_quick() -> None:
    """What a cycle would take is known from what a read takes; before five minutes nothing is."""
    pace = Pace(KEPT)
    assert decided(pace, 0, *[SLOW] * 7)[-1]

    quick, slow = Load(20, None, 0.003), Load(200, None, 0.003)
    assert decided(pace, 35, *[quick] * 58) == [True] * 58
    assert decided(pace, 325, *[slow] * 100) == [True] * 100
    assert decided(pace, 900, quick, quick, SLOW) == [False] * 3


def test_reads_that_are_more_work_than_streams_end() -> None:
    """After minutes, and with room between the bounds of both directions."""
    pace = Pace(UNKEPT)

    assert decided(pace, 0, *[Load(100)] * 13, Load(8000)) == [False] * 12 + [True, True]
    assert decided(pace, 360, Load(4000), Load(8000)) == [True, False]


@pytest.mark.parametrize(
    ("demand", "cycle", "seconds"),
    [(KEPT, 1.6, 3.2), (KEPT, 4.0, 8.0), (KEPT, 6.0, 10.0), (UNKEPT, 1.6, 10.0)],
)
def test_who_keeps_every_second_reads_more_often(
    demand: Demand, cycle: float, seconds: float
) -> None:
    """Half as often as a slow engine streams, never more seldom than it is told what is kept."""
    pace = Pace(demand)
    assert decided(pace, 0, *[Load(200, cycle)] * 13)[-1]
    assert pace.interval == pytest.approx(seconds)
