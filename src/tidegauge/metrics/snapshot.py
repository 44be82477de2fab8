"""What the registry held at one tick: frozen, complete, given to every exporter alike."""

from collections.abc import Mapping

from msgspec import Struct

from tidegauge.docker.frames import Container
from tidegauge.metrics.catalogue import Metric
from tidegauge.metrics.instruments import Number

Attributes = tuple[tuple[str, str], ...]


class Series(Struct, frozen=True):
    """One metric of one container during one tick.

    ``samples`` are the tick's one-second values: levels of a gauge, increments of a counter.
    ``last`` is the newest level, or the counter's total. Both are in the engine's integers
    (``metric.scale`` brings them to ``metric.unit``).
    """

    container: Container
    metric: Metric
    attributes: Attributes
    last: Number
    samples: tuple[Number, ...]


class Snapshot(Struct, frozen=True):
    """All series that had samples in the tick ending at ``at`` (Unix seconds).

    ``journal`` holds Tidegauge's own counts since its start, by code.
    """

    at: float
    series: tuple[Series, ...]
    journal: Mapping[str, int]
