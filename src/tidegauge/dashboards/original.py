"""The original program's dashboard for Graphite, with its panels, its queries and its variables.

Source: the dashboard that came with Kamon's image of Grafana and Graphite. What it lacked is below.
"""

from tidegauge.dashboards.panel import Event, Line, Page, Panel, Query, Row, Variable
from tidegauge.dashboards.statsd import TIMERS, containers
from tidegauge.exporters.naming import ORIGINALS
from tidegauge.metrics import catalogue as c
from tidegauge.metrics import surroundings as s

_BEFORE = f"{TIMERS}.$Application.$Host"


class OriginalTree:
    """The same, by the queries and the variables of the original program's dashboard."""

    name = "statsd"
    title = "StatsD and Graphite"
    plugin = "graphite"
    tables = False

    def query(self, line: Line, _panel: Panel, _page: Page, /) -> Query | None:
        """To the letter, without functions around it."""
        found = ORIGINALS[line.metric.name, line.attributes]
        leaf = "sum" if line.show == "sum" else "mean_99"
        return Query(f"{_BEFORE}.{found.category}.$Image.{found.metric}.{leaf}")

    def variables(self, _page: Page, /) -> tuple[Variable, ...]:
        """Called as it called them."""
        return (
            Variable("Application", "Application", f"{TIMERS}.*"),
            Variable("Host", "Host", f"{TIMERS}.$Application.*"),
            Variable("Image", "Container", containers(_BEFORE, c.CPU_USAGE), every="*"),
        )

    def events(self) -> tuple[Event, ...]:
        """It had none."""
        return ()


def _lost(way: tuple[str, str]) -> tuple[Line, ...]:
    return tuple(
        Line(metric, (way,), show="sum") for metric in (c.NETWORK_ERRORS_SUM, c.NETWORK_DROPPED_SUM)
    )


ORIGINAL = Page(
    "original",
    "As Kamon's Docker monitor had it",
    (
        Row(
            "As it was",
            (
                Panel("CPU usage", "percent", (Line(c.CPU_USAGE),)),
                Panel("Memory usage", "bytes", (Line(c.MEMORY_USAGE, show="sum"),)),
                Panel(
                    "Network traffic",
                    "bytes",
                    (
                        Line(c.NETWORK_IO_SUM, (c.RECEIVE,), show="sum"),
                        Line(c.NETWORK_IO_SUM, (c.TRANSMIT,), show="sum"),
                    ),
                    width=24,
                ),
                Panel("RX errors and drops", "short", _lost(c.RECEIVE)),
                Panel("TX errors and drops", "short", _lost(c.TRANSMIT)),
            ),
        ),
        Row(
            "What it lacked",
            (
                Panel(
                    "Memory in use",
                    "bytes",
                    (
                        Line(c.MEMORY_USAGE),
                        Line(c.MEMORY_WORKING_SET),
                        Line(c.MEMORY_LIMIT, role="limit"),
                    ),
                ),
                Panel("Tasks", "short", (Line(c.PIDS), Line(c.PIDS_LIMIT, role="limit"))),
                Panel(
                    "Block IO",
                    "bytes",
                    (
                        Line(c.DISK_IO_SUM, (c.READ,), show="sum"),
                        Line(c.DISK_IO_SUM, (c.WRITE,), show="sum"),
                    ),
                ),
                Panel(
                    "Disk taken by its own layer", "bytes", (Line(s.CONTAINER_FILESYSTEM_USAGE),)
                ),
            ),
        ),
    ),
    chosen=True,
)
