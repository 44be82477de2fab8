"""Block IO: cumulative bytes and operations per device.

Only the operations ``read`` and ``write`` count, compared without regard to case (v1 writes
``Read``, v2 ``read``). Comparing first letters, as ``docker stats`` does, would add Podman's
operation counts ``rios`` and ``wios`` to the bytes.
"""

from collections.abc import Iterable

from msgspec import Struct

from tidegauge.docker.frames import BlkioEntry, Container, StatsFrame
from tidegauge.docker.intervals import Interval, Life


class DeviceIo(Struct, frozen=True, gc=False):
    """One device ``major:minor``; operations are ``None`` where only bytes are counted."""

    device: str
    read_bytes: int | None
    write_bytes: int | None
    reads: int | None = None
    writes: int | None = None


class DiskReading(Struct, frozen=True, gc=False):
    """All block devices a container has used; none yet is an empty tuple."""

    container: Container
    life: Life
    devices: tuple[DeviceIo, ...]


def disk(interval: Interval) -> DiskReading | None:
    """Block IO at the end of an interval; ``None`` where the kernel does not count it."""
    stats = interval.now.blkio_stats
    entries = stats.io_service_bytes_recursive if stats else None
    if stats is None or entries is None or (not entries and not _counts_from_zero(interval.now)):
        return None
    sizes, operations = _by_device(entries), _by_device(stats.io_serviced_recursive or ())
    return DiskReading(
        interval.container,
        interval.life,
        tuple(
            DeviceIo(device, io.get("read"), io.get("write"), done.get("read"), done.get("write"))
            for device, io in sizes.items()
            for done in [operations.get(device, {})]
        ),
    )


def _counts_from_zero(frame: StatsFrame) -> bool:
    """On cgroup v2 an empty list means no IO yet; from v1's API, that nothing is counted."""
    if frame.source == "cgroup":
        return True
    detail = frame.memory_stats.stats if frame.memory_stats else None
    return detail is not None and detail.anon is not None


def _by_device(entries: Iterable[BlkioEntry]) -> dict[str, dict[str, int]]:
    devices: dict[str, dict[str, int]] = {}
    for entry in entries:
        operation = (entry.op or "").lower()
        if entry.value is None or entry.major is None or entry.minor is None:
            continue
        if operation in {"read", "write"}:
            devices.setdefault(f"{entry.major}:{entry.minor}", {})[operation] = entry.value
    return devices
