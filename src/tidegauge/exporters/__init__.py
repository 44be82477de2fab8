"""Ways out for snapshots: each encodes, a pure function, and sends, through a sender.

A new one is a file here, and a line in `EXPORTERS`.
"""

from collections.abc import Callable, Mapping

from tidegauge.exporters.delivery import Agent, Delivery, Exporter, FlushEvery
from tidegauge.exporters.statsd import statsd

EXPORTERS: Mapping[str, Callable[..., Exporter]] = {
    "statsd": statsd,
}
"""By the configuration's ``exporters.<name>``; called with that table's options and an `Agent`."""

__all__ = ["EXPORTERS", "Agent", "Delivery", "Exporter", "FlushEvery"]
