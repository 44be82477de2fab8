"""The floor: msgspec's decoding of an event into typed structs of the fields that are needed.

Ingest is compared with it, not with Tidegauge's own structs: those may change, and the floor would
move with them.
"""

import msgspec
from pairs import Stopwatch


class Part(msgspec.Struct, gc=False):
    """What the garbage collector need not look at."""


class CpuUsage(Part):
    total_usage: int = 0
    usage_in_kernelmode: int = 0
    usage_in_usermode: int = 0


class Throttling(Part):
    periods: int = 0
    throttled_periods: int = 0
    throttled_time: int = 0


class Cpu(Part):
    cpu_usage: CpuUsage
    throttling_data: Throttling | None = None
    system_cpu_usage: int = 0
    online_cpus: int = 0


class MemoryDetails(Part):
    inactive_file: int = 0
    total_inactive_file: int = 0
    rss: int = 0
    anon: int = 0
    cache: int = 0
    file: int = 0
    mapped_file: int = 0
    file_mapped: int = 0
    pgfault: int = 0
    pgmajfault: int = 0


class Memory(Part):
    usage: int = 0
    max_usage: int = 0
    limit: int = 0
    stats: MemoryDetails | None = None


class Network(Part):
    rx_bytes: int = 0
    rx_packets: int = 0
    rx_errors: int = 0
    rx_dropped: int = 0
    tx_bytes: int = 0
    tx_packets: int = 0
    tx_errors: int = 0
    tx_dropped: int = 0


class Transfer(Part):
    op: str = ""
    value: int = 0


class Disk(Part):
    io_service_bytes_recursive: list[Transfer] | None = None
    io_serviced_recursive: list[Transfer] | None = None


class Pids(Part):
    current: int = 0


class Event(Part):
    read: str
    cpu_stats: Cpu
    memory_stats: Memory
    blkio_stats: Disk
    pids_stats: Pids
    networks: dict[str, Network] | None = None


def decoding(line: bytes, times: int = 20_000) -> float:
    """Microseconds of CPU to decode the line, the same again and again: hot caches, no input."""
    decode = msgspec.json.Decoder(Event).decode
    watch = Stopwatch()
    for _ in range(times):
        decode(line)
    return watch.per(times)
