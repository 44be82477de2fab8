"""CPU: how many cores a container used, in which mode, and how long it was held back.

``cores = Δ total_usage / Δ read``, both in nanoseconds. The formula of ``docker stats`` divides by
the host's capacity instead (``cli/command/container/stats_helpers.go``); that one is biased by
steal time and 10 ms clock ticks, and wrong on Podman, whose capacity counts busy time only.
"""

from datetime import timedelta

from msgspec import Struct

from tidegauge.docker.frames import Container, Throttling
from tidegauge.docker.intervals import Interval, Life, cpu_time

_MICROSECOND = timedelta(microseconds=1)


class CpuReading(Struct, frozen=True, gc=False):
    """Cumulative times in nanoseconds; ``cores`` over the interval (1.0 = one core, full)."""

    container: Container
    life: Life
    total: int
    user: int | None
    kernel: int | None
    system: int | None
    online: int | None
    cores: float | None
    throttling: Throttling | None

    @property
    def percent(self) -> float | None:
        """Percent of one core, as ``docker stats`` scales it: two busy cores are 200."""
        return None if self.cores is None else self.cores * 100


def cpu(interval: Interval) -> CpuReading | None:
    """CPU of one interval; ``None`` where the host's cpu accounting is off."""
    stats = interval.now.cpu_stats
    usage = stats.cpu_usage if stats else None
    if stats is None or usage is None or not usage.total_usage:
        return None
    podman = interval.container.engine.kind == "podman" and interval.now.source == "api"
    return CpuReading(
        interval.container,
        interval.life,
        usage.total_usage,
        usage.usage_in_usermode,
        usage.usage_in_kernelmode,
        # Podman sends busy time here, and a constant 0 for throttling: unavailable, not 0.
        None if podman else stats.system_cpu_usage,
        stats.online_cpus or None,
        cores(interval),
        None if podman else stats.throttling_data,
    )


def cores(interval: Interval) -> float | None:
    """Cores in use over the interval; ``None`` of the first of a life, and without accounting."""
    before, now = interval.before, interval.now
    if before is None:
        return None
    earlier, total = cpu_time(before), cpu_time(now)
    if earlier is None or total is None:
        return None
    elapsed_ns = (now.read - before.read) // _MICROSECOND * 1000
    return (total - earlier) / elapsed_ns
