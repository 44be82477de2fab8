"""Remote write: what a receiver reads is what was recorded, under the names of ``/metrics``."""

import asyncio
import math
import sys
import tomllib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import cramjam
import msgspec
import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from prometheus_client.parser import text_string_to_metric_families
from write_request import Sent, read

from edge_cases.chain import WEB, chained
from snapshots import a_journal, a_series, a_snapshot
from tidegauge.clock import SystemClock
from tidegauge.docker.frames import Container, Engine
from tidegauge.docker.lives import Condition
from tidegauge.errors import BackendUnavailable, BatchTooLarge, ConfigError, ExportError
from tidegauge.exporters import EXPORTERS
from tidegauge.exporters.delivery import Agent
from tidegauge.exporters.remote_write import (
    CLOCK_BEHIND,
    FORGIVEN,
    RemoteWriteExporter,
    RemoteWriteOptions,
    joined,
    remote_write,
)
from tidegauge.journal import Journal
from tidegauge.metrics import CATALOGUE, Series, Snapshot, catalogue, surroundings
from tidegauge.metrics.instruments import Histogram
from tidegauge.prometheus.own import OurNames
from tidegauge.prometheus.text import Page

CASES = sorted((Path(__file__).parent / "golden" / "remote_write").iterdir())
METRICS = {metric.name: metric for metric in CATALOGUE}
FRAMES = Path(__file__).parent.parent / "readings" / "golden"
ANY_TEXT = st.text(st.characters(exclude_categories=()))


def an_exporter(
    options: RemoteWriteOptions | None = None,
    hostname: str = "web-1",
    journal: Journal | None = None,
) -> RemoteWriteExporter:
    """An exporter that has opened nothing."""
    agent = Agent(
        hostname, several_engines=False, clock=SystemClock(), journal=journal or a_journal()[0]
    )
    return remote_write(options or RemoteWriteOptions(), agent)


def sent(exporter: RemoteWriteExporter, *snapshots: Snapshot) -> list[Sent]:
    """What a receiver reads of these snapshots' requests, in order."""
    return [
        one
        for snapshot in snapshots
        if (records := exporter.encode(snapshot))
        for one in read(joined(records))
    ]


