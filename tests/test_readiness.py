"""Ready is: an engine answers, and what it has to watch is sampled."""

import pytest

from manual_clock import ManualClock
from recorded import a_container
from tidegauge.docker.frames import Engine
from tidegauge.docker.lives import Condition
from tidegauge.metrics import Registry
from tidegauge.readiness import unready
from tidegauge.readings import ContinuityReading


class Following:
    """What readiness asks of a follower."""

    def __init__(self, *watched: str, settled: bool = True, trouble: str = "") -> None:
        self.engine = Engine("local") if settled else None
        self.settled, self.trouble = settled, trouble
        self.watched = dict.fromkeys(watched)


@pytest.mark.parametrize(
    ("followers", "reason"),
    [
        ([Following(settled=False)], "No engine answers yet."),
        ([Following(settled=False, trouble="no engine at x.")], "no engine at x."),
        ([Following(settled=False, trouble="no engine at x."), Following()], ""),
        ([Following()], ""),
        ([Following("id")], "No container's sample has come for 30 s."),
    ],
)
def test_the_reason_is_a_sentence(followers: list[Following], reason: str) -> None:
    """One engine of several is enough; without containers nothing need be sampled."""
    clock = ManualClock()
    assert unready(followers, Registry({}, clock), clock) == reason


async def test_samples_must_go_on() -> None:
    """What came once does not make it ready for ever."""
    clock = ManualClock()
    registry, of = Registry({}, clock), a_container()
    registry.condition(Condition(of, "running"))
    registry.continuity(ContinuityReading(of, 0.0))
    assert unready([Following("id")], registry, clock) == ""
    await clock.advance(31)
    assert unready([Following("id")], registry, clock) == "No container's sample has come for 30 s."
