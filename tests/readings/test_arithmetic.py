"""The formulas on frames made by hand: limits, gaps, absences, oddities of single engines."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorded import a_container
from tidegauge.docker.frames import (
    BlkioEntry,
    BlkioStats,
    CpuStats,
    CpuUsage,
    MemoryDetail,
    MemoryStats,
    NetworkStats,
    PidsStats,
    StatsFrame,
    Throttling,
)
from tidegauge.docker.intervals import Interval, Life
from tidegauge.readings import cpu, disk, memory, network, pids

START = datetime(2026, 11, 22, 14, 0, tzinfo=UTC)
COUNT = st.integers(min_value=0, max_value=2**64 - 1)


def over(
    now: dict[str, object],
    before: dict[str, object] | None = None,
    seconds: float = 1.0,
    engine: str = "docker",
) -> Interval:
    """An interval between two frames with the given parts."""
    return Interval(
        a_container(engine),
        Life(from_birth=False),
        None if before is None else StatsFrame(START, **before),
        StatsFrame(START + timedelta(seconds=seconds), **now),
    )


def used(nanoseconds: int | None, **stats: object) -> dict[str, object]:
    """A frame's part with so much CPU time."""
    return {"cpu_stats": CpuStats(CpuUsage(nanoseconds), **stats)}


def blkio(*entries: tuple[object, ...], operations: tuple[tuple[object, ...], ...] = ()) -> dict:
    """A frame's part with these block IO entries."""
    return {
        "blkio_stats": BlkioStats(
            [BlkioEntry(*entry) for entry in entries],
            [BlkioEntry(*entry) for entry in operations] or None,
        )
    }


def test_reference_arithmetic_of_cpu() -> None:
    """1.5 s of CPU time in 1.0034 s is 1.4949 cores, 149.5 percent of one."""
    reading = cpu(over(used(2_500_000_000), used(1_000_000_000), 1.0034))

    assert reading is not None
    assert reading.cores is not None
    assert round(reading.cores, 4) == 1.4949
    assert reading.percent is not None
    assert round(reading.percent, 1) == 149.5


def test_cores_do_not_depend_on_the_hosts_capacity() -> None:
    """Steal time and tick noise move the host's counter; time itself is what we divide by."""
    now = used(2 * 10**9, system_cpu_usage=10**10, online_cpus=64)
    before = used(10**9, system_cpu_usage=10**10, online_cpus=64)

    reading = cpu(over(now, before))

    assert reading is not None
    assert reading.cores == 1.0


def test_a_first_sample_has_totals_and_no_rate() -> None:
    """The mean over the whole life is not the present usage."""
    reading = cpu(over(used(3 * 10**12)))

    assert reading is not None
    assert (reading.total, reading.cores, reading.percent) == (3 * 10**12, None, None)


def test_an_idle_container_uses_zero_cores() -> None:
    """No CPU time in an interval is a true 0."""
    reading = cpu(over(used(10**9), used(10**9)))

    assert reading is not None
    assert reading.cores == 0.0


@pytest.mark.parametrize(
    "parts", [{}, {"cpu_stats": CpuStats()}, used(None), used(0), used(0, online_cpus=2)]
)
def test_no_cpu_accounting_is_no_reading(parts: dict[str, object]) -> None:
    """A running container has used some CPU; 0 or nothing means nobody counts."""
    assert cpu(over(parts, used(10**9))) is None
    assert cpu(over(used(10**9), parts)).cores is None


def test_podman_has_no_capacity_and_no_throttling() -> None:
    """Podman's counter of the host is busy time, and its throttling a constant zero."""
    parts = used(10**9, system_cpu_usage=5, throttling_data=Throttling(0, 0, 0))

    ours, docker = cpu(over(parts, engine="podman")), cpu(over(parts))

    assert (ours.system, ours.throttling) == (None, None)
    assert (docker.system, docker.throttling) == (5, Throttling(0, 0, 0))


def test_a_host_that_does_not_say_how_many_cpus_it_has() -> None:
    """Old engines send none or 0: unknown, and the rate needs it not."""
    for online in (None, 0):
        reading = cpu(over(used(2 * 10**9, online_cpus=online), used(10**9)))

        assert (reading.online, reading.cores) == (None, 1.0)


@given(COUNT, st.integers(min_value=0, max_value=2**63), st.floats(0.1, 10**6))
def test_cores_are_never_negative_nor_infinite(total: int, more: int, seconds: float) -> None:
    """Any two counts of one life give a finite rate of the right size."""
    reading = cpu(over(used(total + more), used(total), seconds))

    if total:
        assert 0 <= reading.cores <= more / (seconds * 10**9) * 1.00001


@pytest.mark.parametrize(
    ("detail", "working_set"),
    [
        (MemoryDetail(total_inactive_file=300, inactive_file=1), 700),
        (MemoryDetail(inactive_file=300), 700),
        (MemoryDetail(total_inactive_file=0, inactive_file=300), 1000),
        (MemoryDetail(total_inactive_file=1000), 0),
        (MemoryDetail(total_inactive_file=1001), 0),
        (MemoryDetail(inactive_file=2**63), 0),
        (MemoryDetail(total_cache=900, file=900), 1000),
        (MemoryDetail(), 1000),
        (None, 1000),
    ],
)
def test_working_set(detail: MemoryDetail | None, working_set: int) -> None:
    """Inactive page cache is taken off, the subtree's on v1, and never below nothing."""
    reading = memory(over({"memory_stats": MemoryStats(1000, None, 4000, detail)}))

    assert reading.usage == 1000
    assert reading.working_set == working_set
    assert reading.percent == working_set / 4000 * 100


