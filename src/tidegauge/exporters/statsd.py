"""StatsD over UDP, with the original program's names and its way of writing.

Source: Kamon 0.5.1's StatsD module. Every series is a timer: one ``level|ms`` for each distinct
level of the tick, in ascending order, with ``|@rate`` where a level came more than once. StatsD
multiplies counts by it, not sums and means; so there is also the way of a ``level|ms`` for each
sample, in the order of time. With DogStatsD's tags a key is short and says nothing of the entity.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from functools import lru_cache
from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from tidegauge.docker.frames import Container, Engine
from tidegauge.exporters.delivery import Agent
from tidegauge.exporters.naming import (
    ORIGINALS,
    Name,
    Names,
    Original,
    alias,
    normalize,
    percent_encode,
    prefix,
)
from tidegauge.exporters.senders import DatagramSender, UdpSender, address
from tidegauge.globs import Glob, Selection
from tidegauge.journal import Journal
from tidegauge.metrics import Entity, Number, Snapshot, identity
from tidegauge.units import Port, Seconds

TOO_LONG = "measurement longer than a packet"

Line = tuple[str, Sequence[int], str]
"""A key, the levels of one tick, in order of time, and what ends each measurement: tags."""

_NO_TAG = re.compile(r"[^A-Za-z0-9_./-]")
_OURS = frozenset({"container", "engine", "host"})

Repeats = Literal["rate", "each"]
"""A level that came more than once in a tick: once with its rate, or as often as it came."""


class StatsdOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``exporters.statsd``, with the original's defaults.

    ``hostname_override`` replaces ``<host>`` in keys unless empty; ``max_packet_size`` is in bytes
    of UDP payload; ``subscriptions`` maps globs of categories to globs of the aliases reported.
    With ``tags`` an entity is told by DogStatsD's tags instead of parts of the key.
    """

    host: str = "127.0.0.1"
    port: Port = 8125
    application: str = "kamon"
    include_hostname: bool = True
    hostname_override: str = ""
    max_packet_size: Annotated[int, Meta(ge=64, le=65507)] = 1024
    name_normalization: Literal["normalize", "percent-encode"] = "normalize"
    repeats: Repeats = "rate"
    tags: Literal["none", "datadog"] = "none"
    flush_interval: Seconds = 10.0
    subscriptions: dict[str, list[str]] = field(default_factory=lambda: {"docker-*": ["**"]})


class Subscriptions:
    """Which entities of which categories are reported."""

    def __init__(self, patterns: Mapping[str, Sequence[str]]) -> None:
        self._rows = [(Glob(category), Selection(names)) for category, names in patterns.items()]
        self.take = lru_cache(maxsize=10_000)(self._take)

    def _take(self, category: str, entity: str) -> bool:
        return any(glob.matches(category) and names.takes(entity) for glob, names in self._rows)


class Encoded(Struct, frozen=True):
    """Datagrams, and the keys of measurements too long for one, once for each measurement."""

    datagrams: list[bytes]
    too_long: list[str]


def encode(lines: Iterable[Line], max_packet_size: int, repeats: Repeats = "rate") -> Encoded:
    """Pack lines in their order, joined by newlines, into as few datagrams as that order needs.

    A key's measurements are joined by colons; where they do not all fit, the next datagram
    repeats the key. With tags each has a line of its own: DogStatsD reads no others.
    """
    packets = _Packets(max_packet_size)
    measured = measurements if repeats == "rate" else single_measurements
    too_long = [
        key
        for key, levels, tags in lines
        for measurement in measured(levels)
        if not packets.add(key, measurement, tags)
    ]
    return Encoded(packets.finished(), too_long)


def measurements(levels: Iterable[int]) -> Iterator[str]:
    """Each distinct level once, ascending, as a StatsD timer; see the module."""
    for level, times in sorted(Counter(levels).items()):
        yield f"{level}|ms" if times == 1 else f"{level}|ms|@{rate(times)}"


def single_measurements(levels: Iterable[int]) -> Iterator[str]:
    """Each sample as a StatsD timer, in order of time."""
    return (f"{level}|ms" for level in levels)


@lru_cache(maxsize=1000)
def rate(times: int) -> str:
    """``1 / times`` in plain decimals: StatsD cuts a rate at its exponent."""
    return format(Decimal(repr(1 / times)), "f")


class Place(Struct, frozen=True):
    """What the keys of an entity's series have before and behind the category, and its tags."""

    before: str
    behind: str
    tags: str = ""

    def line(self, original: Original, samples: Iterable[Number]) -> Line:
        """One of its series."""
        key = f"{self.before}.{original.category}{self.behind}.{original.metric}"
        return key, [*map(original.level, samples)], self.tags


def in_key(_entity: Entity, name: Name) -> Place:
    """The original's way: host and entity are parts of the key."""
    return Place(name.prefix, f".{name.entity}")


