"""Every option there is; ``sample.toml`` is its manual, and a test holds the two together."""

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from tidegauge.docker.direct import Wanted
from tidegauge.docker.endpoint import Tls
from tidegauge.docker.pacing import Sampling
from tidegauge.exporters.file import FileOptions
from tidegauge.exporters.graphite import GraphiteOptions
from tidegauge.exporters.influxdb import InfluxdbOptions
from tidegauge.exporters.otlp import OtlpOptions
from tidegauge.exporters.remote_write import RemoteWriteOptions
from tidegauge.exporters.statsd import StatsdOptions
from tidegauge.history.options import HistoryOptions
from tidegauge.units import Seconds
from tidegauge.web.options import WebOptions

Category = Literal["docker-cpu", "docker-memory", "docker-network", "docker-blkio", "docker-pids"]
"""The kinds of entity that category filters know, by their StatsD names."""


Interval = Annotated[float, Meta(ge=0.1, le=10, extra={"unit": "s"})]
"""Seconds between two samples of a container that is read directly."""


class AgentOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[agent]``: who measures. An empty ``hostname`` stands for the host's own name."""

    hostname: str = ""


class EngineOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One of ``[[engines]]``. Without ``host`` and ``context`` it is what the docker CLI takes."""

    name: str = "local"
    host: str = ""
    context: str = ""
    tls: Tls = Tls()
    read_interval: Annotated[float, Meta(ge=0, le=10, extra={"unit": "s"})] = 0.25
    sampling: Sampling = "auto"
    source: Wanted = "auto"
    interval: Interval = 1.0
    intervals: dict[str, Interval] = field(default_factory=dict[str, "Interval"])


class CategoryFilter(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Globs on the alias, for one category only."""

    include: tuple[str, ...] = ("**",)
    exclude: tuple[str, ...] = ()


class FilterOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[filters]``: taken is what some include matches and no exclude does.

    A loaded ``include`` is empty where ``[containers]`` names containers and nobody set
    ``include`` or ``exclude``: then only the named containers are watched.
    """

    include: tuple[str, ...] = ("**",)
    exclude: tuple[str, ...] = ()
    categories: dict[Category, CategoryFilter] = field(
        default_factory=dict[Category, CategoryFilter]
    )


class LimitOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[limits]``: what would go beyond is not recorded, which is told and counted."""

    series_per_container: Annotated[int, Meta(ge=100)] = 500
    series: Annotated[int, Meta(ge=100)] = 1_000_000


class SurveyOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[survey]``: how often engines are asked what of a disk is used, and how long they may."""

    enabled: bool = True
    interval: Annotated[float, Meta(ge=10, extra={"unit": "s"})] = 300.0
    timeout: Annotated[float, Meta(ge=1, extra={"unit": "s"})] = 120.0


class ExportersOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[exporters]``: a table switches its exporter on, even an empty one."""

    statsd: StatsdOptions | None = None
    influxdb: InfluxdbOptions | None = None
    graphite: GraphiteOptions | None = None
    remote_write: RemoteWriteOptions | None = None
    file: FileOptions | None = None
    otlp: OtlpOptions | None = None


class LogOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[log]``: ``auto`` is ``console`` on a terminal and ``logfmt`` elsewhere."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["auto", "console", "logfmt", "json"] = "auto"


class Options(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole configuration: durations in seconds, ``containers`` from id or name to alias."""

    tick_interval: Annotated[Seconds, Meta(le=600)] = 10.0
    agent: AgentOptions = AgentOptions()
    engines: tuple[EngineOptions, ...] = (EngineOptions(),)
    containers: dict[str, str] = field(default_factory=dict[str, str])
    filters: FilterOptions = FilterOptions()
    labels: dict[str, str] = field(default_factory=dict[str, str])
    limits: LimitOptions = LimitOptions()
    survey: SurveyOptions = SurveyOptions()
    exporters: ExportersOptions = ExportersOptions()
    history: HistoryOptions = HistoryOptions()
    web: WebOptions = WebOptions()
    log: LogOptions = LogOptions()
