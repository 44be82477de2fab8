"""Dashboards in Grafana's own types: what is in the files that it imports.

Source: Grafana's dashboard schema, as its Foundation SDK has it: the one that every Grafana reads.
The one that the SDK would rather have is for newer ones only.
"""

import json
from collections.abc import Iterator

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.runtime import UnknownDataquery
from grafana_foundation_sdk.models import dashboard

from tidegauge.dashboards.panel import ALL, Event, Page, Panel, Row, Source, Variable
from tidegauge.dashboards.pictures import Asked, picture, reference
from tidegauge.dashboards.promql import EVENTS

REFRESH, SINCE = "10s", "now-1h"

COLUMNS, ROW, HEIGHT, LOW = 24, 1, 8, 4
"""Of the grid that panels are placed on."""


def as_json(source: Source, page: Page) -> str:
    """The file of a dashboard; always the same for the same catalogue."""
    made = dashboard_of(source, page)
    text = json.dumps(made, cls=JSONEncoder, indent=2, sort_keys=True, ensure_ascii=False)
    return f"{text}\n"


def uid(source: Source, page: Page) -> str:
    """What a dashboard is known by in Grafana, wherever it is imported."""
    return f"tidegauge-{source.name}-{page.name}"


def dashboard_of(source: Source, page: Page) -> dashboard.Dashboard:
    """A dashboard of all panels that the source has anything for."""
    variables = [_datasource(source), *(_variable(each, source) for each in source.variables(page))]
    return dashboard.Dashboard(
        uid=uid(source, page),
        title=f"{page.title} ({source.title})",
        description="Made by tidegauge dashboards: changes are lost when it is made anew.",
        tags=["docker", "tidegauge", _tag(source)],
        graph_tooltip=dashboard.DashboardCursorSync.CROSSHAIR,
        time=dashboard.DashboardDashboardTime(from_val=SINCE, to="now"),
        refresh=REFRESH,
        panels=_Grid(source, page).placed(),
        templating=dashboard.DashboardDashboardTemplating(variables),
        annotations=dashboard.AnnotationContainer(
            [_annotation(each, source) for each in source.events() if page.chosen]
        ),
        links=[_to_others(source)],
    )


def _tag(source: Source) -> str:
    return f"tidegauge-{source.name}"


def _datasource(source: Source) -> dashboard.VariableModel:
    return dashboard.VariableModel(
        type_val=dashboard.VariableType.DATASOURCE,
        name="datasource",
        label="Data source",
        query=source.plugin,
    )


def _variable(of: Variable, source: Source) -> dashboard.VariableModel:
    if not of.query:
        only = dashboard.VariableOption(selected=True, text=of.default, value=of.default)
        kind = dashboard.VariableType.TEXTBOX
        return dashboard.VariableModel(
            kind, of.name, of.label, query=of.default, current=only, options=[only]
        )
    every = dashboard.VariableOption(selected=True, text=["All"], value=[ALL])
    return dashboard.VariableModel(
        type_val=dashboard.VariableType.QUERY,
        name=of.name,
        label=of.label,
        query=of.query,
        definition=of.query,
        datasource=reference(source),
        current=every if of.default == ALL else None,
        multi=True,
        include_all=True,
        all_value=of.every,
        refresh=dashboard.VariableRefresh.ON_TIME_RANGE_CHANGED,
        sort=dashboard.VariableSort.ALPHABETICAL_ASC,
    )


def _to_others(source: Source) -> dashboard.DashboardLink:
    """To the other dashboards of the same source, with what is picked."""
    return dashboard.DashboardLink(
        title="Tidegauge",
        type_val=dashboard.DashboardLinkType.DASHBOARDS,
        icon="external link",
        tags=[_tag(source)],
        include_vars=True,
        keep_time=True,
    )


def _annotation(of: Event, source: Source) -> dashboard.AnnotationQuery:
    made = dashboard.AnnotationQuery(
        name=of.name, datasource=reference(source), icon_color=of.colour
    )
    if source.plugin == "prometheus":
        made.expr, made.step, made.title_format = of.query.text, EVENTS, of.query.legend
        made.use_value_for_time = of.at_value
        return made
    target = {"refId": "Anno", "fromAnnotations": True, "textEditor": True}
    if source.plugin == "graphite":
        target |= {"target": of.query.text}
    else:
        words = {"query": of.query.text, "textColumn": "value", "tagsColumn": "container"}
        target |= words | {"rawQuery": True, "queryType": "tags"}
    made.target = UnknownDataquery(target)
    return made


class _Grid:
    """Places rows and panels, from left to right and downwards, and numbers them."""

    def __init__(self, source: Source, page: Page) -> None:
        self._source, self._page = source, page
        self._x = self._y = self._deep = self._number = 0

    def placed(self) -> list[dashboard.Panel | dashboard.RowPanel]:
        """Everything that there is anything to show in."""
        return [made for row in self._page.rows for made in self._row(row)]

    def _row(self, row: Row) -> Iterator[dashboard.Panel | dashboard.RowPanel]:
        asked = [(panel, queries) for panel in row.panels if (queries := self._asked(panel))]
        if not asked:
            return
        place = self._place(COLUMNS, ROW)
        yield dashboard.RowPanel(title=row.title, grid_pos=place, id_val=self._number)
        for panel, queries in asked:
            place = self._place(panel.width, LOW if panel.kind == "number" else HEIGHT)
            yield picture(panel, queries, self._source, place, self._number)

    def _asked(self, panel: Panel) -> Asked:
        if panel.kind == "table" and not self._source.tables:
            return []
        found = ((line, self._source.query(line, panel, self._page)) for line in panel.lines)
        return [(line, query) for line, query in found if query is not None]

    def _place(self, width: int, height: int) -> dashboard.GridPos:
        if self._x + width > COLUMNS:
            self._x, self._y, self._deep = 0, self._y + self._deep, 0
        found = dashboard.GridPos(height, width, self._x, self._y)
        self._x, self._deep = self._x + width, max(self._deep, height)
        self._number += 1
        return found
