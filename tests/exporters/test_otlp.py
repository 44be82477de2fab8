"""OTLP: what a receiver reads is what was recorded, as the conventions have it."""

import gzip
import json
import subprocess
import sys
import tomllib
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiohttp import web
from google.protobuf.json_format import MessageToDict
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)

from command import environment
from snapshots import a_journal
from tidegauge import __version__
from tidegauge.clock import SystemClock
from tidegauge.docker.frames import Container, Engine
from tidegauge.errors import BackendUnavailable, BatchTooLarge, ConfigError, ExportError
from tidegauge.exporters import EXPORTERS, Agent
from tidegauge.exporters.otlp import REJECTED, OtlpExporter, OtlpOptions, endpoint
from tidegauge.exporters.otlp_messages import (
    FORMS_KEPT,
    NOT_ADDITIVE,
    UNKNOWN_START,
    ProtobufMessages,
    image,
)
from tidegauge.host import Host
from tidegauge.journal import Journal
from tidegauge.metrics import CATALOGUE, Histogram, Kind, Metric, Series, Snapshot, catalogue
from tidegauge.metrics.catalogue import SYSTEM, USER

CASES = sorted((Path(__file__).parent / "golden" / "otlp").iterdir())
METRICS = {metric.name: metric for metric in CATALOGUE}

WEB = Container(Engine("local"), "5c1e" * 16, "web", "web", "nginx:1.27")
AT = 1_700_000_100.25

TEXT = st.text(st.characters(exclude_categories=()), max_size=20)
VALUES = st.one_of(
    st.integers(0, 2**70),
    st.sampled_from([2**63 - 1, 2**63, 2**64 - 1]),
    st.floats(0, 1e300),
)
SINGLE = [  # those of which a container has one series only
    metric
    for metric in CATALOGUE
    if not metric.name.endswith(".sum")
    and metric.name not in {"container.cpu.time", "container.info"}
]


def a_series(metric: Metric, last: float = 1, **known: Any) -> Series:
    """The newest value of one series of a container."""
    told = {"entity": WEB, "attributes": (), "samples": (last,), "since": 1_700_000_000.5} | known
    return Series(metric=metric, last=last, **told)


def a_snapshot(*series: Series, standing: Iterable[Series] = ()) -> Snapshot:
    return Snapshot(AT, series, {}, standing=tuple(standing))


def encoded(snapshot: Snapshot, **agent: Any) -> Sequence[bytes]:
    agent = {"hostname": "host-1", "several_engines": False} | agent
    return ProtobufMessages(**agent).requests(snapshot)


def read(records: Iterable[bytes]) -> ExportMetricsServiceRequest:
    """A request of all records, as a receiver reads it."""
    request = ExportMetricsServiceRequest()
    request.ParseFromString(b"".join(records))
    return request


def points(request: ExportMetricsServiceRequest) -> dict[tuple[str, ...], Any]:
    """Every data point by its resource's name, its metric's and its attributes."""
    found: dict[tuple[str, ...], Any] = {}
    for about in request.resource_metrics:
        names = {each.key: each.value.string_value for each in about.resource.attributes}
        (scope,) = about.scope_metrics
        for metric in scope.metrics:
            for point in getattr(metric, metric.WhichOneof("data")).data_points:
                pairs = [
                    text
                    for each in point.attributes
                    for text in (each.key, each.value.string_value)
                ]
                key = (names.get("container.name", ""), metric.name, *pairs)
                assert key not in found
                found[key] = point
    return found


def value(point: Any) -> float:
    return getattr(point, point.WhichOneof("value"))


def golden_snapshot(case: Mapping[str, Any]) -> Snapshot:
    """The snapshot a case describes: containers with their series."""
    standing: list[Series] = []
    fresh: list[Series] = []
    for about in case["containers"]:
        told = dict(about)
        engine = msgspec.convert(told.pop("engine", {"name": "local"}), Engine)
        rows = told.pop("series")
        entity = msgspec.convert(
            {"id": "5c1e" * 16, "name": told["alias"]} | told | {"engine": engine}, Container
        )
        for row in rows:
            metric = METRICS[row["metric"]]
            histogram = Histogram(metric.bounds, *row["histogram"]) if "histogram" in row else None
            series = a_series(
                metric,
                row["last"],
                entity=entity,
                attributes=tuple(row.get("attributes", {}).items()),
                histogram=histogram,
            )
            (standing if row.get("standing") else fresh).append(series)
    return a_snapshot(*fresh, standing=standing)


