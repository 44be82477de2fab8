"""Every metric, in one table: name, kind, unit, help, scale.

Names are those of OpenTelemetry's container conventions where it has one, else ours in its style.
Instruments hold the engine's integers; ``value * scale`` is in the published ``unit`` (UCUM).
"""

from enum import Enum

from msgspec import Struct


class Kind(Enum):
    """How a value behaves over time."""

    COUNTER = "counter"
    GAUGE = "gauge"


class Metric(Struct, frozen=True):
    """One row of the catalogue.

    ``bounds`` are upper bounds of a histogram, ascending, in what the instrument holds: a metric
    that has them leaves as a distribution of its one-second samples as well.
    """

    name: str
    kind: Kind
    unit: str
    help: str
    scale: float = 1.0
    bounds: tuple[float, ...] = ()


RECEIVE, TRANSMIT = ("network.io.direction", "receive"), ("network.io.direction", "transmit")
READ, WRITE = ("disk.io.direction", "read"), ("disk.io.direction", "write")
USER, SYSTEM = ("cpu.mode", "user"), ("cpu.mode", "system")

EXIT_CODE = "exit.code"
EXIT_CODES = ("0", "1", "126", "127", "137", "139", "143", "other")
"""Exit codes with a meaning of their own (128 + a signal's number); all others are ``other``."""

_NS = 1e-9

CPU_TIME = Metric("container.cpu.time", Kind.COUNTER, "s", "CPU time used", _NS)
_CORES = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0)
_BYTES = tuple(float(2**power) for power in range(22, 39, 2))  # 4 MiB to 256 GiB

CPU_USAGE = Metric(
    "container.cpu.usage", Kind.GAUGE, "{cpu}", "Cores in use, 1 is one full core", bounds=_CORES
)
CPU_CAPACITY = Metric(
    "container.cpu.capacity.time", Kind.COUNTER, "s", "CPU time the host's CPUs offered", _NS
)
CPU_PERIODS = Metric(
    "container.cpu.throttling.periods", Kind.COUNTER, "{period}", "CPU quota periods passed"
)
CPU_THROTTLED_PERIODS = Metric(
    "container.cpu.throttling.throttled_periods",
    Kind.COUNTER,
    "{period}",
    "CPU quota periods in which the container was held back",
)
CPU_THROTTLED_TIME = Metric(
    "container.cpu.throttling.time", Kind.COUNTER, "s", "Time held back by the CPU quota", _NS
)

MEMORY_USAGE = Metric(
    "container.memory.usage", Kind.GAUGE, "By", "Memory charged, page cache included"
)
MEMORY_WORKING_SET = Metric(
    "container.memory.working_set",
    Kind.GAUGE,
    "By",
    "Memory in use without inactive page cache, as docker stats shows it",
    bounds=_BYTES,
)
MEMORY_LIMIT = Metric(
    "container.memory.limit.current",
    Kind.GAUGE,
    "By",
    "Memory limit; the host's memory where the container has none",
)
MEMORY_UTILIZATION = Metric(
    "container.memory.limit.utilization", Kind.GAUGE, "1", "Working set as a share of the limit"
)
MEMORY_MAX_USAGE = Metric(
    "container.memory.usage.max", Kind.GAUGE, "By", "Highest usage so far (cgroup v1 only)"
)
MEMORY_CACHE = Metric("container.memory.cache", Kind.GAUGE, "By", "Page cache")
MEMORY_RSS = Metric("container.memory.rss", Kind.GAUGE, "By", "Anonymous memory")

NETWORK_IO = Metric("container.network.io", Kind.COUNTER, "By", "Bytes over an interface")
NETWORK_PACKETS = Metric(
    "container.network.packet.count", Kind.COUNTER, "{packet}", "Packets over an interface"
)
NETWORK_DROPPED = Metric(
    "container.network.packet.dropped", Kind.COUNTER, "{packet}", "Packets dropped by an interface"
)
NETWORK_ERRORS = Metric(
    "container.network.errors", Kind.COUNTER, "{error}", "Interface errors (0 on Docker for Linux)"
)
NETWORK_IO_SUM = Metric("container.network.io.sum", Kind.COUNTER, "By", "Bytes over all interfaces")
NETWORK_PACKETS_SUM = Metric(
    "container.network.packet.count.sum", Kind.COUNTER, "{packet}", "Packets, all interfaces"
)
NETWORK_DROPPED_SUM = Metric(
    "container.network.packet.dropped.sum", Kind.COUNTER, "{packet}", "Dropped, all interfaces"
)
NETWORK_ERRORS_SUM = Metric(
    "container.network.errors.sum", Kind.COUNTER, "{error}", "Errors of all interfaces"
)

DISK_IO = Metric("container.disk.io", Kind.COUNTER, "By", "Bytes to or from a block device")
DISK_OPERATIONS = Metric(
    "container.disk.operations", Kind.COUNTER, "{operation}", "Operations of a block device"
)
DISK_IO_SUM = Metric("container.disk.io.sum", Kind.COUNTER, "By", "Bytes, all block devices")
DISK_OPERATIONS_SUM = Metric(
    "container.disk.operations.sum", Kind.COUNTER, "{operation}", "Operations, all block devices"
)

PIDS = Metric("container.pids.count", Kind.GAUGE, "{pid}", "Tasks, threads included")
PIDS_LIMIT = Metric("container.pids.limit", Kind.GAUGE, "{pid}", "Most tasks allowed")

STATE = Metric("container.state", Kind.GAUGE, "1", "1 for the state it is in, 0 for the others")
HEALTH = Metric("container.health", Kind.GAUGE, "1", "1 for the health it has, 0 for the others")
UPTIME = Metric("container.uptime", Kind.GAUGE, "s", "Time since its last start")
RESTARTS = Metric(
    "container.restart.count", Kind.GAUGE, "{restart}", "Restarts, by policy and by hand"
)
EXITS = Metric("container.exit.count", Kind.COUNTER, "{exit}", "Ends, by exit code")
OOMS = Metric("container.oom.count", Kind.COUNTER, "{kill}", "Kills for lack of memory")
SAMPLES = Metric("container.samples", Kind.COUNTER, "{sample}", "Samples that came")
MISSED = Metric("container.samples.missed", Kind.COUNTER, "s", "Seconds for which none came")

CATALOGUE: tuple[Metric, ...] = (
    CPU_TIME,
    CPU_USAGE,
    CPU_CAPACITY,
    CPU_PERIODS,
    CPU_THROTTLED_PERIODS,
    CPU_THROTTLED_TIME,
    MEMORY_USAGE,
    MEMORY_WORKING_SET,
    MEMORY_LIMIT,
    MEMORY_UTILIZATION,
    MEMORY_MAX_USAGE,
    MEMORY_CACHE,
    MEMORY_RSS,
    NETWORK_IO,
    NETWORK_PACKETS,
    NETWORK_DROPPED,
    NETWORK_ERRORS,
    NETWORK_IO_SUM,
    NETWORK_PACKETS_SUM,
    NETWORK_DROPPED_SUM,
    NETWORK_ERRORS_SUM,
    DISK_IO,
    DISK_OPERATIONS,
    DISK_IO_SUM,
    DISK_OPERATIONS_SUM,
    PIDS,
    PIDS_LIMIT,
    STATE,
    HEALTH,
    UPTIME,
    RESTARTS,
    EXITS,
    OOMS,
    SAMPLES,
    MISSED,
)
