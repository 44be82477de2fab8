"""Panels in Grafana's own types.

Source: Grafana's schemas of panels, as its Foundation SDK has them. That has no types for queries
of Graphite and InfluxDB; what those data sources take is written here.
"""

from collections.abc import Iterator

from grafana_foundation_sdk.cog.runtime import UnknownDataquery
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models import (
    bargauge,
    common,
    dashboard,
    prometheus,
    stat,
    statetimeline,
    table,
    timeseries,
)

from tidegauge.dashboards.panel import HIGHEST, Line, Panel, Query, Source

SHORTEST, EVENTS_SHORTEST = "10s", "1m"
"""Steps of graphs are not shorter: what is sent every 10 s has no more points."""

PLUGINS = {"states": "state-timeline", "number": "stat", "top": "bargauge", "table": "table"}
"""All others are drawn over time."""

Asked = list[tuple[Line, Query]]


def reference(source: Source) -> common.DataSourceRef:
    """Whatever data source is picked at the top of the dashboard."""
    return common.DataSourceRef(source.plugin, "${datasource}")


def picture(
    panel: Panel, asked: Asked, source: Source, place: dashboard.GridPos, number: int
) -> dashboard.Panel:
    """A panel at its place."""
    events = any(line.show == "increase" for line, _ in asked)
    return dashboard.Panel(
        type_val=PLUGINS.get(panel.kind, "timeseries"),
        id_val=number,
        title=panel.title,
        description="\n".join(dict.fromkeys(f"{line.metric.help}." for line, _ in asked)),
        datasource=reference(source),
        grid_pos=place,
        interval=EVENTS_SHORTEST if events else SHORTEST,
        targets=list(_targets(panel, asked, source)),
        transformations=list(_transformations(panel, asked, source)),
        options=_options(panel),
        field_config=dashboard.FieldConfigSource(
            dashboard.FieldConfig(
                unit=panel.unit,
                mappings=[_mapping()] if panel.kind == "states" else None,
                thresholds=_thresholds(panel.unit),
                custom=_custom(panel),
            ),
            list(_overrides(panel, asked, source)),
        ),
    )


def _lettered(asked: Asked) -> Iterator[tuple[str, Line, Query]]:
    """Queries are called A, B, C, as in Grafana."""
    for number, (line, query) in enumerate(asked):
        yield chr(ord("A") + number), line, query


def _targets(panel: Panel, asked: Asked, source: Source) -> Iterator[Dataquery]:
    newest = panel.kind in {"table", "top"}
    for letter, _, query in _lettered(asked):
        if source.plugin == "prometheus":
            formats = prometheus.PromQueryFormat
            yield prometheus.Dataquery(
                datasource=reference(source),
                editor_mode=prometheus.QueryEditorMode.CODE,
                expr=query.text,
                format_val=formats.TABLE if panel.kind == "table" else formats.TIME_SERIES,
                instant=newest,
                range_val=not newest,
                legend_format=query.legend,
                ref_id=letter,
            )
            continue
        target: dict[str, object] = {"refId": letter, "datasource": reference(source)}
        if source.plugin == "graphite":
            target |= {"target": query.text, "textEditor": True}
        else:
            form = "table" if panel.kind == "table" else "time_series"
            target |= {"query": query.text, "rawQuery": True, "resultFormat": form}
            target |= {"alias": query.legend}
        yield UnknownDataquery(target)


def _transformations(
    panel: Panel, asked: Asked, source: Source
) -> Iterator[dashboard.DataTransformerConfig]:
    made = dashboard.DataTransformerConfig
    if panel.kind == "table":
        yield made("filterFieldsByName", options={"exclude": {"names": ["Time"]}})
        yield made("merge", options={})
        if source.plugin == "prometheus":
            names = {f"Value #{letter}": line.legend for letter, line, _ in _lettered(asked)}
            yield made("organize", options={"renameByName": names})
    elif panel.kind == "top":
        yield made("reduce", options={"mode": "seriesToRows", "reducers": ["lastNotNull"]})
        yield made("sortBy", options={"sort": [{"field": "Last *", "desc": True}]})
        yield made("limit", options={"limitField": HIGHEST})
    elif source.plugin == "graphite" and not any("(" in query.text for _, query in asked):
        path = {"regex": r"^.*\.([^.]+)\.([^.]+)\.[^.]+$", "renamePattern": "$1 $2"}
        yield made("renameByRegex", options=path)


