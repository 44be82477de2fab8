"""InfluxDB, and what else takes its line protocol: over HTTP to either version's API, or UDP."""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Annotated, Protocol
from urllib.parse import urlencode, urlsplit

from msgspec import Meta

from tidegauge.exporters.delivery import Agent
from tidegauge.exporters.http import HttpSender, basic_authorization, shown_url
from tidegauge.exporters.line_protocol import RESERVED, groups, head, lines
from tidegauge.exporters.options import BackendOptions
from tidegauge.exporters.places import Tags
from tidegauge.exporters.senders import DatagramSender, UdpSender, address
from tidegauge.journal import Journal
from tidegauge.metrics import Attributes, Entity, Snapshot

TOO_LONG = "line longer than allowed"

LONGEST_LINE = 65_535
"""Bytes of a line over HTTP: InfluxDB refuses longer names and tags."""

UDP_PORT = 8089

HEADS_KEPT = 20_000
"""Measurements of entities whose tags are remembered as they are written."""


class InfluxdbOptions(BackendOptions, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``exporters.influxdb``: with a ``bucket`` the API of version 2 or 3, else that of version 1.

    ``max_packet_size`` is in bytes of UDP payload.
    """

    url: str = "http://127.0.0.1:8086"
    database: str = "tidegauge"
    retention_policy: str = ""
    username: str = ""
    password: str = ""
    org: str = ""
    bucket: str = ""
    token: str = ""
    max_packet_size: Annotated[int, Meta(ge=512, le=65507)] = 1400


class Way(Protocol):
    """How lines get to the server."""

    @property
    def longest_line(self) -> int:
        """In bytes, its end included."""
        ...

    def records(self, written: Iterable[bytes]) -> Sequence[bytes]:
        """Lines as records."""
        ...

    async def send(self, records: Sequence[bytes]) -> None:
        """Send records together; raises `ExportError`."""
        ...

    async def close(self) -> None:
        """Release sockets."""
        ...


class Posts:
    """Over HTTP: a line is a record, a body is any number of them."""

    longest_line = LONGEST_LINE

    def __init__(self, sender: HttpSender) -> None:
        self._sender = sender

    def records(self, written: Iterable[bytes]) -> Sequence[bytes]:
        """The lines."""
        return list(written)

    async def send(self, records: Sequence[bytes]) -> None:
        """Post all at once."""
        await self._sender.post(b"".join(records))

    async def close(self) -> None:
        """Close the connections."""
        await self._sender.close()


class Datagrams:
    """Over UDP: a record is a datagram, of as many lines as fit."""

    def __init__(self, sender: DatagramSender, size: int) -> None:
        self._sender, self.longest_line = sender, size

    def records(self, written: Iterable[bytes]) -> Sequence[bytes]:
        """Pack lines in their order."""
        packed: list[bytearray] = []
        for line in written:
            if packed and len(packed[-1]) + len(line) <= self.longest_line:
                packed[-1] += line
            else:
                packed.append(bytearray(line))
        return [bytes(each) for each in packed]

    async def send(self, records: Sequence[bytes]) -> None:
        """Send all, in order."""
        await self._sender.send(records)

    async def close(self) -> None:
        """Release the socket."""
        self._sender.close()


class InfluxdbExporter:
    """Writes every series' newest value, and the distribution of those sampled often."""

    name = "influxdb"

    def __init__(
        self, options: InfluxdbOptions, *, hostname: str, way: Way, journal: Journal
    ) -> None:
        self.destination = f"InfluxDB at {destination(options.url)}"
        self.flush_interval = options.flush_interval
        self._tags = Tags(hostname, RESERVED)
        self._head = lru_cache(maxsize=HEADS_KEPT)(self._make_head)
        self._way, self._journal = way, journal

    def encode(self, snapshot: Snapshot) -> Sequence[bytes]:
        """The lines of a snapshot, or over UDP its datagrams."""
        return self._way.records(
            line
            for group in groups(snapshot)
            for line in lines(
                self._head(group.entity, group.measurement, group.tags),
                group.fields,
                snapshot.at,
                self._way.longest_line,
            )
            if self._fits(line)
        )

    async def send(self, records: Sequence[bytes]) -> None:
        """Send records together; raises `ExportError`."""
        await self._way.send(records)

    async def close(self) -> None:
        """Release sockets."""
        await self._way.close()

    def _make_head(self, entity: Entity, measurement: str, tags: Attributes) -> str:
        return head(measurement, self._tags.of(entity, tags))

    def _fits(self, line: bytes) -> bool:
        limit = self._way.longest_line
        if len(line) <= limit:
            return True
        start = line[:80].decode(errors="ignore")
        self._journal.trouble(
            TOO_LONG,
            f'A line for InfluxDB that begins "{start}" is longer than {limit} bytes and is not'
            " sent: it has tags too long.",
        )
        return False


def influxdb(options: InfluxdbOptions, agent: Agent) -> InfluxdbExporter:
    """The exporter of these options."""
    parts = urlsplit(options.url)
    way: Way
    if parts.scheme == "udp":
        sender = UdpSender(parts.hostname or "", parts.port or UDP_PORT, agent.clock)
        way = Datagrams(sender, options.max_packet_size)
    else:
        way = Posts(
            HttpSender(
                write_url(options),
                authorization(options),
                options.timeout,
                f"InfluxDB at {destination(options.url)}",
                remedies(options),
            )
        )
    return InfluxdbExporter(options, hostname=agent.hostname, way=way, journal=agent.journal)


def destination(url: str) -> str:
    """Where it is, for people."""
    parts = urlsplit(url)
    if parts.scheme == "udp":
        return f"udp://{address(parts.hostname or '', parts.port or UDP_PORT)}"
    return shown_url(url)


def write_url(options: InfluxdbOptions) -> str:
    """Where lines are posted; their times are in nanoseconds, which is every server's default."""
    if options.bucket:
        path, query = "/api/v2/write", {"org": options.org, "bucket": options.bucket}
    else:
        path, query = "/write", {"db": options.database, "rp": options.retention_policy}
    given = {key: value for key, value in query.items() if value}
    return f"{options.url.rstrip('/')}{path}?{urlencode(given)}"


def authorization(options: InfluxdbOptions) -> Mapping[str, str]:
    """The header that says who writes, if anybody is to be named."""
    if options.token:
        return {"Authorization": f"Token {options.token}"}
    if options.username:
        return basic_authorization(options.username, options.password)
    return {}


def remedies(options: InfluxdbOptions) -> Mapping[int, str]:
    """What to do about answers that everybody gets once, by status."""
    if options.bucket:
        missing = "create the bucket, or correct exporters.influxdb.org and bucket"
        refused = "check exporters.influxdb.token, which must be allowed to write to the bucket"
    else:
        name = options.database.replace("\\", "\\\\").replace('"', '\\"')
        create = f'create the database (CREATE DATABASE "{name}")'
        missing = f"{create}, or correct exporters.influxdb.database"
        refused = "check exporters.influxdb.username and password, and that the user may write"
    return {401: refused, 403: refused, 404: missing}
