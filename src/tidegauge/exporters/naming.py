"""The original program's names, which its users' dashboards query, and names in the same style.

A key is ``<application>.<host>.<category>.<entity>.<metric>``; the entity is a container's alias.
Source: Kamon 0.5.1 (key generator of its StatsD module) and its Docker program.
"""

import re
import zlib
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from itertools import count
from math import floor

from msgspec import Struct

from tidegauge.docker.frames import Container
from tidegauge.journal import Journal
from tidegauge.metrics import (
    Attributes,
    Entity,
    Identity,
    Metric,
    Number,
    catalogue,
    identity,
    surroundings,
)
from tidegauge.metrics.catalogue import (
    AT_LIMIT,
    EXIT_CODE,
    EXIT_CODES,
    MAJOR,
    MINOR,
    OUT_OF_MEMORY,
    READ,
    RECEIVE,
    SYSTEM,
    TRANSMIT,
    USER,
    WRITE,
)

NAMES_KEPT = 10_000
"""Containers whose names are remembered, beside those of the present snapshot."""

CLASH = "name clash"


class Original(Struct, frozen=True):
    """A series' category and metric in the original; ``level`` makes its integer of a sample.

    There is none where samples are whole.
    """

    category: str
    metric: str
    level: Callable[[Number], int] | None = None


def percent(share: Number) -> int:
    """Cores as percent of one core, and shares as percent, rounded half up."""
    return floor(share * 100 + 0.5)


def milliseconds(seconds: Number) -> int:
    """Rounded half up."""
    return floor(seconds * 1000 + 0.5)


LEVELS: Mapping[Metric, Callable[[Number], int]] = {
    catalogue.CPU_USAGE: percent,
    catalogue.CPU_LIMIT: percent,
    catalogue.CPU_UTILIZATION: percent,
    surroundings.HOST_CPU_UTILIZATION: percent,
    surroundings.ENGINE_STATS_CYCLE: milliseconds,
    catalogue.UPTIME: int,
}
"""Of metrics that are no integers."""


def _rows(
    category: str, *rows: tuple[Metric, Attributes, str]
) -> Iterable[tuple[tuple[str, Attributes], Original]]:
    for metric, attributes, name in rows:
        yield (metric.name, attributes), Original(category, name, LEVELS.get(metric))


