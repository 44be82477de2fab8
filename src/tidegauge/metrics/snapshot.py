"""What the registry held at one tick: frozen, complete, given to every exporter alike."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain

from msgspec import Struct
from msgspec.structs import replace

from tidegauge.docker.frames import Container, Engine
from tidegauge.host import Host
from tidegauge.metrics.instruments import Histogram, Number
from tidegauge.metrics.metric import Metric

Attributes = tuple[tuple[str, str], ...]

Entity = Container | Engine | Host
"""What a series is about."""

Identity = tuple[str, str, str]
"""An entity to the registry and to backends: its kind, its engine's name or its own, its alias."""


def identity(entity: Entity) -> Identity:
    """What stays the same while an entity goes on, over restarts and recreation too."""
    if isinstance(entity, Container):
        return "container", entity.engine.name, entity.alias
    return ("engine" if isinstance(entity, Engine) else "host"), entity.name, ""


class Series(Struct, frozen=True, gc=False):
    """One metric of one entity during one tick.

    ``samples`` are the tick's one-second values: levels of a gauge, increments of a counter.
    ``last`` is the newest level, or the counter's total. Both are in the engine's integers
    (``metric.scale`` brings them to ``metric.unit``). ``histogram`` is of all samples so far, of
    a metric with ``bounds``. ``since`` is when its totals began, in Unix seconds: with the
    container's life at the first sample, else with recording; 0 for those that went over from
    another container, and began at no time of this one. Without ``gc``: tens of thousands are made
    in each tick, and none refers to what refers to it.
    """

    entity: Entity
    metric: Metric
    attributes: Attributes
    last: Number
    samples: tuple[Number, ...]
    histogram: Histogram | None = None
    since: float = 0.0


Key = tuple[Identity, str, Attributes]


def key(series: Series) -> Key:
    """What tells a series from all others: the same in every snapshot."""
    return identity(series.entity), series.metric.name, series.attributes


class Snapshot(Struct, frozen=True):
    """All series that had samples in the tick ending at ``at`` (Unix seconds).

    ``standing`` are those that had none and still hold: totals and levels of what is there. A
    backend that is told of series by their newest value gets both (`present`); of an entity that
    is gone, or that no sample came of for long, neither has anything. ``journal`` holds
    Tidegauge's own counts since its start, by code. ``final`` marks the last snapshot before the
    end: whoever gathers snapshots lets go of them now.
    """

    at: float
    series: tuple[Series, ...]
    journal: Mapping[str, int]
    final: bool = False
    standing: tuple[Series, ...] = ()

    @property
    def present(self) -> Iterator[Series]:
        """Every series there is, with its newest value; in no order."""
        return chain(self.series, self.standing)


def merge(snapshots: Sequence[Snapshot]) -> Snapshot:
    """One snapshot of one or more neighbouring ones, oldest first.

    The samples of a series are joined in order of time; everything else is the newest's.
    """
    newest = snapshots[-1]
    if len(snapshots) == 1:
        return newest
    pieces: dict[Key, list[Series]] = {}
    for snapshot in snapshots:
        for series in snapshot.series:
            pieces.setdefault(key(series), []).append(series)
    return Snapshot(
        newest.at,
        tuple(map(_joined, pieces.values())),
        newest.journal,
        newest.final,
        tuple(series for series in newest.standing if key(series) not in pieces),
    )


def _joined(pieces: Sequence[Series]) -> Series:
    samples = tuple(sample for piece in pieces for sample in piece.samples)
    return replace(pieces[-1], samples=samples)
