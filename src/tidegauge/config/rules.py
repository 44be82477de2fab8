"""What must hold between options, and defaults that follow other options."""

from collections.abc import Mapping
from typing import cast

from msgspec.structs import replace

from tidegauge.config.engines import settle_engines
from tidegauge.config.options import Options
from tidegauge.config.places import Key, Places, shown
from tidegauge.units import format_duration

_FLUSH: Key = ("exporters", "statsd", "flush_interval")
_PREFIXES = ("image", "label", "project", "id", "state")


def settle(options: Options, given: Mapping[str, object], places: Places) -> Options:
    """The options ready for use; ``given`` is what the user set. Raises `ConfigError`."""
    options = replace(options, engines=settle_engines(options.engines, places))
    _check_containers(options.containers, places)
    _check_filters(options, places)
    _check_limits(options, places)
    return _with_flush_interval(_with_include(options, given), given, places)


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


def _with_flush_interval(options: Options, given: Mapping[str, object], places: Places) -> Options:
    """StatsD cannot be sent to more often than there is something new."""
    statsd = options.exporters.statsd
    if statsd is None or statsd.flush_interval >= options.tick_interval:
        return options
    if "flush_interval" in _table(_table(given, "exporters"), "statsd"):
        flush, tick = (
            format_duration(statsd.flush_interval),
            format_duration(options.tick_interval),
        )
        raise places.wrong(
            _FLUSH, f"({flush}) must not be shorter than {places.name(('tick_interval',))} ({tick})"
        )
    statsd = replace(statsd, flush_interval=options.tick_interval)
    return replace(options, exporters=replace(options.exporters, statsd=statsd))


def _table(of: Mapping[str, object], name: str) -> Mapping[str, object]:
    return cast("Mapping[str, object]", of.get(name, {}))
