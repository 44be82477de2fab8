"""What only the kernel tells of a container, and no engine's API.

Pressure is the time in which some tasks that could have run had to wait for a resource, or all of
them had (the kernel's ``accounting/psi.rst``), in microseconds. A burst is a period in which a
container used CPU time above its quota that it had saved up (``scheduler/sched-bwc.rst``).
"""

from msgspec import Struct

from tidegauge.docker.frames import Container, Pressure, Stall, StatsFrame, Throttling
from tidegauge.docker.intervals import Interval, Life

_NO_STALL, _NO_PRESSURE = Stall(), Pressure()
_UNTHROTTLED = Throttling()


class KernelReading(Struct, frozen=True, gc=False):
    """``counts`` as of `kernel_counts`, and the bytes that are swapped out."""

    container: Container
    life: Life
    counts: tuple[int | None, ...]
    swap: int | None


def kernel(interval: Interval) -> KernelReading | None:
    """What is known at the end of an interval; ``None`` of an engine's sample."""
    now = interval.now
    if now.source == "api":
        return None
    swap = now.memory_stats.swap if now.memory_stats else None
    return KernelReading(interval.container, interval.life, kernel_counts(now), swap)


def kernel_counts(frame: StatsFrame) -> tuple[int | None, ...]:
    """Microseconds of pressure, bursts, nanoseconds of these, kills; nothing of an engine's frame.

    The pressure is some and full of CPU, of memory, and of IO. All are cumulative.
    """
    if frame.source == "api":
        return ()
    pressure, memory = frame.pressure or _NO_PRESSURE, frame.memory_stats
    cpu, held, io = (each or _NO_STALL for each in (pressure.cpu, pressure.memory, pressure.io))
    throttling = (frame.cpu_stats.throttling_data if frame.cpu_stats else None) or _UNTHROTTLED
    return (
        *(cpu.some, cpu.full, held.some, held.full, io.some, io.full),
        *(throttling.bursts, throttling.burst_time, memory.oom_kills if memory else None),
    )
