"""Events of recorded engines as templates: what changes from event to event becomes a slot.

A slot is ``@KIND@`` or ``@KIND:WIDTH:BASE:SPEED@`` and always as wide, so that the engine writes
an event in place. Kinds of numbers: ``now`` (a counter of the container, ``SPEED`` a second),
``before`` (its value in the sample sent before, 0 in the first), ``hostnow`` and ``hostbefore`` (a
counter of the machine, which moves for idle containers too), ``level`` (from ``BASE``, less than
``SPEED`` above it). ``read`` and ``preread`` are times with their quotation marks.

The file has a line for ``cgroup``, ``cpus`` and ``memory``, and for the events of a container that
is ``running``, ``stopping`` (the first empty one) and ``stopped``.
"""

import json
import re
from pathlib import Path
from typing import Any, Literal

RECORDINGS = Path(__file__).resolve().parents[2] / "tests/recordings"

Shape = Literal["v1", "v2"]

MEMORY = 8 << 30
LONGEST_SECONDS = 86_400
FASTEST = 11 / 8
"""No container's counters move faster than so many times the speed of the template."""

_RUNNING: dict[Shape, str] = {
    "v1": "docker-20.10.24-cgroup1/stats-stream-io-counted",
    "v2": "docker-26.1.5-cgroup2/stats-stream-two",
}
_ENDING: dict[Shape, str] = {
    "v1": "docker-20.10.24-cgroup1/lifecycle-stream",
    "v2": "docker-26.1.5-cgroup2/lifecycle-stream",
}
_NEVER = "0001-01-01T00:00:00Z"

_BARE = re.compile(r'"(@(?:read|preread|\w+:\d+:\d+:\d+)@)"')

_FAULTS = re.compile(r"(?:total_)?(?:pg|thp_\w+_alloc|workingset_)")
_CONSTANT = re.compile(r"hierarchical_|anon_thp|unevictable|writeback|_writeback")

Document = dict[str, Any]


def template(shape: Shape, cpus: int = 8) -> str:
    """The whole file: cgroup v1 with one disk and one interface, or v2 with two of each."""
    running, stopped = _recorded(shape)
    precpu = _cpu(running["cpu_stats"], "before", cpus)
    named: Document = {"name": "/@name@", "id": "@id@"}
    stopped |= named
    running |= {
        "read": "@read@",
        "preread": "@preread@",
        "pids_stats": running["pids_stats"] | {"current": _level(10, 80)},
        "blkio_stats": running["blkio_stats"] | _blkio(shape),
        "cpu_stats": _cpu(running["cpu_stats"], "now", cpus),
        "precpu_stats": precpu,
        "memory_stats": _memory(running["memory_stats"]),
        "networks": {name: _interface(each) for name, each in running["networks"].items()},
        **named,
    }
    stopping = stopped | {"preread": "@preread@", "precpu_stats": precpu}
    lines = {
        "cgroup": shape[1:],
        "cpus": str(cpus),
        "memory": str(MEMORY),
        "running": _written(running),
        "stopping": _written(stopping),
        "stopped": _written(stopped),
    }
    return "".join(f"{word} {value}\n" for word, value in lines.items())


def _recorded(shape: Shape) -> tuple[Document, Document]:
    """One event of a container that runs, and one of a container that does not."""
    running, ending = _lines(_RUNNING[shape]), _lines(_ENDING[shape])
    stopped = next(each for each in ending if each["read"] == each["preread"] == _NEVER)
    return running[2], stopped


def _lines(recording: str) -> list[Document]:
    text = (RECORDINGS / f"{recording}.ndjson").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def _written(event: Document) -> str:
    return _BARE.sub(r"\1", json.dumps(event, separators=(",", ":")))


def _counter(base: int, speed: int, kind: str = "now") -> str:
    most = base + int(speed * FASTEST * LONGEST_SECONDS)
    return f"@{kind}:{len(str(most))}:{base}:{speed}@"


def _level(base: int, span: int) -> str:
    return f"@level:{len(str(base + span - 1))}:{base}:{span}@"


def _cpu(recorded: Document, kind: Literal["now", "before"], cpus: int) -> Document:
    """A quarter of a core at usual speed, in parts that add up."""

    def counter(base: int, speed: int) -> str:
        return _counter(base, speed, kind)

    usage = dict(recorded["cpu_usage"])
    usage["total_usage"] = counter(100_000_000_000_000, 250_000_000)
    if "percpu_usage" in usage:
        each = counter(100_000_000_000_000 // cpus, 250_000_000 // cpus)
        usage["percpu_usage"] = [each] * cpus
    usage["usage_in_kernelmode"] = counter(20_000_000_000_000, 50_000_000)
    usage["usage_in_usermode"] = counter(60_000_000_000_000, 200_000_000)
    return recorded | {
        "cpu_usage": usage,
        "system_cpu_usage": _counter(100_000_000_000_000_000, cpus * 10**9, f"host{kind}"),
        "online_cpus": cpus,
        "throttling_data": {
            "periods": counter(1_000_000, 10),
            "throttled_periods": counter(100_000, 2),
            "throttled_time": counter(1_000_000_000_000, 3_000_000),
        },
    }


def _memory(recorded: Document) -> Document:
    highest = {"max_usage": 2_684_354_560} if "max_usage" in recorded else {}
    stats = {name: _memory_stat(name, value) for name, value in recorded["stats"].items()}
    usage = _level(2_000_000_000, 500_000_000)
    return recorded | {"usage": usage, "stats": stats, "limit": MEMORY} | highest


def _memory_stat(name: str, recorded: int) -> str | int:
    if _CONSTANT.search(name):
        return recorded
    return _counter(100_000_000, 40) if _FAULTS.match(name) else _level(100_000_000, 400_000_000)


def _interface(recorded: Document) -> Document:
    moving = {"bytes": _counter(10_000_000_000, 15_000), "packets": _counter(10_000_000, 20)}
    return {name: moving.get(name.partition("_")[2], value) for name, value in recorded.items()}


def _blkio(shape: Shape) -> Document:
    if shape == "v1":
        sizes = _operations(8, 0, 10_000_000_000, 40_960)
        return {"io_service_bytes_recursive": sizes, "io_serviced_recursive": _operations(8, 0)}
    # Two disks; the kernel's own words are in lower case.
    entries = [
        {"major": major, "minor": 0, "op": op, "value": _counter(10_000_000_000, 40_960)}
        for major in (259, 253)
        for op in ("read", "write")
    ]
    return {"io_service_bytes_recursive": entries}


def _operations(major: int, minor: int, base: int = 10_000_000, speed: int = 10) -> list[Document]:
    """The six of cgroup v1: as much is written as read, all of it synchronously."""
    one, both = _counter(base, speed), _counter(2 * base, 2 * speed)
    values = {"Read": one, "Write": one, "Sync": both, "Async": 0, "Discard": 0, "Total": both}
    return [
        {"major": major, "minor": minor, "op": op, "value": value} for op, value in values.items()
    ]
