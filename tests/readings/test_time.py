"""Uptime, and the seconds for which no sample came."""

from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from recorded import a_container
from tidegauge.docker.frames import StatsFrame
from tidegauge.docker.intervals import Interval, Life
from tidegauge.readings import continuity, uptime

BORN = datetime(2026, 1, 1, tzinfo=UTC)
LIFE = Life(from_birth=True)


def interval(seconds, after=None, engine="docker", born=BORN):
    now = StatsFrame(read=BORN + timedelta(seconds=seconds))
    before = None if after is None else StatsFrame(read=now.read - timedelta(seconds=after))
    return Interval(a_container(engine, started_at=born), LIFE, before, now)


def test_uptime_is_the_time_since_the_start_by_the_engines_clock():
    """Our own clock may differ from the engine's."""
    assert uptime(interval(90061.5)).seconds == 90061.5


@pytest.mark.parametrize("born", [None, datetime(1, 1, 1, tzinfo=UTC), BORN + timedelta(days=1)])
def test_without_a_believable_start_there_is_no_uptime(born):
    """Unknown, never started, or after the sample: absent, not 0 and not negative."""
    assert uptime(interval(5, born=born)) is None


@pytest.mark.parametrize(
    ("engine", "passed", "missed"),
    [
        ("docker", 1.03, 0),
        ("docker", 1.49, 0),
        ("docker", 2.04, 1),
        ("docker", 24.2, 23),
        ("podman", 5.0, 0),
        ("podman", 10.1, 5),
    ],
)
def test_every_missing_second_is_counted(engine, passed, missed):
    """A loaded engine's gap is data: so many seconds of which nothing is known."""
    assert continuity(interval(60, passed, engine)).missed == missed


@pytest.mark.parametrize(
    ("every", "passed", "missed"),
    [(10.0, 10.4, 0), (10.0, 14.9, 0), (10.0, 4.0, 0), (10.0, 20.1, 10), (7.5, 15.0, 8)],
)
def test_the_seconds_between_two_reads_are_not_missed(every, passed, missed):
    """Nobody asked for them; a read that failed is all the seconds it stood for."""
    asked = replace(interval(60, passed), asked_every=every)

    assert continuity(asked).missed == missed


def test_the_first_sample_of_a_life_misses_nothing():
    """The time before it is another life, or before our watch began."""
    assert continuity(interval(60)).missed == 0
