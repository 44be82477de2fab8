"""StatsD over UDP, with the original program's names and its way of writing.

Source: Kamon 0.5.1's StatsD module. Every series is a timer: one ``level|ms`` for each distinct
level of the tick, in ascending order, with ``|@rate`` where a level came more than once. StatsD
multiplies counts by it, not sums and means; so there is also the way of a ``level|ms`` for each
sample, in the order of time.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from functools import lru_cache
from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from tidegauge.docker.frames import Container
from tidegauge.exporters.delivery import Agent
from tidegauge.exporters.naming import (
    ORIGINALS,
    Names,
    alias,
    normalize,
    percent_encode,
    prefix,
)
from tidegauge.exporters.senders import DatagramSender, UdpSender, address
from tidegauge.globs import Glob, Selection
from tidegauge.journal import Journal
from tidegauge.metrics import Entity, Snapshot, identity
from tidegauge.units import Port, Seconds

TOO_LONG = "measurement longer than a packet"

Line = tuple[str, Sequence[int]]
"""A key and the levels of one tick, in order of time."""

Repeats = Literal["rate", "each"]
"""A level that came more than once in a tick: once with its rate, or as often as it came."""


class StatsdOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``exporters.statsd``, with the original's defaults.

    ``hostname_override`` replaces ``<host>`` in keys unless empty; ``max_packet_size`` is in bytes
    of UDP payload; ``subscriptions`` maps globs of categories to globs of the aliases reported.
    """

    host: str = "127.0.0.1"
    port: Port = 8125
    application: str = "kamon"
    include_hostname: bool = True
    hostname_override: str = ""
    max_packet_size: Annotated[int, Meta(ge=64, le=65507)] = 1024
    name_normalization: Literal["normalize", "percent-encode"] = "normalize"
    repeats: Repeats = "rate"
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
    repeats the key.
    """
    packets = _Packets(max_packet_size)
    measured = measurements if repeats == "rate" else single_measurements
    too_long = [
        key
        for key, levels in lines
        for measurement in measured(levels)
        if not packets.add(key, measurement)
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


def lines(snapshot: Snapshot, names: Names, subscriptions: Subscriptions) -> list[Line]:
    """The snapshot's series that have an original name and are subscribed to, in their order."""
    reported = [
        (series, original)
        for series in snapshot.series
        if (original := ORIGINALS.get((series.metric.name, series.attributes)))
        and subscriptions.take(original.category, alias(series.entity))
    ]
    named = names.of(series.entity for series, _ in reported)
    return [
        (named[identity(series.entity)].key(original), [*map(original.level, series.samples)])
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
        safe = normalize if options.name_normalization == "normalize" else percent_encode
        self._names = Names(safe, _prefixes(options, safe, hostname, several_engines), journal)
        self._subscriptions = Subscriptions(options.subscriptions)
        self._max_packet_size = options.max_packet_size
        self._repeats: Repeats = options.repeats
        self.destination = f"StatsD at {address(options.host, options.port)}"
        self.flush_interval = options.flush_interval
        self._sender, self._journal = sender, journal

    def encode(self, snapshot: Snapshot) -> Sequence[bytes]:
        """The datagrams of a snapshot."""
        measured = lines(snapshot, self._names, self._subscriptions)
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


class _Packets:
    """Datagrams in the making; all text is ASCII, so lengths are bytes."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._done: list[bytes] = []
        self._pieces: list[str] = []
        self._length, self._key = 0, ""

    def add(self, key: str, measurement: str) -> bool:
        """Append one measurement; false if it would not fit a datagram of its own."""
        alone = f"{key}:{measurement}"
        if len(alone) > self._size:
            return False
        if not self._pieces:
            piece = alone
        elif key == self._key:
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
