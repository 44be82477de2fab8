"""What is in the dashboards, against the catalogue and against Grafana's own types."""

import json
import re
from itertools import combinations

import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models import dashboard, units

from tidegauge.dashboards.grafana import as_json, uid
from tidegauge.dashboards.original import ORIGINAL, OriginalTree
from tidegauge.dashboards.pages import CONTAINER, CONTAINERS, ENGINES, PAGES
from tidegauge.dashboards.pictures import PLUGINS
from tidegauge.dashboards.writing import sources
from tidegauge.exporters.naming import ORIGINALS
from tidegauge.metrics import CATALOGUE
from tidegauge.metrics import catalogue as c

DASHBOARDS = [each for pages in sources().values() for each in pages]
IDS = [uid(*each) for each in DASHBOARDS]
UNITS = {value for value in vars(units).values() if isinstance(value, str)}

each_dashboard = pytest.mark.parametrize(("source", "page"), DASHBOARDS, ids=IDS)

NOT_SHOWN = {
    "tidegauge.info": "says which version it is",
    "tidegauge.clock": "tells the fleet when an agent was last there",
    "container.cpu.capacity.time": "what the host's CPUs offered; the share of it is shown",
    "container.cpu.quota": "with the period the limit, which is shown",
    "container.cpu.period": "the same",
    "container.cpu.shares": "a weight, of no unit that a graph could have",
    "container.memory.limit.effective": "the limit is shown, and the machine's memory",
    "container.memory.swap.limit": "the use of swap is not known beside it",
    "container.network.packet.count": "shown over all interfaces",
    "container.network.packet.dropped": "shown over all interfaces",
    "container.network.errors": "shown over all interfaces",
    "container.disk.operations": "shown over all devices",
    "container.started.time": "shown as marks on the graphs",
    "container.created.time": "is not of its present life",
    "container.info": "always 1",
    "container.filesystem.root.usage": "mostly its image, which others have too",
}
"""Metrics that no panel has, and why."""

ORIGINAL_QUERIES = [
    "stats.timers.$Application.$Host.docker-cpu.$Image.percent-cpu-usage.mean_99",
    "stats.timers.$Application.$Host.docker-memory.$Image.usage.sum",
    "stats.timers.$Application.$Host.docker-network.$Image.rx-bytes.sum",
    "stats.timers.$Application.$Host.docker-network.$Image.tx-bytes.sum",
    "stats.timers.$Application.$Host.docker-network.$Image.rx-errors.sum",
    "stats.timers.$Application.$Host.docker-network.$Image.rx-dropped.sum",
    "stats.timers.$Application.$Host.docker-network.$Image.tx-errors.sum",
    "stats.timers.$Application.$Host.docker-network.$Image.tx-dropped.sum",
]


def made(source, page):
    return json.loads(as_json(source, page))


def pictures(shown):
    return [panel for panel in shown["panels"] if panel["type"] != "row"]


def queries(shown):
    """The text of every query, in order."""
    return [
        target.get("expr") or target.get("target") or target["query"]
        for panel in pictures(shown)
        for target in panel["targets"]
    ]


def asked(name, page, title):
    """The queries of one panel, and how series are named."""
    (source,) = {source for source, each in sources()[name] if each == page}
    (panel,) = (each for row in page.rows for each in row.panels if each.title == title)
    found = (source.query(line, panel, page) for line in panel.lines)
    return [(query.text, query.legend) for query in found if query]


def test_every_metric_is_shown_or_named():
    """A new metric gets a panel, or a reason why not."""
    shown = {
        line.metric.name
        for page in PAGES
        for row in page.rows
        for panel in row.panels
        for line in panel.lines
    }

    assert shown.isdisjoint(NOT_SHOWN)
    assert shown | NOT_SHOWN.keys() == {metric.name for metric in CATALOGUE}


@pytest.mark.parametrize("page", [CONTAINERS, CONTAINER, ENGINES], ids=lambda page: page.name)
def test_prometheus_is_asked_for_all_of_it(page):
    """Our own page in Prometheus has every metric, so no panel lacks a query there."""
    lines = [line for row in page.rows for panel in row.panels for line in panel.lines]

    ((source, _), *_) = sources()["prometheus"]
    assert len(queries(made(source, page))) == len(lines)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_statsd_is_asked_for_all_that_it_is_sent(page):
    """What has one of the original's names, and is not of a part or only where it is 1."""
    lines = [
        line
        for row in page.rows
        for panel in row.panels
        for line in panel.lines
        if panel.kind != "table"
    ]
    sent = [each for each in lines if (each.metric.name, each.attributes) in ORIGINALS]

    ((source, _), *_) = sources()["statsd"]
    assert len(queries(made(source, page))) == len(sent)


