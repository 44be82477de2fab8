"""OTLP over HTTP, in protobuf: what the OpenTelemetry Collector and many backends take.

Source: "OpenTelemetry Protocol Specification". What is sent is made in `otlp_messages`.
"""

import gzip
from collections.abc import Mapping, Sequence
from typing import Literal, Protocol
from urllib.parse import urlsplit

from msgspec import field

from tidegauge.errors import ConfigError
from tidegauge.exporters.delivery import Agent
from tidegauge.exporters.http import HttpSender, shown_url
from tidegauge.exporters.options import BackendOptions
from tidegauge.journal import Journal
from tidegauge.metrics import Snapshot

PATH = "/v1/metrics"

REJECTED = "data points rejected"

SAID_LENGTH = 200
"""Characters of a backend's message that are quoted."""


class OtlpOptions(BackendOptions, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``exporters.otlp``; a ``url`` without a path gets ``/v1/metrics``."""

    url: str = "http://127.0.0.1:4318/v1/metrics"
    headers: dict[str, str] = field(default_factory=dict[str, str])
    compression: Literal["gzip", "none"] = "gzip"


class Messages(Protocol):
    """The messages of the protocol; see `otlp_messages`."""

    def requests(self, snapshot: Snapshot) -> Sequence[bytes]:
        """A request for each entity; joined they are one request."""
        ...

    def rejected(self, answer: bytes) -> tuple[int, str]:
        """How many data points a backend did not take, and what it says of it."""
        ...


class OtlpExporter:
    """Sends every series' newest value; a record is a request about one entity."""

    name = "otlp"

    def __init__(
        self, options: OtlpOptions, *, messages: Messages, sender: HttpSender, journal: Journal
    ) -> None:
        self.destination = destination(options.url)
        self.flush_interval = options.flush_interval
        self._compressed = options.compression == "gzip"
        self._messages, self._sender, self._journal = messages, sender, journal

    def encode(self, snapshot: Snapshot) -> Sequence[bytes]:
        """The requests of a snapshot."""
        return self._messages.requests(snapshot)

    async def send(self, records: Sequence[bytes]) -> None:
        """Post one request; raises an `ExportError`."""
        body = b"".join(records)
        if self._compressed:
            body = gzip.compress(body, compresslevel=1, mtime=0)
        self._hear(*self._messages.rejected(await self._sender.post(body)))

    async def close(self) -> None:
        """Close the connections."""
        await self._sender.close()

    def _hear(self, rejected: int, message: str) -> None:
        """Tell of data points the backend will never take; the others of the request it took."""
        if rejected > 0:
            self._journal.drop(REJECTED, rejected - 1)
            line = "".join(each if each.isprintable() else " " for each in message[:SAID_LENGTH])
            said = f', saying "{line}"' if line else ""
            sentence = f"{self.destination} rejected {rejected} data points{said}."
            self._journal.trouble(REJECTED, sentence, self.name)
        elif self._journal.over(REJECTED, self.name):
            self._journal.told("all data points are taken again", exporter=self.name)


def otlp(options: OtlpOptions, agent: Agent) -> OtlpExporter:
    """The exporter of these options; raises `ConfigError` for options that cannot be."""
    try:
        from tidegauge.exporters.otlp_messages import ProtobufMessages  # noqa: PLC0415 (optional)
    except ImportError:
        raise ConfigError(
            "exporters.otlp needs the package opentelemetry-proto, which is not installed:"
            " pip install 'tidegauge[otlp]'."
        ) from None
    return OtlpExporter(
        options,
        messages=ProtobufMessages(agent.hostname, agent.several_engines),
        sender=HttpSender(
            endpoint(options.url), _headers(options), options.timeout, destination(options.url)
        ),
        journal=agent.journal,
    )


def endpoint(url: str) -> str:
    """Where to post: a base URL, such as OTEL_EXPORTER_OTLP_ENDPOINT holds, gets the path."""
    try:
        parts = urlsplit(url)
    except ValueError:  # the sender refuses it
        return url
    return parts._replace(path=PATH).geturl() if parts.path in {"", "/"} else url


def destination(url: str) -> str:
    """For people."""
    return f"OTLP at {shown_url(endpoint(url))}"


def _headers(options: OtlpOptions) -> Mapping[str, str]:
    encoding = {"Content-Encoding": "gzip"} if options.compression == "gzip" else {}
    return {"Content-Type": "application/x-protobuf", **encoding, **options.headers}
