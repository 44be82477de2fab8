"""The rows of the catalogue that are not about a container: engines, machines, Tidegauge itself.

Names are those of OpenTelemetry's system conventions where it has one, else ours in its style.
"""

from tidegauge.metrics.metric import Kind, Metric

RUNNING, PAUSED, STOPPED = (
    ("container.state", state) for state in ("running", "paused", "stopped")
)

MOUNTPOINT, VOLUME, EVENT_CODE = "system.filesystem.mountpoint", "volume.name", "event.code"

WAY = "tidegauge.sampling"
VERSION = "tidegauge.version"
STREAM, READ = (WAY, "stream"), (WAY, "read")

_COUNTER, _GAUGE = Kind.COUNTER, Kind.GAUGE
_NS = 1e-9
_CYCLES = (1.05, 1.1, 1.25, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0)
_LAGS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0)

ENGINE_CONTAINERS = Metric(
    *("engine.containers", _GAUGE, "{container}"),
    "Containers; stopped are all that are neither running nor paused",
    attributes=("container.state",),
    source=("/info ContainersRunning", "ContainersPaused", "ContainersStopped"),
)
ENGINE_IMAGES = Metric(*("engine.images", _GAUGE, "{image}", "Images"), source=("/info Images",))
ENGINE_CPUS = Metric(
    *("engine.cpu.count", _GAUGE, "{cpu}", "CPUs of the engine's machine"),
    source=("/info NCPU",),
)
ENGINE_MEMORY = Metric(
    *("engine.memory.capacity", _GAUGE, "By", "Memory of the engine's machine"),
    source=("/info MemTotal",),
)
ENGINE_IMAGES_SIZE = Metric(
    *("engine.images.size", _GAUGE, "By", "Disk taken by images, shared layers once"),
    source=("/system/df LayersSize", "ImageUsage.TotalSize"),
)
ENGINE_VOLUMES = Metric(
    *("engine.volumes", _GAUGE, "{volume}", "Volumes"),
    source=("/system/df Volumes", "VolumeUsage.TotalCount"),
)
ENGINE_VOLUMES_SIZE = Metric(
    *("engine.volumes.size", _GAUGE, "By", "Disk taken by all volumes whose size is known"),
    source=("/system/df Volumes.UsageData.Size", "VolumeUsage.TotalSize"),
)
ENGINE_VOLUME_SIZE = Metric(
    *("engine.volume.size", _GAUGE, "By", "Disk taken by one volume"),
    attributes=(VOLUME,),
    source=("/system/df Volumes.UsageData.Size", "VolumeUsage.Items.UsageData.Size"),
)
ENGINE_BUILD_CACHE_SIZE = Metric(
    *("engine.build_cache.size", _GAUGE, "By", "Disk taken by the build cache"),
    source=("/system/df BuildCache.Size", "BuildCacheUsage.TotalSize"),
)
ENGINE_DISK_CAPACITY = Metric(
    *("engine.filesystem.capacity", _GAUGE, "By"),
    "Size of a file system with the engine's data (only of an engine on this machine)",
    attributes=(MOUNTPOINT,),
    source=("statvfs of DockerRootDir", "Volumes.Mountpoint"),
)
ENGINE_DISK_USAGE = Metric(
    *("engine.filesystem.usage", _GAUGE, "By", "What of it is taken, by anything"),
    attributes=(MOUNTPOINT,),
    source=ENGINE_DISK_CAPACITY.source,
)
ENGINE_DISK_AVAILABLE = Metric(
    *("engine.filesystem.available", _GAUGE, "By", "What of it is left for users but root"),
    attributes=(MOUNTPOINT,),
    source=ENGINE_DISK_CAPACITY.source,
)
ENGINE_INODES = Metric(
    *("engine.filesystem.inodes.capacity", _GAUGE, "{inode}", "Its inodes, where it has a limit"),
    attributes=(MOUNTPOINT,),
    source=ENGINE_DISK_CAPACITY.source,
)
ENGINE_INODES_USED = Metric(
    *("engine.filesystem.inodes.usage", _GAUGE, "{inode}", "What of them is taken"),
    attributes=(MOUNTPOINT,),
    source=ENGINE_DISK_CAPACITY.source,
)
ENGINE_STATS_CYCLE = Metric(
    *("engine.stats.cycle", _GAUGE, "s"),
    "Time between two samples of a container: how slow the engine's stats collector is",
    bounds=_CYCLES,
    source=("read",),
)
ENGINE_STATS_RATE = Metric(
    *("engine.stats.rate", _GAUGE, "{sample}/s"),
    "Samples it takes for Tidegauge, by the way they come: in streams, or asked for one by one",
    attributes=(WAY,),
    source=("read",),
)
ENGINE_CPU_TIME = Metric(
    *("engine.process.cpu.time", _COUNTER, "s"),
    "CPU time of dockerd, containerd and its shims, for whatever they did since Tidegauge began",
    _NS,
    source=("/proc/PID/stat utime", "stime"),
)

