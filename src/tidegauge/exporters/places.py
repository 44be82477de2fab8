"""Names by groups: which measurement, tags and field a series has. They follow the catalogue's."""

from collections.abc import Iterator, Mapping
from functools import lru_cache

from msgspec import Struct

from tidegauge.docker.frames import Container, Engine
from tidegauge.host import Host
from tidegauge.metrics import Attributes, Entity, Kind, Number, Series, summary

FAMILIES = frozenset({"cpu", "memory", "network", "disk", "filesystem", "pids"})
"""Second parts of names that have a measurement of their own."""

IN_FIELDS = frozenset(
    {
        *("cpu.mode", "network.io.direction", "disk.io.direction", "exit.code"),
        *("container.state", "container.health", "memory.fail.reason"),
        *("system.memory.state", "system.paging.state", "system.paging.fault.type"),
        "tidegauge.sampling",
    }
)
"""Attributes with few values: these end the field's name, as in ``io_receive``. Others are tags."""

SHORT: Mapping[str, str] = {
    "network.interface.name": "interface",
    "system.device": "device",
    "system.filesystem.mountpoint": "mountpoint",
    "volume.name": "volume",
    "event.code": "code",
}
"""Tags that are not called as their attribute, with ``_`` for ``.``."""

STATISTICS = ("min", "mean", "max", "p50", "p95", "p99")
"""Names of the numbers that a distribution of a tick's samples is told by."""

OWN = frozenset({"container", "engine", "host", "image", *SHORT.values()})
"""Tags that no label may take."""


class Place(Struct, frozen=True):
    """Where a series is found: a measurement, tags besides the entity's, a field."""

    measurement: str
    tags: Attributes
    field: str


@lru_cache(maxsize=10_000)
def place(name: str, attributes: Attributes) -> Place:
    """The place of a metric with these attributes; different for each."""
    first, *rest = name.split(".")
    measurement = first
    if len(rest) > 1 and rest[0] in FAMILIES:
        measurement = f"{first}_{rest.pop(0)}"
    if len(rest) > 1 and rest[-1] in STATISTICS:  # not to be taken for that of a distribution
        rest.insert(0, rest.pop())
    rest += [value for key, value in attributes if key in IN_FIELDS]
    field = "_".join(rest)
    tags = tuple((_tag(key), value) for key, value in attributes if key not in IN_FIELDS)
    return Place(measurement, tags, "time_total" if field == "time" else field)


def distribution(series: Series) -> Iterator[tuple[str, Number]]:
    """The `STATISTICS` of a level that was sampled more than once, in what the engine counts in."""
    if series.metric.kind is Kind.GAUGE and len(series.samples) > 1:
        found = summary(series.samples)
        if found is not None:
            yield from zip(
                STATISTICS,
                (found.minimum, found.mean, found.maximum, found.p50, found.p95, found.p99),
                strict=True,
            )


def decimal(value: Number, scale: float) -> str:
    """In base units, to the billionth: engines count in nanoseconds."""
    return repr(round(value * scale, 9))


class Tags(Struct, frozen=True):
    """Tags of entities; ``reserved`` are names that the backend keeps for itself."""

    hostname: str
    reserved: frozenset[str]

    def of(self, entity: Entity, more: Attributes) -> Mapping[str, str]:
        """The entity's own, the series' ``more``, and a container's labels; none is empty."""
        named = dict(self._own(entity)) | dict(more)
        if isinstance(entity, Container):
            for key, value in entity.tags:
                named[self._free(key, named)] = value
        return {key: value for key, value in named.items() if value}

    def _own(self, entity: Entity) -> Iterator[tuple[str, str]]:
        match entity:
            case Container():
                yield "container", entity.alias
                yield "engine", entity.engine.name
                yield "host", self.hostname
                yield "image", entity.image
            case Engine():
                yield "engine", entity.name
                yield "host", self.hostname
            case Host():
                yield "host", entity.name

    def _free(self, key: str, taken: Mapping[str, str]) -> str:
        """The label's name, or one made from it where it is not to be had."""
        key = key or "label"
        while key in taken or key in OWN or key in self.reserved:
            key = f"label_{key}"
        return key


def _tag(attribute: str) -> str:
    return SHORT.get(attribute, attribute.replace(".", "_"))
