"""Every metric, in one table: name, kind, unit, help, scale, attributes, where it comes from.

Names are those of OpenTelemetry's container conventions where it has one, else ours in its style.
Instruments hold the engine's integers; ``value * scale`` is in the published ``unit`` (UCUM).
Documents, and the help and labels of exporters, are made of this table; ``docs/metrics.md`` shows
it, and is renewed by ``python tests/metric_table.py``.
"""

from tidegauge.metrics.metric import Kind, Metric
from tidegauge.metrics.surroundings import SURROUNDINGS

RECEIVE, TRANSMIT = ("network.io.direction", "receive"), ("network.io.direction", "transmit")
READ, WRITE = ("disk.io.direction", "read"), ("disk.io.direction", "write")
USER, SYSTEM = ("cpu.mode", "user"), ("cpu.mode", "system")
MINOR, MAJOR = ("system.paging.fault.type", "minor"), ("system.paging.fault.type", "major")
AT_LIMIT, OUT_OF_MEMORY = ("memory.fail.reason", "limit"), ("memory.fail.reason", "oom")

EXIT_CODE = "exit.code"
EXIT_CODES = ("0", "1", "126", "127", "137", "139", "143", "other")
"""Exit codes with a meaning of their own (128 + a signal's number); all others are ``other``."""

_COUNTER, _GAUGE = Kind.COUNTER, Kind.GAUGE
_NS, _US = 1e-9, 1e-6
_CORES = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0)
_BYTES = tuple(float(2**power) for power in range(22, 39, 2))  # 4 MiB to 256 GiB
_WAY, _INTERFACE = "network.io.direction", "network.interface.name"
_OPERATION, _DEVICE = "disk.io.direction", "system.device"


def _of(prefix: str, *fields: str) -> tuple[str, ...]:
    return tuple(f"{prefix}.{field}" for field in fields)


CPU_TIME = Metric(
    *("container.cpu.time", _COUNTER, "s", "CPU time used", _NS),
    attributes=("cpu.mode",),
    source=_of("cpu_stats.cpu_usage", "total_usage", "usage_in_usermode", "usage_in_kernelmode"),
)
CPU_USAGE = Metric(
    *("container.cpu.usage", _GAUGE, "{cpu}", "Cores in use, 1 is one full core"),
    bounds=_CORES,
    source=("cpu_stats.cpu_usage.total_usage", "read"),
)
CPU_CAPACITY = Metric(
    *("container.cpu.capacity.time", _COUNTER, "s", "CPU time the host's CPUs offered", _NS),
    source=("cpu_stats.system_cpu_usage",),
)
CPU_PERIODS = Metric(
    *("container.cpu.throttling.periods", _COUNTER, "{period}", "CPU quota periods passed"),
    source=("cpu_stats.throttling_data.periods",),
)
CPU_THROTTLED_PERIODS = Metric(
    *("container.cpu.throttling.throttled_periods", _COUNTER, "{period}"),
    "CPU quota periods in which the container was held back",
    source=("cpu_stats.throttling_data.throttled_periods",),
)
CPU_THROTTLED_TIME = Metric(
    *("container.cpu.throttling.time", _COUNTER, "s", "Time held back by the CPU quota", _NS),
    source=("cpu_stats.throttling_data.throttled_time",),
)
CPU_BURSTS = Metric(
    *("container.cpu.throttling.bursts", _COUNTER, "{period}"),
    "CPU quota periods in which it used CPU time saved up before; told by the kernel only",
    source=("cpu.stat nr_bursts",),
)
CPU_BURST_TIME = Metric(
    *("container.cpu.throttling.burst_time", _COUNTER, "s"),
    "CPU time saved up before and used above the quota; told by the kernel only",
    _NS,
    source=("cpu.stat burst_time", "cpu.stat burst_usec"),
)
CPU_WAITING = Metric(
    *("container.cpu.pressure.waiting", _COUNTER, "s"),
    "Time in which some of its tasks waited for a CPU; told by the kernel only",
    _US,
    source=("cpu.pressure some",),
)
CPU_STALLED = Metric(
    *("container.cpu.pressure.stalled", _COUNTER, "s"),
    "Time in which all of its tasks waited for a CPU at once; told by the kernel only",
    _US,
    source=("cpu.pressure full",),
)
CPU_LIMIT = Metric(
    *("container.cpu.limit.current", _GAUGE, "{cpu}"),
    "Cores it may use, by its quota or else its set of CPUs; absent without either",
    source=_of("HostConfig", "NanoCpus", "CpuQuota", "CpuPeriod", "CpusetCpus"),
)
CPU_UTILIZATION = Metric(
    *("container.cpu.limit.utilization", _GAUGE, "1"),
    "Cores in use as a share of its limit, or of the host's CPUs where it has none",
    source=("cpu_stats.cpu_usage.total_usage", "read", "cpu_stats.online_cpus", "HostConfig"),
)
CPU_QUOTA = Metric(
    *("container.cpu.quota", _GAUGE, "s", "CPU time it may use in each period", _US),
    source=_of("HostConfig", "CpuQuota", "NanoCpus"),
)
CPU_PERIOD = Metric(
    *("container.cpu.period", _GAUGE, "s", "Length of the periods of its CPU quota", _US),
    source=_of("HostConfig", "CpuPeriod", "NanoCpus"),
)
CPU_SHARES = Metric(
    *("container.cpu.shares", _GAUGE, "{share}", "Its weight where CPUs are short"),
    source=("HostConfig.CpuShares",),
)

