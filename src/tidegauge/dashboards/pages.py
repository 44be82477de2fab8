"""Which dashboards and panels there are: one table, for all backends."""

from tidegauge.dashboards.panel import Line, Page, Panel, Row, Show
from tidegauge.host.proc import MODES
from tidegauge.metrics import Attributes, Metric
from tidegauge.metrics import catalogue as c
from tidegauge.metrics import surroundings as s
from tidegauge.metrics.life import HEALTHS, STATES

INTERFACE, DEVICE = "network.interface.name", "system.device"
MEMORY_STATES, SWAP_STATES = ("used", "buffers", "cached", "free"), ("used", "free")


def _each(metric: Metric, key: str, values: tuple[str, ...], show: Show) -> tuple[Line, ...]:
    """A line for each value of an attribute."""
    return tuple(Line(metric, ((key, value),), value, show) for value in dict.fromkeys(values))


def _ways(metric: Metric, by: str = "") -> tuple[Line, ...]:
    """What comes in, and below the axis what goes out."""
    disk = metric.attributes[0] == c.READ[0]
    into, out = (c.READ, c.WRITE) if disk else (c.RECEIVE, c.TRANSMIT)
    words = ("read", "written") if disk else ("received", "sent")
    return (
        Line(metric, (into,), words[0], "rate", by),
        Line(metric, (out,), words[1], "rate", by, role="below"),
    )


def _samples(metric: Metric) -> tuple[Line, ...]:
    """The band in which the samples lie."""
    return (
        Line(metric, legend="median", show="p50"),
        Line(metric, legend="95th percentile", show="p95"),
        Line(metric, legend="99th percentile", show="p99"),
    )


def _number(title: str, unit: str, line: Line, width: int = 4) -> Panel:
    return Panel(title, unit, (line,), "number", width)


def _sum(
    metric: Metric, attributes: Attributes = (), show: Show = "level", legend: str = ""
) -> Line:
    return Line(metric, attributes, legend, show, total=True)


def _top(title: str, unit: str, line: Line) -> Panel:
    return Panel(title, unit, (line,), "top", 8)


_RECEIVED = Line(c.NETWORK_IO_SUM, (c.RECEIVE,), "Received", "rate", unit="Bps")
_SENT = Line(c.NETWORK_IO_SUM, (c.TRANSMIT,), "Sent", "rate", unit="Bps")
_READ = Line(c.DISK_IO_SUM, (c.READ,), "Read", "rate", unit="Bps")
_WRITTEN = Line(c.DISK_IO_SUM, (c.WRITE,), "Written", "rate", unit="Bps")

_COLUMNS = (
    Line(c.CPU_USAGE, legend="CPU", unit="short"),
    Line(c.CPU_UTILIZATION, legend="CPU of limit", unit="percentunit"),
    Line(c.MEMORY_WORKING_SET, legend="Memory", unit="bytes"),
    Line(c.MEMORY_UTILIZATION, legend="Memory of limit", unit="percentunit"),
    *(_RECEIVED, _SENT, _READ, _WRITTEN),
    Line(c.PIDS, legend="Tasks", unit="short"),
    Line(c.RESTARTS, legend="Restarts", unit="short"),
    Line(c.UPTIME, legend="Up for", unit="dtdurations"),
)

