"""Prometheus remote write 1.0: every series there is, with its newest value, at the flush.

Names and labels are those of ``/metrics``. The one-second samples inside a tick have no times of
their own and are not sent; their distribution is, as a histogram. A series that ends gets a stale
marker, so that queries forget it at once. Source: "Prometheus Remote-Write 1.0 specification".
"""

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import accumulate, groupby
from struct import Struct as Layout

from msgspec import Struct, field

from tidegauge.errors import ConfigError
from tidegauge.exporters.delivery import Agent
from tidegauge.exporters.http import HttpSender, basic_authorization, shown_url
from tidegauge.exporters.options import BackendOptions
from tidegauge.journal import Journal
from tidegauge.metrics import Attributes, Entity, Identity, Series, Snapshot, identity
from tidegauge.prometheus.names import (
    EntityLabels,
    Labels,
    attribute_labels,
    bound_text,
    divisor,
    family,
    samples_family,
)

CLOCK_BEHIND = "clock behind"

FORGIVEN = 3_600_000
"""Milliseconds a clock may be set back and be waited for; beyond, it was wrong before."""

HEADERS: Mapping[str, str] = {
    "Content-Encoding": "snappy",
    "Content-Type": "application/x-protobuf",
    "X-Prometheus-Remote-Write-Version": "0.1.0",
}

_WHO = "check exporters.remote_write.username and password, or token"

REMEDIES: Mapping[int, str] = {
    401: _WHO,
    403: f"{_WHO}; whose it is must be allowed to write",
    404: "check the path of exporters.remote_write.url, and that the server takes remote write",
}

STALE = (0x7FF0000000000002).to_bytes(8, "little")
"""The not-a-number by which Prometheus knows that a series ended."""

_DOUBLE = Layout("<d").pack
_LABEL = re.compile(r"(?!__)[a-zA-Z_][a-zA-Z0-9_]*")

Compress = Callable[[bytes], bytes]