CONTAINER_FILESYSTEM_USAGE = Metric(
    *("container.filesystem.usage", _GAUGE, "By", "What it wrote into its own layer"),
    source=("/containers/json?size=1 SizeRw",),
)
CONTAINER_ROOT_USAGE = Metric(
    *("container.filesystem.root.usage", _GAUGE, "By", "Its own layer and its image together"),
    source=("/containers/json?size=1 SizeRootFs",),
)

HOST_CPU_TIME = Metric(
    *("system.cpu.time", _COUNTER, "s", "Time of all CPUs, by what they did", _NS),
    attributes=("cpu.mode",),
    source=("/proc/stat cpu",),
)
HOST_CPU_UTILIZATION = Metric(
    *("system.cpu.utilization", _GAUGE, "1"),
    "Share of the time of all CPUs in which they were not idle",
    source=("/proc/stat cpu",),
)
HOST_CPUS = Metric(
    *("system.cpu.logical.count", _GAUGE, "{cpu}", "CPUs that are on"),
    source=("/proc/stat cpu0",),
)
HOST_LOADS = tuple(
    Metric(
        *(f"system.cpu.load_average.{minutes}m", _GAUGE, "{thread}"),
        f"Tasks that run or wait to, on average over {minutes} min",
        source=("/proc/loadavg",),
    )
    for minutes in (1, 5, 15)
)
HOST_MEMORY_USAGE = Metric(
    *("system.memory.usage", _GAUGE, "By", "Memory by what it is used for; together the limit"),
    attributes=("system.memory.state",),
    source=("/proc/meminfo MemTotal", "MemFree", "Buffers", "Cached", "SReclaimable"),
)
HOST_MEMORY_LIMIT = Metric(
    *("system.memory.limit", _GAUGE, "By", "Memory there is"),
    source=("/proc/meminfo MemTotal",),
)
HOST_MEMORY_AVAILABLE = Metric(
    *("system.linux.memory.available", _GAUGE, "By"),
    "Memory that programs can get without swapping",
    source=("/proc/meminfo MemAvailable",),
)
HOST_SWAP_USAGE = Metric(
    *("system.paging.usage", _GAUGE, "By", "Swap, where there is any"),
    attributes=("system.paging.state",),
    source=("/proc/meminfo SwapTotal", "SwapFree"),
)

TIDEGAUGE_EVENTS = Metric(
    *("tidegauge.events", _COUNTER, "{event}"),
    "Troubles and drops, by the code that the log has for them",
    attributes=(EVENT_CODE,),
)
TIDEGAUGE_SERIES = Metric(
    *("tidegauge.series", _GAUGE, "{series}", "Series of containers and engines that there are"),
)
TIDEGAUGE_CPU_TIME = Metric(
    *("tidegauge.process.cpu.time", _COUNTER, "s", "CPU time Tidegauge used", _NS),
)
TIDEGAUGE_MEMORY = Metric(
    *("tidegauge.process.memory", _GAUGE, "By", "Memory Tidegauge holds (resident)"),
    source=("/proc/self/statm",),
)
TIDEGAUGE_CLOCK = Metric(
    *("tidegauge.clock", _GAUGE, "s"),
    "Unix time by the clock of Tidegauge's machine: how far it is off, and when it was last seen",
)
TIDEGAUGE_INFO = Metric(
    *("tidegauge.info", _GAUGE, "1", "Always 1; its attribute says which Tidegauge it is"),
    attributes=(VERSION,),
)
TIDEGAUGE_LAG = Metric(
    *("tidegauge.loop.lag", _GAUGE, "s"),
    "How late what was due each second came: the program was busy, or the machine",
    bounds=_LAGS,
)

SURROUNDINGS: tuple[Metric, ...] = (
    *(row for row in list(globals().values()) if isinstance(row, Metric)),
    *HOST_LOADS,
)
"""All rows above."""
