"""What the API answers, as typed values; the OpenAPI document is made of them.

Times are Unix seconds. Numbers are in base units: cores, bytes, seconds, bytes a second. What is
not available is null, or an absent key; it is never 0.
"""

from collections.abc import Mapping

from msgspec import UNSET, Struct, UnsetType, field

Number = int | float
"""Integers beyond 2^53, which readers in JavaScript would garble, are sent as floats."""

Attribute = dict[str, str]
Points = list[float | None]


class Values(Struct, frozen=True, omit_defaults=True):
    """The newest second of a container; ``memory`` is its working set, ``disk`` its own layer."""

    cpu: Number | None = None
    cpu_limit: Number | None = None
    cpu_throttled: Number | None = None
    """Share of its CPU quota's periods in which it was held back."""
    memory: Number | None = None
    memory_usage: Number | None = None
    memory_cache: Number | None = None
    memory_rss: Number | None = None
    memory_limit: Number | None = None
    rx: Number | None = None
    tx: Number | None = None
    read: Number | None = None
    write: Number | None = None
    pids: Number | None = None
    pids_limit: Number | None = None
    disk: Number | None = None


class Explanation(Struct, frozen=True):
    """Where a value comes from; ``docker_stats`` is what ``docker stats`` prints of the same."""

    value: Number | None
    unit: str
    formula: str
    raw: dict[str, Number]
    docker_stats: str | None = None


class ContainerView(Struct, frozen=True, kw_only=True):
    """A container; ``absent`` says in a sentence why a value is not there."""

    key: str
    engine: str
    alias: str
    name: str
    id: str
    image: str
    tags: Attribute
    project: str | None
    service: str | None
    state: str
    health: str | None
    started_at: Number | None
    uptime: Number | None
    restarts: int | None
    exits: dict[str, int]
    oom_kills: int
    sampled_at: Number | None
    values: Values
    absent: dict[str, str]
    sparks: dict[str, Points] | UnsetType = UNSET
    explain: dict[str, Explanation] | UnsetType = UNSET


class FileSystemView(Struct, frozen=True):
    """A file system with an engine's data."""

    mountpoint: str
    capacity: Number | None
    usage: Number | None
    available: Number | None


class EngineView(Struct, frozen=True, kw_only=True):
    """An engine; ``cycle`` is the time from one sample of a container to the next."""

    name: str
    kind: str | None
    version: str | None
    host: str | None
    """The name of its machine, as it tells: engines of one machine tell the same."""
    connected: bool
    trouble: str | None
    watched: int
    """Containers whose samples come."""
    read_in_turn: int
    """How many of them have no stream: the engine is asked for each of their samples."""
    read_directly: int
    """How many of them are read from the kernel, without the engine."""
    not_directly: list[str]
    """Why others are not, each reason once."""
    lost: int
    """How often it was lost."""
    containers: dict[str, int]
    """As it counts them, by state."""
    cycle: Number | None
    streamed: Number | None
    """Samples a second that it sends in streams."""
    read: Number | None
    """Samples a second that it is asked for one by one."""
    cpu_seconds: Number | None
    """CPU time of its processes since Tidegauge began, where they can be seen."""
    cpus: Number | None
    memory: Number | None
    images: Number | None
    images_size: Number | None
    volumes: Number | None
    volumes_size: Number | None
    build_cache_size: Number | None
    file_systems: list[FileSystemView]


class HostView(Struct, frozen=True):
    """A machine; ``cpu`` is in cores, ``load`` of 1, 5 and 15 minutes."""

    name: str
    cpus: Number | None
    cpu: Number | None
    memory_total: Number | None
    memory_available: Number | None
    load: list[Number] | None


class Overview(Struct, frozen=True):
    """Everything there is now."""

    at: float
    containers: list[ContainerView]
    engines: list[EngineView]
    hosts: list[HostView]


class SeriesView(Struct, frozen=True):
    """One series; of a ``counter``, in its ``unit`` a second.

    Lists are as long as ``times``; there is a null at the begin of a gap.
    """

    entity: str
    metric: str
    attributes: Attribute
    unit: str
    counter: bool
    times: list[float]
    mean: Points
    least: Points = field(name="min")
    greatest: Points = field(name="max")
    p95: Points


class SeriesAnswer(Struct, frozen=True):
    """Series in a range; ``entity`` is null where several were asked for."""

    entity: str | None
    start: float
    stop: float
    step: float
    series: list[SeriesView]


class EventView(Struct, frozen=True):
    """Something that happened."""

    at: float
    entity: str
    kind: str
    facts: Mapping[str, str | int | float]


class EventsAnswer(Struct, frozen=True):
    """Events in a range, oldest first."""

    events: list[EventView]


class LiveContainer(Struct, frozen=True):
    """What moves of a container."""

    state: str
    health: str | None
    sampled_at: Number | None
    values: Values


class LiveOverview(Struct, frozen=True):
    """What changed since the last one, or everything; ``gone`` are keys."""

    at: float
    containers: dict[str, LiveContainer]
    gone: list[str]


class ExporterView(Struct, frozen=True):
    """An exporter: records that went out, tries that failed, records that were given up."""

    name: str
    destination: str
    sent: int
    failed: int
    dropped: int
    backlog_bytes: int
    last_error: str | None


class HistoryView(Struct, frozen=True):
    """The history; ``trouble`` says why it cannot be read."""

    path: str
    bytes: int | None
    oldest: float | None
    trouble: str | None


class LiveStatus(Struct, frozen=True):
    """How Tidegauge does, in short."""

    at: float
    engines: list[EngineView]
    hosts: list[HostView]
    loop_lag: Number | None
    viewers: int
    fleet: bool = False
    """Is there a server that has the series of all hosts?"""


class Status(Struct, frozen=True, kw_only=True):
    """How Tidegauge does; ``dropped`` holds all troubles and drops by the code of the log."""

    version: str
    started_at: float
    uptime: float
    host: str
    engines: list[EngineView]
    exporters: list[ExporterView]
    history: HistoryView | None
    samples: int
    missed_seconds: Number
    dropped: dict[str, int]
    loop_lag: Number | None
    cpu_seconds: Number | None
    rss_bytes: Number | None
    series: int | None
    viewers: int


class MetricView(Struct, frozen=True):
    """A row of the catalogue; those that are ``kept`` can be asked for as series."""

    name: str
    kind: str
    unit: str
    help: str
    attributes: list[str]
    source: list[str]
    kept: bool


class MetricsAnswer(Struct, frozen=True):
    """The catalogue."""

    metrics: list[MetricView]


class ErrorView(Struct, frozen=True):
    """What was wrong, in a sentence."""

    error: str