class RemoteWriteOptions(BackendOptions, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``exporters.remote_write``: credentials are a user's, or a bearer token.

    ``labels`` are put on every series, beside ``host``, the agent's hostname; an empty value takes
    a label away.
    """

    url: str = "http://127.0.0.1:9090/api/v1/write"
    username: str = ""
    password: str = ""
    token: str = ""
    headers: dict[str, str] = field(default_factory=dict[str, str])
    labels: dict[str, str] = field(default_factory=dict[str, str])


class RemoteWriteExporter:
    """Writes snapshots to Prometheus, VictoriaMetrics, Mimir, Thanos and their like."""

    name = "remote_write"

    def __init__(
        self,
        options: RemoteWriteOptions,
        *,
        hostname: str,
        sender: HttpSender,
        compress: Compress,
        journal: Journal,
    ) -> None:
        self.destination = f"Prometheus remote write at {shown_url(options.url)}"
        self.flush_interval = options.flush_interval
        self._sender, self._compress, self._journal = sender, compress, journal
        self._labels = SeriesLabels({"host": hostname} | options.labels, EntityLabels(journal))
        self._told: dict[Identity, tuple[bytes, ...]] = {}
        self._newest = -FORGIVEN

    def encode(self, snapshot: Snapshot) -> Sequence[bytes]:
        """A record for each entity: its ``TimeSeries`` messages, compressed.

        Nothing while the clock is behind what was sent: Prometheus takes no sample that is not
        newer than the last one of its series.
        """
        at = round(snapshot.at * 1000)
        if not self._in_order(at):
            return ()
        told, self._told = self._told, {}
        records: list[bytes] = []
        for who, values in self._labels.by_entity(snapshot.present).items():
            stale = [labels for labels in told.pop(who, ()) if labels not in values]
            self._told[who] = tuple(values)
            records.append(_messages(values, stale, at, final=snapshot.final))
        records += [_messages({}, gone, at) for gone in told.values()]
        if snapshot.final:
            self._newest += 1
        self._labels.keep(self._told)
        return [self._compress(record) for record in records if record]

    async def send(self, records: Sequence[bytes]) -> None:
        """Post one request; raises an `ExportError`."""
        await self._sender.post(joined(records))

    async def close(self) -> None:
        """Close the connections."""
        await self._sender.close()

    def _in_order(self, at: int) -> bool:
        if 0 <= self._newest - at < FORGIVEN:
            self._journal.trouble(
                CLOCK_BEHIND,
                "this machine's clock was set back; nothing is sent by remote write until it has"
                " passed the time of what was sent before.",
            )
            return False
        self._newest = at
        self._journal.over(CLOCK_BEHIND)
        return True


class SeriesLabels:
    """The encoded labels of series, kept as long as their entity stays what it is."""

    def __init__(self, everywhere: Mapping[str, str], entities: EntityLabels) -> None:
        self._everywhere = {name: value for name, value in everywhere.items() if value}
        self._entities = entities
        self._known: dict[Identity, _Known] = {}

    def by_entity(self, present: Iterable[Series]) -> dict[Identity, dict[bytes, float]]:
        """The value under each set of labels, by entity."""
        values: dict[Identity, dict[bytes, float]] = {}
        for entity, group in groupby(present, lambda series: series.entity):
            who = identity(entity)
            known, found = self._of(who, entity), values.setdefault(who, {})
            labels, numbers = list[bytes](), list[float]()
            for series in group:
                if told := known.of(series):
                    labels += told
                    numbers += _values(series)
            found.update(zip(labels, numbers, strict=True))
        return values

    def keep(self, present: Mapping[Identity, Sequence[bytes]]) -> None:
        """Forget all other entities, and of these what they had, where most of it is gone."""
        self._known = {who: known for who, known in self._known.items() if who in present}
        for who, known in self._known.items():
            if len(known.labels) > 2 * len(present[who]):
                known.labels.clear()

    def _of(self, who: Identity, entity: Entity) -> "_Known":
        known = self._known.get(who)
        if known is None or known.entity is not entity:
            known = self._known[who] = _Known(entity, self._own(entity), {})
        return known

    def _own(self, entity: Entity) -> dict[str, bytes]:
        """As in a scrape, a label that is put on everything moves one of its name away."""
        own = {
            f"exported_{name}" if self._everywhere.get(name, value) != value else name: value
            for name, value in self._entities.of(entity)
        }
        return _encoded({**self._everywhere, **own}.items())


class _Known(Struct):
    """An entity, the labels that all its series have, and those of each series together."""

    entity: Entity
    own: dict[str, bytes]
    labels: dict[tuple[str, Attributes], tuple[bytes, ...]]

    def of(self, series: Series) -> tuple[bytes, ...]:
        """One for each of its values."""
        which = series.metric.name, series.attributes
        found = self.labels.get(which)
        if found is None:
            found = self.labels[which] = tuple(map(self._together, _names(series)))
        return found

    def _together(self, labels: Labels) -> bytes:
        every = self.own | _encoded(labels)
        return b"".join(every[name] for name in sorted(every))


def _names(series: Series) -> Iterator[Labels]:
    """The labels of everything that is sent of a series, the entity's apart; as `_values`."""
    present = family(series.metric, series.attributes)
    if present is None:
        return
    own = attribute_labels(series.attributes)
    yield ("__name__", present.name), *own
    samples, histogram = samples_family(series.metric), series.histogram
    if samples is None or histogram is None:
        return
    for bound in (*histogram.bounds, math.inf):
        le = bound_text(bound / divisor(series.metric))
        yield ("__name__", f"{samples.name}_bucket"), *own, ("le", le)
    yield ("__name__", f"{samples.name}_sum"), *own
    yield ("__name__", f"{samples.name}_count"), *own


def _values(series: Series) -> tuple[float, ...]:
    """In the metric's unit."""
    metric, histogram = series.metric, series.histogram
    by = 1 if metric.scale == 1.0 else divisor(metric)
    last = series.last / by
    if histogram is None:
        return (last,)
    below = tuple(accumulate(histogram.counts))
    return (last, *below, histogram.sum / by, below[-1])


def joined(records: Sequence[bytes]) -> bytes:
    """One compressed request of one or more records.

    A block of raw Snappy is its decompressed length and then instructions, which look back only
    into what they themselves made: so those of several blocks follow each other.
    """
    total, instructions = 0, list[bytes]()
    for record in records:
        length, start = _read_varint(record)
        total += length
        instructions.append(record[start:])
    return _varint(total) + b"".join(instructions)


def _messages(
    values: Mapping[bytes, float], stale: Iterable[bytes], at: int, *, final: bool = False
) -> bytes:
    """``TimeSeries`` messages; at the end each series ends a millisecond after its last value."""
    before, after = _around(at)
    ended = before + STALE + after
    last = STALE.join(_around(at + 1)) if final else b""
    made = [labels + before + _DOUBLE(value) + after + last for labels, value in values.items()]
    made += [labels + ended for labels in stale]
    return b"".join([b"\n" + _varint(len(message)) + message for message in made])


def _around(at: int) -> tuple[bytes, bytes]:
    """What stands before and after the value of a ``Sample``, field 2 of ``TimeSeries``."""
    time = b"\x10" + _varint(at)
    return bytes((0x12, 9 + len(time), 0x09)), time


def _encoded(labels: Iterable[tuple[str, str]]) -> dict[str, bytes]:
    """``Label`` messages, field 1 of ``TimeSeries``, by name; a label without value is none."""
    return {
        name: _field(1, _field(1, name.encode()) + _field(2, value.encode("utf-8", "replace")))
        for name, value in labels
        if value
    }


def _field(number: int, content: bytes) -> bytes:
    return bytes((number << 3 | 2,)) + _varint(len(content)) + content


@lru_cache(maxsize=1000)
def _varint(number: int) -> bytes:
    """Seven bits a byte, the lowest first; all bytes but the last have the eighth set."""
    if number < 128:
        return bytes((number,))
    return bytes((number & 127 | 128,)) + _varint(number >> 7)


def _read_varint(data: bytes) -> tuple[int, int]:
    """The number at the beginning, and where what follows begins."""
    end = next(at for at, digit in enumerate(data) if digit < 128) + 1
    return sum((digit & 127) << 7 * at for at, digit in enumerate(data[:end])), end


def remote_write(options: RemoteWriteOptions, agent: Agent) -> RemoteWriteExporter:
    """The exporter of these options; raises `ConfigError` for options that cannot be."""
    for label in options.labels:
        if not _LABEL.fullmatch(label):
            raise ConfigError(
                f'exporters.remote_write.labels: "{label}" is no name of a Prometheus label; take'
                " letters, digits and _, no digit first and no __."
            )
    sender = HttpSender(
        options.url,
        {**HEADERS, **_authorization(options), **options.headers},
        options.timeout,
        f"Prometheus remote write at {shown_url(options.url)}",
        REMEDIES,
    )
    return RemoteWriteExporter(
        options,
        hostname=agent.hostname,
        sender=sender,
        compress=_snappy(),
        journal=agent.journal,
    )


def _authorization(options: RemoteWriteOptions) -> Mapping[str, str]:
    if options.username and options.token:
        raise ConfigError(
            "exporters.remote_write has a username and a token; keep the one that is asked for."
        )
    if options.password and not options.username:
        raise ConfigError("exporters.remote_write.password needs username as well.")
    if options.token:
        return {"Authorization": f"Bearer {options.token}"}
    if options.username:
        return basic_authorization(options.username, options.password)
    return {}


def _snappy() -> Compress:
    try:
        from cramjam import snappy  # noqa: PLC0415 (an optional part of the installation)
    except ImportError:
        raise ConfigError(
            "exporters.remote_write needs the package cramjam, which is not installed:"
            ' pip install "tidegauge[remote-write]".'
        ) from None
    return lambda message: bytes(snappy.compress_raw(message))
