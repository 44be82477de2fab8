"""Tasks of a container, threads included, and their limit (``pids_stats``)."""

from msgspec import Struct

from tidegauge.docker.frames import UNLIMITED, Container
from tidegauge.docker.intervals import Interval


class PidsReading(Struct, frozen=True, gc=False):
    """``limit`` is ``None`` where there is none."""

    container: Container
    current: int
    limit: int | None


def pids(interval: Interval) -> PidsReading | None:
    """Tasks at the end of an interval; ``None`` where the pids controller is off."""
    stats = interval.now.pids_stats
    if stats is None or not stats.current:
        return None
    limit = stats.limit
    return PidsReading(
        interval.container, stats.current, limit if limit and limit < UNLIMITED else None
    )