def as_text(request: ExportMetricsServiceRequest) -> str:
    """For people and golden files, whatever our version is."""
    for about in request.resource_metrics:
        for scope in about.scope_metrics:
            assert (scope.scope.name, scope.scope.version) == ("tidegauge", __version__)
            scope.scope.version = "VERSION"
    return json.dumps(MessageToDict(request), indent=1, ensure_ascii=False) + "\n"


@pytest.mark.parametrize("folder", CASES, ids=lambda folder: folder.name)
def test_golden(folder: Path) -> None:
    """Containers and series in, exactly this request out."""
    case = tomllib.loads((folder / "case.toml").read_text(encoding="utf-8"))
    request = read(encoded(golden_snapshot(case), **case.get("agent", {})))
    assert as_text(request) == (folder / "expected.json").read_text(encoding="utf-8")


@given(
    st.dictionaries(
        st.tuples(st.sampled_from(SINGLE), st.sampled_from("abc")),
        st.tuples(VALUES, st.dictionaries(TEXT, TEXT, max_size=3)),
        max_size=30,
    )
)
def test_every_series_arrives_with_its_value(
    rows: dict[tuple[Metric, str], tuple[float, dict[str, str]]],
) -> None:
    """With any attributes and values: once, in the metric's unit, and an integer as an integer."""
    series = [
        a_series(metric, last, entity=container(alias), attributes=tuple(attributes.items()))
        for (metric, alias), (last, attributes) in rows.items()
    ]
    records = encoded(a_snapshot(*series))
    found = points(read(records))

    assert len(records) == len({alias for _, alias in rows})
    assert len(found) == len(rows)
    for one in series:
        pairs = [text for pair in one.attributes for text in pair]
        point = found[(one.entity.alias, one.metric.name, *map(replaced, pairs))]
        whole = isinstance(one.last, int) and one.metric.scale == 1 and one.last < 2**63
        assert point.WhichOneof("value") == ("as_int" if whole else "as_double")
        assert value(point) == (one.last if whole else one.last / round(1 / one.metric.scale))
        assert point.time_unix_nano == 1_700_000_100_250_000_000
        assert point.start_time_unix_nano <= point.time_unix_nano


def container(alias: str) -> Container:
    return Container(Engine("local"), alias * 64, alias, alias)


def replaced(text: str) -> str:
    """As everything that is no text at all is written."""
    return text.encode("utf-8", "replace").decode()


@given(
    st.lists(
        st.lists(
            st.tuples(st.sampled_from(SINGLE), st.sampled_from("ab"), VALUES),
            unique_by=lambda row: row[:2],
            max_size=6,
        ),
        max_size=4,
    )
)
def test_what_was_sent_before_leaves_nothing_behind(
    ticks: list[list[tuple[Metric, str, float]]],
) -> None:
    """Messages are filled again and again; each request is as if it were the first."""
    again = ProtobufMessages("host-1", several_engines=False)
    for rows in ticks:
        series = [
            a_series(metric, last, entity=container(alias), histogram=a_histogram(metric, last))
            for metric, alias, last in rows
        ]
        assert again.requests(a_snapshot(*series)) == encoded(a_snapshot(*series))


def a_histogram(metric: Metric, last: float) -> Histogram | None:
    counts = (int(last) % 7,) * (len(metric.bounds) + 1)
    return Histogram(metric.bounds, counts, float(last)) if metric.bounds else None


