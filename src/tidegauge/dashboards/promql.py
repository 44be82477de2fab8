"""PromQL, for both vocabularies that Prometheus is given."""

from collections.abc import Iterable
from typing import Protocol

from msgspec import Struct

from tidegauge.dashboards.panel import HIGHEST, Event, Line, Page, Panel, Query, Show, Variable

RATE = "$__rate_interval"
"""Grafana's window for rates: four scrapes at least."""

STEP = "$__interval"

EVENTS = "30s"
"""What marks of events are apart at least."""

QUANTILES: dict[Show, float] = {"p50": 0.5, "p95": 0.95, "p99": 0.99}


class Selected(Struct, frozen=True):
    """Series of one name: which, the labels they differ by, and which of them a legend names.

    ``samples`` is the histogram of their samples. An ``expression`` makes a level of them, where it
    is not the selection itself.
    """

    name: str
    matchers: tuple[str, ...]
    labels: tuple[str, ...]
    legend: tuple[str, ...]
    samples: str = ""
    expression: str = ""

    def __str__(self) -> str:
        return selection(self.name, self.matchers)

    @property
    def by(self) -> str:
        """What sums are grouped by."""
        return ", ".join(self.labels)


class Vocabulary(Protocol):
    """Names. ``known`` are series that are there as long as Tidegauge is; see `increase`."""

    name: str
    title: str
    known: str

    def select(self, line: Line, page: Page, /) -> Selected | None:
        """The series of a line; ``None`` where Prometheus is not given them."""
        ...

    def variables(self, page: Page, /) -> tuple[Variable, ...]:
        """As the source has them."""
        ...

    def events(self) -> tuple[Event, ...]:
        """As the source has them."""
        ...


class PromQl:
    """A source that speaks PromQL."""

    plugin = "prometheus"
    tables = True

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.name, self.title = vocabulary.name, vocabulary.title
        self.variables, self.events = vocabulary.variables, vocabulary.events
        self._words = vocabulary

    def query(self, line: Line, panel: Panel, page: Page) -> Query | None:
        """What to ask for; ``None`` where Prometheus is not given that."""
        found = self._words.select(line, page)
        expression = self._expression(found, line, panel) if found else None
        if found is None or expression is None:
            return None
        if line.total:
            return Query(expression, line.legend)
        if panel.kind == "top":
            expression = f"topk({HIGHEST}, {expression})"
        words = (*(f"{{{{{label}}}}}" for label in found.legend), line.legend)
        return Query(expression, " ".join(words).strip())

    def _expression(self, found: Selected, line: Line, panel: Panel) -> str | None:
        summed = "sum" if line.total else f"sum by ({found.by})"
        match line.show:
            case "level":
                level = found.expression or str(found)
                if line.total:
                    return f"sum({level})"
                # The columns of a table are joined by labels: all must have the same.
                return f"max by ({found.by}) ({level})" if panel.kind == "table" else level
            case "rate":
                return f"{summed} (rate({found}[{RATE}]))"
            case "increase":
                return f"{summed} ({increase(found, STEP, self._words.known)})"
            case "holds":
                return f"{found} == 1"
            case show:
                return percentile(found, QUANTILES[show]) if found.samples else None


def percentile(of: Selected, quantile: float) -> str:
    """Of all samples in the window, as near as the bounds of the histogram tell."""
    buckets = selection(f"{of.samples}_bucket", of.matchers)
    spread = f"sum by ({of.by}, le) (rate({buckets}[{RATE}]))"
    return f"histogram_quantile({quantile}, {spread})"


def increase(counter: object, back: str, known: str) -> str:
    """What a counter grew by, in whole numbers.

    A counter of events comes with its first event: where it was not, and Tidegauge was, it was 0.
    PromQL's own ``increase`` would miss the first event, and extrapolate.
    """
    before = f"{counter} offset {back} or {counter} * 0 and on (instance) {known} offset {back}"
    return f"clamp_min({counter} - ({before}), 0)"


def selection(name: str, matchers: Iterable[str]) -> str:
    """A name with matchers."""
    return f"{name}{{{','.join(matchers)}}}"


def one_of(label: str, variable: str = "") -> str:
    """The matcher for what is picked of a variable, called like the label if it is not named."""
    return f'{label}=~"${variable or label}"'


def listing(name: str, matchers: Iterable[str], label: str) -> str:
    """The query for a variable's values, in Grafana's own words."""
    return f"label_values({selection(name, matchers)}, {label})"
