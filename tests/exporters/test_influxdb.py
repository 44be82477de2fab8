"""InfluxDB's lines: what a server reads is what the registry holds."""

import asyncio
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import msgspec
import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st
from line_parser import joined, parse

from snapshots import a_journal, a_series, a_snapshot
from tidegauge.clock import SystemClock
from tidegauge.docker.frames import Container, Engine
from tidegauge.errors import BackendUnavailable, BatchTooLarge, ExportError
from tidegauge.exporters import EXPORTERS
from tidegauge.exporters.delivery import Agent
from tidegauge.exporters.influxdb import (
    TOO_LONG,
    Datagrams,
    InfluxdbExporter,
    InfluxdbOptions,
    Posts,
    influxdb,
    write_url,
)
from tidegauge.exporters.line_protocol import RESERVED, escaped, head
from tidegauge.exporters.places import STATISTICS, Tags, place
from tidegauge.host import Host
from tidegauge.metrics import CATALOGUE, Kind, Series, Snapshot, catalogue, summary
from tidegauge.metrics.catalogue import READ, RECEIVE, TRANSMIT

CASES = sorted((Path(__file__).parent / "golden" / "influxdb").iterdir())
METRICS = {metric.name: metric for metric in CATALOGUE}

NAMES = st.text(max_size=12) | st.text(",= \\\"'\n\r\t%#_aé😀\x00\ud800", max_size=12)
NAMED = st.dictionaries(
    NAMES | st.sampled_from(["host", "engine", "time", "interface", "label_host", "_field"]),
    NAMES,
    max_size=4,
)
NUMBERS = st.integers(0, 2**66) | st.floats(0, 1e20)


@dataclass
class Kept:
    """A socket that keeps datagrams."""

    datagrams: list[bytes] = field(default_factory=list)
    closed: bool = False

    async def send(self, datagrams: Sequence[bytes]) -> None:
        self.datagrams += datagrams

    def close(self) -> None:
        self.closed = True


class NoPost:
    """For what is only encoded."""


def an_exporter(size: int | None = None, **known: Any) -> InfluxdbExporter:
    """Of lines over HTTP, or of datagrams of this size."""
    way = Posts(NoPost()) if size is None else Datagrams(Kept(), size)
    known = {"hostname": "dock-1", "journal": a_journal()[0]} | known
    return InfluxdbExporter(InfluxdbOptions(), way=way, **known)


def written(*series: Series, at: float = 10.0, **known: Any) -> bytes:
    """The whole body of a snapshot with these series."""
    return b"".join(an_exporter(**known).encode(a_snapshot(*series, at=at)))


def a_container(alias: str = "web", **known: Any) -> Container:
    known = {"engine": Engine("local"), "id": "1" * 64, "name": alias} | known
    return Container(alias=alias, **known)


@pytest.mark.parametrize("folder", CASES, ids=lambda folder: folder.name)
def test_golden(folder: Path) -> None:
    """Series in, exactly these lines out; with a packet size, its datagrams between blank lines."""
    case = tomllib.loads((folder / "case.toml").read_text(encoding="utf-8"))
    series = [
        a_series(
            METRICS[one.pop("metric")],
            *one.pop("samples", []),
            attributes=tuple(one.pop("attributes", {}).items()),
            **one,
        )
        for one in case["series"]
    ]
    fresh = tuple(one for one in series if one.samples)
    standing = tuple(one for one in series if not one.samples)
    snapshot = Snapshot(case.get("at", 10.0), fresh, {}, standing=standing)
    records = an_exporter(**case.get("exporter", {})).encode(snapshot)
    between = b"\n" if "exporter" in case else b""
    assert between.join(records).decode() == (folder / "expected.txt").read_text(encoding="utf-8")


def test_every_series_has_a_place_of_its_own() -> None:
    """No two of the catalogue's series share measurement, tags and field, statistics included."""
    found: list[tuple[str, Any, str]] = []
    for metric in CATALOGUE:
        for attributes in ((), (RECEIVE,), (TRANSMIT,), (("system.device", "8:0"), READ)):
            at = place(metric.name, attributes)
            names = [at.field]
            if metric.kind is Kind.GAUGE:
                names += [f"{at.field}_{one}" for one in STATISTICS]
            found += [(at.measurement, at.tags, name) for name in names]

    assert len(set(found)) == len(found)
    assert all(name and name != "time" for _, _, name in found)