@pytest.mark.parametrize("metric", CATALOGUE, ids=lambda metric: metric.name)
def test_the_kind_of_every_metric(metric: Metric) -> None:
    """Counters only grow; what adds up is a sum; all sums and histograms are cumulative."""
    if metric.name == "container.info":
        assert encoded(a_snapshot(a_series(metric))) == []
        return
    request = read(encoded(a_snapshot(a_series(metric, histogram=a_histogram(metric, 3)))))
    (sent, *samples) = request.resource_metrics[0].scope_metrics[0].metrics
    (point,) = getattr(sent, sent.WhichOneof("data")).data_points

    assert (sent.name, sent.unit, sent.description) == (metric.name, metric.unit, metric.help)
    if metric.kind is Kind.COUNTER:
        assert sent.sum.is_monotonic
        assert (point.start_time_unix_nano == 0) == (metric.name in UNKNOWN_START)
    elif metric.unit in {"1", "s"} or metric.name in NOT_ADDITIVE:
        assert sent.WhichOneof("data") == "gauge"
    else:
        assert sent.WhichOneof("data") == "sum"
        assert not sent.sum.is_monotonic
    cumulative = 2
    assert sent.sum.aggregation_temporality in {0, cumulative}
    assert [(x.name, x.histogram.aggregation_temporality) for x in samples] == [
        (f"{metric.name}.samples", cumulative) for _ in range(bool(metric.bounds))
    ]


def test_cpu_time_has_modes_or_a_total() -> None:
    """Never both under one name: who adds up would count everything twice."""
    total, user, system = (
        a_series(catalogue.CPU_TIME, 5, attributes=pairs) for pairs in ((), (USER,), (SYSTEM,))
    )
    name = catalogue.CPU_TIME.name

    assert points(read(encoded(a_snapshot(total, user, system)))).keys() == {
        ("web", name, *USER),
        ("web", name, *SYSTEM),
    }
    assert points(read(encoded(a_snapshot(total, system)))).keys() == {("web", name)}
    assert points(read(encoded(a_snapshot(user, system, standing=[total])))).keys() == {
        ("web", name, *USER),
        ("web", name, *SYSTEM),
    }


def test_a_sum_over_parts_is_sent_only_without_them() -> None:
    """As when the parts are not selected."""
    total = a_series(catalogue.NETWORK_IO_SUM, 5)
    part = a_series(catalogue.NETWORK_IO, 5, attributes=(("network.interface.name", "eth0"),))

    assert [key[1] for key in points(read(encoded(a_snapshot(total, part))))] == [part.metric.name]
    assert [key[1] for key in points(read(encoded(a_snapshot(total))))] == [total.metric.name]


def test_an_unknown_start_is_left_out() -> None:
    """Which the protocol has for totals that went over from another container."""
    totals = a_series(catalogue.SAMPLES, 5, since=0.0)
    (point,) = points(read(encoded(a_snapshot(totals)))).values()

    assert (point.start_time_unix_nano, point.as_int) == (0, 5)


def test_a_time_is_the_nearest_number_there_is() -> None:
    """As on the page for Prometheus: no digits behind the nanosecond."""
    time = a_series(catalogue.CPU_TIME, 12_345_678_901)
    (point,) = points(read(encoded(a_snapshot(time)))).values()

    assert point.as_double == 12.345678901


def test_a_start_is_never_after_its_point() -> None:
    """When the clock was set back."""
    late = a_series(catalogue.PIDS, 1, since=AT + 60)
    (point,) = points(read(encoded(a_snapshot(late)))).values()

    assert point.start_time_unix_nano == point.time_unix_nano == 1_700_000_100_250_000_000


def test_many_shapes_take_bounded_memory() -> None:
    """Containers that all have other series than the next one."""
    messages = ProtobufMessages("host-1", several_engines=False)
    for number in range(FORMS_KEPT + 10):
        device = (("system.device", f"8:{number}"),)
        messages.requests(a_snapshot(a_series(catalogue.DISK_IO, 1, attributes=device)))

    assert len(messages._forms) == FORMS_KEPT


@pytest.mark.parametrize(
    ("reference", "attributes"),
    {
        "nginx": {"name": "nginx"},
        "nginx:1.27": {"name": "nginx", "tags": ("1.27",)},
        "reg:5000/shop/web": {"name": "reg:5000/shop/web"},
        "reg:5000/shop/web:a.b": {"name": "reg:5000/shop/web", "tags": ("a.b",)},
        "web@sha256:12ab": {"name": "web", "repo_digests": ("web@sha256:12ab",)},
        "web:1@sha256:12ab": {
            "name": "web",
            "tags": ("1",),
            "repo_digests": ("web@sha256:12ab",),
        },
        "sha256:12ab": {"id": "sha256:12ab"},
        "": {},
    }.items(),
)
def test_an_image_is_taken_apart(reference: str, attributes: dict[str, Any]) -> None:
    """A name without its tag; a registry's port is no tag; nothing is made up."""
    assert image(reference) == {f"container.image.{key}": x for key, x in attributes.items()}


