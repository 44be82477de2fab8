"""What must hold between options, and defaults that follow other options."""

from collections.abc import Mapping
from typing import cast

from msgspec.structs import fields, replace

from tidegauge.config.engines import settle_engines
from tidegauge.config.influxdb import check_influxdb
from tidegauge.config.options import Options
from tidegauge.config.places import Places, shown
from tidegauge.config.web import check_web
from tidegauge.units import format_duration

_PREFIXES = ("image", "label", "project", "id", "state")


def settle(options: Options, given: Mapping[str, object], places: Places) -> Options:
    """The options ready for use; ``given`` is what the user set. Raises `ConfigError`."""
    options = replace(options, engines=settle_engines(options.engines, places))
    _check_containers(options.containers, places)
    _check_filters(options, places)
    _check_limits(options, places)
    check_web(options.web, places)
    if options.exporters.influxdb:
        table = _table(_table(given, "exporters"), "influxdb")
        check_influxdb(options.exporters.influxdb, table, places)
    return _with_flush_intervals(_with_include(options, given), given, places)


def _check_containers(containers: Mapping[str, str], places: Places) -> None:
    owners: dict[str, str] = {}
    for name, alias in containers.items():
        if not name:
            raise places.wrong(("containers",), f"has an alias without a container: {shown(alias)}")
        if not alias:
            raise places.wrong(("containers", name), 'must be an alias, not ""')
        if alias in owners:
            raise places.wrong(
                ("containers",),
                f"gives the alias {shown(alias)} to both {shown(owners[alias])} and {shown(name)};"
                " give each its own",
            )
        owners[alias] = name


def _check_filters(options: Options, places: Places) -> None:
    filters = options.filters
    for key, patterns in (("include", filters.include), ("exclude", filters.exclude)):
        for at, pattern in enumerate(patterns):
            prefix, colon, rest = pattern.partition(":")
            if colon and prefix not in _PREFIXES:
                allowed = ", ".join(f"{one}:" for one in _PREFIXES)
                clause = f"must be a container name or begin with one of {allowed}"
            elif not rest and (colon or not prefix):
                clause = "must hold a pattern"
            else:
                continue
            raise places.wrong(("filters", key, f"[{at}]"), f"{clause}, not {shown(pattern)}")


def _check_limits(options: Options, places: Places) -> None:
    limits = options.limits
    if limits.series_per_container > limits.series:
        raise places.wrong(
            ("limits", "series_per_container"),
            f"({limits.series_per_container}) must not be more than"
            f" {places.name(('limits', 'series'))} ({limits.series})",
        )


def _with_include(options: Options, given: Mapping[str, object]) -> Options:
    """Named containers alone are watched unless somebody filtered."""
    chosen = _table(given, "filters").keys() & {"include", "exclude"}
    if not options.containers or chosen:
        return options
    return replace(options, filters=replace(options.filters, include=()))


def _with_flush_intervals(options: Options, given: Mapping[str, object], places: Places) -> Options:
    """No exporter can send more often than there is something new."""
    tick, exporters = options.tick_interval, options.exporters
    for name in (each.name for each in fields(exporters)):
        table = getattr(exporters, name)
        if table is None or table.flush_interval >= tick:
            continue
        if "flush_interval" in _table(_table(given, "exporters"), name):
            raise places.wrong(
                ("exporters", name, "flush_interval"),
                f"({format_duration(table.flush_interval)}) must not be shorter than"
                f" {places.name(('tick_interval',))} ({format_duration(tick)})",
            )
        exporters = replace(exporters, **{name: replace(table, flush_interval=tick)})
    return replace(options, exporters=exporters)


def _table(of: Mapping[str, object], name: str) -> Mapping[str, object]:
    return cast("Mapping[str, object]", of.get(name, {}))