def _options(panel: Panel) -> object:
    legend = common.VizLegendOptions(
        common.LegendDisplayMode.TABLE,
        common.LegendPlacement.BOTTOM,
        show_legend=True,
        calcs=["lastNotNull", "mean", "max"],
    )
    newest = common.ReduceDataOptions(values=panel.kind == "top", calcs=["lastNotNull"])
    match panel.kind:
        case "number":
            return stat.Options(reduce_options=newest, graph_mode=common.BigValueGraphMode.AREA)
        case "top":
            horizontal = common.VizOrientation.HORIZONTAL
            return bargauge.Options(reduce_options=newest, orientation=horizontal)
        case "table":
            return table.Options()
        case "states":
            plain = common.VizLegendOptions(show_legend=False)
            never = common.VisibilityMode.NEVER
            return statetimeline.Options(show_value=never, legend=plain)
        case _:
            every = common.VizTooltipOptions(common.TooltipDisplayMode.MULTI)
            return timeseries.Options(legend=legend, tooltip=every)


def _custom(panel: Panel) -> object | None:
    match panel.kind:
        case "number" | "top":
            return None
        case "table":
            return table.FieldConfig()
        case "states":
            return statetimeline.FieldConfig()
        case _:
            return _drawn(panel)


def _drawn(panel: Panel) -> common.GraphFieldConfig:
    """How lines are drawn; over a gap they are not."""
    styles = common.GraphDrawStyle
    return common.GraphFieldConfig(
        draw_style=styles.BARS if panel.kind == "bars" else styles.LINE,
        fill_opacity={"stacked": 40, "bars": 80}.get(panel.kind, 10),
        line_width=1,
        show_points=common.VisibilityMode.AUTO,
        span_nulls=False,
        stacking=_stacking(on=panel.kind in {"stacked", "bars"}),
    )


def _stacking(*, on: bool) -> common.StackingConfig:
    modes = common.StackingMode
    return common.StackingConfig(modes.NORMAL if on else modes.NONE, "A")


def _overrides(
    panel: Panel, asked: Asked, source: Source
) -> Iterator[dashboard.DashboardFieldConfigSourceOverrides]:
    value = dashboard.DynamicConfigValue
    for letter, line, _ in _lettered(asked):
        if panel.kind == "table":
            yield _override("byName", line.legend, [value("unit", line.unit)])
        elif line.role == "limit":
            dashed = common.LineStyle("dash", [10.0, 10.0])
            yield _override(
                "byFrameRefID",
                letter,
                [
                    value("custom.lineStyle", dashed),
                    value("custom.fillOpacity", 0),
                    value("custom.stacking", _stacking(on=False)),
                ],
            )
        elif line.role == "below":
            down = common.GraphTransform.NEGATIVE_Y
            yield _override("byFrameRefID", letter, [value("custom.transform", down)])
    if panel.kind == "table":
        yield _override("byRegexp", "^(container|name)$", [value("links", [_to_container(source)])])


def _to_container(source: Source) -> dashboard.DashboardLink:
    """From a container's row to its own dashboard."""
    page = f"/d/tidegauge-{source.name}-container"
    picked = "${datasource:queryparam}&var-container=${__value.text}&${__url_time_range}"
    return dashboard.DashboardLink(title="Show it", url=f"{page}?{picked}")


def _override(
    by: str, which: str, properties: list[dashboard.DynamicConfigValue]
) -> dashboard.DashboardFieldConfigSourceOverrides:
    matcher = dashboard.MatcherConfig(by, which)
    return dashboard.DashboardFieldConfigSourceOverrides(matcher=matcher, properties=properties)


def _thresholds(unit: str) -> dashboard.ThresholdsConfig:
    """Green; shares of a limit are yellow and red where little of it is left."""
    steps = [dashboard.Threshold(None, "green")]
    if unit == "percentunit":
        steps += [dashboard.Threshold(0.8, "yellow"), dashboard.Threshold(0.95, "red")]
    return dashboard.ThresholdsConfig(dashboard.ThresholdsMode.ABSOLUTE, steps)


def _mapping() -> dashboard.ValueMapping:
    """Of a state there is nothing but 1: that it holds."""
    return dashboard.ValueMap({"1": dashboard.ValueMappingResult("yes", "green")})
