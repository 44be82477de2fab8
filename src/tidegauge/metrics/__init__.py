"""What is measured, and its present value: catalogue, instruments, registry, snapshot."""

from tidegauge.metrics.catalogue import CATALOGUE
from tidegauge.metrics.entities import ContainerRecorders
from tidegauge.metrics.instruments import (
    Counter,
    Distribution,
    Gauge,
    Histogram,
    Instrument,
    Number,
    Summary,
    summary,
)
from tidegauge.metrics.levels import LevelColumn
from tidegauge.metrics.limits import Limits
from tidegauge.metrics.metric import Kind, Metric
from tidegauge.metrics.registry import Registry
from tidegauge.metrics.snapshot import (
    Attributes,
    Entity,
    Identity,
    Series,
    Snapshot,
    identity,
    key,
    merge,
)

__all__ = [
    "CATALOGUE",
    "Attributes",
    "ContainerRecorders",
    "Counter",
    "Distribution",
    "Entity",
    "Gauge",
    "Histogram",
    "Identity",
    "Instrument",
    "Kind",
    "LevelColumn",
    "Limits",
    "Metric",
    "Number",
    "Registry",
    "Series",
    "Snapshot",
    "Summary",
    "identity",
    "key",
    "merge",
    "summary",
]
