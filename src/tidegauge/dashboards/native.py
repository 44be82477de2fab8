"""Prometheus, under the names of our own: ``/metrics``, and remote write."""

from tidegauge.dashboards.panel import ALL, Event, Line, Page, Query, Variable
from tidegauge.dashboards.promql import EVENTS, Selected, increase, listing, one_of, selection
from tidegauge.metrics import CATALOGUE, Attributes, Metric
from tidegauge.metrics import catalogue as c
from tidegauge.metrics import surroundings as s
from tidegauge.prometheus.names import LABELS, attribute_labels, family, label_text, samples_family

_METRICS = {metric.name: metric for metric in CATALOGUE}

_INSTANCE = one_of("instance")
_ENGINE = (_INSTANCE, one_of("engine"))
_CONTAINER = (*_ENGINE, one_of("container"))


class Native:
    """Names of the catalogue's own page."""

    name = "prometheus"
    title = "Prometheus"

    def __init__(self) -> None:
        self.known = selection(_name(s.TIDEGAUGE_SERIES), (_INSTANCE,))

    def select(self, line: Line, page: Page) -> Selected | None:
        """The series of a line; sums over parts are made of the parts."""
        metric = _METRICS[line.metric.name.removesuffix(".sum")]
        matchers, labels = _entity(metric, page)
        by = (LABELS[line.by],) if line.by else ()
        named = attribute_labels(line.attributes)
        samples = samples_family(metric)
        return Selected(
            _name(metric, line.attributes),
            (*matchers, *(label_text((pair,)) for pair in named)),
            ("instance", *labels, *by),
            (*labels[-1:], *by),
            samples.name if samples else "",
        )

    def variables(self, page: Page) -> tuple[Variable, ...]:
        """The Tidegauge that tells it, the engine, the container."""
        series = _name(s.ENGINE_CONTAINERS if page.name == "engines" else c.STATE)
        instances = listing(series, (), "instance")
        engines = listing(series, (_INSTANCE,), "engine")
        found = (
            Variable("instance", "Tidegauge", instances, ALL, ".*"),
            Variable("engine", "Engine", engines, ALL, ".+"),
        )
        if not page.chosen:
            return found
        containers = listing(series, _ENGINE, "container")
        return (*found, Variable("container", "Container", containers, every=".+"))

    def events(self) -> tuple[Event, ...]:
        """Starts at their exact time; ends, and kills for lack of memory."""
        started = selection(_name(c.STARTED), _CONTAINER)
        ends, kills = (
            increase(selection(_name(metric), _CONTAINER), EVENTS, self.known)
            for metric in (c.EXITS, c.OOMS)
        )
        ended = f"{{{{container}}}} ended with {{{{{LABELS[c.EXIT_CODE]}}}}}"
        killed = "{{container}} ran out of memory"
        return (
            Event(
                "Starts",
                Query(f"{started} * 1000", "{{container}} started"),
                "green",
                at_value=True,
            ),
            Event("Ends", Query(f"{ends} > 0", ended), "orange"),
            Event("Out of memory", Query(f"{kills} > 0", killed), "red"),
        )


def _name(metric: Metric, attributes: Attributes = ()) -> str:
    found = family(metric, attributes)
    if found is None:
        raise ValueError(f"{metric.name} has no family")
    return found.name


def _entity(metric: Metric, page: Page) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The matchers and the labels of what a metric is about."""
    match metric.name.partition(".")[0]:
        case "container":
            return _CONTAINER if page.chosen else (*_ENGINE, 'container!=""'), (
                "engine",
                "container",
            )
        case "engine":
            return _ENGINE, ("engine",)
        case _:
            return (_INSTANCE, 'host!=""'), ("host",)