ORIGINALS: Mapping[tuple[str, Attributes], Original] = dict(
    [
        *_rows(
            "docker-cpu",
            (catalogue.CPU_USAGE, (), "percent-cpu-usage"),
            (catalogue.CPU_TIME, (), "total-usage"),
            (catalogue.CPU_CAPACITY, (), "system-cpu-usage"),
            (catalogue.CPU_TIME, (SYSTEM,), "usage-in-kernel-mode"),
            (catalogue.CPU_TIME, (USER,), "usage-in-user-mode"),
            (catalogue.CPU_THROTTLED_PERIODS, (), "throttled-periods"),
            (catalogue.CPU_THROTTLED_TIME, (), "throttled-time"),
            (catalogue.CPU_LIMIT, (), "percent-cpu-limit"),
            (catalogue.CPU_UTILIZATION, (), "percent-of-limit"),
        ),
        *_rows(
            "docker-memory",
            (catalogue.MEMORY_USAGE, (), "usage"),
            (catalogue.MEMORY_EFFECTIVE_LIMIT, (), "limit"),
            (catalogue.MEMORY_MAX_USAGE, (), "max-usage"),
            (catalogue.MEMORY_WORKING_SET, (), "working-set"),
            (catalogue.MEMORY_RSS, (), "rss"),
            (catalogue.MEMORY_CACHE, (), "cache"),
            (catalogue.MEMORY_PEAK, (), "peak-usage"),
            (catalogue.MEMORY_LIMIT, (), "own-limit"),
            (catalogue.MEMORY_AVAILABLE, (), "available"),
            (catalogue.MEMORY_RESERVATION, (), "reservation"),
            (catalogue.MEMORY_SWAP_LIMIT, (), "swap-limit"),
            (catalogue.MEMORY_FAILS, (AT_LIMIT,), "limit-hits"),
            (catalogue.MEMORY_FAILS, (OUT_OF_MEMORY,), "out-of-memory"),
            (catalogue.MEMORY_FAULTS, (MINOR,), "minor-faults"),
            (catalogue.MEMORY_FAULTS, (MAJOR,), "major-faults"),
        ),
        *_rows(
            "docker-network",
            (catalogue.NETWORK_IO_SUM, (RECEIVE,), "rx-bytes"),
            (catalogue.NETWORK_PACKETS_SUM, (RECEIVE,), "rx-packets"),
            (catalogue.NETWORK_ERRORS_SUM, (RECEIVE,), "rx-errors"),
            (catalogue.NETWORK_DROPPED_SUM, (RECEIVE,), "rx-dropped"),
            (catalogue.NETWORK_IO_SUM, (TRANSMIT,), "tx-bytes"),
            (catalogue.NETWORK_PACKETS_SUM, (TRANSMIT,), "tx-packets"),
            (catalogue.NETWORK_ERRORS_SUM, (TRANSMIT,), "tx-errors"),
            (catalogue.NETWORK_DROPPED_SUM, (TRANSMIT,), "tx-dropped"),
        ),
        *_rows(
            "docker-blkio",
            (catalogue.DISK_IO_SUM, (READ,), "read-bytes"),
            (catalogue.DISK_IO_SUM, (WRITE,), "write-bytes"),
            (catalogue.DISK_OPERATIONS_SUM, (READ,), "reads"),
            (catalogue.DISK_OPERATIONS_SUM, (WRITE,), "writes"),
        ),
        *_rows(
            "docker-pids",
            (catalogue.PIDS, (), "current"),
            (catalogue.PIDS_LIMIT, (), "limit"),
        ),
        *_rows(
            "docker-life",
            (catalogue.UPTIME, (), "uptime"),
            (catalogue.RESTARTS, (), "restarts"),
            (catalogue.OOMS, (), "oom-kills"),
            (catalogue.MISSED, (), "missed-seconds"),
            *((catalogue.EXITS, ((EXIT_CODE, code),), f"exits-{code}") for code in EXIT_CODES),
        ),
        *_rows(
            "docker-disk",
            (surroundings.CONTAINER_FILESYSTEM_USAGE, (), "writable-layer"),
        ),
        *_rows(
            "docker-engine",
            (surroundings.ENGINE_CONTAINERS, (surroundings.RUNNING,), "containers-running"),
            (surroundings.ENGINE_CONTAINERS, (surroundings.PAUSED,), "containers-paused"),
            (surroundings.ENGINE_CONTAINERS, (surroundings.STOPPED,), "containers-stopped"),
            (surroundings.ENGINE_IMAGES, (), "images"),
            (surroundings.ENGINE_IMAGES_SIZE, (), "images-size"),
            (surroundings.ENGINE_VOLUMES, (), "volumes"),
            (surroundings.ENGINE_VOLUMES_SIZE, (), "volumes-size"),
            (surroundings.ENGINE_BUILD_CACHE_SIZE, (), "build-cache-size"),
            (surroundings.ENGINE_STATS_CYCLE, (), "stats-cycle"),
        ),
        *_rows(
            "host",
            (surroundings.HOST_CPU_UTILIZATION, (), "percent-cpu-usage"),
            (surroundings.HOST_MEMORY_LIMIT, (), "memory"),
            (surroundings.HOST_MEMORY_AVAILABLE, (), "memory-available"),
            (surroundings.HOST_SWAP_USAGE, (("system.paging.state", "used"),), "swap-used"),
        ),
    ]
)
"""What is sent, by our metric's name and attributes. Bytes, nanoseconds and counts, as integers."""