def test_lines_of_one_entity_are_not_mixed_with_anothers() -> None:
    """Containers, engines and machines have tags of their own."""
    cpu = a_series(catalogue.CPU_USAGE, 0.5)
    engine = msgspec.structs.replace(cpu, entity=Engine("local"))
    host = msgspec.structs.replace(cpu, entity=Host("dock-1"))

    assert [point.tags for point in parse(written(cpu, engine, host))] == [
        {"container": "web", "engine": "local", "host": "dock-1"},
        {"engine": "local", "host": "dock-1"},
        {"host": "dock-1"},
    ]


def test_labels_become_tags_and_take_no_others_name() -> None:
    """A label called as a tag of ours, or as what InfluxDB keeps for itself, is renamed."""
    tags = (("team", "a b"), ("host", "x"), ("time", "y"), ("label_host", "z"), ("empty", ""))
    container = a_container(image="nginx:1.25", tags=(*tags, ("", "unnamed")))

    named = Tags("dock-1", RESERVED).of(container, (("interface", "eth0"),))
    assert head("m", named) == (
        r"m,container=web,engine=local,host=dock-1,image=nginx:1.25,interface=eth0,label=unnamed"
        r",label_host=x,label_label_host=z,label_time=y,team=a\ b"
    )


@given(NAMES, NAMES)
def test_names_stay_apart(one: str, other: str) -> None:
    """Whatever they consist of, two names are never written alike, and each can be read back."""
    assert (escaped(one) == escaped(other)) == (one == other)
    read = escaped(one).replace("\\", "")
    assert unquote(read, errors="surrogatepass") == one


@given(
    alias=NAMES.filter(bool),
    engine=NAMES.filter(bool),
    hostname=NAMES.filter(bool),
    tags=NAMED,
    interface=NAMES.filter(bool),
    samples=st.lists(NUMBERS, min_size=1, max_size=5),
    size=st.none() | st.integers(2000, 3000),
)
def test_a_server_reads_what_was_recorded(
    *,
    alias: str,
    engine: str,
    hostname: str,
    tags: Mapping[str, str],
    interface: str,
    samples: list[float],
    size: int | None,
) -> None:
    """Any names and numbers, in lines or in datagrams: what has a number arrives, nothing else."""
    container = a_container(alias, engine=Engine(engine), tags=tuple(tags.items()))
    attributes = ((RECEIVE,), (RECEIVE, ("network.interface.name", interface)))
    several = [
        Series(container, metric, attribute, samples[-1], tuple(samples))
        for metric in (
            catalogue.CPU_TIME,
            catalogue.MEMORY_UTILIZATION,
            catalogue.MEMORY_WORKING_SET,
        )
        for attribute in attributes
    ]

    found = joined(parse(written(*several, at=1.0005, size=size, hostname=hostname)))

    fields: dict[str, float] = {}
    for (_, of, at), values in found.items():
        read = {key: unquote(value, errors="surrogatepass") for key, value in of}
        assert at in {1000000000, 1001000000}
        assert (read["container"], read["engine"], read["host"]) == (alias, engine, hostname)
        assert read.get("interface", "") in {"", interface}
        assert len(read) == 3 + ("interface" in read) + sum(map(bool, tags.values()))
        fields |= values
    expected = summary(samples)
    assert expected is not None
    assert fields["time_receive"] == pytest.approx(samples[-1] * 1e-9, abs=1e-9)
    assert fields["limit_utilization_receive"] == pytest.approx(samples[-1], abs=1e-9)
    assert fields.get("working_set_receive") == (int(samples[-1]) if samples[-1] < 2**63 else None)
    if len(samples) > 1:
        assert fields["working_set_receive_mean"] == pytest.approx(expected.mean, abs=1e-9)
        assert fields["limit_utilization_receive_p95"] == pytest.approx(expected.p95, abs=1e-9)
    assert ("working_set_receive_mean" in fields) == (len(samples) > 1)


def test_what_a_long_integer_cannot_hold_is_left_out() -> None:
    """An engine's garbage of 2^64 costs its own field and no other; a field keeps its type."""
    body = written(
        a_series(catalogue.MEMORY_USAGE, 2**63, 2**63, 5, last=2**64),
        a_series(catalogue.MEMORY_CACHE, 2**63 - 1),
        a_series(catalogue.CPU_TIME, 1, last=2**64),
    )

    memory, cpu = parse(body)
    assert memory.fields == {
        "usage_min": 5,
        "usage_mean": pytest.approx(2**64 / 3),
        "cache": 2**63 - 1,
    }
    assert cpu.fields == {"time_total": pytest.approx(2**64 / 1e9)}


def test_what_is_no_number_is_left_out() -> None:
    """And a line with nothing in it is none."""
    series = a_series(catalogue.CPU_USAGE, float("nan"))

    assert written(series, a_series(catalogue.CPU_USAGE, float("inf"), alias="b")) == b""


