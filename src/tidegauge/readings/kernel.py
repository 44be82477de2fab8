"""What only the kernel tells of a container, and no engine's API.

Pressure is the time in which some tasks that could have run had to wait for a resource, or all of
them had (the kernel's ``accounting/psi.rst``), in microseconds. A burst is a period in which a
container used CPU time above its quota that it had saved up (``scheduler/sched-bwc.rst``).
"""

from msgspec import Struct

from tidegauge.docker.frames import Container, MemoryStats, Pressure, Stall, Throttling
from tidegauge.docker.intervals import Interval, Life

_NO_STALL, _NO_PRESSURE = Stall(), Pressure()
_NO_THROTTLING, _NO_MEMORY = Throttling(), MemoryStats()


class KernelReading(Struct, frozen=True, gc=False):
    """Cumulative, but for ``swap``, the bytes that are swapped out; bursts in nanoseconds."""

    container: Container
    life: Life
    cpu: Stall
    memory: Stall
    io: Stall
    bursts: int | None
    burst_time: int | None
    oom_kills: int | None
    swap: int | None


def kernel(interval: Interval) -> KernelReading | None:
    """What is known at the end of an interval; ``None`` of an engine's sample."""
    now = interval.now
    if now.source == "api":
        return None
    pressure, memory = now.pressure or _NO_PRESSURE, now.memory_stats or _NO_MEMORY
    throttling = (now.cpu_stats.throttling_data if now.cpu_stats else None) or _NO_THROTTLING
    return KernelReading(
        interval.container,
        interval.life,
        pressure.cpu or _NO_STALL,
        pressure.memory or _NO_STALL,
        pressure.io or _NO_STALL,
        throttling.bursts,
        throttling.burst_time,
        memory.oom_kills,
        memory.swap,
    )
