"""The formulas once more, from the raw JSON, and by nothing of the program's own.

Exact: times are whole nanoseconds cut from the text of ``read``, quotients are fractions. Run

    python tests/readings/reference.py tests/readings/golden/CASE

to print what a case's ``expected.json`` must hold, and look it over beside the frames.
"""

import json
import sys
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

Json = dict[str, Any]

NEVER = "0001-01-01T00:00:00Z"
NO_LIMIT = 2**62


def nanoseconds(read: str) -> int:
    """Unix time in nanoseconds, of the engines' RFC 3339 with up to nine decimals and ``Z``."""
    seconds, _, decimals = read.removesuffix("Z").partition(".")
    whole = datetime.strptime(seconds, "%Y-%m-%dT%H:%M:%S").replace(tzinfo=UTC)
    return int(whole.timestamp()) * 10**9 + int(decimals.ljust(9, "0"))


def expected(lines: list[str], *, podman: bool) -> list[Json | None]:
    """What each line of a stream must give; ``None`` for a line that records nothing."""
    answers: list[Json | None] = []
    before: Json | None = None
    for line in lines:
        now = json.loads(line)
        if now["read"] == NEVER:
            before = None
            answers.append(None)
            continue
        answers.append(
            {
                "cpu": _cpu(before, now, podman=podman),
                "memory": _memory(now),
                "network": _network(now, podman=podman),
                "disk": _disk(now),
                "pids": _pids(now),
            }
        )
        before = now
    return answers


def _cpu(before: Json | None, now: Json, *, podman: bool) -> Json | None:
    stats = now["cpu_stats"]
    total = stats["cpu_usage"]["total_usage"]
    if total == 0:  # no cpu controller
        return None
    cores = None
    if before is not None:
        used = total - before["cpu_stats"]["cpu_usage"]["total_usage"]
        elapsed = nanoseconds(now["read"]) - nanoseconds(before["read"])
        if used >= 0:  # else it started again
            cores = float(Fraction(used, elapsed))
    held = stats["throttling_data"]
    return {
        "total": total,
        "user": stats["cpu_usage"]["usage_in_usermode"],
        "kernel": stats["cpu_usage"]["usage_in_kernelmode"],
        "system": None if podman else stats["system_cpu_usage"],
        "online": stats["online_cpus"],
        "cores": cores,
        "throttling": None
        if podman
        else [held["periods"], held["throttled_periods"], held["throttled_time"]],
    }


def _memory(now: Json) -> Json | None:
    stats = now["memory_stats"]
    if "usage" not in stats:
        return None
    usage, detail, limit = stats["usage"], stats.get("stats", {}), stats["limit"]
    version1 = "total_inactive_file" in detail
    inactive = detail.get("total_inactive_file" if version1 else "inactive_file", 0)
    return {
        "usage": usage,
        "working_set": usage - inactive if inactive < usage else 0,
        "limit": limit if limit < NO_LIMIT else None,
        "max_usage": stats.get("max_usage"),
        "cache": detail.get("total_cache" if version1 else "file"),
        "rss": detail.get("total_rss" if version1 else "anon"),
        **_memory_events(stats, detail, version1=version1),
    }


def _memory_events(stats: Json, detail: Json, *, version1: bool) -> Json:
    """Page faults, and failures by what they mean; a failcnt of 0 is not sent."""
    every, major = ("total_pgfault", "total_pgmajfault") if version1 else ("pgfault", "pgmajfault")
    fails = stats.get("failcnt", 0)
    return {
        "minor_faults": detail[every] - detail[major] if detail else None,
        "major_faults": detail.get(major),
        "at_limit": fails if detail and version1 else None,
        "out_of_memory": fails if detail and not version1 else None,
    }


def _network(now: Json, *, podman: bool) -> Json | None:
    """By interface: bytes, packets, errors, drops received; then the same sent."""
    numbers: Json = {}
    for name, n in now.get("networks", {}).items():
        if podman and name == "network":  # Podman 4: bytes alone, and from the host's side
            if n["rx_bytes"] or n["tx_bytes"]:
                numbers[name] = [n["tx_bytes"], None, None, None, n["rx_bytes"], None, None, None]
            continue
        numbers[name] = [
            n[f"{way}_{what}"]
            for way in ("rx", "tx")
            for what in ("bytes", "packets", "errors", "dropped")
        ]
    return numbers or None


def _disk(now: Json) -> Json | None:
    """By device: bytes read, bytes written, reads, writes."""
    blkio = now["blkio_stats"]
    if not blkio["io_service_bytes_recursive"]:
        return None

    def number(kind: str, major: int, minor: int, op: str) -> int | None:
        for entry in blkio[kind] or []:
            if (entry["major"], entry["minor"]) == (major, minor) and entry["op"].lower() == op:
                return int(entry["value"])
        return None

    return {
        f"{major}:{minor}": [
            number(kind, major, minor, op)
            for kind in ("io_service_bytes_recursive", "io_serviced_recursive")
            for op in ("read", "write")
        ]
        for major, minor in {
            (entry["major"], entry["minor"]) for entry in blkio["io_service_bytes_recursive"]
        }
    }


def _pids(now: Json) -> Json | None:
    stats = now["pids_stats"]
    if "current" not in stats:
        return None
    limit = stats.get("limit")
    return {
        "current": stats["current"],
        "limit": limit if limit is not None and limit < NO_LIMIT else None,
    }


def main(case: Path) -> None:
    """Print the expected answers of one case."""
    lines = (case / "frames.ndjson").read_text(encoding="utf-8").splitlines()
    answers = expected(lines, podman=case.name.startswith("podman"))
    print("[\n" + ",\n".join(json.dumps(answer) for answer in answers) + "\n]")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