@asynccontextmanager
async def serving(
    answer: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]],
) -> AsyncIterator[str]:
    """A server on loopback; gives ``HOST:PORT``."""
    runner = web.ServerRunner(web.Server(answer), shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def golden_series(one: dict[str, Any]) -> Series:
    """The series a case describes; ``counts`` and ``sum`` are of its histogram."""
    metric = METRICS[one.pop("metric")]
    tags, counts = tuple(one.pop("tags", {}).items()), one.pop("counts", None)
    histogram = Histogram(metric.bounds, tuple(counts), one.pop("sum")) if counts else None
    attributes = tuple(one.pop("attributes", {}).items())
    series = a_series(metric, *one.pop("samples", ()), attributes=attributes, **one)
    entity = replace(series.entity, tags=tags)
    return replace(series, entity=entity, histogram=histogram)


def golden_snapshot(tick: dict[str, Any]) -> Snapshot:
    """The snapshot of one tick; series without samples are those that still stand."""
    series = [golden_series(one) for one in tick.get("series", ())]
    return Snapshot(
        tick["at"],
        tuple(one for one in series if one.samples),
        {},
        tick.get("final", False),
        tuple(one for one in series if not one.samples),
    )


@pytest.mark.parametrize("folder", CASES, ids=lambda folder: folder.name)
def test_golden(folder: Path) -> None:
    """Options and ticks in, exactly these samples out, a block for each request."""
    case = tomllib.loads((folder / "case.toml").read_text(encoding="utf-8"))
    options = msgspec.convert(case.get("options", {}), RemoteWriteOptions)
    exporter = an_exporter(options, **case.get("agent", {}))
    requests = [sent(exporter, golden_snapshot(tick)) for tick in case["ticks"]]
    written = "\n".join("".join(map(str, request)) or "(nothing)\n" for request in requests)
    assert written == (folder / "expected.txt").read_text(encoding="utf-8")


def test_the_bytes_are_those_of_the_specification() -> None:
    """One series, written out by hand: field numbers, wire types and lengths."""
    options = RemoteWriteOptions(labels={"host": ""})
    (record,) = an_exporter(options).encode(a_snapshot(a_series(catalogue.PIDS, 7), at=0.3))
    assert bytes(cramjam.snappy.decompress_raw(record)) == (
        b"\x0a\x4d"  # TimeSeries of 77 bytes
        b"\x0a\x1a\x0a\x08__name__\x12\x0econtainer_pids"
        b"\x0a\x10\x0a\x09container\x12\x03web"
        b"\x0a\x0f\x0a\x06engine\x12\x05local"
        b"\x12\x0c\x09\x00\x00\x00\x00\x00\x00\x1c\x40\x10\xac\x02"  # 7.0 at 300 ms
    )


@given(st.lists(st.binary(max_size=300), max_size=8))
def test_records_join_to_one_compressed_body(plain: list[bytes]) -> None:
    """Compressed by themselves and joined they are what they are together."""
    records = [bytes(cramjam.snappy.compress_raw(each)) for each in plain]
    assert bytes(cramjam.snappy.decompress_raw(joined(records))) == b"".join(plain)


@given(st.text(min_size=1), st.dictionaries(st.text(min_size=1, max_size=9), ANY_TEXT, max_size=5))
def test_any_alias_and_tags_are_taken(alias: str, tags: dict[str, str]) -> None:
    """Whatever containers are called, the reader's demands hold and the alias arrives intact."""
    container = Container(Engine("local"), "id", alias, alias, tags=tuple(tags.items()))
    series = replace(a_series(catalogue.PIDS, 1), entity=container)
    (one,) = sent(an_exporter(), a_snapshot(series))
    assert one.labels["container"] == alias
    assert one.samples == [(1.0, 10_000)]


ALIASES = st.sets(st.sampled_from("abc"))


@given(st.lists(ALIASES, max_size=8), ALIASES)
def test_every_series_ends_once_and_only_then(ticks: list[set[str]], last: set[str]) -> None:
    """From a value to the next there is no marker, behind the last value there is one."""
    exporter = an_exporter()
    snapshots = [
        a_snapshot(
            *(a_series(catalogue.PIDS, 1, alias=alias) for alias in sorted(aliases)),
            at=float(at),
            final=at == len(ticks),
        )
        for at, aliases in enumerate([*ticks, last])
    ]
    lives: dict[str, list[tuple[float | str, int]]] = {}
    for one in sent(exporter, *snapshots):
        lives.setdefault(one.labels["container"], []).extend(one.samples)
    for alias, life in lives.items():
        told = [at * 1000 for at, present in enumerate([*ticks, last]) if alias in present]
        assert [at for value, at in life if value != "stale"] == told
        assert all(now < then for (_, now), (_, then) in pairwise(life))
        assert life[-1][0] == "stale"
        assert all(one != other or one == 1.0 for (one, _), (other, _) in pairwise(life))


def test_new_labels_end_the_series_of_the_old_ones() -> None:
    """A container made anew with another tag is another series, and the old one is over."""
    exporter = an_exporter()
    before = a_series(catalogue.PIDS, 1)
    after = replace(before, entity=replace(before.entity, id="2", tags=(("service", "web"),)))
    same = replace(before, entity=replace(before.entity, id="3"))
    sent(exporter, a_snapshot(before, at=1))
    assert [one.samples for one in sent(exporter, a_snapshot(same, at=2))] == [[(1.0, 2000)]]
    new, old = sent(exporter, a_snapshot(after, at=3))
    assert (new.labels.get("service"), new.samples) == ("web", [(1.0, 3000)])
    assert (old.labels.get("service"), old.samples) == (None, [("stale", 3000)])


def test_volumes_that_come_and_go_take_bounded_memory() -> None:
    """An engine stays while its volumes change for weeks."""
    exporter, engine = an_exporter(), Engine("local")
    for at in range(100):
        names = [(("volume.name", f"volume-{at}-{number}"),) for number in range(5)]
        sizes = [Series(engine, surroundings.ENGINE_VOLUME_SIZE, each, 1, (1,)) for each in names]
        exporter.encode(a_snapshot(*sizes, at=at))

    (known,) = exporter._labels._known.values()
    assert len(known.labels) <= 3 * 5


def test_a_clock_set_back_is_waited_for() -> None:
    """What Prometheus would refuse is not sent; one sentence says so, and it goes on by itself."""
    journal, sentences = a_journal()
    exporter = an_exporter(journal=journal)
    pids = a_series(catalogue.PIDS, 1)
    times = [100, 40, 50, 100, 100.0004, 101]
    told = [at for at in times if sent(exporter, a_snapshot(pids, at=at))]
    assert told == [100, 101]
    assert journal.counts == {CLOCK_BEHIND: 4}
    assert sentences == [
        "this machine's clock was set back; nothing is sent by remote write until it has passed"
        " the time of what was sent before."
    ]


def test_a_clock_that_was_wrong_before_is_not_waited_for() -> None:
    """After a jump of years and back the exporter does not stay silent for years."""
    exporter = an_exporter()
    wrong = 2e9
    times = [wrong, wrong - FORGIVEN / 1000 - 1, wrong - FORGIVEN / 1000]
    told = [
        one.samples[0][1]
        for at in times
        for one in sent(exporter, a_snapshot(a_series(catalogue.PIDS, 1), at=at))
    ]
    assert told == [round(at * 1000) for at in times]


def test_nothing_to_tell_is_no_request() -> None:
    """An empty snapshot, and one of sums over parts only, make no record."""
    exporter = an_exporter()
    sums = a_series(catalogue.NETWORK_IO_SUM, 1, attributes=(catalogue.RECEIVE,))
    assert [*exporter.encode(a_snapshot()), *exporter.encode(a_snapshot(sums, at=20))] == []


def test_a_record_is_one_entity() -> None:
    """So a batch that is too large is halved between containers."""
    series = [a_series(catalogue.PIDS, n, alias=f"web-{n}") for n in range(3)]
    records = an_exporter().encode(a_snapshot(*series))
    named: Sequence[list[str]] = [
        [one.labels["container"] for one in read(record)] for record in records
    ]
    assert named == [["web-0"], ["web-1"], ["web-2"]]


def labelled(series: Sequence[tuple[Mapping[str, str], float]]) -> dict[frozenset[Any], float]:
    """Values by labels, whatever their order; none has the same labels twice."""
    found = {frozenset(labels.items()): value for labels, value in series}
    assert len(found) == len(series)
    return found


@pytest.mark.parametrize("recorded", ["docker-20.10-two-networks", "podman-5.4-throttled"])
def test_everything_is_as_on_the_page_that_prometheus_scrapes(recorded: str) -> None:
    """The same series under the same names and labels, with the same values."""
    journal, _ = a_journal()
    lines = (FRAMES / recorded / "frames.ndjson").read_text(encoding="utf-8").splitlines()
    chain = chained(lines)
    chain._registry.condition(Condition(WEB, "running", "healthy"))
    chain.collect()
    page = asyncio.run(Page(OurNames(journal), chain._registry, SystemClock()).render())
    scraped = [
        ({"__name__": sample.name, **sample.labels}, sample.value)
        for family in text_string_to_metric_families(page.decode())
        for sample in family.samples
    ]
    exporter = an_exporter(RemoteWriteOptions(labels={"host": ""}))
    written = [
        (one.labels, float(one.samples[0][0])) for one in sent(exporter, chain.snapshots[-1])
    ]
    assert len(written) > 60
    assert labelled(written) == labelled(scraped)


@given(st.floats(0, 1e300), st.integers(0, 2**64))
def test_values_arrive_to_the_last_bit(level: float, total: int) -> None:
    """A level as it is, and a counter of nanoseconds in seconds."""
    usage = a_series(catalogue.CPU_USAGE, level)
    time = a_series(catalogue.CPU_TIME, 1, last=total)
    found = {
        one.labels["__name__"]: one.samples[0][0]
        for one in sent(an_exporter(), a_snapshot(usage, time))
    }
    assert found["container_cpu_usage"] == level
    assert found["container_cpu_time_seconds_total"] == total / 10**9


@given(st.lists(st.integers(0, 2**63), min_size=2))
def test_counters_do_not_fall_by_rounding(totals: list[int]) -> None:
    """What grows in nanoseconds does not fall in seconds."""
    exporter, found = an_exporter(), list[float]()
    for at, total in enumerate(sorted(totals)):
        series = a_series(catalogue.CPU_TIME, 1, last=total)
        (one,) = sent(exporter, a_snapshot(series, at=float(at)))
        assert isinstance(one.samples[0][0], float)
        found.append(one.samples[0][0])
    assert found == sorted(found)
    assert all(map(math.isfinite, found))


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (
            {"labels": {"a-b": "x"}},
            'exporters.remote_write.labels: "a-b" is no name of a Prometheus label; take letters,'
            " digits and _, no digit first and no __.",
        ),
        (
            {"labels": {"__name__": "x"}},
            'exporters.remote_write.labels: "__name__" is no name of a Prometheus label; take'
            " letters, digits and _, no digit first and no __.",
        ),
        (
            {"username": "me", "token": "t"},
            "exporters.remote_write has a username and a token; keep the one that is asked for.",
        ),
        (
            {"password": "secret"},
            "exporters.remote_write.password needs username as well.",
        ),
        (
            {"token": "one\ntwo"},
            "Prometheus remote write at http://127.0.0.1:9090/api/v1/write: the header"
            " 'Authorization' cannot be sent; its name must be letters, digits and -, its value"
            " one line.",
        ),
        (
            {"headers": {"X Org": "a"}},
            "Prometheus remote write at http://127.0.0.1:9090/api/v1/write: the header 'X Org'"
            " cannot be sent; its name must be letters, digits and -, its value one line.",
        ),
        (
            {"url": "prometheus:9090"},
            "Prometheus remote write at an unreadable address: its address must be like"
            " http://HOST:PORT/PATH or https://HOST.",
        ),
    ],
)
def test_options_that_cannot_be_are_refused(options: dict[str, Any], sentence: str) -> None:
    """One sentence names the key and what to do."""
    with pytest.raises(ConfigError) as refused:
        an_exporter(msgspec.convert(options, RemoteWriteOptions))
    assert str(refused.value) == sentence


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without Snappy the exporter says how to get it, before anything is started."""
    monkeypatch.setitem(sys.modules, "cramjam", None)
    with pytest.raises(ConfigError) as refused:
        an_exporter()
    assert str(refused.value) == (
        "exporters.remote_write needs the package cramjam, which is not installed: pip install"
        ' "tidegauge[remote-write]".'
    )


async def test_registered_under_its_name() -> None:
    """The configuration's table makes it; the address is told without what is secret."""
    url = "https://me:secret@prometheus.example/api/v1/write?token=secret"
    agent = Agent("host", several_engines=False, clock=SystemClock(), journal=a_journal()[0])
    exporter = EXPORTERS["remote_write"](RemoteWriteOptions(url=url, flush_interval=30), agent)
    assert exporter.name == "remote_write"
    assert exporter.destination == (
        "Prometheus remote write at https://prometheus.example/api/v1/write"
    )
    assert exporter.flush_interval == 30
    await exporter.close()


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, None),
        ({"username": "me", "password": "s:e"}, "Basic bWU6czpl"),
        ({"token": "abc"}, "Bearer abc"),
        ({"token": "abc", "headers": {"Authorization": "Mine"}}, "Mine"),
    ],
)
async def test_a_request_as_a_server_sees_it(options: dict[str, Any], expected: str | None) -> None:
    """One POST with the protocol's headers, the credentials, and a body that can be read."""
    seen: list[tuple[web.BaseRequest, bytes]] = []

    async def take(request: web.BaseRequest) -> web.Response:
        seen.append((request, await request.read()))
        return web.Response(status=204)

    async with serving(take) as where:
        given = {"url": f"http://{where}/api/v1/write", "headers": {"X-Scope-OrgID": "t"}} | options
        exporter = an_exporter(msgspec.convert(given, RemoteWriteOptions))
        series = [a_series(catalogue.PIDS, 1, alias=alias) for alias in ("a", "b")]
        await exporter.send(exporter.encode(a_snapshot(*series)))
        await exporter.close()
    ((request, body),) = seen
    assert (request.method, request.path) == ("POST", "/api/v1/write")
    assert request.headers.get("Authorization") == expected
    assert request.headers["Content-Encoding"] == "snappy"
    assert request.headers["Content-Type"] == "application/x-protobuf"
    assert request.headers["X-Prometheus-Remote-Write-Version"] == "0.1.0"
    assert ("X-Scope-OrgID" in request.headers) is ("headers" not in options)
    assert [one.labels["container"] for one in read(body)] == ["a", "b"]