class InTags:
    """DogStatsD's way: they are tags, and so are the tags of a container.

    Source: "Datagram Format and Shell Usage" and "Getting Started with Tags" of Datadog.
    """

    def __init__(self, application: str, host: str) -> None:
        self._application, self._host = application, host

    def __call__(self, entity: Entity, name: Name) -> Place:
        """An entity's place; ``name`` tells it from others of its engine."""
        pairs = {"host": self._host}
        if isinstance(entity, Container):
            pairs = {"container": name.entity, "engine": tag_text(entity.engine.name)} | pairs
            pairs |= {tag_key(tag): tag_text(value) for tag, value in sorted(entity.tags)}
        elif isinstance(entity, Engine):
            pairs = {"engine": name.entity} | pairs
        told = ",".join(f"{tag}:{value}" for tag, value in pairs.items() if value)
        return Place(self._application, "", f"|#{told}" if told else "")


def tag_text(text: str) -> str:
    """What Datadog takes in a tag; everything else, a colon too, becomes ``_``."""
    return _NO_TAG.sub("_", text)


def tag_key(tag: str) -> str:
    """A container's tag as the key of a tag: it begins with a letter, and is none of ours."""
    key = tag_text(tag)
    return key if key[:1].isalpha() and key not in _OURS else f"tag_{key}"


def lines(
    snapshot: Snapshot,
    names: Names,
    subscriptions: Subscriptions,
    place: Callable[[Entity, Name], Place] = in_key,
) -> list[Line]:
    """The snapshot's series that have an original name and are subscribed to, in their order."""
    reported = [
        (series, original)
        for series in snapshot.series
        if (original := ORIGINALS.get((series.metric.name, series.attributes)))
        and subscriptions.take(original.category, alias(series.entity))
    ]
    entities = {identity(series.entity): series.entity for series, _ in reported}
    named = names.of(entities.values())
    places = {who: place(entity, named[who]) for who, entity in entities.items()}
    return [
        places[identity(series.entity)].line(original, series.samples)
        for series, original in reported
    ]


class StatsdExporter:
    """Writes snapshots to a StatsD server."""

    name = "statsd"

    def __init__(
        self,
        options: StatsdOptions,
        *,
        hostname: str,
        several_engines: bool,
        sender: DatagramSender,
        journal: Journal,
    ) -> None:
        self._place: Callable[[Entity, Name], Place]
        if options.tags == "datadog":
            host = options.hostname_override or hostname if options.include_hostname else ""
            self._place = InTags(prefix(normalize, options.application, None), tag_text(host))
            self._names = Names(tag_text, _engine, journal)
        else:
            safe = normalize if options.name_normalization == "normalize" else percent_encode
            self._place = in_key
            self._names = Names(safe, _prefixes(options, safe, hostname, several_engines), journal)
        self._subscriptions = Subscriptions(options.subscriptions)
        self._max_packet_size = options.max_packet_size
        self._repeats: Repeats = options.repeats
        self.destination = f"StatsD at {address(options.host, options.port)}"
        self.flush_interval = options.flush_interval
        self._sender, self._journal = sender, journal

    def encode(self, snapshot: Snapshot) -> Sequence[bytes]:
        """The datagrams of a snapshot."""
        measured = lines(snapshot, self._names, self._subscriptions, self._place)
        encoded = encode(measured, self._max_packet_size, self._repeats)
        for key in encoded.too_long:
            self._journal.trouble(
                TOO_LONG,
                f'"{key}" with its value is longer than max_packet_size of'
                f" {self._max_packet_size} bytes and is not sent to StatsD.",
            )
        return encoded.datagrams

    async def send(self, records: Sequence[bytes]) -> None:
        """Send datagrams; raises `ExportError`."""
        await self._sender.send(records)

    async def close(self) -> None:
        """Release the socket."""
        self._sender.close()


def statsd(options: StatsdOptions, agent: Agent) -> StatsdExporter:
    """The exporter of these options."""
    return StatsdExporter(
        options,
        hostname=agent.hostname,
        several_engines=agent.several_engines,
        sender=UdpSender(options.host, options.port, agent.clock),
        journal=agent.journal,
    )


def _prefixes(
    options: StatsdOptions, safe: Callable[[str], str], hostname: str, several_engines: bool
) -> Callable[[Entity], str]:
    def of(entity: Entity) -> str:
        host = entity.engine.name if several_engines and isinstance(entity, Container) else hostname
        host = options.hostname_override or host
        return prefix(safe, options.application, host if options.include_hostname else None)

    return of


def _engine(entity: Entity) -> str:
    """What two entities of the same name are told apart by in tags."""
    return tag_text(entity.engine.name) if isinstance(entity, Container) else ""


class _Packets:
    """Datagrams in the making; all text is ASCII, so lengths are bytes."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._done: list[bytes] = []
        self._pieces: list[str] = []
        self._length, self._key = 0, ""

    def add(self, key: str, measurement: str, tags: str) -> bool:
        """Append one measurement; false if it would not fit a datagram of its own."""
        alone = f"{key}:{measurement}{tags}"
        if len(alone) > self._size:
            return False
        if not self._pieces:
            piece = alone
        elif key == self._key and not tags:
            piece = f":{measurement}"
        else:
            piece = f"\n{alone}"
        if self._length + len(piece) > self._size:
            self._close()
            piece = alone
        self._pieces.append(piece)
        self._length += len(piece)
        self._key = key
        return True

    def finished(self) -> list[bytes]:
        """All datagrams."""
        if self._pieces:
            self._close()
        return self._done

    def _close(self) -> None:
        self._done.append("".join(self._pieces).encode("ascii"))
        self._pieces, self._length = [], 0
