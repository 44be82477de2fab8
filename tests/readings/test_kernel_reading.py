"""What only the kernel tells of a container."""

from datetime import UTC, datetime, timedelta

from manual_clock import ManualClock
from recorded import a_container
from tidegauge.docker.frames import (
    CpuStats,
    CpuUsage,
    MemoryDetail,
    MemoryStats,
    Pressure,
    Sample,
    Stall,
    StatsFrame,
    Throttling,
)
from tidegauge.docker.intervals import Interval, Intervals, Life
from tidegauge.metrics import Registry
from tidegauge.readings import KernelReading, cpu, kernel, memory

WEB, LIFE = a_container(), Life(from_birth=True)
AT = datetime(2026, 1, 1, tzinfo=UTC)


def frame(second=0.0, source="cgroup", total=10**9, **more):
    usage = CpuStats(CpuUsage(total), throttling_data=Throttling(5, 4, 3, 2, 1))
    stats = MemoryStats(1000, swap=4096, oom_kills=7)
    pressure = Pressure(Stall(1, 2), None, Stall(5))
    known = {"cpu_stats": usage, "memory_stats": stats, "pressure": pressure} | more
    return StatsFrame(AT + timedelta(seconds=second), **known, source=source)


def test_all_of_it():
    """Each number, and nothing for what is not there."""
    reading = kernel(Interval(WEB, LIFE, None, frame()))

    assert reading == KernelReading(WEB, LIFE, (1, 2, None, None, 5, None, 2, 1, 7), 4096)


def test_none_of_it():
    """A kernel without pressure, and an engine."""
    bare = frame(pressure=None, cpu_stats=None, memory_stats=None)

    assert kernel(Interval(WEB, LIFE, None, bare)) == KernelReading(WEB, LIFE, (None,) * 9, None)
    assert kernel(Interval(WEB, LIFE, None, frame(source="api"))) is None


def test_what_is_recorded_goes_on_over_restarts():
    """Totals begin at zero in each life, and are added up."""
    registry = Registry({}, ManualClock())
    for life, kills in ((LIFE, 7), (Life(from_birth=True), 2)):
        now = frame(memory_stats=MemoryStats(1, oom_kills=kills))
        registry.kernel(kernel(Interval(WEB, life, None, now)))

    told = {each.metric.name: each.last for each in registry.collect(1.0).series}

    assert told["container.memory.oom_kills"] == 9
    assert told["container.cpu.pressure.stalled"] == 4
    assert "container.memory.pressure.stalled" not in told


def test_podmans_kernel_tells_of_throttling():
    """Its API says 0, whatever there is; what is read here is real."""
    podman = a_container("podman")

    assert cpu(Interval(podman, LIFE, None, frame())).throttling.periods == 5
    assert cpu(Interval(podman, LIFE, None, frame(source="api"))).throttling is None


def test_hits_of_a_limit_that_cannot_be_read_are_unknown():
    """Docker leaves out a 0; the kernel does not."""
    stats = MemoryStats(1000, stats=MemoryDetail(total_cache=1, total_inactive_file=1))

    read, told = (
        memory(Interval(WEB, LIFE, None, frame(source=source, memory_stats=stats)))
        for source in ("cgroup", "api")
    )

    assert (read.at_limit, told.at_limit) == (None, 0)


def test_ten_samples_a_second_are_ten_intervals():
    """What is read directly has one clock; an engine's two are milliseconds apart."""
    dropped: list[str] = []
    intervals = Intervals(dropped.append)
    times = (0.0, 0.099, 0.199, 0.24)

    found = [
        intervals(Sample(WEB, frame(second, total=10**9 + number), asked_every=0.1))
        for number, second in enumerate(times)
    ]

    assert [each is not None for each in found] == [True, True, True, False]
    assert len({each.life for each in found if each}) == 1
    assert dropped == ["sample out of order"]