MEMORY_USAGE = Metric(
    *("container.memory.usage", _GAUGE, "By", "Memory charged, page cache included"),
    source=("memory_stats.usage",),
)
MEMORY_WORKING_SET = Metric(
    *("container.memory.working_set", _GAUGE, "By"),
    "Memory in use without inactive page cache, as docker stats shows it",
    bounds=_BYTES,
    source=_of("memory_stats", "usage", "stats.total_inactive_file", "stats.inactive_file"),
)
MEMORY_LIMIT = Metric(
    *("container.memory.limit.current", _GAUGE, "By"),
    "Memory limit; absent without one",
    source=("HostConfig.Memory",),
)
MEMORY_EFFECTIVE_LIMIT = Metric(
    *("container.memory.limit.effective", _GAUGE, "By"),
    "Memory limit; the host's memory where the container has none",
    source=("memory_stats.limit",),
)
MEMORY_UTILIZATION = Metric(
    *("container.memory.limit.utilization", _GAUGE, "1"),
    "Working set as a share of the limit, or of the host's memory where it has none",
    source=_of("memory_stats", "usage", "stats", "limit"),
)
MEMORY_AVAILABLE = Metric(
    *("container.memory.available", _GAUGE, "By"),
    "What its limit leaves beside the working set; absent without a limit",
    source=("HostConfig.Memory", "memory_stats.usage", "memory_stats.stats"),
)
MEMORY_RESERVATION = Metric(
    *("container.memory.reservation", _GAUGE, "By"),
    "Memory it is held to where memory is short",
    source=("HostConfig.MemoryReservation",),
)
MEMORY_SWAP_LIMIT = Metric(
    *("container.memory.swap.limit", _GAUGE, "By"),
    "Limit of memory and swap together; absent without one",
    source=("HostConfig.MemorySwap",),
)
MEMORY_FAILS = Metric(
    *("container.memory.fails", _COUNTER, "{event}"),
    "Times it met its memory limit (cgroup v1), or ran out of memory (v2)",
    attributes=("memory.fail.reason",),
    source=("memory_stats.failcnt",),
)
MEMORY_OOM_KILLS = Metric(
    *("container.memory.oom_kills", _COUNTER, "{process}"),
    "Processes killed for lack of memory, those of a container that lives on, too; told by the"
    " kernel only",
    source=("memory.oom_control oom_kill", "memory.events oom_kill"),
)
MEMORY_WAITING = Metric(
    *("container.memory.pressure.waiting", _COUNTER, "s"),
    "Time in which some of its tasks waited for memory; told by the kernel only",
    _US,
    source=("memory.pressure some",),
)
MEMORY_STALLED = Metric(
    *("container.memory.pressure.stalled", _COUNTER, "s"),
    "Time in which all of its tasks waited for memory at once; told by the kernel only",
    _US,
    source=("memory.pressure full",),
)
MEMORY_SWAP = Metric(
    *("container.memory.swap.usage", _GAUGE, "By"),
    "Memory swapped out; told by the kernel only",
    source=("memory.stat total_swap", "memory.swap.current"),
)
MEMORY_FAULTS = Metric(
    *("container.paging.faults", _COUNTER, "{fault}"),
    "Page faults: major ones waited for a disk",
    attributes=("system.paging.fault.type",),
    source=_of("memory_stats.stats", "total_pgfault", "total_pgmajfault", "pgfault", "pgmajfault"),
)
MEMORY_PEAK = Metric(
    *("container.memory.usage.peak", _GAUGE, "By"),
    "Highest usage among the samples of its present life",
    source=("memory_stats.usage",),
)
MEMORY_MAX_USAGE = Metric(
    *("container.memory.usage.max", _GAUGE, "By", "Highest usage so far"),
    source=("memory_stats.max_usage", "memory.peak"),
)
MEMORY_CACHE = Metric(
    *("container.memory.cache", _GAUGE, "By", "Page cache"),
    source=_of("memory_stats.stats", "total_cache", "file"),
)
MEMORY_RSS = Metric(
    *("container.memory.rss", _GAUGE, "By", "Anonymous memory"),
    source=_of("memory_stats.stats", "total_rss", "anon"),
)

