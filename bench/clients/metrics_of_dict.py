"""The 31 numbers that every client which decodes JSON to dictionaries must make of each event.

They are those that Tidegauge records of a container: so nobody looks cheap by doing less. The form
is the plainest that is not slow: local names, one pass over interfaces and devices, no classes.
"""

NETWORK = (
    *("rx_bytes", "rx_packets", "rx_errors", "rx_dropped"),
    *("tx_bytes", "tx_packets", "tx_errors", "tx_dropped"),
)
COUNTERS = 21


class Metrics:
    """Of one container: the newest numbers, and the counters they were made of."""

    __slots__ = ("_at", "_before", "newest")

    def __init__(self) -> None:
        self._before: list[int] | None = None
        self._at = 0.0
        self.newest: tuple[float, ...] = ()

    def take(self, event: dict) -> None:
        """Make the numbers of one decoded event."""
        at, counters = seconds(event["read"]), counters_of(event)
        before, since = self._before, at - self._at
        self._before, self._at = counters, at
        if before is None or since <= 0:
            return
        grown = [new - old for new, old in zip(counters, before, strict=True)]
        cpu, memory = event["cpu_stats"], event["memory_stats"]
        system = grown[3]
        percent = cpu.get("online_cpus", 1) * 100.0 / system if system > 0 else 0.0
        per_second = [each / since for each in grown]
        self.newest = (
            *(grown[0] * percent, grown[1] * percent, grown[2] * percent, per_second[0] * 1e-9),
            *(per_second[4], per_second[5], per_second[6] * 1e-9),
            grown[5] / grown[4] if grown[4] else 0.0,
            *levels_of_memory(memory),
            *per_second[7:],
            event["pids_stats"].get("current", 0),
            since,
        )


def seconds(read: str) -> float:
    """Seconds of the day of an engine's timestamp: 2026-01-02T03:04:05.123456789Z."""
    return int(read[11:13]) * 3600 + int(read[14:16]) * 60 + float(read[17:-1])


def counters_of(event: dict) -> list[int]:
    """All that only grows."""
    cpu, faults = event["cpu_stats"], event["memory_stats"]["stats"]
    used, throttled = cpu["cpu_usage"], cpu["throttling_data"]
    return [
        *(used["total_usage"], used["usage_in_usermode"], used["usage_in_kernelmode"]),
        cpu.get("system_cpu_usage", 0),
        *(throttled["periods"], throttled["throttled_periods"], throttled["throttled_time"]),
        *network_of(event.get("networks")),
        *disk_of(event["blkio_stats"]["io_service_bytes_recursive"]),
        *disk_of(event["blkio_stats"]["io_serviced_recursive"]),
        *(faults.get("pgfault", 0), faults.get("pgmajfault", 0)),
    ]


def network_of(interfaces: dict | None) -> list[int]:
    """The eight counters, added up over all interfaces."""
    totals = [0] * 8
    for interface in (interfaces or {}).values():
        for place, name in enumerate(NETWORK):
            totals[place] += interface[name]
    return totals


def disk_of(entries: list[dict] | None) -> tuple[int, int]:
    """What was read and written, added up over all devices."""
    read = written = 0
    for entry in entries or ():
        operation = entry["op"]
        if operation in {"Read", "read"}:
            read += entry["value"]
        elif operation in {"Write", "write"}:
            written += entry["value"]
    return read, written


def levels_of_memory(memory: dict) -> tuple[float, ...]:
    """Seven levels, of cgroup v1 or v2."""
    usage, limit, of = memory["usage"], memory.get("limit", 0), memory["stats"].get
    inactive = of("total_inactive_file") or of("inactive_file", 0)
    used = usage - inactive if inactive < usage else usage
    return (
        *(used, usage, limit, used * 100.0 / limit if limit else 0.0),
        of("rss") or of("anon", 0),
        of("cache") or of("file", 0),
        of("mapped_file") or of("file_mapped", 0),
    )
