"""Graphite, for what our own exporter for it writes in levels."""

from tidegauge.dashboards.panel import ALL, Event, Line, Page, Query, Variable
from tidegauge.dashboards.targets import Values, added_up, grown
from tidegauge.exporters.graphite import GraphiteOptions, level
from tidegauge.exporters.places import Place, place
from tidegauge.metrics import catalogue as c

_BEFORE = "$prefix.$host"


class Levels:
    """Paths by prefix, host, measurement, entity, part and field."""

    name = "graphite"
    title = "Graphite"

    def values(self, line: Line, page: Page) -> Values | None:
        """What a line shows; of a level that is sampled often the mean of its samples."""
        metric = line.metric
        if line.show == "sum" or (line.show.startswith("p") and not metric.bounds):
            return None
        path, behind = _path(line, page), 0
        match line.show:
            case "rate":
                text = f"perSecond({path})"
            case "increase":
                text = added_up(grown(path))
            case "holds":
                text, behind = f"removeBelowValue({path}.last, 1)", 1
            case "level":
                text, behind = f"{path}.{'mean' if metric.bounds else 'last'}", 1
            case percentile:
                text, behind = f"{path}.{percentile}", 1
        return Values(text, _nodes(line, behind))

    def variables(self, page: Page) -> tuple[Variable, ...]:
        """The prefix, the host, the container."""
        found = (
            Variable("prefix", "Prefix", default=GraphiteOptions().prefix),
            Variable("host", "Host", "$prefix.*", ALL, every="*"),
        )
        if not page.chosen:
            return found
        measurement = level(place(c.STATE.name, ()).measurement)
        return (*found, Variable("container", "Container", f"{_BEFORE}.{measurement}.*", every="*"))

    def events(self) -> tuple[Event, ...]:
        """Ends by any code, and kills for lack of memory."""
        chosen = Page("", "", (), chosen=True)
        ends, kills = (
            grown(f"{_path(line, chosen)}{behind}")
            for line, behind in ((Line(c.EXITS, ((c.EXIT_CODE, ""),)), "*"), (Line(c.OOMS), ""))
        )
        return (
            Event("Ends", Query(ends), "orange"),
            Event("Out of memory", Query(kills), "red"),
        )


def _path(line: Line, page: Page) -> str:
    """All but the number of a level that is shown."""
    at = _place(line)
    parts = ("*" for _ in at.tags)
    return ".".join((_BEFORE, level(at.measurement), *_entity(line, page), *parts, level(at.field)))


def _nodes(line: Line, behind: int) -> tuple[int, ...]:
    """The levels of entity and parts, counted from the end."""
    parts = len(_place(line).tags)
    field = -1 - behind
    entity = field - parts - (1 if _entity(line, Page("", "", ())) else 2)
    return (entity, *(field - parts + index for index in range(parts)))


def _entity(line: Line, page: Page) -> tuple[str, ...]:
    """None of the machine and of Tidegauge: they are the host."""
    first = line.metric.name.partition(".")[0]
    if first == "container" and page.chosen:
        return ("$container",)
    return ("*",) if first in {"container", "engine"} else ()


def _place(line: Line) -> Place:
    by = ((line.by, ""),) if line.by else ()
    return place(line.metric.name, (*line.attributes, *by))
