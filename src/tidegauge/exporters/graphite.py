"""Graphite's plaintext protocol over TCP: ``path value seconds``, a line for each number.

Paths are levels in the style of the original program, or a name with Graphite 1.1's tags. Source:
"Feeding In Your Data" and "Graphite Tag Support" of Graphite's documentation; carbon's parser.
"""

import math
import re
import zlib
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Annotated, Protocol
from urllib.parse import quote

from msgspec import Meta, Struct

from tidegauge.docker.frames import Container
from tidegauge.exporters.delivery import Agent
from tidegauge.exporters.naming import Names, normalize, prefix
from tidegauge.exporters.options import BackendOptions
from tidegauge.exporters.places import Tags, decimal, distribution, place
from tidegauge.exporters.senders import TcpSender, address
from tidegauge.host import Host
from tidegauge.journal import Journal
from tidegauge.metrics import (
    Attributes,
    Entity,
    Kind,
    Number,
    Series,
    Snapshot,
    catalogue,
    identity,
    surroundings,
)
from tidegauge.units import Port

RESERVED = frozenset({"name"})
"""Tags that Graphite keeps for itself."""

LONGEST_LEVEL = 200
"""Characters of a level: it becomes the name of a file, which has 255 bytes with its ending."""

PATHS_KEPT = 50_000
"""Tagged names that are remembered as they are written."""

_NO_LEVEL = re.compile(r"[^A-Za-z0-9_:@-]")
_NO_TAG = re.compile(r"[\s;~%!^={}\"\\\x00-\x1f\x7f\ud800-\udfff]")

NOTHING_BUT_TAGS = catalogue.INFO, surroundings.TIDEGAUGE_INFO


class GraphiteOptions(BackendOptions, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``exporters.graphite``: ``tags`` writes series of Graphite 1.1, ``name;tag=value``."""

    host: str = "127.0.0.1"
    port: Port = 2003
    prefix: Annotated[str, Meta(min_length=1)] = "tidegauge"
    tags: bool = False


class StreamSender(Protocol):
    """Where an exporter leaves its lines."""

    async def send(self, data: bytes) -> None:
        """Send it all; raises `BackendUnavailable`."""
        ...

    async def close(self) -> None:
        """Release the connection."""
        ...


Path = tuple[str, str]
"""What stands before and behind the part that says which number of a series it is."""


class Suffixes(Struct, frozen=True):
    """Writes the tags of series."""

    tags: Tags

    def of(self, entity: Entity, more: Attributes) -> str:
        """As they stand behind a name."""
        named = self.tags.of(entity, more)
        return "".join(f";{tag(key)}={tag(value)}" for key, value in sorted(named.items()))


class GraphiteExporter:
    """Writes every series' newest value, and the distribution of those sampled often."""

    name = "graphite"

    def __init__(
        self,
        options: GraphiteOptions,
        *,
        hostname: str,
        several_engines: bool,
        sender: StreamSender,
        journal: Journal,
    ) -> None:
        self.destination = f"Graphite at {address(options.host, options.port)}"
        self.flush_interval = options.flush_interval
        self._several_engines, self._hostname = several_engines, hostname
        self._prefix = prefix(short, options.prefix, None)
        self._names = Names(short, self._levels, journal)
        self._tags = options.tags
        self._suffix = lru_cache(maxsize=PATHS_KEPT)(Suffixes(Tags(hostname, RESERVED)).of)
        self._sender = sender

    def encode(self, snapshot: Snapshot) -> Sequence[bytes]:
        """A line for each number."""
        path_of = self._tagged if self._tags else self._in_levels(snapshot)
        end = f" {int(snapshot.at)}\n"
        return [
            f"{path}{statistic}{tags} {value}{end}".encode()
            for series in snapshot.present
            if self._tags or series.metric not in NOTHING_BUT_TAGS
            for path, tags in [path_of(series)]
            for statistic, value in numbers(series)
        ]

    async def send(self, records: Sequence[bytes]) -> None:
        """Send lines; raises `BackendUnavailable`."""
        await self._sender.send(b"".join(records))

    async def close(self) -> None:
        """Release the connection."""
        await self._sender.close()

    def _tagged(self, series: Series) -> Path:
        at = place(series.metric.name, series.attributes)
        path = f"{self._prefix}.{level(at.measurement)}.{level(at.field)}"
        return path, self._suffix(series.entity, at.tags)

    def _in_levels(self, snapshot: Snapshot) -> Callable[[Series], Path]:
        names = self._names.of(series.entity for series in snapshot.present)

        def path(series: Series) -> Path:
            at, name = place(series.metric.name, series.attributes), names[identity(series.entity)]
            who = () if isinstance(series.entity, Host) else (name.entity,)
            parts = (level(value) for _, value in at.tags)
            return ".".join((name.prefix, level(at.measurement), *who, *parts, level(at.field))), ""

        return path

    def _levels(self, entity: Entity) -> str:
        """As in StatsD's keys: where there are several engines, theirs is the host's place."""
        if self._several_engines and isinstance(entity, Container):
            return f"{self._prefix}.{short(entity.engine.name)}"
        return f"{self._prefix}.{short(self._hostname)}"


def graphite(options: GraphiteOptions, agent: Agent) -> GraphiteExporter:
    """The exporter of these options."""
    return GraphiteExporter(
        options,
        hostname=agent.hostname,
        several_engines=agent.several_engines,
        sender=TcpSender(options.host, options.port, options.timeout, "Graphite"),
        journal=agent.journal,
    )


def numbers(series: Series) -> Iterator[tuple[str, str]]:
    """The total of a counter; of a level the newest value and its distribution, by their names."""
    scale, newest = series.metric.scale, series.last
    if math.isfinite(newest):
        gauge = series.metric.kind is Kind.GAUGE
        yield (".last" if gauge else ""), number(newest, scale)
    for statistic, value in distribution(series):
        if math.isfinite(value):
            yield f".{statistic}", number(value, scale)


def number(value: Number, scale: float) -> str:
    """In base units; whole numbers as they are."""
    if scale == 1.0 and isinstance(value, int):
        return str(value)
    return decimal(value, scale)


def short(name: str) -> str:
    """One level, of the characters that every part of Graphite takes."""
    return _cut(normalize(name))


@lru_cache(maxsize=10_000)
def level(name: str) -> str:
    """The same, and different for each name: awkward characters are written ``%2F``."""
    return _cut(_NO_LEVEL.sub(_hexadecimal, name) or "_")


@lru_cache(maxsize=10_000)
def tag(name: str) -> str:
    """A tag's name or value, different for each."""
    return _NO_TAG.sub(_hexadecimal, name)


def _hexadecimal(awkward: re.Match[str]) -> str:
    # `quote` leaves ``.`` and ``~`` as they are.
    return quote(awkward[0], safe="", errors="surrogatepass").translate({46: "%2E", 126: "%7E"})


def _cut(name: str) -> str:
    if len(name) <= LONGEST_LEVEL:
        return name
    mark = zlib.crc32(name.encode())
    return f"{name[: LONGEST_LEVEL - 9]}_{mark:08x}"