_UNSAFE = re.compile(r"[^A-Za-z0-9_-]")
_ENCODED = re.compile(
    r"[^!\"'()*\-0-9A-Z[\\\]^_`a-z{}~]"
)  # told by what stays: compiled in a tenth


def normalize(name: str) -> str:
    """The original's ``normalize``: ``": "`` becomes ``-``; blanks, ``/`` and ``.`` become ``_``.

    So does every other character that StatsD removes or Graphite takes for its own.
    """
    return _UNSAFE.sub("_", name.replace(": ", "-")) or "_"


def percent_encode(name: str) -> str:
    """The original's ``percent-encode``: ``%XX`` for each UTF-8 byte of an awkward character.

    For servers that keep ``%``: StatsD's own ``keyNameSanitize`` removes it.
    """
    return _ENCODED.sub(_hexadecimal, name) or "_"


def _hexadecimal(awkward: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in awkward[0].encode("utf-8", "surrogatepass"))


def prefix(safe: Callable[[str], str], application: str, host: str | None) -> str:
    """What keys begin with; dots in the application's name are levels, as users wrote them."""
    levels = [safe(level) for level in application.split(".")]
    return ".".join(levels if host is None else [*levels, safe(host)])


class Name(Struct, frozen=True):
    """An entity's place among the keys of its categories."""

    prefix: str
    entity: str


def alias(entity: Entity) -> str:
    """What an entity is called by the user; an engine and a machine have their own names."""
    return entity.alias if isinstance(entity, Container) else entity.name


class Names:
    """Gives entities their names and sees to it that no two share one.

    Where two would, who came first keeps it and the later gets a suffix made from its alias. Of
    those that come together an alias that is safe as it stands comes first.
    """

    def __init__(
        self, safe: Callable[[str], str], prefix_of: Callable[[Entity], str], journal: Journal
    ) -> None:
        self._safe, self._prefix_of, self._journal = safe, prefix_of, journal
        self._names: OrderedDict[Identity, Name] = OrderedDict()
        self._owners: dict[tuple[str, Name], Identity] = {}

    def of(self, entities: Iterable[Entity]) -> Mapping[Identity, Name]:
        """A mapping with the names of these, all the entities of one snapshot."""
        present = {identity(entity): entity for entity in entities}
        new = [one for key, one in present.items() if key not in self._names]
        for entity in sorted(new, key=self._precedence):
            self._claim(entity)
        for key in present:
            self._names.move_to_end(key)
        while len(self._names) > len(present) + NAMES_KEPT:
            self._forget()
        return self._names

    def _precedence(self, entity: Entity) -> tuple[bool, Identity]:
        return self._safe(alias(entity)) != alias(entity), identity(entity)

    def _claim(self, entity: Entity) -> None:
        claimant = identity(entity)
        name = Name(self._prefix_of(entity), self._safe(alias(entity)))
        owner = self._owners.get((claimant[0], name))
        if owner is not None:
            name = self._apart(name, claimant)
            self._journal.trouble(CLASH, _sentence(owner, claimant, name), subject=str(claimant))
        self._names[claimant] = name
        self._owners[claimant[0], name] = claimant

    def _apart(self, name: Name, claimant: Identity) -> Name:
        marks = (
            zlib.crc32(repr((attempt, claimant[1:])).encode("utf-8", "surrogatepass"))
            for attempt in count()
        )
        names = (Name(name.prefix, f"{name.entity}_{mark:08x}") for mark in marks)
        return next(apart for apart in names if (claimant[0], apart) not in self._owners)

    def _forget(self) -> None:
        oldest, name = self._names.popitem(last=False)
        del self._owners[oldest[0], name]
        self._journal.over(CLASH, subject=str(oldest))


def _sentence(owner: Identity, claimant: Identity, name: Name) -> str:
    (_, engine, one), (_, other_engine, other_alias) = owner, claimant
    return (
        f'"{one}" of engine "{engine}" and "{other_alias}" of engine "{other_engine}"'
        f' come to the same exported name; the latter is sent as "{name.entity}".'
    )
