"""Snapshots as OTLP requests, by the official classes: an optional part of the installation.

A counter is a monotonic cumulative sum, a level that adds up over containers a sum that is not
monotonic, any other level a gauge. The distribution of one-second samples is a histogram under a
name of its own. Of a total and its parts only the parts are sent: backends add up what has one
name. Source: "Metrics Data Model" and "Semantic conventions for container metrics" of
OpenTelemetry.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import groupby
from operator import attrgetter

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.metrics.v1 import metrics_pb2 as proto
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from tidegauge import __version__
from tidegauge.docker.frames import Container, Engine
from tidegauge.metrics import Entity, Identity, Kind, Metric, Series, Snapshot, catalogue, identity
from tidegauge.metrics.catalogue import SYSTEM, USER

CUMULATIVE = proto.AGGREGATION_TEMPORALITY_CUMULATIVE

INT64_END = 2**63

FORMS_KEPT = 200
"""Sets of series that messages are kept for; containers that have the same share one."""

RESOURCES_KEPT = 10_000
"""Entities whose resource is kept encoded; about 300 bytes each."""

NOT_ADDITIVE = frozenset(
    {
        *(catalogue.CPU_USAGE.name, catalogue.CPU_SHARES.name),
        *(catalogue.MEMORY_PEAK.name, catalogue.MEMORY_MAX_USAGE.name),
        *(f"system.cpu.load_average.{minutes}m" for minutes in (1, 5, 15)),
    }
)
"""Levels of bytes and of things counted, of which a sum over containers or machines means nothing.

