"""What is kept of each container's newest second, and of how many."""

from datetime import UTC, datetime, timedelta

from msgspec.structs import replace

from recorded import a_container
from tidegauge.docker.frames import (
    Container,
    CpuStats,
    CpuUsage,
    NetworkStats,
    Sample,
    StatsFrame,
)
from tidegauge.docker.intervals import Interval, Intervals, Life
from tidegauge.web.recent import POINTS, Recent

START = datetime(2026, 11, 22, 14, 0, tzinfo=UTC)
WEB = a_container()
COMING = 1000


def at(second: float, alias: str) -> Interval:
    """A first sample, so many seconds after the start."""
    frame = StatsFrame(START + timedelta(seconds=second))
    return Interval(replace(WEB, alias=alias), Life(from_birth=False), None, frame)


def sample(second: float, container: Container, count: int) -> Sample:
    """A sample with nothing but what a rate is made of."""
    networks = {"eth0": NetworkStats(rx_bytes=count)}
    read = START + timedelta(seconds=second)
    return Sample(container, StatsFrame(read, CpuStats(CpuUsage(count)), networks=networks))


def test_what_is_seen_under_a_new_name_has_no_sample_of_another_before_it() -> None:
    """No rate is made of one sample, nor of two containers that had the name in turn."""
    recent, intervals = Recent(), Intervals(lambda _: None)
    old, new = replace(WEB, id="old"), replace(WEB, id="new", alias="web-new")
    renamed = replace(new, alias=WEB.alias)
    for one in (
        *(sample(0, old, 10**9), sample(0, new, 10**6), sample(1, new, 2 * 10**6)),
        *(sample(2, renamed, 3 * 10**6), sample(3, replace(renamed, alias="free"), 4 * 10**6)),
    ):
        interval = intervals(one)
        assert interval is not None
        recent.interval(interval)

    for alias in (WEB.alias, "free"):
        newest = recent.of(replace(new, alias=alias))
        assert newest is not None
        assert newest.interval.before is None
        assert newest.sparks(1)["rx"] == [None]


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
