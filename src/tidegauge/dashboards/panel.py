"""What a dashboard consists of, whatever backend it asks."""

from typing import Literal, Protocol

from msgspec import Struct

from tidegauge.metrics import Attributes, Metric

Show = Literal["level", "rate", "increase", "sum", "holds", "p50", "p95", "p99"]
"""Of a level its mean, a percentile of its one-second samples, or only where it is 1 (holds).

Of a counter what is added each second, or what was added in each interval of the graph. ``sum`` is
what StatsD adds up from one flush to the next.
"""

Kind = Literal["lines", "stacked", "bars", "number", "top", "table", "states"]
"""Graphs over time; the newest number; the highest ten; a row for each container; a band."""


class Line(Struct, frozen=True):
    """One query: a metric, values of its attributes, and what of it is shown.

    ``by`` is one more attribute, that makes a series of each of its values; ``total`` adds all
    entities up. The legend stands behind the entity's name; in a table it heads the column, whose
    unit is ``unit``. A ``limit`` is a dashed line, ``below`` is drawn downwards.
    """

    metric: Metric
    attributes: Attributes = ()
    legend: str = ""
    show: Show = "level"
    by: str = ""
    total: bool = False
    role: Literal["", "limit", "below"] = ""
    unit: str = ""


class Panel(Struct, frozen=True):
    """A picture; its unit is one of Grafana's, its width is of 24."""

    title: str
    unit: str
    lines: tuple[Line, ...]
    kind: Kind = "lines"
    width: int = 12


class Row(Struct, frozen=True):
    """Panels under a heading."""

    title: str
    panels: tuple[Panel, ...]


class Page(Struct, frozen=True):
    """A dashboard; ``chosen`` shows the containers that are picked, else all are shown."""

    name: str
    title: str
    rows: tuple[Row, ...]
    chosen: bool = False


class Query(Struct, frozen=True):
    """A query in the backend's language, and how it names each series where it does not itself."""

    text: str
    legend: str = ""


HIGHEST = 10
"""How many a panel of the kind ``top`` shows."""

ALL = "$__all"
"""What Grafana calls all values of a variable at once."""


class Variable(Struct, frozen=True):
    """What can be picked at the top of a dashboard, and the query that lists its values.

    Without a query it is typed. It begins as ``default``, or else as the first of its values.
    ``every`` is what is asked for all of them, unless that is one by one.
    """

    name: str
    label: str
    query: str = ""
    default: str = ""
    every: str | None = None


class Event(Struct, frozen=True):
    """Marks on all graphs; the value is the time itself, in milliseconds, if ``at_value``."""

    name: str
    query: Query
    colour: str
    at_value: bool = False


class Source(Protocol):
    """A backend's names and language.

    ``name`` is that of our exporter, ``plugin`` that of Grafana's data source; without ``tables``
    it cannot join several queries into one table.
    """

    name: str
    title: str
    plugin: str
    tables: bool

    def variables(self, page: Page, /) -> tuple[Variable, ...]:
        """In the order they are picked; each query may name those before it."""
        ...

    def query(self, line: Line, panel: Panel, page: Page, /) -> Query | None:
        """What to ask for; ``None`` where the backend is not given that."""
        ...

    def events(self) -> tuple[Event, ...]:
        """What happened to the chosen containers."""
        ...
