"""What a row of the catalogue is."""

from enum import Enum

from msgspec import Struct


class Kind(Enum):
    """How a value behaves over time."""

    COUNTER = "counter"
    GAUGE = "gauge"


class Metric(Struct, frozen=True):
    """One row of the catalogue.

    ``bounds`` are upper bounds of a histogram, ascending, in what the instrument holds: a metric
    that has them leaves as a distribution of its one-second samples as well. ``attributes`` are
    the keys its series may have, ``source`` the engine's fields it is made of.
    """

    name: str
    kind: Kind
    unit: str
    help: str
    scale: float = 1.0
    bounds: tuple[float, ...] = ()
    attributes: tuple[str, ...] = ()
    source: tuple[str, ...] = ()

    def in_unit(self, number: float) -> float:
        """What an instrument holds, in ``unit``: whole, or else the nearest float there is."""
        return number if self.scale == 1.0 else number / round(1 / self.scale)