CONTAINERS = Page(
    "containers",
    "Containers",
    (
        Row(
            "All together",
            (
                _number("Running", "short", _sum(s.ENGINE_CONTAINERS, (s.RUNNING,))),
                _number("Unhealthy", "short", _sum(c.HEALTH, (("container.health", "unhealthy"),))),
                _number("CPU, cores", "short", _sum(c.CPU_USAGE)),
                _number("Memory", "bytes", _sum(c.MEMORY_WORKING_SET)),
                _number("Received", "Bps", _sum(c.NETWORK_IO_SUM, (c.RECEIVE,), "rate")),
                _number("Sent", "Bps", _sum(c.NETWORK_IO_SUM, (c.TRANSMIT,), "rate")),
            ),
        ),
        Row("Each", (Panel("Containers", "short", _COLUMNS, "table", 24),)),
        Row(
            "Ten of the most",
            (
                _top("CPU, cores", "short", Line(c.CPU_USAGE)),
                _top("Memory", "bytes", Line(c.MEMORY_WORKING_SET)),
                _top("Memory as a share of the limit", "percentunit", Line(c.MEMORY_UTILIZATION)),
                _top("Received", "Bps", Line(c.NETWORK_IO_SUM, (c.RECEIVE,), show="rate")),
                _top("Sent", "Bps", Line(c.NETWORK_IO_SUM, (c.TRANSMIT,), show="rate")),
                _top("Written", "Bps", Line(c.DISK_IO_SUM, (c.WRITE,), show="rate")),
            ),
        ),
        Row(
            "Over time",
            (
                Panel("CPU, cores", "short", (Line(c.CPU_USAGE),), "stacked"),
                Panel("Memory", "bytes", (Line(c.MEMORY_WORKING_SET),), "stacked"),
                Panel("Network", "Bps", _ways(c.NETWORK_IO_SUM)),
                Panel("Block IO", "Bps", _ways(c.DISK_IO_SUM)),
            ),
        ),
    ),
)


def _waiting(some: Metric, everything: Metric) -> tuple[Line, ...]:
    """Shares of time: of what the kernel calls pressure."""
    return (Line(some, (), "some tasks", "rate"), Line(everything, (), "all tasks", "rate"))


_LIFE = (
    Panel("State", "short", _each(c.STATE, "container.state", STATES, "holds"), "states", 8),
    Panel("Health", "short", _each(c.HEALTH, "container.health", HEALTHS, "holds"), "states", 8),
    _number("Up for", "dtdurations", Line(c.UPTIME)),
    _number("Restarts", "short", Line(c.RESTARTS)),
    Panel(
        "Ends, by exit code",
        "short",
        (
            *_each(c.EXITS, c.EXIT_CODE, c.EXIT_CODES, "increase"),
            Line(c.OOMS, (), "killed for lack of memory", "increase"),
        ),
        "bars",
    ),
    Panel("Samples each second", "cps", (Line(c.SAMPLES, show="rate"),), width=6),
    Panel("Seconds missed", "s", (Line(c.MISSED, show="increase"),), "bars", 6),
)

_CPU = (
    Panel(
        "CPU, cores",
        "short",
        (Line(c.CPU_USAGE, (), "used"), Line(c.CPU_LIMIT, (), "limit", role="limit")),
    ),
    Panel("CPU, one-second samples", "short", _samples(c.CPU_USAGE)),
    Panel(
        "CPU by mode",
        "short",
        (
            Line(c.CPU_TIME, (c.USER,), "user", "rate"),
            Line(c.CPU_TIME, (c.SYSTEM,), "system", "rate"),
        ),
        "stacked",
    ),
    Panel("CPU as a share of the limit", "percentunit", (Line(c.CPU_UTILIZATION),)),
    Panel("Waiting for a CPU", "percentunit", _waiting(c.CPU_WAITING, c.CPU_STALLED)),
    Panel(
        "CPU time held back, and saved up and used, each second",
        "s",
        (
            Line(c.CPU_THROTTLED_TIME, (), "held back", "rate"),
            Line(c.CPU_BURST_TIME, (), "above the quota", "rate"),
        ),
    ),
    Panel(
        "CPU quota periods",
        "cps",
        (
            Line(c.CPU_PERIODS, (), "passed", "rate"),
            Line(c.CPU_THROTTLED_PERIODS, (), "held back", "rate"),
            Line(c.CPU_BURSTS, (), "above the quota", "rate"),
        ),
    ),
)