@each_dashboard
def test_grafanas_types_take_it(source, page):
    """What was written is read into them and comes out the same."""
    register_default_plugins()
    written = made(source, page)

    read = dashboard.Dashboard.from_json(written)

    assert json.loads(json.dumps(read, cls=JSONEncoder)) == written


@each_dashboard
def test_it_is_the_same_each_time(source, page):
    """Keys are sorted, and nothing in it depends on when or where it is made."""
    text = as_json(source, page)

    assert text == as_json(source, page)
    assert text == json.dumps(json.loads(text), indent=2, sort_keys=True) + "\n"


@each_dashboard
def test_a_dashboard_can_be_imported_anywhere(source, page):
    """Whatever data source is picked is asked; it is found again by its uid."""
    shown = made(source, page)
    picked = {"type": source.plugin, "uid": "${datasource}"}
    first, *variables = shown["templating"]["list"]

    assert (first["type"], first["query"]) == ("datasource", source.plugin)
    assert all(each["datasource"] == picked for each in variables if each["type"] == "query")
    assert all(panel["datasource"] == picked for panel in pictures(shown))
    assert shown["uid"] == uid(source, page)
    assert len(shown["uid"]) <= 40
    assert "id" not in shown
    assert (shown["schemaVersion"], shown["refresh"]) == (42, "10s")


def test_dashboards_are_apart_and_linked():
    """No two share a uid or a title; each leads to the others of its backend, as it is picked."""
    shown = [made(*each) for each in DASHBOARDS]

    assert len({each["uid"] for each in shown}) == len(shown) == 16
    assert len({each["title"] for each in shown}) == len(shown)
    for each in shown:
        (link,) = each["links"]
        assert set(link["tags"]) < set(each["tags"])
        assert link["includeVars"]
        assert link["keepTime"]


@each_dashboard
def test_panels_are_whole(source, page):
    """An id and a place of its own, queries, a unit of Grafana's, and a description."""
    shown = made(source, page)

    assert len({panel["id"] for panel in shown["panels"]}) == len(shown["panels"])
    for one, other in combinations(shown["panels"], 2):
        assert not overlap(one["gridPos"], other["gridPos"]), (one["title"], other["title"])
    for panel in pictures(shown):
        assert panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24
        assert panel["targets"], panel["title"]
        assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"])
        assert panel["fieldConfig"]["defaults"]["unit"] in UNITS
        assert panel["description"]


def overlap(one, other):
    return (
        one["x"] < other["x"] + other["w"]
        and other["x"] < one["x"] + one["w"]
        and one["y"] < other["y"] + other["h"]
        and other["y"] < one["y"] + one["h"]
    )


@each_dashboard
def test_no_line_is_drawn_over_a_gap(source, page):
    """What is not known is not made up."""
    graphs = [panel for panel in pictures(made(source, page)) if panel["type"] == "timeseries"]

    assert graphs
    assert {panel["fieldConfig"]["defaults"]["custom"]["spanNulls"] for panel in graphs} == {False}


@each_dashboard
def test_queries_name_only_variables_that_there_are(source, page):
    """Those of the dashboard, and Grafana's own."""
    shown = made(source, page)
    known = {variable["name"] for variable in shown["templating"]["list"]}
    known |= {"__rate_interval", "__interval", "timeFilter"}
    texts = [*queries(shown), *(str(each) for each in shown["annotations"]["list"])]
    texts += [str(each.get("query")) for each in shown["templating"]["list"]]

    for text in texts:
        assert set(re.findall(r"\$(\w+)", text)) <= known, text


def test_the_originals_queries_are_asked_to_the_letter():
    """Those of the dashboard that came with the original program, first and in its order."""
    assert queries(made(OriginalTree(), ORIGINAL))[: len(ORIGINAL_QUERIES)] == ORIGINAL_QUERIES


