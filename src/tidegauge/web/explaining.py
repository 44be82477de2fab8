"""Where each value of a container comes from: formula, raw fields, and what docker stats prints.

Source: ``cli/command/container/stats_helpers.go`` and ``formatter_stats.go`` of the docker command.
"""

from collections.abc import Iterator, Mapping

from msgspec import Struct

from tidegauge.docker.frames import StatsFrame
from tidegauge.docker.intervals import Interval
from tidegauge.docker.resources import Resources
from tidegauge.metrics import ContainerRecorders, Number
from tidegauge.readings import memory
from tidegauge.web.recent import Newest
from tidegauge.web.values import Told, exact
from tidegauge.web.views import Explanation


class Formula(Struct, frozen=True):
    """How a value is made, of which fields; those of a rate are taken from two samples."""

    unit: str
    words: str
    fields: tuple[str, ...] = ()
    rate: bool = False


_USED = "cpu_stats.cpu_usage.total_usage"
_INACTIVE = ("memory_stats.stats.total_inactive_file", "memory_stats.stats.inactive_file")
_THROTTLING = "cpu_stats.throttling_data"
_LIMIT = "As the engine was told; absent without a limit."

FORMULAS: Mapping[str, Formula] = {
    "cpu": Formula(
        *("{cpu}", "(total_usage - previous total_usage) / (read - previous read) in nanoseconds"),
        (_USED, "cpu_stats.system_cpu_usage", "cpu_stats.online_cpus"),
        rate=True,
    ),
    "cpu_limit": Formula("{cpu}", f"NanoCpus, CpuQuota / CpuPeriod or CpusetCpus. {_LIMIT}"),
    "cpu_throttled": Formula(
        *("1", "(throttled_periods - previous) / (periods - previous)"),
        (f"{_THROTTLING}.throttled_periods", f"{_THROTTLING}.periods"),
        rate=True,
    ),
    "memory": Formula(
        *("By", "usage - inactive page cache, 0 at least", ("memory_stats.usage", *_INACTIVE))
    ),
    "memory_usage": Formula("By", "usage", ("memory_stats.usage",)),
    "memory_cache": Formula(
        *("By", "file (cgroup v1: total_cache)"),
        ("memory_stats.stats.total_cache", "memory_stats.stats.file"),
    ),
    "memory_rss": Formula(
        *("By", "anon (cgroup v1: total_rss)"),
        ("memory_stats.stats.total_rss", "memory_stats.stats.anon"),
    ),
    "memory_limit": Formula("By", f"Memory. {_LIMIT}", ("memory_stats.limit",)),
    "rx": Formula(
        *("By/s", "sum over interfaces of (rx_bytes - previous) / (read - previous read)"),
        ("networks.*.rx_bytes",),
        rate=True,
    ),
    "tx": Formula(
        *("By/s", "sum over interfaces of (tx_bytes - previous) / (read - previous read)"),
        ("networks.*.tx_bytes",),
        rate=True,
    ),
    "read": Formula(
        *("By/s", "sum over devices of (bytes read - previous) / (read - previous read)"),
        ("blkio_stats.io_service_bytes_recursive.*.read",),
        rate=True,
    ),
    "write": Formula(
        *("By/s", "sum over devices of (bytes written - previous) / (read - previous read)"),
        ("blkio_stats.io_service_bytes_recursive.*.write",),
        rate=True,
    ),
    "pids": Formula("{pid}", "current: tasks, threads included", ("pids_stats.current",)),
    "pids_limit": Formula("{pid}", f"limit, or PidsLimit. {_LIMIT}", ("pids_stats.limit",)),
    "disk": Formula("By", "SizeRw of the list of containers, asked for now and then"),
}


def explained(
    newest: Newest | None, recorders: ContainerRecorders, found: Told
) -> dict[str, Explanation]:
    """Every value, those too that are not there: their raw fields may tell why."""
    interval = newest.interval if newest else None
    shown = interval if recorders.life.running else None
    resources = recorders.cpu.resources if recorders.life.known else None
    return {
        name: Explanation(
            None if isinstance(value := found[name], str) else value,
            formula.unit,
            formula.words,
            {**_raw(formula, interval), **_told_limits(name, resources)},
            docker_stats(name, shown) if shown else None,
        )
        for name, formula in FORMULAS.items()
    }


def docker_stats(name: str, interval: Interval) -> str | None:
    """What the column of ``docker stats`` says that shows this value: 0 where there is none."""
    match name:
        case "cpu":
            return _cpu_percent(interval)
        case "memory":
            return _memory(interval)
        case "rx" | "tx":
            return _traffic(interval.now)
        case "read" | "write":
            return _block_io(interval.now)
        case "pids":
            stats = interval.now.pids_stats
            return str(stats.current or 0) if stats else None
        case _:
            return None


