"""When totals began: what exporters send as the start of a cumulative sum."""

from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from manual_clock import ManualClock
from tidegauge.docker.frames import Container, Engine
from tidegauge.metrics import Registry
from tidegauge.metrics.catalogue import SAMPLES
from tidegauge.readings import ContinuityReading

WEB = Container(Engine("local"), "1" * 64, "web", "web")
UNKNOWN = datetime(1, 1, 1, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


@pytest.mark.parametrize(
    ("started", "since"), [(at(400), 400), (at(1500), 1000), (None, 1000), (UNKNOWN, 1000)]
)
def test_totals_begin_with_the_first_life_seen(started: datetime | None, since: float) -> None:
    """Recording begins at 1000; the totals of what ran before are the engine's."""
    registry = Registry({}, ManualClock())
    for each in (started, at(1600), at(300)):
        registry.continuity(ContinuityReading(replace(WEB, started_at=each), 0.0))

    (recorders,) = [each for each in registry.live() if each.entity.id == WEB.id]
    assert recorders.since == since


def test_totals_that_went_over_to_another_container_began_at_no_time_of_its_own() -> None:
    """A backend that takes it for another resource must not add what it was told before."""
    registry = Registry({}, ManualClock())
    for key in "112":
        registry.continuity(ContinuityReading(replace(WEB, id=key * 64, started_at=at(400)), 0.0))

    (samples,) = [x for x in registry.collect(1010.0).series if x.metric.name == SAMPLES.name]
    assert (samples.last, samples.since) == (3, 0.0)
