"""InfluxQL, for what the exporter for InfluxDB writes."""

from tidegauge.dashboards.panel import ALL, Event, Line, Page, Panel, Query, Show, Variable
from tidegauge.exporters.places import Place, place
from tidegauge.metrics import Kind, Metric
from tidegauge.metrics import catalogue as c
from tidegauge.metrics import surroundings as s

STEP = "time($__interval)"

AGGREGATES: dict[Show, tuple[str, str]] = {
    "p50": ("mean", "_p50"),
    "p95": ("max", "_p95"),
    "p99": ("max", "_p99"),
}
"""How a percentile's points are made fewer, and the end of its field."""

_ENTITIES = {"container": ("host", "engine", "container"), "engine": ("host", "engine")}


class InfluxQl:
    """Databases of InfluxDB 1, and what answers InfluxQL elsewhere."""

    name = "influxdb"
    title = "InfluxDB"
    plugin = "influxdb"
    tables = True

    def variables(self, page: Page) -> tuple[Variable, ...]:
        """The machine with the Tidegauge that tells it, the engine, the container."""
        at = _place(Line(s.ENGINE_CONTAINERS if page.name == "engines" else c.STATE))
        found = (
            Variable("host", "Tidegauge on", _tag_values(at, "host", ()), ALL),
            Variable("engine", "Engine", _tag_values(at, "engine", ("host",)), ALL),
        )
        if not page.chosen:
            return found
        containers = _tag_values(at, "container", ("host", "engine"))
        return (*found, Variable("container", "Container", containers))

    def query(self, line: Line, panel: Panel, page: Page) -> Query | None:
        """What to ask for; ``None`` where there is no such field."""
        if line.show == "sum" or (line.show in AGGREGATES and not line.metric.bounds):
            return None
        if line.total:
            return Query(_summed(_points(line, page)), line.legend)
        if panel.kind == "table":
            return Query(_newest(_points(line, page), line))
        named = _tags(line)[-1 - bool(line.by) :]
        legend = " ".join((*(f"$tag_{tag}" for tag in named), line.legend))
        return Query(_points(line, page, "null"), legend.strip())

    def events(self) -> tuple[Event, ...]:
        """Restarts, and kills for lack of memory."""
        return (
            Event("Restarts", Query(_grown(c.RESTARTS), "restarts"), "green"),
            Event("Out of memory", Query(_grown(c.OOMS), "kills"), "red"),
        )


def _place(line: Line) -> Place:
    by = ((line.by, ""),) if line.by else ()
    return place(line.metric.name, (*line.attributes, *by))


def _tags(line: Line) -> tuple[str, ...]:
    """What series differ by."""
    entity = _ENTITIES.get(line.metric.name.partition(".")[0], ("host",))
    return (*entity, *(tag for tag, _ in _place(line).tags))


def _field(line: Line) -> str:
    """Levels that are sampled often are the mean of their samples."""
    field = _place(line).field
    if line.show in AGGREGATES:
        return f"{field}{AGGREGATES[line.show][1]}"
    return f"{field}_mean" if line.metric.bounds and line.show == "level" else field


def _selected(line: Line, page: Page) -> str:
    """Everything from FROM to GROUP BY."""
    entity = _ENTITIES.get(line.metric.name.partition(".")[0], ("host",))
    picked = [f'"{tag}" =~ /^${tag}$/' for tag in entity if tag != "container" or page.chosen]
    if line.show == "holds":
        picked.append(f'"{_field(line)}" = 1')
    return f'FROM "{_place(line).measurement}" WHERE {" AND ".join((*picked, "$timeFilter"))}'


def _points(line: Line, page: Page, gap: str = "none") -> str:
    """A point for each step of the graph, and what stands where there is none."""
    field = f'"{_field(line)}"'
    match line.show:
        case "rate":
            value = f"non_negative_derivative(last({field}), 1s)"
        case "increase":
            value = f"non_negative_difference(last({field}))"
            if line.metric.kind is Kind.COUNTER:  # it comes with its first event: before it was 0
                gap = "0"
        case "holds":
            value = f"last({field})"
        case "level":
            value = f"mean({field})"
        case show:
            value = f"{AGGREGATES[show][0]}({field})"
    grouped = ", ".join((STEP, *(f'"{tag}"' for tag in _tags(line))))
    return f'SELECT {value} AS "value" {_selected(line, page)} GROUP BY {grouped} fill({gap})'


def _summed(points: str) -> str:
    selected = f"FROM ({points}) WHERE $timeFilter GROUP BY {STEP} fill(null)"
    return f'SELECT sum("value") {selected}'


def _newest(points: str, line: Line) -> str:
    """The newest point of each series, in a column that is called like the line.

    The time is limited inside only: outside as well InfluxDB 1 answers with nothing.
    """
    grouped = ", ".join(f'"{tag}"' for tag in _tags(line))
    selected = f"FROM ({points}) GROUP BY {grouped}"
    return f'SELECT last("value") AS "{line.legend}" {selected}'


def _grown(metric: Metric) -> str:
    points = _points(Line(metric, show="increase"), Page("", "", (), chosen=True))
    selected = f'FROM ({points}) WHERE "value" > 0'
    return f'SELECT "value", "container" {selected}'


def _tag_values(at: Place, tag: str, picked: tuple[str, ...]) -> str:
    where = " AND ".join(f'"{each}" =~ /^${each}$/' for each in picked)
    query = f'SHOW TAG VALUES FROM "{at.measurement}" WITH KEY = "{tag}"'
    return f"{query} WHERE {where}" if where else query