All others are UpDownCounters, in the conventions or in their style.
"""

UNKNOWN_START = frozenset({catalogue.CPU_CAPACITY.name, "system.cpu.time"})
"""Counters that began with a machine, and nobody tells when that was."""


class ProtobufMessages:
    """Requests made of snapshots; the messages of earlier ones are filled again.

    To make messages costs several times what it costs to fill them (see ``make bench``), and most
    containers have the same series.
    """

    def __init__(self, hostname: str, several_engines: bool) -> None:
        self._resource = lru_cache(maxsize=RESOURCES_KEPT)(Resources(hostname, several_engines).of)
        self._forms: dict[object, Form] = {}

    def requests(self, snapshot: Snapshot) -> Sequence[bytes]:
        """A request for each entity; joined they are one request."""
        at = nanoseconds(snapshot.at)
        return [
            self._form(group).filled(self._resource(group[-1].entity), group, at)
            for group in by_entity(snapshot.present).values()
        ]

    def rejected(self, answer: bytes) -> tuple[int, str]:
        """How many data points a backend did not take, and what it says of it."""
        response = ExportMetricsServiceResponse()
        try:
            response.ParseFromString(answer)
        except DecodeError:  # its status says that all is well, and so do many in words
            return 0, ""
        partial = response.partial_success
        return partial.rejected_data_points, partial.error_message

    def _form(self, group: Sequence[Series]) -> "Form":
        shape = tuple([(x.metric.name, x.attributes, x.histogram is None) for x in group])
        form = self._forms.get(shape)
        if form is None:
            if len(self._forms) >= FORMS_KEPT:
                del self._forms[next(iter(self._forms))]
            form = self._forms[shape] = Form(group)
        return form


class Form:
    """A request with the metrics of a set of series, filled for one entity after another."""

    def __init__(self, group: Sequence[Series]) -> None:
        self._request = ExportMetricsServiceRequest()
        about = self._request.resource_metrics.add()
        self._resource = about.resource
        scope = about.scope_metrics.add()
        scope.scope.name, scope.scope.version = "tidegauge", __version__
        self._into = scope.metrics
        self._metrics: dict[str, proto.Metric] = {}
        self._numbers: list[tuple[int, proto.NumberDataPoint]] = []
        self._sums: list[proto.NumberDataPoint] = []
        self._histograms: list[tuple[int, proto.HistogramDataPoint]] = []
        for index in parts_only(group):
            self._add_number(index, group[index])
            if group[index].histogram is not None:
                self._add_histogram(index, group[index])

    def filled(self, resource: bytes, group: Sequence[Series], at: int) -> bytes:
        """The request for series of this form; ``at`` is in nanoseconds."""
        start = min(nanoseconds(group[0].since), at)
        self._resource.ParseFromString(resource)
        for point in self._sums:
            point.start_time_unix_nano = start
        for index, point in self._numbers:
            _fill_number(point, group[index], at)
        for index, histogram in self._histograms:
            _fill_histogram(histogram, group[index], start, at)
        return self._request.SerializeToString()

    def _add_number(self, index: int, series: Series) -> None:
        metric = series.metric
        made = self._metric(metric.name, metric.help, metric.unit)
        counter = metric.kind is Kind.COUNTER
        if counter or additive(metric):
            made.sum.aggregation_temporality = CUMULATIVE
            made.sum.is_monotonic = counter
            point = made.sum.data_points.add()
            if metric.name not in UNKNOWN_START:
                self._sums.append(point)
        else:
            point = made.gauge.data_points.add()
        _add_attributes(point, series.attributes)
        self._numbers.append((index, point))

    def _add_histogram(self, index: int, series: Series) -> None:
        metric = series.metric
        told = f"{metric.help}: all one-second samples"
        made = self._metric(f"{metric.name}.samples", told, metric.unit)
        made.histogram.aggregation_temporality = CUMULATIVE
        point = made.histogram.data_points.add()
        point.explicit_bounds.extend(map(metric.in_unit, metric.bounds))
        _add_attributes(point, series.attributes)
        self._histograms.append((index, point))

    def _metric(self, name: str, told: str, unit: str) -> proto.Metric:
        made = self._metrics.get(name)
        if made is None:
            made = self._metrics[name] = self._into.add(name=name, description=told, unit=unit)
        return made


class Resources:
    """Who is measured, as attributes of a resource.

    ``host.name`` is the agent's, or where several engines are watched the engine's name.
    """

    def __init__(self, hostname: str, several_engines: bool) -> None:
        self._hostname, self._several_engines = hostname, several_engines

    def of(self, entity: Entity) -> bytes:
        """A ``Resource`` message."""
        resource = Resource()
        _add_attributes(resource, self.attributes(entity).items())
        return resource.SerializeToString()

    def attributes(self, entity: Entity) -> Mapping[str, str | Sequence[str]]:
        """Under the names of the conventions; what is unknown is absent."""
        if isinstance(entity, Container):
            return {
                "container.id": entity.id,
                "container.name": entity.alias,
                **image(entity.image, entity.image_id),
                **self._engine(entity.engine),
                **{f"container.label.{tag}": value for tag, value in entity.tags},
            }
        return self._engine(entity) if isinstance(entity, Engine) else {"host.name": entity.name}

    def _engine(self, engine: Engine) -> Mapping[str, str]:
        known = {
            "container.runtime.name": engine.kind,
            "container.runtime.version": engine.version,
            "host.name": engine.name if self._several_engines else self._hostname,
        }
        return {name: value for name, value in known.items() if value}


def image(reference: str, key: str = "") -> Mapping[str, str | Sequence[str]]:
    """Attributes of an image by its reference, ``registry:5000/web:1.2@sha256:...``, and its id."""
    if reference.startswith("sha256:"):
        reference, key = "", key or reference
    tagged, _, digest = reference.partition("@")
    name, _, tag = tagged.rpartition(":")
    if not name or "/" in tag:  # no colon, or that of a registry's port
        name, tag = tagged, ""
    found = {
        "container.image.id": key,
        "container.image.name": name,
        "container.image.tags": (tag,) if tag else (),
        "container.image.repo_digests": (f"{name}@{digest}",) if digest else (),
    }
    return {name: value for name, value in found.items() if value}


def by_entity(present: Iterable[Series]) -> Mapping[Identity, Sequence[Series]]:
    """The series of each entity, but the one that says what it is: so does its resource."""
    groups: dict[Identity, list[Series]] = {}
    for entity, run in groupby(present, attrgetter("entity")):
        told = [series for series in run if series.metric.name != catalogue.INFO.name]
        if told:
            groups.setdefault(identity(entity), []).extend(told)
    return groups


def parts_only(group: Sequence[Series]) -> Iterator[int]:
    """Which series of an entity to send: no total beside its parts.

    The conventions want all points of CPU time to have a mode, where that is known, or none.
    """
    names = {series.metric.name for series in group}
    cpu = catalogue.CPU_TIME.name
    modes = {pair for series in group if series.metric.name == cpu for pair in series.attributes}
    by_mode = modes >= {USER, SYSTEM}
    for index, series in enumerate(group):
        name = series.metric.name
        total = name.endswith(".sum") and name.removesuffix(".sum") in names
        if not total and (name != cpu or bool(series.attributes) == by_mode):
            yield index


def additive(metric: Metric) -> bool:
    """Does the sum of such levels over containers mean something?"""
    return metric.unit.startswith(("By", "{")) and metric.name not in NOT_ADDITIVE


def nanoseconds(seconds: float) -> int:
    """Unix time as OTLP has it; 0 is an unknown one. A float holds microseconds of it."""
    return max(0, round(seconds * 1e6)) * 1000


def _fill_number(point: proto.NumberDataPoint, series: Series, at: int) -> None:
    last, metric = series.last, series.metric
    point.time_unix_nano = at
    if metric.scale == 1 and isinstance(last, int) and last < INT64_END:
        point.as_int = last
    else:
        point.as_double = metric.in_unit(last)


def _fill_histogram(point: proto.HistogramDataPoint, series: Series, start: int, at: int) -> None:
    if series.histogram is not None:
        point.start_time_unix_nano, point.time_unix_nano = start, at
        point.count = sum(series.histogram.counts)
        point.sum = series.metric.in_unit(series.histogram.sum)
        point.bucket_counts[:] = series.histogram.counts


def _add_attributes(
    to: Resource | proto.NumberDataPoint | proto.HistogramDataPoint,
    attributes: Iterable[tuple[str, str | Sequence[str]]],
) -> None:
    for key, value in attributes:
        into = to.attributes.add(key=_text(key)).value
        if isinstance(value, str):
            into.string_value = _text(value)
        else:
            for each in value:
                into.array_value.values.add(string_value=_text(each))


def _text(text: str) -> str:
    """As protobuf takes it: a name from the environment may hold bytes that are no UTF-8."""
    return text.encode("utf-8", "replace").decode()