_MEMORY = (
    Panel(
        "Memory",
        "bytes",
        (
            Line(c.MEMORY_WORKING_SET, (), "working set"),
            Line(c.MEMORY_USAGE, (), "with page cache"),
            Line(c.MEMORY_LIMIT, (), "limit", role="limit"),
            Line(c.MEMORY_RESERVATION, (), "reserved", role="limit"),
        ),
    ),
    Panel("Working set, one-second samples", "bytes", _samples(c.MEMORY_WORKING_SET)),
    Panel(
        "What memory holds",
        "bytes",
        (Line(c.MEMORY_RSS, (), "anonymous"), Line(c.MEMORY_CACHE, (), "page cache")),
        "stacked",
    ),
    Panel("Waiting for memory", "percentunit", _waiting(c.MEMORY_WAITING, c.MEMORY_STALLED)),
    Panel("Swapped out", "bytes", (Line(c.MEMORY_SWAP),)),
    Panel("Memory as a share of the limit", "percentunit", (Line(c.MEMORY_UTILIZATION),)),
    Panel(
        "Highest usage, and what is left",
        "bytes",
        (
            Line(c.MEMORY_PEAK, (), "highest sample"),
            Line(c.MEMORY_MAX_USAGE, (), "highest ever"),
            Line(c.MEMORY_AVAILABLE, (), "left of the limit"),
        ),
    ),
    Panel(
        "Page faults",
        "cps",
        (
            Line(c.MEMORY_FAULTS, (c.MINOR,), "minor", "rate"),
            Line(c.MEMORY_FAULTS, (c.MAJOR,), "major", "rate"),
        ),
    ),
    Panel(
        "Out of memory",
        "short",
        (
            Line(c.MEMORY_FAILS, (c.AT_LIMIT,), "met its limit", "increase"),
            Line(c.MEMORY_FAILS, (c.OUT_OF_MEMORY,), "had none left", "increase"),
            Line(c.MEMORY_OOM_KILLS, (), "processes killed", "increase"),
        ),
        "bars",
    ),
)

_NETWORK = (
    Panel("Traffic", "Bps", _ways(c.NETWORK_IO_SUM)),
    Panel("Packets", "pps", _ways(c.NETWORK_PACKETS_SUM)),
    Panel("Dropped packets", "pps", _ways(c.NETWORK_DROPPED_SUM)),
    Panel("Errors", "pps", _ways(c.NETWORK_ERRORS_SUM)),
    Panel("Traffic by interface", "Bps", _ways(c.NETWORK_IO, INTERFACE), width=24),
)

_DISK = (
    Panel("Block IO", "Bps", _ways(c.DISK_IO_SUM)),
    Panel("Operations", "iops", _ways(c.DISK_OPERATIONS_SUM)),
    Panel("Waiting for IO", "percentunit", _waiting(c.DISK_WAITING, c.DISK_STALLED)),
    Panel("Block IO by device", "Bps", _ways(c.DISK_IO, DEVICE)),
    Panel("Its own layer", "bytes", (Line(s.CONTAINER_FILESYSTEM_USAGE),)),
)

_TASKS = (
    Panel(
        "Tasks",
        "short",
        (Line(c.PIDS, (), "tasks"), Line(c.PIDS_LIMIT, (), "limit", role="limit")),
        width=24,
    ),
)

CONTAINER = Page(
    "container",
    "Container",
    (
        Row("Life", _LIFE),
        Row("CPU", _CPU),
        Row("Memory", _MEMORY),
        Row("Network", _NETWORK),
        Row("Block IO and disk", _DISK),
        Row("Tasks", _TASKS),
    ),
    chosen=True,
)