def test_the_machine_and_an_engine_have_resources_of_their_own() -> None:
    """Beside those of containers, and told apart from them."""
    metric = METRICS["container.pids.count"]
    about = [Host("host-1"), Engine("far", "podman", "5.4"), WEB]
    request = read(encoded(a_snapshot(*(a_series(metric, entity=each) for each in about))))
    texts = [
        {each.key: each.value.string_value for each in one.resource.attributes}
        for one in request.resource_metrics
    ]

    assert texts[:2] == [
        {"host.name": "host-1"},
        {
            "container.runtime.name": "podman",
            "container.runtime.version": "5.4",
            "host.name": "host-1",
        },
    ]
    assert texts[2].keys() >= {"container.id", "container.name"}


# Sending.


class Backend:
    """A receiver on loopback that answers as it is told, and keeps what it got."""

    def __init__(self) -> None:
        self.url = ""
        self.answer: Mapping[str, Any] = {}
        self.got: list[tuple[str, Mapping[str, str], bytes]] = []

    async def handle(self, request: web.BaseRequest) -> web.Response:
        body = await request.read()
        self.got.append((request.path, dict(request.headers), body))
        return web.Response(**self.answer)


@pytest.fixture
async def backend() -> AsyncIterator[Backend]:
    one = Backend()
    runner = web.ServerRunner(web.Server(one.handle, auto_decompress=False), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    one.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield one
    await runner.cleanup()


@asynccontextmanager
async def exporting(
    options: OtlpOptions, journal: Journal | None = None
) -> AsyncIterator[OtlpExporter]:
    agent = Agent(
        "host-1", several_engines=False, clock=SystemClock(), journal=journal or a_journal()[0]
    )
    exporter = EXPORTERS["otlp"](options, agent)
    try:
        yield exporter
    finally:
        await exporter.close()


def rejecting(count: int, message: str = "") -> Mapping[str, Any]:
    response = ExportMetricsServiceResponse()
    response.partial_success.rejected_data_points = count
    response.partial_success.error_message = message
    return {"body": response.SerializeToString(), "content_type": "application/x-protobuf"}


@pytest.mark.parametrize("compression", ["gzip", "none"])
async def test_a_request_is_what_the_protocol_wants(backend: Backend, compression: Any) -> None:
    """Path, content type and coding; headers of the user; records joined are one message."""
    options = OtlpOptions(url=backend.url, headers={"api-key": "k"}, compression=compression)
    snapshot = a_snapshot(
        a_series(catalogue.PIDS, 3), a_series(catalogue.PIDS, 4, entity=container("b"))
    )
    async with exporting(options) as exporter:
        await exporter.send(exporter.encode(snapshot))
    ((path, headers, body),) = backend.got

    assert path == "/v1/metrics"
    assert headers["Content-Type"] == "application/x-protobuf"
    assert headers["api-key"] == "k"
    assert headers.get("Content-Encoding", "none") == compression
    found = points(read([gzip.decompress(body) if compression == "gzip" else body]))
    assert {key: value(point) for key, point in found.items()} == {
        ("web", "container.pids.count"): 3,
        ("b", "container.pids.count"): 4,
    }


async def test_rejected_points_are_counted_and_told_once(backend: Backend) -> None:
    """A partial success is not tried again; its end is told, and so is its return."""
    journal, sentences = a_journal()
    where = f"OTLP at {backend.url}/v1/metrics"
    async with exporting(OtlpOptions(url=backend.url), journal) as exporter:
        for answer in (
            rejecting(3, "too\nold"),
            rejecting(2),
            {},
            rejecting(0, "all is well"),
            rejecting(1),
        ):
            backend.answer = answer
            await exporter.send([b""])

    assert journal.counts[REJECTED] == 6
    assert sentences == [
        f'{where} rejected 3 data points, saying "too old".',
        "all data points are taken again",
        f"{where} rejected 1 data points.",
    ]


@pytest.mark.parametrize("body", [b"", b"{}", b'{"partialSuccess":{}}', b"OK", b"\xff" * 9000])
async def test_an_answer_that_is_no_message_is_a_success(backend: Backend, body: bytes) -> None:
    """Its status says so; some answer in JSON or in words."""
    journal, _ = a_journal()
    backend.answer = {"body": body}
    async with exporting(OtlpOptions(url=backend.url), journal) as exporter:
        await exporter.send([b""])

    assert journal.counts == {}


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, ExportError),
        (413, BatchTooLarge),
        (429, BackendUnavailable),
        (503, BackendUnavailable),
    ],
)
async def test_a_refusal_reaches_the_delivery(
    backend: Backend, status: int, error: type[ExportError]
) -> None:
    """The exporter hides no failure and retries nothing."""
    backend.answer = {"status": status, "text": "no such tenant", "headers": {"Retry-After": "7"}}
    async with exporting(OtlpOptions(url=backend.url)) as exporter:
        with pytest.raises(error, match="no such tenant") as caught:
            await exporter.send([b""])

    assert type(caught.value) is error
    assert getattr(caught.value, "after", None) in {None, 7}
    assert len(backend.got) == 1


