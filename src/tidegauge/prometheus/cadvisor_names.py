"""What cAdvisor calls our series, one by one.

Source: cAdvisor's ``docs/storage/prometheus.md`` and ``metrics/prometheus.go`` (v0.60).
"""

from collections.abc import Mapping

from msgspec import Struct

from tidegauge.metrics import Metric
from tidegauge.metrics import catalogue as c
from tidegauge.metrics import surroundings as s
from tidegauge.prometheus.names import Family, FamilyKind

Key = tuple[str, ...]
"""The name of a metric, and the values of those of its attributes that name no part."""

PARTS: Mapping[str, str] = {
    "network.interface.name": "interface",
    "system.device": "device",
    "system.filesystem.mountpoint": "device",
}
"""Attributes that name a part of a container or a machine, and their labels."""

MISNAMED = ("container_memory_failcnt", "container_fs_inodes_total")
"""A counter and a gauge that OpenMetrics would have named otherwise."""


class Row(Struct, frozen=True):
    """A family of cAdvisor's, and a label of its own; ``unlimited`` says "no limit" there."""

    family: Family
    label: str = ""
    unlimited: int | None = None


def key(metric: Metric, *attributes: tuple[str, str]) -> Key:
    """What a series of ours is looked up by."""
    return metric.name, *(value for name, value in attributes if name not in PARTS)


def row(written: str, told: str, unlimited: int | None = None) -> Row:
    """A row from cAdvisor's name, with ``{label="value"}`` behind it if it has one of its own."""
    name, _, label = written.partition("{")
    kind: FamilyKind = "counter" if name.endswith("_total") else "gauge"
    if name in MISNAMED:
        kind = "unknown"
    return Row(Family(name, kind, told), label.removesuffix("}"), unlimited)


CPU_USAGE = row('container_cpu_usage_seconds_total{cpu="total"}', "CPU time used")
CPU_USER = row("container_cpu_user_seconds_total", "CPU time used outside the kernel")
CPU_SYSTEM = row("container_cpu_system_seconds_total", "CPU time used in the kernel")
MEMORY_USAGE = row("container_memory_usage_bytes", "Memory charged, page cache included")
WORKING_SET = row("container_memory_working_set_bytes", "Memory without inactive page cache")
CACHE = row("container_memory_cache", "Bytes of page cache")
MEMORY_LIMIT = row("container_spec_memory_limit_bytes", "Memory limit, 0 for none", 0)
FAULTS, MAJOR_FAULTS = (
    row(
        f'container_memory_failures_total{{failure_type="{kind}",scope="container"}}', "Page faults"
    )
    for kind in ("pgfault", "pgmajfault")
)
HEALTH = row("container_health_state", "1 healthy, 0 starting or unhealthy, -1 without a check")
LAST_SEEN = row("container_last_seen", "When its newest sample came, in Unix time")
INODES_FREE = row("container_fs_inodes_free", "Inodes of a file system that are not taken")
_FS_USAGE, _FS_USAGE_HELP = "container_fs_usage_bytes", "Bytes taken on a file system"
HEALTHY = key(c.HEALTH, ("container.health", "healthy"))

ROWS: Mapping[Key, Row] = {
    key(c.CPU_TIME): CPU_USAGE,
    key(c.CPU_TIME, c.USER): CPU_USER,
    key(c.CPU_TIME, c.SYSTEM): CPU_SYSTEM,
    key(c.CPU_PERIODS): row("container_cpu_cfs_periods_total", "CPU quota periods passed"),
    key(c.CPU_THROTTLED_PERIODS): row(
        "container_cpu_cfs_throttled_periods_total", "CPU quota periods in which it was held back"
    ),
    key(c.CPU_THROTTLED_TIME): row(
        "container_cpu_cfs_throttled_seconds_total", "Time held back by the CPU quota"
    ),
    key(c.CPU_QUOTA): row("container_spec_cpu_quota", "Microseconds of CPU in each period"),
    key(c.CPU_PERIOD): row("container_spec_cpu_period", "Microseconds of a period", 100_000),
    key(c.CPU_SHARES): row("container_spec_cpu_shares", "Weight where CPUs are short", 1024),
    key(c.MEMORY_USAGE): MEMORY_USAGE,
    key(c.MEMORY_WORKING_SET): WORKING_SET,
    key(c.MEMORY_RSS): row("container_memory_rss", "Bytes of anonymous memory"),
    key(c.MEMORY_CACHE): CACHE,
    key(c.MEMORY_MAX_USAGE): row("container_memory_max_usage_bytes", "Highest usage so far"),
    key(c.MEMORY_FAILS, c.AT_LIMIT): row("container_memory_failcnt", "Times it met its limit"),
    key(c.MEMORY_FAULTS, c.MAJOR): MAJOR_FAULTS,
    key(c.MEMORY_LIMIT): MEMORY_LIMIT,
    key(c.MEMORY_SWAP_LIMIT): row(
        "container_spec_memory_swap_limit_bytes", "Limit with swap, 0 for none", 0
    ),
    key(c.MEMORY_RESERVATION): row(
        "container_spec_memory_reservation_limit_bytes", "Memory reserved, 0 for none", 0
    ),
    **{
        key(metric, way): row(f"container_network_{way[1]}_{name}_total", f"{told}, {way[1]}")
        for metric, name, told in (
            (c.NETWORK_IO, "bytes", "Bytes over an interface"),
            (c.NETWORK_PACKETS, "packets", "Packets over an interface"),
            (c.NETWORK_DROPPED, "packets_dropped", "Packets dropped by an interface"),
            (c.NETWORK_ERRORS, "errors", "Errors of an interface"),
        )
        for way in (c.RECEIVE, c.TRANSMIT)
    },
    **{
        key(metric, way): row(f"container_fs_{way[1]}s{name}_total", f"{told}, {way[1]}")
        for metric, name, told in (
            (c.DISK_IO, "_bytes", "Bytes of a device"),
            (c.DISK_OPERATIONS, "", "Operations of a device"),
        )
        for way in (c.READ, c.WRITE)
    },
    key(s.CONTAINER_FILESYSTEM_USAGE): row(f'{_FS_USAGE}{{device=""}}', _FS_USAGE_HELP),
    key(s.ENGINE_DISK_USAGE): row(_FS_USAGE, _FS_USAGE_HELP),
    key(s.ENGINE_DISK_CAPACITY): row("container_fs_limit_bytes", "Size of a file system"),
    key(s.ENGINE_INODES): row("container_fs_inodes_total", "Inodes of a file system"),
    key(c.PIDS): row("container_threads", "Tasks, threads included"),
    key(c.PIDS_LIMIT): row("container_threads_max", "Most tasks allowed, 0 for no limit", 0),
    key(c.OOMS): row("container_oom_events_total", "Kills for lack of memory"),
    key(c.STARTED): row("container_start_time_seconds", "When it last started, in Unix time"),
    HEALTHY: HEALTH,
    key(s.HOST_MEMORY_LIMIT): MEMORY_LIMIT,
}
"""What our series of containers, and of the machine as one of them, are called."""

MACHINE: Mapping[Key, Row] = {
    key(s.ENGINE_CPUS): row("machine_cpu_cores", "CPUs of the machine"),
    key(s.ENGINE_MEMORY): row("machine_memory_bytes", "Memory of the machine"),
}
"""What is told of the machine apart from that."""

FAMILIES = tuple(
    dict.fromkeys(
        each.family for each in (LAST_SEEN, *ROWS.values(), FAULTS, INODES_FREE, *MACHINE.values())
    )
)
"""All there can be, in the order of the page."""
