"""Prometheus, under cAdvisor's names: ``/metrics/cadvisor``."""

from msgspec.structs import replace

from tidegauge.dashboards.panel import ALL, Event, Line, Page, Query, Variable
from tidegauge.dashboards.promql import (
    EVENTS,
    QUANTILES,
    RATE,
    Selected,
    increase,
    listing,
    one_of,
    selection,
)
from tidegauge.metrics import CATALOGUE, Metric
from tidegauge.metrics import catalogue as c
from tidegauge.prometheus.cadvisor_names import LAST_SEEN, MACHINE, PARTS, ROWS, Row, key

_METRICS = {metric.name: metric for metric in CATALOGUE}

_ENGINE = (one_of("instance"), one_of("engine"))
_CONTAINER = (*_ENGINE, one_of("name", "container"))


class Cadvisor:
    """Names of the page for dashboards made for cAdvisor."""

    name = "cadvisor"
    title = "Prometheus, cAdvisor's names"
    known = selection(LAST_SEEN.family.name, _ENGINE[:1])

    def select(self, line: Line, page: Page) -> Selected | None:
        """The series of a line; sums over parts are made of the parts."""
        metric = _METRICS[line.metric.name.removesuffix(".sum")]
        found = _row(_INSTEAD.get(metric, metric), line)
        if found is None or line.show in QUANTILES:
            return None
        matchers, labels = _entity(metric, page, found)
        by = (PARTS[line.by],) if line.by else ()
        selected = Selected(
            found.family.name,
            (*matchers, *filter(None, (found.label,))),
            ("instance", *labels, *by),
            (*labels[-1:], *by),
        )
        level = self._level(selected, line, page, unlimited=found.unlimited == 0)
        return replace(selected, expression=level)

    def _level(self, found: Selected, line: Line, page: Page, *, unlimited: bool) -> str:
        """What cAdvisor leaves to be counted out; 0 says that there is no limit."""
        match line.metric:
            case c.CPU_USAGE:
                return f"rate({found}[{RATE}])"
            case c.CPU_LIMIT:
                return f"{found} / {self.select(replace(line, metric=c.CPU_PERIOD), page)}"
            case c.UPTIME:
                return f"time() - {found}"
            case _:
                return f"{found} > 0" if unlimited else ""

    def variables(self, page: Page) -> tuple[Variable, ...]:
        """As on the other page; series of cAdvisor's own, without an engine, are taken too."""
        series = LAST_SEEN.family.name
        found = (
            Variable("instance", "Tidegauge", listing(series, (), "instance"), ALL, ".*"),
            Variable("engine", "Engine", listing(series, _ENGINE[:1], "engine"), ALL, ".*"),
        )
        if not page.chosen:
            return found
        containers = listing(series, (*_ENGINE, 'name!=""'), "name")
        return (*found, Variable("container", "Container", containers, every=".+"))

    def events(self) -> tuple[Event, ...]:
        """Starts, and kills for lack of memory."""
        started = selection(ROWS[key(c.STARTED)].family.name, _CONTAINER)
        kills = selection(ROWS[key(c.OOMS)].family.name, _CONTAINER)
        return (
            Event("Starts", Query(f"{started} * 1000", "{{name}} started"), "green", at_value=True),
            Event(
                "Out of memory",
                Query(f"{increase(kills, EVENTS, self.known)} > 0", "{{name}} ran out of memory"),
                "red",
            ),
        )


_INSTEAD = {c.CPU_USAGE: c.CPU_TIME, c.CPU_LIMIT: c.CPU_QUOTA, c.UPTIME: c.STARTED}
"""What is counted out, and what of."""


def _row(metric: Metric, line: Line) -> Row | None:
    looked_up = key(metric, *line.attributes)
    return ROWS.get(looked_up) or MACHINE.get(looked_up)


def _entity(metric: Metric, page: Page, row: Row) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The matchers and the labels of what a metric is about; ``id="/"`` is a machine."""
    match metric.name.partition(".")[0]:
        case "container":
            return _CONTAINER if page.chosen else (*_ENGINE, 'name!=""'), ("engine", "name")
        case "engine":
            root = () if row in MACHINE.values() else ('id="/"',)
            return (*_ENGINE, *root), ("engine",)
        case _:
            return (*_ENGINE[:1], 'id="/"', 'engine=""'), ()
