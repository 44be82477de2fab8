"""Where the numbers of a container's series stand in rows of samples that go on."""

from collections.abc import Iterator, Mapping

from tidegauge.metrics import catalogue
from tidegauge.metrics.kernel import COLUMNS as KERNEL_COLUMNS
from tidegauge.metrics.parts import DISK_COLUMNS, NETWORK_COLUMNS, PartColumns
from tidegauge.metrics.recorders import CPU_COLUMNS, FAULT_COLUMNS
from tidegauge.metrics.snapshot import Attributes
from tidegauge.readings.layout import (
    CACHE,
    CPU,
    MEMORY,
    MISSED,
    PIDS,
    RSS,
    USAGE,
    WORKING_SET,
    Layout,
)

Place = tuple[tuple[str, Attributes], int]

_SERIES: Mapping[str, tuple[Place, ...]] = {
    "docker-cpu": tuple(
        ((metric.name, attributes), n)
        for n, (metric, attributes) in enumerate(CPU_COLUMNS, CPU.start)
    ),
    "docker-memory": (
        *(
            ((metric.name, attributes), n)
            for n, (metric, attributes) in enumerate(FAULT_COLUMNS, MEMORY.start)
        ),
        ((catalogue.MEMORY_USAGE.name, ()), USAGE),
        ((catalogue.MEMORY_WORKING_SET.name, ()), WORKING_SET),
        ((catalogue.MEMORY_CACHE.name, ()), CACHE),
        ((catalogue.MEMORY_RSS.name, ()), RSS),
    ),
    "docker-pids": (((catalogue.PIDS.name, ()), PIDS),),
}


def places(layout: Layout) -> dict[tuple[str, Attributes], int] | None:
    """By a series' name and attributes; ``None`` where sums would have to be made of parts.

    A total stands there as the engine counts it, to which what was before has to be added.
    """
    if len(layout.interfaces) > 1 or len(layout.devices) > 1:
        return None
    return dict(_places(layout))


def _places(layout: Layout) -> Iterator[Place]:
    yield (catalogue.MISSED.name, ()), MISSED
    for category, series in _SERIES.items():
        if layout.records(category):
            yield from series
    for category, columns, of, parts in (
        ("docker-network", NETWORK_COLUMNS, "network.interface.name", layout.interfaces_at),
        ("docker-blkio", DISK_COLUMNS, "system.device", layout.devices_at),
    ):
        for name, place in parts if layout.records(category) else ():
            yield from _part(columns, (of, name), place)
    told = [
        metric for (metric, _), known in zip(KERNEL_COLUMNS, layout.told, strict=False) if known
    ]
    for n, metric in enumerate(told, layout.kernel_at):
        yield (metric.name, ()), n


def _part(columns: PartColumns, part: tuple[str, str], place: slice) -> Iterator[Place]:
    """Of the only part there is: the sums grow as it does."""
    for n, (metric, total, direction) in zip(range(place.start, place.stop), columns, strict=False):
        yield (metric.name, (direction, part)), n
        yield (total.name, (direction,)), n