def test_a_line_too_long_is_cut_between_fields() -> None:
    """Each part has head and time, and no part is longer than a datagram."""
    labels = tuple((f"label{number}", "x" * 20) for number in range(10))
    gauges = [each for each in CATALOGUE if each.name.startswith("container.memory")]
    series = [Series(a_container(tags=labels), each, (), 2**40, (2**40, 2**41)) for each in gauges]
    body = written(*series)
    (whole,) = parse(body)

    datagrams = an_exporter(size=512).encode(a_snapshot(*series))

    assert len(body) > 1500
    assert len(datagrams) > 3
    assert max(map(len, datagrams)) <= 512
    assert joined(parse(b"".join(datagrams))) == joined([whole])


def test_tags_that_fit_no_packet_are_told_once() -> None:
    """One sentence names the first line, each line counts, and all others go out."""
    journal, sentences = a_journal()
    exporter = an_exporter(size=512, journal=journal)
    snapshot = a_snapshot(
        a_series(catalogue.PIDS, 1, 2, alias="long" * 200), a_series(catalogue.PIDS, 3)
    )

    assert [parse(each)[0].tags["container"] for each in exporter.encode(snapshot)] == ["web"]
    exporter.encode(snapshot)

    assert journal.counts[TOO_LONG] >= 2
    (sentence,) = sentences
    start = f"container_pids,container={'long' * 13}lon"
    assert sentence == (
        f'A line for InfluxDB that begins "{start}" is longer than 512 bytes and is not sent: it'
        " has tags too long."
    )


def test_tags_that_no_server_takes_are_not_sent_over_http() -> None:
    """InfluxDB keeps 64 KiB of names and tags; one container's label must not cost a batch."""
    labels = (("readme", "x" * 70_000),)
    long = Series(a_container("db", tags=labels), catalogue.PIDS, (), 1, (1,))

    assert len(parse(written(long, a_series(catalogue.PIDS, 1)))) == 1


def test_records_are_lines() -> None:
    """So any part of a batch is a valid batch: a server's limit is met by halving."""
    records = an_exporter().encode(
        a_snapshot(a_series(catalogue.PIDS, 1), a_series(catalogue.CPU_USAGE, 1.0))
    )

    assert [len(parse(each)) for each in records] == [1, 1]


def test_where_lines_are_posted() -> None:
    """Version 1 by database, version 2 by bucket; names are escaped, what is empty is left out."""
    v1 = InfluxdbOptions(url="http://h/influx/", database="a b&c", retention_policy="week")
    v2 = InfluxdbOptions(bucket="b/c", org="my org", token="t")

    assert write_url(InfluxdbOptions()) == "http://127.0.0.1:8086/write?db=tidegauge"
    assert write_url(v1) == "http://h/influx/write?db=a+b%26c&rp=week"
    assert write_url(v2) == "http://127.0.0.1:8086/api/v2/write?org=my+org&bucket=b%2Fc"
    assert write_url(InfluxdbOptions(bucket="b")) == "http://127.0.0.1:8086/api/v2/write?bucket=b"


@dataclass
class Server:
    """An HTTP server that answers as it is told, and keeps what it was sent."""

    status: int = 204
    said: str = ""
    url: str = ""
    requests: list[tuple[str, str, bytes]] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.Response:
        who = request.headers.get("Authorization", "")
        self.requests.append((request.path_qs, who, await request.read()))
        return web.Response(status=self.status, text=self.said or None)


