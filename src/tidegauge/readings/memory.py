"""Memory: what a container holds, and what of it the kernel could not simply take back.

``working set = usage - inactive page cache``, clamped at 0: what ``docker stats`` shows since
20.10 and what cAdvisor calls the working set. Inactive cache is ``total_inactive_file`` on cgroup
v1, ``inactive_file`` on v2. Subtracting the whole cache would hide tmpfs and active file pages.
"""

from msgspec import Struct

from tidegauge.docker.frames import UNLIMITED, Container, MemoryDetail
from tidegauge.docker.intervals import Interval


class MemoryReading(Struct, frozen=True, gc=False):
    """Levels in bytes. ``limit`` is the host's memory where the container has none."""

    container: Container
    usage: int
    working_set: int
    limit: int | None
    max_usage: int | None
    cache: int | None
    rss: int | None

    @property
    def percent(self) -> float | None:
        """Working set in percent of the limit."""
        return self.working_set / self.limit * 100 if self.limit else None


def memory(interval: Interval) -> MemoryReading | None:
    """Memory at the end of the interval; ``None`` where the memory controller is off."""
    stats = interval.now.memory_stats
    if stats is None or not stats.usage:
        return None
    detail, limit = stats.stats, stats.limit
    return MemoryReading(
        interval.container,
        stats.usage,
        _working_set(stats.usage, detail),
        limit if limit and limit < UNLIMITED else None,
        stats.max_usage or None,
        None if detail is None else _first(detail.total_cache, detail.file),
        None if detail is None else _first(detail.total_rss, detail.anon),
    )


def _working_set(usage: int, detail: MemoryDetail | None) -> int:
    # Podman sends no detail: there is nothing to subtract, as its own `podman stats` does.
    inactive = None if detail is None else _first(detail.total_inactive_file, detail.inactive_file)
    return max(0, usage - (inactive or 0))


def _first(v1: int | None, v2: int | None) -> int | None:
    return v2 if v1 is None else v1