_OF_ENGINES = (
    Panel(
        "Containers",
        "short",
        tuple(
            Line(s.ENGINE_CONTAINERS, (state,), state[1])
            for state in (s.RUNNING, s.PAUSED, s.STOPPED)
        ),
        "stacked",
    ),
    Panel(
        "Images and volumes",
        "short",
        (Line(s.ENGINE_IMAGES, (), "images"), Line(s.ENGINE_VOLUMES, (), "volumes")),
    ),
    Panel(
        "Disk taken",
        "bytes",
        (
            Line(s.ENGINE_IMAGES_SIZE, (), "images"),
            Line(s.ENGINE_VOLUMES_SIZE, (), "volumes"),
            Line(s.ENGINE_BUILD_CACHE_SIZE, (), "build cache"),
        ),
        "stacked",
    ),
    Panel("Disk taken by each volume", "bytes", (Line(s.ENGINE_VOLUME_SIZE, by=s.VOLUME),)),
    Panel(
        "File systems",
        "bytes",
        (
            Line(s.ENGINE_DISK_USAGE, (), "taken", by=s.MOUNTPOINT),
            Line(s.ENGINE_DISK_AVAILABLE, (), "left", by=s.MOUNTPOINT),
            Line(s.ENGINE_DISK_CAPACITY, (), "size", by=s.MOUNTPOINT, role="limit"),
        ),
    ),
    Panel(
        "Inodes",
        "short",
        (
            Line(s.ENGINE_INODES_USED, (), "taken", by=s.MOUNTPOINT),
            Line(s.ENGINE_INODES, (), "limit", by=s.MOUNTPOINT, role="limit"),
        ),
    ),
    Panel(
        "Time between two samples",
        "s",
        (
            Line(s.ENGINE_STATS_CYCLE, (), "mean"),
            Line(s.ENGINE_STATS_CYCLE, (), "99th percentile", "p99"),
        ),
    ),
    Panel(
        "Samples a second for Tidegauge",
        "short",
        (
            Line(s.ENGINE_STATS_RATE, (s.STREAM,), "streamed"),
            Line(s.ENGINE_STATS_RATE, (s.READ,), "read one by one"),
        ),
    ),
    Panel(
        "CPU of the engine's own processes, cores",
        "short",
        (Line(s.ENGINE_CPU_TIME, (), "dockerd, containerd, shims", "rate"),),
    ),
    _number("CPUs", "short", Line(s.ENGINE_CPUS), 6),
    _number("Memory", "bytes", Line(s.ENGINE_MEMORY), 6),
)

_OF_MACHINE = (
    Panel("CPU in use", "percentunit", (Line(s.HOST_CPU_UTILIZATION),)),
    Panel(
        "CPU by mode, cores", "short", _each(s.HOST_CPU_TIME, "cpu.mode", MODES, "rate"), "stacked"
    ),
    Panel(
        "Load",
        "short",
        (
            *(Line(load, (), load.name.rpartition(".")[2]) for load in s.HOST_LOADS),
            Line(s.HOST_CPUS, (), "CPUs", role="limit"),
        ),
    ),
    Panel(
        "Memory",
        "bytes",
        (
            *_each(s.HOST_MEMORY_USAGE, "system.memory.state", MEMORY_STATES, "level"),
            Line(s.HOST_MEMORY_LIMIT, (), "all", role="limit"),
        ),
        "stacked",
    ),
    Panel("Memory available", "bytes", (Line(s.HOST_MEMORY_AVAILABLE),)),
    Panel(
        "Swap",
        "bytes",
        _each(s.HOST_SWAP_USAGE, "system.paging.state", SWAP_STATES, "level"),
        "stacked",
    ),
)

_OF_TIDEGAUGE = (
    Panel("CPU, cores", "short", (Line(s.TIDEGAUGE_CPU_TIME, show="rate"),)),
    Panel("Memory", "bytes", (Line(s.TIDEGAUGE_MEMORY),)),
    Panel("Series", "short", (Line(s.TIDEGAUGE_SERIES),)),
    Panel(
        "Lag",
        "s",
        (
            Line(s.TIDEGAUGE_LAG, (), "mean"),
            Line(s.TIDEGAUGE_LAG, (), "99th percentile", "p99"),
        ),
    ),
    Panel(
        "Troubles and drops",
        "short",
        (Line(s.TIDEGAUGE_EVENTS, show="increase", by=s.EVENT_CODE),),
        "bars",
        24,
    ),
)

ENGINES = Page(
    "engines",
    "Engine and host",
    (
        Row("Engine", _OF_ENGINES),
        Row("Machine", _OF_MACHINE),
        Row("Tidegauge itself", _OF_TIDEGAUGE),
    ),
)

PAGES = (CONTAINERS, CONTAINER, ENGINES)
"""What every backend gets, as far as it is given the metrics."""
