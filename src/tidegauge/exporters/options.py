"""What the tables of all exporters have in common, and what of a snapshot they choose."""

from functools import lru_cache
from typing import Annotated

from msgspec import Meta, Struct
from msgspec.structs import replace

from tidegauge.exporters.naming import alias
from tidegauge.globs import Selection
from tidegauge.metrics import Entity, Metric, Series, Snapshot
from tidegauge.units import Seconds, Size


class ExporterOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Of every exporter: patterns on aliases and on the catalogue's names, and how often.

    A pattern that begins with ``!`` takes away.
    """

    containers: tuple[str, ...] = ("**",)
    metrics: tuple[str, ...] = ("**",)
    flush_interval: Seconds = 10.0


class BackendOptions(ExporterOptions, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Of an exporter whose backend answers: how long it may take, and what is kept meanwhile.

    ``buffer_size`` is in bytes, of memory or of the folder ``spool``.
    """

    timeout: Seconds = 10.0
    buffer_size: Annotated[Size, Meta(ge=65536)] = 16 * 1024 * 1024
    spool: str = ""


class Chosen:
    """Leaves in a snapshot what the patterns of a table, ``containers`` and ``metrics``, take.

    An engine and a machine are taken by their names, as a container is by its alias.
    """

    def __init__(self, containers: tuple[str, ...], metrics: tuple[str, ...]) -> None:
        self._everything = containers == metrics == ("**",)
        self._entity = lru_cache(maxsize=10_000)(Selection.of(containers).takes)
        self._metric = lru_cache(maxsize=10_000)(Selection.of(metrics).takes)

    def __call__(self, snapshot: Snapshot) -> Snapshot:
        """The snapshot with nothing else in it."""
        if self._everything:
            return snapshot
        return replace(
            snapshot,
            series=tuple(filter(self._takes, snapshot.series)),
            standing=tuple(filter(self._takes, snapshot.standing)),
        )

    def takes(self, entity: Entity, metric: Metric) -> bool:
        """Is such a series left?"""
        return self._metric(metric.name) and self._entity(alias(entity))

    def _takes(self, series: Series) -> bool:
        return self.takes(series.entity, series.metric)