@pytest.mark.parametrize(
    ("status", "said", "error", "expected"),
    [
        (401, "", ExportError, "401 Unauthorized: check exporters.remote_write.username and"),
        (
            400,
            "out of order sample\n",
            ExportError,
            '400 Bad Request, saying "out of order sample".',
        ),
        (429, "slow down", BackendUnavailable, '429 Too Many Requests, saying "slow down".'),
        (503, "", BackendUnavailable, "503 Service Unavailable."),
        (413, "", BatchTooLarge, "413 Request Entity Too Large."),
    ],
)
async def test_refusals_have_the_servers_words(
    status: int, said: str, error: type[ExportError], expected: str
) -> None:
    """What is dropped, what is kept and what is halved, each in one sentence."""

    async def refuse(_request: web.BaseRequest) -> web.Response:
        return web.Response(status=status, text=said)

    async with serving(refuse) as where:
        exporter = an_exporter(RemoteWriteOptions(url=f"http://{where}/api/v1/write"))
        with pytest.raises(ExportError) as caught:
            await exporter.send(exporter.encode(a_snapshot(a_series(catalogue.PIDS, 1))))
        await exporter.close()
    assert type(caught.value) is error
    assert expected in str(caught.value)
    assert str(caught.value).startswith(f"Prometheus remote write at http://{where}/api/v1/write ")
