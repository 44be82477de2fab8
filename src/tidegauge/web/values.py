"""The newest second of a container: each value, or a sentence that says why it is not there."""

from collections.abc import Mapping

from tidegauge.docker.frames import Throttling
from tidegauge.docker.intervals import Interval
from tidegauge.docker.resources import Resources
from tidegauge.metrics import ContainerRecorders, Number
from tidegauge.metrics.entities import USE_HOLDS
from tidegauge.readings import CpuReading, MemoryReading, cpu, memory, pids
from tidegauge.web.recent import Newest, block_io, traffic

Told = Mapping[str, Number | str]
"""By the name of a value: what it is, or why it is not there."""

CATEGORIES: Mapping[str, tuple[str, ...]] = {
    "docker-cpu": ("cpu", "cpu_throttled"),
    "docker-memory": ("memory", "memory_usage", "memory_cache", "memory_rss"),
    "docker-network": ("rx", "tx"),
    "docker-blkio": ("read", "write"),
    "docker-pids": ("pids", "pids_limit"),
}
"""What samples tell, by the categories of ``[filters.categories]``."""

GREATEST_EXACT = 2**53
"""Integers beyond it are no integers to JavaScript."""

FIRST = "A rate takes two samples, and this is the first since it started."
NO_CPU = "The engine's host does not account for CPU time (cgroup controller cpu)."
NO_MEMORY = (
    "The engine's host does not account for memory (cgroup controller memory); the kernel's"
    " cgroup_enable=memory switches it on."
)
NO_PIDS = "The engine's host does not count tasks (cgroup controller pids)."
NO_NETWORK = "It has no network of its own: its network mode is host or none."
SHARED_NETWORK = "It has another container's network, and its traffic is counted there."
NO_BLOCK_IO = "The engine tells of no block IO: there was none, or its host does not count it."
NO_QUOTA = "It has no CPU quota, so it is never held back."
NOT_TOLD = "The engine does not tell."
NOT_ASKED = "What it may use is not known yet: the engine did not answer that so far."
NO_CPU_LIMIT = "It has no CPU limit."
NO_MEMORY_LIMIT = "It has no memory limit."
NO_PIDS_LIMIT = "It may have as many tasks as the host has room for."
NO_SIZE = "What it wrote is asked for now and then ([survey]), and is not known now."


def exact(number: Number) -> Number:
    """As it can be sent to readers that know floats only."""
    return number if abs(number) < GREATEST_EXACT else float(number)


def told(recorders: ContainerRecorders, newest: Newest | None, now: float) -> Told:
    """All values of a container at ``now``, by the monotonic clock."""
    found: dict[str, Number | str] = {}
    idle = why_idle(recorders, newest, now)
    resources = recorders.cpu.resources if recorders.life.known else None
    for category, names in CATEGORIES.items():
        if idle or newest is None:
            found |= dict.fromkeys(names, idle)
        elif category in newest.left_out:
            sentence = f"It is left out by filters.categories.{category}."
            found |= dict.fromkeys(names, sentence)
        else:
            found |= _of_category(category, newest.interval, resources)
    found |= _limits(resources)
    size = recorders.size.last if now < recorders.sized_until else None
    found["disk"] = NO_SIZE if size is None else size
    return {name: each if isinstance(each, str) else exact(each) for name, each in found.items()}


def why_idle(recorders: ContainerRecorders, newest: Newest | None, now: float) -> str:
    """Why its use of resources is not known; empty when it is."""
    state = recorders.life.state
    if recorders.gone:
        return "The engine has it no more."
    if state == "":
        return f"Engine {recorders.container.engine.name} does not answer."
    if not recorders.life.running:
        return f"It does not run: it is {state}."
    if newest is None or _is_of_an_earlier_run(recorders, newest):
        return "No sample of it has come yet."
    return "" if recorders.in_use(now) else f"No sample of it has come for {USE_HOLDS:.0f} s."


def _is_of_an_earlier_run(recorders: ContainerRecorders, newest: Newest) -> bool:
    started = recorders.container.started_at
    return started is not None and newest.read < started


def _of_category(category: str, interval: Interval, resources: Resources | None) -> Told:
    match category:
        case "docker-cpu":
            return _cpu(interval, cpu(interval))
        case "docker-memory":
            return _memory(memory(interval))
        case "docker-network":
            return _traffic(interval)
        case "docker-blkio":
            return _block_io(interval)
        case _:
            return _pids(interval, resources)


def _cpu(interval: Interval, reading: CpuReading | None) -> Told:
    if reading is None:
        return {"cpu": NO_CPU, "cpu_throttled": NO_CPU}
    cores = FIRST if reading.cores is None else reading.cores
    return {"cpu": cores, "cpu_throttled": _throttled(interval, reading.throttling)}


def _throttled(interval: Interval, now: Throttling | None) -> Number | str:
    """Of the quota's periods of this second; none passed while it slept."""
    if interval.container.engine.kind == "podman" and interval.now.source == "api":
        return NOT_TOLD
    if now is None or not now.periods:
        return NO_QUOTA
    stats = interval.before.cpu_stats if interval.before else None
    before = stats.throttling_data if stats else None
    if before is None or before.periods is None:
        return FIRST
    periods = now.periods - before.periods
    held = (now.throttled_periods or 0) - (before.throttled_periods or 0)
    return min(1.0, max(0, held) / periods) if periods > 0 else 0.0


def _memory(reading: MemoryReading | None) -> Told:
    if reading is None:
        return dict.fromkeys(CATEGORIES["docker-memory"], NO_MEMORY)
    return {
        "memory": reading.working_set,
        "memory_usage": reading.usage,
        "memory_cache": NOT_TOLD if reading.cache is None else reading.cache,
        "memory_rss": NOT_TOLD if reading.rss is None else reading.rss,
    }


def _traffic(interval: Interval) -> Told:
    rates = dict(zip(("rx", "tx"), traffic(interval), strict=True))
    why = FIRST
    if interval.container.network_of:
        why = SHARED_NETWORK
    elif not interval.now.networks:
        why = NO_NETWORK
    elif interval.before is not None:
        why = NOT_TOLD
    return {name: why if rate is None else rate for name, rate in rates.items()}


def _block_io(interval: Interval) -> Told:
    rates = dict(zip(("read", "write"), block_io(interval), strict=True))
    why = FIRST if interval.before is None else NO_BLOCK_IO
    return {name: why if rate is None else rate for name, rate in rates.items()}


def _pids(interval: Interval, resources: Resources | None) -> Told:
    reading = pids(interval)
    if reading is None:
        return {"pids": NO_PIDS, "pids_limit": NO_PIDS}
    limit = reading.limit or (resources.pids if resources else None)
    return {"pids": reading.current, "pids_limit": NO_PIDS_LIMIT if limit is None else limit}


def _limits(resources: Resources | None) -> Told:
    if resources is None:
        return {"cpu_limit": NOT_ASKED, "memory_limit": NOT_ASKED}
    return {
        "cpu_limit": NO_CPU_LIMIT if resources.cpus is None else resources.cpus,
        "memory_limit": NO_MEMORY_LIMIT if resources.memory is None else resources.memory,
    }