@pytest.fixture
async def server():
    told = Server()
    app = web.Application()
    app.router.add_route("POST", "/{path:.*}", told.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    told.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield told
    await runner.cleanup()


def of(options: InfluxdbOptions) -> InfluxdbExporter:
    """The exporter as the program makes it."""
    agent = Agent("dock-1", several_engines=False, clock=SystemClock(), journal=a_journal()[0])
    return influxdb(options, agent)


async def refused(options: InfluxdbOptions) -> ExportError:
    """The error that sending raises."""
    exporter = of(options)
    try:
        with pytest.raises(ExportError) as caught:
            await exporter.send([b"m v=1 1\n"])
    finally:
        await exporter.close()
    return caught.value


async def test_records_are_posted_together_with_credentials(server: Server) -> None:
    """One request for all records of a batch; user and password, or a token."""
    for options in (
        InfluxdbOptions(url=server.url, username="me", password="s3cret"),
        InfluxdbOptions(url=server.url, bucket="b", token="abc"),
        InfluxdbOptions(url=server.url),
    ):
        exporter = of(options)
        await exporter.send([b"m v=1 1\n", b"m v=2 2\n"])
        await exporter.close()

    body = b"m v=1 1\nm v=2 2\n"
    assert server.requests == [
        ("/write?db=tidegauge", "Basic bWU6czNjcmV0", body),
        ("/api/v2/write?bucket=b", "Token abc", body),
        ("/write?db=tidegauge", "", body),
    ]


@pytest.mark.parametrize(
    ("status", "options", "remedy"),
    [
        (
            404,
            {"database": 'a"b'},
            'create the database (CREATE DATABASE "a\\"b"), or correct exporters.influxdb.database',
        ),
        (
            401,
            {},
            "check exporters.influxdb.username and password, and that the user may write",
        ),
        (404, {"bucket": "b"}, "create the bucket, or correct exporters.influxdb.org and bucket"),
        (
            403,
            {"bucket": "b"},
            "check exporters.influxdb.token, which must be allowed to write to the bucket",
        ),
    ],
)
async def test_what_a_user_can_mend_is_said(
    server: Server, status: int, options: dict[str, str], remedy: str
) -> None:
    """A refusal is one sentence: who, what it said, what to do; it is not tried again."""
    server.status, server.said = status, "no"

    error = await refused(InfluxdbOptions(url=server.url, **options))

    assert type(error) is ExportError
    assert str(error).startswith(f"InfluxDB at {server.url}/ answered {status} ") or str(
        error
    ).startswith(f"InfluxDB at {server.url} answered {status} ")
    assert str(error).endswith(f', saying "no": {remedy}.')


async def test_a_server_that_is_away_or_asks_for_less_is_told_apart(server: Server) -> None:
    """The delivery keeps the one and halves the other."""
    server.status = 503
    assert type(await refused(InfluxdbOptions(url=server.url))) is BackendUnavailable
    server.status = 413
    assert type(await refused(InfluxdbOptions(url=server.url))) is BatchTooLarge


async def test_udp_sends_datagrams() -> None:
    """A real socket gets what was encoded, packed to the size."""
    loop = asyncio.get_running_loop()
    got: list[bytes] = []
    arrived = asyncio.Event()

    class Receiver(asyncio.DatagramProtocol):
        def datagram_received(self, data: bytes, addr: Any) -> None:
            got.append(data)
            arrived.set()

    transport, _ = await loop.create_datagram_endpoint(Receiver, local_addr=("127.0.0.1", 0))
    port = transport.get_extra_info("sockname")[1]
    exporter = of(InfluxdbOptions(url=f"udp://127.0.0.1:{port}"))
    snapshot = a_snapshot(a_series(catalogue.PIDS, 1), a_series(catalogue.PIDS, 2, alias="db"))

    await exporter.send(exporter.encode(snapshot))
    async with asyncio.timeout(5):
        await arrived.wait()
    await exporter.close()
    transport.close()

    assert exporter.destination == f"InfluxDB at udp://127.0.0.1:{port}"
    assert [[point.tags["container"] for point in parse(each)] for each in got] == [["web", "db"]]


def test_registered_under_its_name() -> None:
    """The configuration's table makes it, and nothing is opened yet."""
    agent = Agent("host", several_engines=False, clock=SystemClock(), journal=a_journal()[0])
    exporter = EXPORTERS["influxdb"](InfluxdbOptions(url="http://me:pw@h:1"), agent)

    assert (exporter.name, exporter.flush_interval) == ("influxdb", 10)
    assert exporter.destination == "InfluxDB at http://h:1"
    assert quote("pw") not in exporter.destination


PAGE = Path(__file__).parents[2] / "docs/exporters/influxdb.md"


def test_the_page_lists_every_measurement_and_field() -> None:
    """The table is the catalogue's, by the rule; a row that has changed is to be copied anew."""
    found: dict[tuple[str, str], list[str]] = {}
    for metric in CATALOGUE:
        at = place(
            metric.name, tuple((key, f"<{key.split('.')[-1]}>") for key in metric.attributes)
        )
        tags = " ".join(f"`{key}`" for key, _ in at.tags)
        found.setdefault((at.measurement, tags), []).append(f"`{at.field}`")

    table = PAGE.read_text(encoding="utf-8").partition("\n## Measurements\n")[2]
    rows = [line for line in table.partition("\n## ")[0].splitlines() if line.startswith("| `")]

    assert rows == [
        f"| `{measurement}` | {tags} | {' '.join(fields)} |"
        for (measurement, tags), fields in sorted(found.items())
    ]
