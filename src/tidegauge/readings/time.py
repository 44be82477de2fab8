"""Time: how long a container runs, and which seconds of it no sample told of."""

from datetime import datetime

from msgspec import Struct

from tidegauge.docker.frames import Container
from tidegauge.docker.intervals import Interval

SECONDS_BETWEEN_SAMPLES = {"docker": 1, "podman": 5}
"""What an engine with nothing else to do keeps to, where it is not asked for each."""


UNMISSED = 1.4
"""Intervals between two samples that are none missed for certain: 1.5 are rounded to two."""


class UptimeReading(Struct, frozen=True, gc=False):
    """Seconds since the start of the present life, by the engine's clock."""

    container: Container
    seconds: float


class ContinuityReading(Struct, frozen=True, gc=False):
    """One sample came; ``missed`` are the whole seconds before it for which none came."""

    container: Container
    missed: int


def uptime(interval: Interval) -> UptimeReading | None:
    """Time since the start; ``None`` where the engine did not tell when that was."""
    seconds = seconds_up(interval.container, interval.now.read)
    return None if seconds is None else UptimeReading(interval.container, seconds)


def seconds_up(container: Container, read: datetime) -> float | None:
    """Seconds that a container runs at the time of a sample, if it is known when it started."""
    started = container.started_at
    if started is None or started.year == 1 or started > read:
        return None
    return (read - started).total_seconds()


def continuity(interval: Interval) -> ContinuityReading:
    """What an interval says about gaps."""
    return ContinuityReading(interval.container, seconds_missed(interval))


def seconds_missed(interval: Interval) -> int:
    """Whole seconds for which no sample came; the time between two lives is no gap."""
    if interval.before is None:
        return 0
    usual = interval.asked_every or SECONDS_BETWEEN_SAMPLES[interval.container.engine.kind]
    passed = (interval.now.read - interval.before.read).total_seconds()
    return seconds_missed_in(passed, usual)


def seconds_missed_in(passed: float, usual: float) -> int:
    """The same, of so many seconds, where samples usually come each ``usual`` seconds."""
    missed = round(passed / usual) - 1
    return round(missed * usual) if missed > 0 else 0
