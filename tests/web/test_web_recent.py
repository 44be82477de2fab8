"""What is kept of each container's newest second, and of how many."""

from datetime import UTC, datetime, timedelta

from msgspec.structs import replace

from recorded import a_container
from tidegauge.docker.frames import StatsFrame
from tidegauge.docker.intervals import Interval, Life
from tidegauge.web.recent import POINTS, Recent

START = datetime(2026, 11, 22, 14, 0, tzinfo=UTC)
WEB = a_container()
COMING = 1000


def at(second: float, alias: str) -> Interval:
    """A first sample, so many seconds after the start."""
    frame = StatsFrame(START + timedelta(seconds=second))
    return Interval(replace(WEB, alias=alias), Life(from_birth=False), None, frame)


def test_containers_that_come_and_go_do_not_fill_the_memory() -> None:
    """Who is silent for longer than is shown is given up when others come; who sends is not."""
    recent = Recent()
    for number in range(COMING):
        recent.interval(at(number * POINTS / 10, "steady"))
        recent.interval(at(number * POINTS / 10, f"short-{number}"))

    kept = [
        number
        for number in range(COMING)
        if recent.of(replace(WEB, alias=f"short-{number}")) is not None
    ]

    assert recent.of(replace(WEB, alias="steady")) is not None
    assert 10 < len(kept) < 30
    assert kept[-10:] == [*range(COMING - 10, COMING)]
