"""Memory: what a container holds, and what of it the kernel could not simply take back.

``working set = usage - inactive page cache``, clamped at 0: what ``docker stats`` shows since
20.10 and what cAdvisor calls the working set. Inactive cache is ``total_inactive_file`` on cgroup
v1, ``inactive_file`` on v2. Subtracting the whole cache would hide tmpfs and active file pages.

Page faults are ``total_pgfault`` on v1 (``pgfault`` there leaves out cgroups below), ``pgfault`` on
v2; major ones are among them. ``failcnt`` is two things: on v1 how often the limit was met, on v2
how often memory ran out (``oom`` of ``memory.events``). Docker leaves it out while it is 0.
"""

from msgspec import Struct

from tidegauge.docker.frames import UNLIMITED, Container, MemoryDetail, StatsFrame
from tidegauge.docker.intervals import Interval, Life

_NOTHING = MemoryDetail()


class MemoryReading(Struct, frozen=True, gc=False):
    """Levels in bytes. ``limit`` is the host's memory where the container has none.

    Page faults, and how often the limit was met (v1) or memory ran out (v2), are cumulative.
    """

    container: Container
    life: Life
    usage: int
    working_set: int
    limit: int | None
    max_usage: int | None
    cache: int | None
    rss: int | None
    minor_faults: int | None = None
    major_faults: int | None = None
    at_limit: int | None = None
    out_of_memory: int | None = None

    @property
    def percent(self) -> float | None:
        """Working set in percent of the limit."""
        return self.working_set / self.limit * 100 if self.limit else None


def memory(interval: Interval) -> MemoryReading | None:
    """Memory at the end of the interval; ``None`` where the memory controller is off."""
    stats = interval.now.memory_stats
    if stats is None or not stats.usage:
        return None
    usage, detail, limit = stats.usage, stats.stats or _NOTHING, stats.limit
    fails = stats.failcnt
    if fails is None and stats.stats is not None and interval.now.source == "api":
        fails = 0
    if detail.total_inactive_file is not None or detail.total_cache is not None:
        inactive, cache, rss = detail.total_inactive_file, detail.total_cache, detail.total_rss
        every, major = detail.total_pgfault, detail.total_pgmajfault
        at_limit, out_of_memory = fails, None
    else:
        inactive, cache, rss = detail.inactive_file, detail.file, detail.anon
        every, major = detail.pgfault, detail.pgmajfault
        at_limit, out_of_memory = None, fails
    return MemoryReading(
        interval.container,
        interval.life,
        usage,
        held(usage, inactive),
        limit if limit and limit < UNLIMITED else None,
        stats.max_usage or None,
        cache,
        rss,
        None if every is None or major is None else max(0, every - major),
        major,
        at_limit,
        out_of_memory,
    )


def working_set(frame: StatsFrame) -> int | None:
    """The working set alone, in bytes; ``None`` where the memory controller is off."""
    stats = frame.memory_stats
    if stats is None or not stats.usage:
        return None
    detail = stats.stats or _NOTHING
    version_1 = detail.total_inactive_file is not None or detail.total_cache is not None
    return held(stats.usage, detail.total_inactive_file if version_1 else detail.inactive_file)


def held(usage: int, inactive: int | None) -> int:
    """What could not simply be taken back, in bytes.

    Podman sends no detail: there is nothing to subtract, as its own ``podman stats`` does.
    """
    return max(0, usage - (inactive or 0))