@pytest.mark.parametrize(
    ("url", "posted"),
    [
        ("http://collector:4318", "http://collector:4318/v1/metrics"),
        ("http://collector:4318/", "http://collector:4318/v1/metrics"),
        ("https://collector?tenant=a", "https://collector/v1/metrics?tenant=a"),
        ("http://[::1]:4318", "http://[::1]:4318/v1/metrics"),
        ("http://collector/otlp/v1/metrics", "http://collector/otlp/v1/metrics"),
        ("http://collector/custom", "http://collector/custom"),
    ],
)
def test_a_base_url_gets_the_path(url: str, posted: str) -> None:
    """As OTEL_EXPORTER_OTLP_ENDPOINT is read; who writes a path means it."""
    assert endpoint(url) == posted


@pytest.mark.parametrize("url", ["", "collector:4318", "grpc://collector:4317", "http://["])
async def test_a_wrong_address_is_told_at_the_start(url: str) -> None:
    """In one sentence."""
    with pytest.raises(ConfigError, match="its address must be like"):
        async with exporting(OtlpOptions(url=url)):
            pass


@pytest.mark.parametrize("headers", [{"a b": "c"}, {"": "c"}, {"key": "one\ntwo"}])
async def test_a_header_that_is_none_is_told_at_the_start(headers: dict[str, str]) -> None:
    """As when a file of secrets has several lines; the value is not shown."""
    with pytest.raises(ConfigError, match="cannot be sent") as caught:
        async with exporting(OtlpOptions(headers=headers)):
            pass

    assert "two" not in str(caught.value)


async def test_without_the_package_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is an optional part of the installation."""
    monkeypatch.setitem(sys.modules, "tidegauge.exporters.otlp_messages", None)
    with pytest.raises(ConfigError) as caught:
        async with exporting(OtlpOptions()):
            pass

    assert str(caught.value) == (
        "exporters.otlp needs the package opentelemetry-proto, which is not installed:"
        " pip install 'tidegauge[otlp]'."
    )


def test_protobuf_is_loaded_only_when_it_is_used() -> None:
    """Who does not export by OTLP does not pay for it."""
    look = "import sys, tidegauge.cli; print(sorted({'google', 'opentelemetry'} & {*sys.modules}))"
    done = subprocess.run(
        [sys.executable, "-c", look], env=environment(), capture_output=True, text=True, check=True
    )

    assert done.stdout == "[]\n"


async def test_registered_under_its_name() -> None:
    """The configuration's table makes it; a password in the URL is not shown."""
    options = OtlpOptions(url="http://me:secret@collector:4318", flush_interval=30)
    async with exporting(options) as exporter:
        assert exporter.name == "otlp"
        assert exporter.destination == "OTLP at http://collector:4318/v1/metrics"
        assert exporter.flush_interval == 30