def _traffic(frame: StatsFrame) -> str:
    counts = [stats for stats in (frame.networks or {}).values() if stats is not None]
    received, sent = (sum(n.rx_bytes or 0 for n in counts), sum(n.tx_bytes or 0 for n in counts))
    return f"{_decimal(received)} / {_decimal(sent)}"


def _block_io(frame: StatsFrame) -> str:
    """It goes by the first letter, and so adds Podman's counts of operations to the bytes."""
    io = frame.blkio_stats
    totals = {"r": 0, "w": 0}
    for entry in (io.io_service_bytes_recursive if io else None) or ():
        letter = (entry.op or " ")[0].lower()
        if letter in totals:
            totals[letter] += entry.value or 0
    return f"{_decimal(totals['r'])} / {_decimal(totals['w'])}"


def _cpu_percent(interval: Interval) -> str | None:
    now, before = interval.now.cpu_stats, interval.before.cpu_stats if interval.before else None
    if now is None or before is None or now.cpu_usage is None or before.cpu_usage is None:
        return None
    used = (now.cpu_usage.total_usage or 0) - (before.cpu_usage.total_usage or 0)
    offered = (now.system_cpu_usage or 0) - (before.system_cpu_usage or 0)
    percent = used / offered * (now.online_cpus or 0) * 100 if used > 0 and offered > 0 else 0.0
    return f"{percent:.2f}%"


def _memory(interval: Interval) -> str | None:
    seen, stats = memory(interval), interval.now.memory_stats
    if seen is None or stats is None:
        return None
    # docker stats falls back to all of the usage where the cache is not below it.
    used, limit = seen.working_set or seen.usage, stats.limit or 0
    percent = used / limit * 100 if limit else 0.0
    return f"{_binary(used)} / {_binary(limit)}, {percent:.2f}%"


def _binary(size: float) -> str:
    """As go-units' ``BytesSize``: four digits, KiB."""
    return _scaled(size, 1024.0, ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"), 4)


def _decimal(size: float) -> str:
    """As go-units' ``HumanSizeWithPrecision(size, 3)``: three digits, kB."""
    return _scaled(size, 1000.0, ("B", "kB", "MB", "GB", "TB", "PB", "EB"), 3)


def _scaled(size: float, base: float, units: tuple[str, ...], digits: int) -> str:
    step = 0
    while size >= base and step < len(units) - 1:
        size, step = size / base, step + 1
    return f"{size:.{digits}g}{units[step]}"


def _told_limits(name: str, resources: Resources | None) -> dict[str, Number]:
    if resources is None:
        return {}
    told: Mapping[str, Mapping[str, Number | None]] = {
        "cpu_limit": {
            "cpus": resources.cpus,
            "cpu_quota": resources.cpu_quota,
            "cpu_period": resources.cpu_period,
        },
        "memory_limit": {"memory": resources.memory},
        "pids_limit": {"pids": resources.pids},
    }
    return {key: exact(each) for key, each in told.get(name, {}).items() if each is not None}


def _raw(formula: Formula, interval: Interval | None) -> dict[str, Number]:
    """The fields of the newest sample and, under ``previous``, of the one before."""
    if interval is None or not formula.fields:
        return {}
    raw = _of_frame(formula, interval.now, "")
    if formula.rate and interval.before is not None:
        raw |= _of_frame(formula, interval.before, "previous ")
    return raw


def _of_frame(formula: Formula, frame: StatsFrame, prefix: str) -> dict[str, Number]:
    raw: dict[str, Number] = {f"{prefix}read": frame.read.timestamp()}
    for path in formula.fields:
        raw |= {f"{prefix}{name}": exact(value) for name, value in _found(frame, path)}
    return raw


def _found(frame: StatsFrame, path: str) -> Iterator[tuple[str, Number]]:
    first, _, last = path.partition(".*.")
    if not last:
        at: object = frame
        for name in path.split("."):
            at = getattr(at, name, None)
        if isinstance(at, int):
            yield path, at
    elif first == "networks":
        for name, stats in (frame.networks or {}).items():
            value = getattr(stats, last, None)
            if value is not None:
                yield f"{first}.{name}.{last}", value
    else:
        io = frame.blkio_stats
        for entry in (io.io_service_bytes_recursive if io else None) or ():
            if (entry.op or "").lower() == last and entry.value is not None:
                yield f"{first}.{entry.major}:{entry.minor}.{last}", entry.value