def test_only_one_page_has_marks():
    """Of the containers that are picked."""
    marks = {
        uid(source, page): [each["name"] for each in made(source, page)["annotations"]["list"]]
        for source, page in DASHBOARDS
    }

    assert {name: found for name, found in marks.items() if found} == {
        "tidegauge-prometheus-container": ["Starts", "Ends", "Out of memory"],
        "tidegauge-cadvisor-container": ["Starts", "Out of memory"],
        "tidegauge-statsd-container": ["Ends", "Out of memory"],
        "tidegauge-graphite-container": ["Ends", "Out of memory"],
        "tidegauge-influxdb-container": ["Restarts", "Out of memory"],
    }


PICKED = 'instance=~"$instance",engine=~"$engine",container=~"$container"'
NAMED = 'instance=~"$instance",engine=~"$engine",name=~"$container"'
BEFORE = "stats.timers.$application.$host.docker-cpu.$container.percent-cpu"
WHERE = (
    'WHERE "host" =~ /^$host$/ AND "engine" =~ /^$engine$/ AND "container" =~ /^$container$/'
    ' AND $timeFilter GROUP BY time($__interval), "host", "engine", "container" fill(null)'
)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "prometheus",
            [
                (f"container_cpu_usage{{{PICKED}}}", "{{container}} used"),
                (f"container_cpu_limit_current{{{PICKED}}}", "{{container}} limit"),
            ],
        ),
        (
            "cadvisor",
            [
                (
                    "rate(container_cpu_usage_seconds_total"
                    f'{{{NAMED},cpu="total"}}[$__rate_interval])',
                    "{{name}} used",
                ),
                (
                    f"container_spec_cpu_quota{{{NAMED}}} / container_spec_cpu_period{{{NAMED}}}",
                    "{{name}} limit",
                ),
            ],
        ),
        (
            "statsd",
            [
                (
                    f'aliasSub(aliasByNode(scale({BEFORE}-usage.mean, 0.01), -3), "^(.*)",'
                    ' "\\1 used")',
                    "",
                ),
                (
                    f'aliasSub(aliasByNode(scale({BEFORE}-limit.mean, 0.01), -3), "^(.*)",'
                    ' "\\1 limit")',
                    "",
                ),
            ],
        ),
        (
            "graphite",
            [
                (
                    "aliasSub(aliasByNode($prefix.$host.container_cpu.$container.usage.mean, -3),"
                    ' "^(.*)", "\\1 used")',
                    "",
                ),
                (
                    "aliasSub(aliasByNode($prefix.$host.container_cpu.$container.limit_current.last"
                    ', -3), "^(.*)", "\\1 limit")',
                    "",
                ),
            ],
        ),
        (
            "influxdb",
            [
                (
                    f'SELECT mean("usage_mean") AS "value" FROM "container_cpu" {WHERE}',
                    "$tag_container used",
                ),
                (
                    f'SELECT mean("limit_current") AS "value" FROM "container_cpu" {WHERE}',
                    "$tag_container limit",
                ),
            ],
        ),
    ],
)
def test_cpu_is_asked_for_in_every_language(name, expected):
    """One panel of five backends, to the letter."""
    assert asked(name, CONTAINER, "CPU, cores") == expected


def test_the_first_event_counts():
    """A counter that comes with its first event is compared with 0, if Tidegauge was there."""
    (*_, (expression, _)) = asked("prometheus", CONTAINER, "Seconds missed")
    missed = f"container_samples_missed_seconds_total{{{PICKED}}}"

    assert expression == (
        f"sum by (instance, engine, container) (clamp_min({missed} - ({missed} offset $__interval"
        f' or {missed} * 0 and on (instance) tidegauge_series{{instance=~"$instance"}}'
        " offset $__interval), 0))"
    )


def test_every_kind_of_panel_is_in_use():
    """None is left over in the table of Grafana's panels."""
    kinds = {panel.kind for page in PAGES for row in page.rows for panel in row.panels}

    assert kinds == {*PLUGINS, "lines", "stacked", "bars"}


def test_limits_are_lines_of_their_own():
    """Dashed, not filled, and not stacked on what they limit."""
    ((source, _), *_) = sources()["prometheus"]
    (cpu,) = (each for each in pictures(made(source, CONTAINER)) if each["title"] == "CPU, cores")
    (override,) = cpu["fieldConfig"]["overrides"]

    assert override["matcher"] == {"id": "byFrameRefID", "options": "B"}
    assert {each["id"]: each["value"] for each in override["properties"]} == {
        "custom.fillOpacity": 0,
        "custom.lineStyle": {"fill": "dash", "dash": [10.0, 10.0]},
        "custom.stacking": {"mode": "none", "group": "A"},
    }
    assert c.CPU_LIMIT.help in cpu["description"]
