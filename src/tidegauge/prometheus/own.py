"""The page of our own names: everything in the catalogue, as `names` translates it."""

from collections.abc import Iterator

from tidegauge.journal import Journal
from tidegauge.metrics import CATALOGUE
from tidegauge.metrics.entities import Recorders
from tidegauge.prometheus.names import (
    EntityLabels,
    Takes,
    attribute_labels,
    divisor,
    everything,
    families,
    family,
    label_text,
    samples_family,
)
from tidegauge.prometheus.text import Line


class OurNames:
    """The vocabulary of ``/metrics``; clashes of labels are told to the journal."""

    def __init__(self, journal: Journal, takes: Takes = everything) -> None:
        self.families = families(CATALOGUE)
        self._takes = takes
        self._labels = EntityLabels(journal)

    def lines(self, recorders: Recorders, now: float) -> Iterator[Line]:
        """All instruments that hold, and the distributions of those that have one."""
        entity = label_text(self._labels.of(recorders.entity))
        for metric, attributes, instrument in recorders.holding(now):
            found, samples = family(metric, attributes), samples_family(metric)
            if found is not None and self._takes(recorders.entity, metric):
                further = label_text(attribute_labels(attributes))
                labels = f"{entity},{further}" if further else entity
                yield Line(found, labels, instrument, divisor(metric))
                if samples is not None:
                    yield Line(samples, labels, instrument)
