"""Graphite behind StatsD, under the original program's names."""

from tidegauge.dashboards.panel import ALL, Event, Line, Page, Query, Show, Variable
from tidegauge.dashboards.targets import Values, added_up, per_second
from tidegauge.exporters.naming import LEVELS, ORIGINALS
from tidegauge.metrics import Metric
from tidegauge.metrics import catalogue as c
from tidegauge.prometheus.names import divisor

TIMERS = "stats.timers"
"""Where StatsD puts timers, with ``legacyNamespace: false``."""

LEAVES: dict[Show, str] = {
    "level": "mean",
    "rate": "sum",
    "increase": "sum",
    "p50": "median",
    "p95": "upper_95",
    "p99": "upper_99",
}
"""What StatsD makes of a timer's values between two flushes."""

_BEFORE = f"{TIMERS}.$application.$host"


class Statsd:
    """Timers by application, host, category, entity and metric."""

    name = "statsd"
    title = "StatsD and Graphite"

    def values(self, line: Line, page: Page) -> Values | None:
        """What a line shows, in the catalogue's unit."""
        found = ORIGINALS.get((line.metric.name, line.attributes))
        if found is None or line.by or line.show not in LEAVES:
            return None
        chosen = page.chosen and found.category.startswith("docker-")
        entity = "$container" if chosen else "*"
        text = f"{_BEFORE}.{found.category}.{entity}.{found.metric}.{LEAVES[line.show]}"
        if line.show == "rate":
            text = per_second(text)
        elif line.show == "increase":
            text = added_up(text)
        return Values(scaled(text, line.metric), (-3,))

    def variables(self, page: Page) -> tuple[Variable, ...]:
        """The application, the host, the container."""
        found = (
            Variable("application", "Application", f"{TIMERS}.*"),
            Variable("host", "Host", f"{TIMERS}.$application.*", ALL, every="*"),
        )
        if not page.chosen:
            return found
        return (
            *found,
            Variable("container", "Container", containers(_BEFORE, c.UPTIME), every="*"),
        )

    def events(self) -> tuple[Event, ...]:
        """Ends, and kills for lack of memory."""
        ends = [found for (name, _), found in ORIGINALS.items() if name == c.EXITS.name]
        codes = ",".join(end.metric for end in ends)
        kills = ORIGINALS[c.OOMS.name, ()]
        return (
            Event("Ends", Query(_sums(ends[0].category, f"{{{codes}}}")), "orange"),
            Event("Out of memory", Query(_sums(kills.category, kills.metric)), "red"),
        )


def containers(before: str, metric: Metric) -> str:
    """The query for the containers below a host, by what is sent of them."""
    return f"{before}.{ORIGINALS[metric.name, ()].category}.*"


def scaled(text: str, metric: Metric) -> str:
    """StatsD has whole numbers of smaller units."""
    times = LEVELS[metric](1) if metric in LEVELS else divisor(metric)
    return text if times == 1 else f"scale({text}, {1 / times:.9f}".rstrip("0") + ")"


def _sums(category: str, metric: str) -> str:
    return f"{_BEFORE}.{category}.$container.{metric}.{LEAVES['increase']}"
