"""What is measured, and its present value: catalogue, instruments, registry, snapshot."""

from tidegauge.metrics.catalogue import CATALOGUE, Kind, Metric
from tidegauge.metrics.instruments import Counter, Distribution, Gauge, Number, Summary, summary
from tidegauge.metrics.limits import Limits
from tidegauge.metrics.registry import Registry
from tidegauge.metrics.snapshot import Attributes, Series, Snapshot, merge

__all__ = [
    "CATALOGUE",
    "Attributes",
    "Counter",
    "Distribution",
    "Gauge",
    "Kind",
    "Limits",
    "Metric",
    "Number",
    "Registry",
    "Series",
    "Snapshot",
    "Summary",
    "merge",
    "summary",
]