NETWORK_IO = Metric(
    *("container.network.io", _COUNTER, "By", "Bytes over an interface"),
    attributes=(_WAY, _INTERFACE),
    source=_of("networks.*", "rx_bytes", "tx_bytes"),
)
NETWORK_PACKETS = Metric(
    *("container.network.packet.count", _COUNTER, "{packet}", "Packets over an interface"),
    attributes=(_WAY, _INTERFACE),
    source=_of("networks.*", "rx_packets", "tx_packets"),
)
NETWORK_DROPPED = Metric(
    *("container.network.packet.dropped", _COUNTER, "{packet}"),
    "Packets dropped by an interface",
    attributes=(_WAY, _INTERFACE),
    source=_of("networks.*", "rx_dropped", "tx_dropped"),
)
NETWORK_ERRORS = Metric(
    *(
        "container.network.errors",
        _COUNTER,
        "{error}",
        "Interface errors (0 on Docker for Linux, but for those its kernel tells)",
    ),
    attributes=(_WAY, _INTERFACE),
    source=_of("networks.*", "rx_errors", "tx_errors"),
)
NETWORK_IO_SUM = Metric(
    *("container.network.io.sum", _COUNTER, "By", "Bytes over all interfaces"),
    attributes=(_WAY,),
    source=NETWORK_IO.source,
)
NETWORK_PACKETS_SUM = Metric(
    *("container.network.packet.count.sum", _COUNTER, "{packet}", "Packets, all interfaces"),
    attributes=(_WAY,),
    source=NETWORK_PACKETS.source,
)
NETWORK_DROPPED_SUM = Metric(
    *("container.network.packet.dropped.sum", _COUNTER, "{packet}", "Dropped, all interfaces"),
    attributes=(_WAY,),
    source=NETWORK_DROPPED.source,
)
NETWORK_ERRORS_SUM = Metric(
    *("container.network.errors.sum", _COUNTER, "{error}", "Errors of all interfaces"),
    attributes=(_WAY,),
    source=NETWORK_ERRORS.source,
)

