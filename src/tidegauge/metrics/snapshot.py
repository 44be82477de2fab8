"""What the registry held at one tick: frozen, complete, given to every exporter alike."""

from collections.abc import Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

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

    ``journal`` holds Tidegauge's own counts since its start, by code. ``final`` marks the last
    snapshot before the end: whoever gathers snapshots lets go of them now.
    """

    at: float
    series: tuple[Series, ...]
    journal: Mapping[str, int]
    final: bool = False


def merge(snapshots: Sequence[Snapshot]) -> Snapshot:
    """One snapshot of one or more neighbouring ones, oldest first.

    The samples of a series are joined in order of time; everything else is the newest's.
    """
    newest = snapshots[-1]
    if len(snapshots) == 1:
        return newest
    pieces: dict[tuple[str, str, str, Attributes], list[Series]] = {}
    for snapshot in snapshots:
        for series in snapshot.series:
            container = series.container
            key = (container.engine.name, container.alias, series.metric.name, series.attributes)
            pieces.setdefault(key, []).append(series)
    return Snapshot(newest.at, tuple(map(_joined, pieces.values())), newest.journal, newest.final)


def _joined(pieces: Sequence[Series]) -> Series:
    samples = tuple(sample for piece in pieces for sample in piece.samples)
    return replace(pieces[-1], samples=samples)