def test_cache_and_rss_of_both_cgroup_versions() -> None:
    """Version 1 counts the subtree under other names; absent ones stay absent."""
    for detail, expected in (
        (MemoryDetail(total_cache=5, total_rss=0), (5, 0)),
        (MemoryDetail(file=6, anon=8), (6, 8)),
        (MemoryDetail(), (None, None)),
        (None, (None, None)),
    ):
        reading = memory(over({"memory_stats": MemoryStats(1000, None, 4000, detail)}))

        assert (reading.cache, reading.rss) == expected


@pytest.mark.parametrize(
    "stats",
    [
        None,
        MemoryStats(),
        MemoryStats(usage=0),
        MemoryStats(limit=25276510208),
        MemoryStats(stats=MemoryDetail(anon=0, file=0, inactive_file=0)),
    ],
)
def test_no_memory_accounting_is_no_reading(stats: MemoryStats | None) -> None:
    """A running container holds some memory; 0 or nothing means the controller is off."""
    assert memory(over({"memory_stats": stats})) is None


@pytest.mark.parametrize("limit", [None, 0, 9223372036854771712, 2**63 - 1, 2**64 - 1])
def test_no_memory_limit_is_none(limit: int | None) -> None:
    """What the kernel writes for "no limit" is not a size, nor has it a share."""
    reading = memory(over({"memory_stats": MemoryStats(usage=1000, limit=limit)}))

    assert (reading.limit, reading.percent) == (None, None)


@pytest.mark.parametrize("networks", [None, {}, {"eth0": None}])
def test_no_network_of_its_own_is_no_reading(networks: object) -> None:
    """On the host's network, or none, traffic is unknown and not 0."""
    assert network(over({"networks": networks})) is None


def test_interfaces_are_read_one_by_one_whatever_their_name() -> None:
    """Any number of interfaces, under their own names; 0 is a number."""
    quiet, busy = NetworkStats(0, 0, 0, 0, 0, 0, 0, 0), NetworkStats(1, 2, 3, 4, 5, 6, 7, 2**64 - 1)

    reading = network(over({"networks": {"eth0": quiet, "network": busy}}))

    assert [(interface.name, interface.stats) for interface in reading.interfaces] == [
        ("eth0", quiet),
        ("network", busy),
    ]


def test_podmans_single_network_is_seen_from_the_host() -> None:
    """What the host's end receives the container has sent; packets and errors aren't counted."""
    sent = {"networks": {"network": NetworkStats(696, 0, 0, 0, 472, 0, 0, 0)}}

    reading = network(over(sent, engine="podman"))

    assert [interface.stats for interface in reading.interfaces] == [
        NetworkStats(rx_bytes=472, tx_bytes=696)
    ]


def test_podmans_single_network_of_zeros_is_no_network() -> None:
    """Podman 4 sends it for the host's network and for none."""
    zeros = {"networks": {"network": NetworkStats(0, 0, 0, 0, 0, 0, 0, 0)}}

    assert network(over(zeros, engine="podman")) is None
    assert network(over({"networks": {"eth0": NetworkStats(0)}}, engine="podman")) is not None


def test_block_io_counts_read_and_write_only_in_either_case() -> None:
    """Sums, discards and Podman's operation counts are not bytes read or written."""
    parts = blkio(
        (8, 0, "Read", 10),
        (8, 0, "Write", 20),
        (8, 0, "Sync", 25),
        (8, 0, "Async", 5),
        (8, 0, "Discard", 1),
        (8, 0, "Total", 31),
        (254, 16, "read", 2**64 - 1),
        (254, 16, "write", 0),
        (254, 16, "rios", 7),
        (254, 16, "wios", 9),
        (254, 16, "", 9),
        operations=((8, 0, "Read", 3), (8, 0, "Write", 4), (8, 0, "Total", 7)),
    )

    reading = disk(over(parts))

    assert [
        (io.device, io.read_bytes, io.write_bytes, io.reads, io.writes) for io in reading.devices
    ] == [("8:0", 10, 20, 3, 4), ("254:16", 2**64 - 1, 0, None, None)]


def test_half_a_device_is_half_known() -> None:
    """A direction an engine does not send is unknown, not 0."""
    reading = disk(over(blkio((8, 0, "read", 10), (8, 1, "write", None), (None, 1, "read", 4))))

    assert [(io.device, io.read_bytes, io.write_bytes) for io in reading.devices] == [
        ("8:0", 10, None)
    ]


def test_an_empty_list_means_no_io_on_v2_and_no_counting_on_v1() -> None:
    """Only cgroup v2 lists every device a container has touched."""
    version2 = {"memory_stats": MemoryStats(1000, stats=MemoryDetail(anon=5))}
    version1 = {"memory_stats": MemoryStats(1000, stats=MemoryDetail(total_rss=5))}

    assert disk(over(blkio() | version2)).devices == ()
    assert disk(over(blkio() | version1)) is None
    assert disk(over(blkio())) is None
    assert disk(over({"blkio_stats": BlkioStats()} | version2)) is None
    assert disk(over(version2)) is None


@pytest.mark.parametrize("limit", [None, 0, 2**63 - 1, 2**64 - 1])
def test_unlimited_pids(limit: int | None) -> None:
    """All ways engines write "no limit" are none."""
    reading = pids(over({"pids_stats": PidsStats(3, limit)}))

    assert (reading.current, reading.limit) == (3, None)


def test_limited_pids() -> None:
    """A limit is passed on as it is."""
    assert pids(over({"pids_stats": PidsStats(3, 50)})).limit == 50


@pytest.mark.parametrize("stats", [None, PidsStats(), PidsStats(0), PidsStats(limit=50)])
def test_no_pids_controller_is_no_reading(stats: PidsStats | None) -> None:
    """A running container has at least one task."""
    assert pids(over({"pids_stats": stats})) is None