DISK_IO = Metric(
    *("container.disk.io", _COUNTER, "By", "Bytes to or from a block device"),
    attributes=(_OPERATION, _DEVICE),
    source=("blkio_stats.io_service_bytes_recursive",),
)
DISK_OPERATIONS = Metric(
    *("container.disk.operations", _COUNTER, "{operation}", "Operations of a block device"),
    attributes=(_OPERATION, _DEVICE),
    source=("blkio_stats.io_serviced_recursive",),
)
DISK_WAITING = Metric(
    *("container.disk.pressure.waiting", _COUNTER, "s"),
    "Time in which some of its tasks waited for IO; told by the kernel only",
    _US,
    source=("io.pressure some",),
)
DISK_STALLED = Metric(
    *("container.disk.pressure.stalled", _COUNTER, "s"),
    "Time in which all of its tasks waited for IO at once; told by the kernel only",
    _US,
    source=("io.pressure full",),
)
DISK_IO_SUM = Metric(
    *("container.disk.io.sum", _COUNTER, "By", "Bytes, all block devices"),
    attributes=(_OPERATION,),
    source=DISK_IO.source,
)
DISK_OPERATIONS_SUM = Metric(
    *("container.disk.operations.sum", _COUNTER, "{operation}", "Operations, all block devices"),
    attributes=(_OPERATION,),
    source=DISK_OPERATIONS.source,
)

PIDS = Metric(
    *("container.pids.count", _GAUGE, "{pid}", "Tasks, threads included"),
    source=("pids_stats.current",),
)
PIDS_LIMIT = Metric(
    *("container.pids.limit", _GAUGE, "{pid}", "Most tasks allowed; absent without a limit"),
    source=("pids_stats.limit", "HostConfig.PidsLimit"),
)

STATE = Metric(
    *("container.state", _GAUGE, "1", "1 for the state it is in, 0 for the others"),
    attributes=("container.state",),
    source=("State",),
)
HEALTH = Metric(
    *("container.health", _GAUGE, "1", "1 for the health it has, 0 for the others"),
    attributes=("container.health",),
    source=("Status", "State.Health.Status", "event health_status"),
)
UPTIME = Metric(
    *("container.uptime", _GAUGE, "s", "Time since its last start"),
    source=("read", "State.StartedAt"),
)
STARTED = Metric(
    *("container.started.time", _GAUGE, "s", "When it last started, in Unix time"),
    source=("State.StartedAt",),
)
CREATED = Metric(
    *("container.created.time", _GAUGE, "s", "When it was created, in Unix time"),
    source=("Created",),
)
RESTARTS = Metric(
    *("container.restart.count", _GAUGE, "{restart}", "Restarts, by policy and by hand"),
    source=("RestartCount", "event restart"),
)
EXITS = Metric(
    *("container.exit.count", _COUNTER, "{exit}", "Ends, by exit code"),
    attributes=(EXIT_CODE,),
    source=("event die",),
)
OOMS = Metric(
    *("container.oom.count", _COUNTER, "{kill}", "Kills for lack of memory"),
    source=("event oom",),
)
SAMPLES = Metric(
    *("container.samples", _COUNTER, "{sample}", "Samples that came"), source=("read",)
)
MISSED = Metric(
    *("container.samples.missed", _COUNTER, "s", "Seconds for which none came"), source=("read",)
)
INFO = Metric(
    *("container.info", _GAUGE, "1", "Always 1; its attributes say which container it is"),
    attributes=(
        *_of("container", "id", "name", "image.name", "image.id"),
        *_of("container.runtime", "name", "version"),
    ),
    source=("Id", "Names", "Image", "ImageID", "/version"),
)

CATALOGUE: tuple[Metric, ...] = (
    *(row for row in list(globals().values()) if isinstance(row, Metric)),
    *SURROUNDINGS,
)
"""All rows above, in their order, and those that are not about the samples of containers."""
