"""Ways out for snapshots: each encodes, a pure function, and sends, through a sender.

A new one is a file here, and a line in `EXPORTERS`.
"""

from collections.abc import Callable, Mapping

from tidegauge.exporters.delivery import (
    Agent,
    Delivery,
    DeliveryState,
    Exporter,
    FlushEvery,
    delivery_of,
)
from tidegauge.exporters.file import file
from tidegauge.exporters.graphite import graphite
from tidegauge.exporters.influxdb import influxdb
from tidegauge.exporters.otlp import otlp
from tidegauge.exporters.remote_write import remote_write
from tidegauge.exporters.statsd import statsd

EXPORTERS: Mapping[str, Callable[..., Exporter]] = {
    "statsd": statsd,
    "influxdb": influxdb,
    "graphite": graphite,
    "remote_write": remote_write,
    "otlp": otlp,
    "file": file,
}
"""By the configuration's ``exporters.<name>``; called with that table's options and an `Agent`."""

__all__ = [
    "EXPORTERS",
    "Agent",
    "Delivery",
    "DeliveryState",
    "Exporter",
    "FlushEvery",
    "delivery_of",
]
