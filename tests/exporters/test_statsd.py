"""The StatsD format: what a server reads is what was recorded."""

import re
import tomllib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from statsd_server import StatsdServer

from snapshots import a_journal, a_series, a_snapshot
from tidegauge.clock import SystemClock
from tidegauge.docker.frames import Engine
from tidegauge.errors import ExportError
from tidegauge.exporters import EXPORTERS
from tidegauge.exporters.delivery import Agent
from tidegauge.exporters.statsd import (
    TOO_LONG,
    StatsdExporter,
    StatsdOptions,
    Subscriptions,
)
from tidegauge.exporters.statsd_format import Line, encode, measurements, rate
from tidegauge.host import Host
from tidegauge.metrics import CATALOGUE, Series, Snapshot, catalogue, surroundings
from tidegauge.metrics.catalogue import RECEIVE

CASES = sorted((Path(__file__).parent / "golden" / "statsd").iterdir())
METRICS = {metric.name: metric for metric in CATALOGUE}

KEYS = st.text("abcdefgh.-_", min_size=1, max_size=80)
LEVELS = st.lists(st.one_of(st.integers(0, 3), st.integers(0, 2**64)), max_size=30)


class Kept:
    """A sender that keeps datagrams."""

    def __init__(self) -> None:
        self.datagrams: list[bytes] = []
        self.closed = False

    async def send(self, datagrams: Sequence[bytes]) -> None:
        self.datagrams += datagrams

    def close(self) -> None:
        self.closed = True


class Refusing(Kept):
    """A sender whose backend is away."""

    async def send(self, datagrams: Sequence[bytes]) -> None:
        raise ExportError("away")


def an_exporter(sender: Kept, options: StatsdOptions | None = None, **known: Any) -> StatsdExporter:
    """An exporter into a sender."""
    journal, _ = a_journal()
    known = {"hostname": "host", "several_engines": False, "journal": journal} | known
    return StatsdExporter(options or StatsdOptions(), sender=sender, **known)


async def send(exporter: StatsdExporter, snapshot: Snapshot) -> None:
    """Encode and send, as a delivery does."""
    await exporter.send(exporter.encode(snapshot))


async def sent(snapshot: Snapshot, options: StatsdOptions | None = None, **known: Any) -> bytes:
    """All datagrams of one snapshot, separated by empty lines."""
    sender = Kept()
    await send(an_exporter(sender, options, **known), snapshot)
    return b"\n\n".join(sender.datagrams)


def untagged(lines: Sequence[tuple[str, list[int]]]) -> list[Line]:
    """The same without tags."""
    return [(key, levels, "") for key, levels in lines]


def golden_snapshot(case: dict[str, Any]) -> Snapshot:
    """The snapshot a case describes."""
    return a_snapshot(*(golden_series(one) for one in case["series"]))


def golden_series(one: dict[str, Any]) -> Series:
    """One of its series."""
    tags, attributes = one.pop("tags", {}), one.pop("attributes", {})
    metric, samples = METRICS[one.pop("metric")], one.pop("samples")
    series = a_series(metric, *samples, attributes=tuple(attributes.items()), **one)
    return replace(series, entity=replace(series.entity, tags=tuple(tags.items())))


@pytest.mark.parametrize("folder", CASES, ids=lambda folder: folder.name)
async def test_golden(folder: Path) -> None:
    """Options and series in, exactly these bytes out."""
    case = tomllib.loads((folder / "case.toml").read_text(encoding="utf-8"))
    options = msgspec.convert(case.get("options", {}), StatsdOptions)
    result = await sent(golden_snapshot(case), options, **case.get("agent", {}))
    assert result.decode() + "\n" == (folder / "expected.txt").read_text(encoding="utf-8")


def test_a_level_that_came_often_has_a_rate() -> None:
    """Distinct levels in ascending order, each once."""
    assert measurements([7, 2, 7, 2**64, 0, 7, 7]).split(":") == [
        "0|ms",
        "2|ms",
        "7|ms|@0.25",
        "18446744073709551616|ms",
    ]


@given(st.integers(1, 10**12))
def test_rates_are_plain_decimals(times: int) -> None:
    """No exponent, which StatsD would cut off; the count comes back."""
    assert set(rate(times)) <= set("0123456789.")
    assert round(1 / float(rate(times))) == times


@given(st.lists(st.tuples(KEYS, LEVELS), max_size=20), st.integers(200, 2000))
def test_a_server_counts_what_was_recorded(
    lines: list[tuple[str, list[int]]], max_packet_size: int
) -> None:
    """Every level comes back as often as it was recorded, whatever the packet size."""
    recorded: dict[str, Counter[int]] = {}
    for key, levels in lines:
        if levels:
            recorded[key] = recorded.get(key, Counter()) + Counter(levels)
    encoded = encode(untagged(lines), max_packet_size)
    server = StatsdServer(encoded.datagrams)
    assert server.counted == recorded
    assert server.bad_lines == encoded.too_long == []


@given(st.lists(st.tuples(KEYS, LEVELS), max_size=20), st.integers(200, 2000))
def test_a_server_reckons_with_every_sample_sent_by_itself(
    lines: list[tuple[str, list[int]]], max_packet_size: int
) -> None:
    """With "each" a server's timers hold exactly the samples, in order of time."""
    recorded: dict[str, list[int]] = {}
    for key, levels in lines:
        if levels:
            recorded[key] = recorded.get(key, []) + levels
    encoded = encode(untagged(lines), max_packet_size, "each")
    server = StatsdServer(encoded.datagrams)
    assert server.timers == recorded
    assert server.bad_lines == encoded.too_long == []


@given(st.lists(st.tuples(KEYS, LEVELS), max_size=20), st.integers(64, 200))
def test_no_packet_is_too_long(lines: list[tuple[str, list[int]]], max_packet_size: int) -> None:
    """What fits no packet is told, all else is in packets no longer than allowed."""
    encoded = encode(untagged(lines), max_packet_size)
    assert all(0 < len(datagram) <= max_packet_size for datagram in encoded.datagrams)
    server = StatsdServer(encoded.datagrams)
    whole = sum(len(set(levels)) for _, levels in lines)
    assert sum(map(len, server.timers.values())) + len(encoded.too_long) == whole
    assert server.bad_lines == []


@given(
    st.lists(
        st.tuples(st.text(st.characters(exclude_categories=())), LEVELS.filter(bool)),
        unique_by=lambda row: row[0],
        max_size=8,
    ),
    st.sampled_from(["normalize", "percent-encode"]),
)
async def test_any_aliases_arrive_unmixed(rows: list[tuple[str, list[int]]], strategy: Any) -> None:
    """With any aliases there are as many timers as containers, each with its own levels."""
    sender = Kept()
    options = StatsdOptions(name_normalization=strategy, max_packet_size=2000)
    series = (a_series(catalogue.MEMORY_USAGE, *levels, alias=alias) for alias, levels in rows)
    await send(an_exporter(sender, options), a_snapshot(*series))
    server = StatsdServer(sender.datagrams)
    arrived = sorted(sorted(times.elements()) for times in server.counted.values())
    assert arrived == sorted(sorted(levels) for _, levels in rows)
    assert server.bad_lines == []
    assert all(key.count(".") == 4 for key in server.counted)


def test_a_server_reckons_with_each_distinct_level_once() -> None:
    """Known of StatsD 0.9: a timer's rate multiplies its count, not its sum or its mean."""
    server = StatsdServer(encode([("k", [660] * 10, "")], 1024).datagrams)
    assert server.counted == {"k": Counter({660: 10})}
    assert server.timers == {"k": [660]}


async def test_what_fits_no_packet_is_dropped_and_told_once() -> None:
    """One sentence names the first of them; the journal counts each."""
    journal, sentences = a_journal()
    sender = Kept()
    options = StatsdOptions(max_packet_size=64)
    exporter = an_exporter(sender, options, journal=journal)
    snapshot = a_snapshot(
        a_series(catalogue.MEMORY_USAGE, 1, 2, alias="long" * 16),
        a_series(catalogue.MEMORY_USAGE, 3),
    )
    await send(exporter, snapshot)
    await send(exporter, snapshot)
    assert sender.datagrams == [b"kamon.host.docker-memory.web.usage:3|ms"] * 2
    assert journal.counts == {TOO_LONG: 4}
    (sentence,) = sentences
    assert sentence == (
        f'"kamon.host.docker-memory.{"long" * 16}.usage" with its value is longer than'
        " max_packet_size of 64 bytes and is not sent to StatsD."
    )


async def test_names_last_over_snapshots() -> None:
    """A container that pauses gets its own name back, not that of one which came meanwhile."""
    sender = Kept()
    exporter = an_exporter(sender)
    for alias in ("a.b", "a/b", "a.b"):
        await send(exporter, a_snapshot(a_series(catalogue.PIDS, 1, alias=alias)))
    first, second, third = sender.datagrams
    assert first == third == b"kamon.host.docker-pids.a_b.current:1|ms"
    assert second.startswith(b"kamon.host.docker-pids.a_b_")


async def test_series_that_come_and_go_are_sent_as_they_are() -> None:
    """What was decided of a container's series at one tick holds only while they are the same."""
    sender = Kept()
    exporter = an_exporter(sender)
    usage, pids = a_series(catalogue.MEMORY_USAGE, 1), a_series(catalogue.PIDS, 2)
    limit = a_series(catalogue.MEMORY_LIMIT, 3)
    eth0 = (RECEIVE, ("network.interface.name", "eth0"))
    unnamed = a_series(catalogue.NETWORK_IO, 4, attributes=eth0)
    received = a_series(catalogue.NETWORK_IO_SUM, 5, attributes=(RECEIVE,))
    for some in ([usage, pids], [usage, limit], [usage], [usage, unnamed], [usage, received]):
        await send(exporter, a_snapshot(*some))
    key = b"kamon.host.docker-memory.web.usage:1|ms"
    assert sender.datagrams == [
        key + b"\nkamon.host.docker-pids.web.current:2|ms",
        key + b"\nkamon.host.docker-memory.web.own-limit:3|ms",
        key,
        key,
        key + b"\nkamon.host.docker-network.web.rx-bytes:5|ms",
    ]


async def test_tags_that_change_are_sent_as_they_are() -> None:
    """A container made anew under its name has the tags of now."""
    sender = Kept()
    exporter = an_exporter(sender, StatsdOptions(tags="datadog"))
    series = a_series(catalogue.PIDS, 1)
    for tier in ("blue", "green"):
        entity = replace(series.entity, tags=(("tier", tier),))
        await send(exporter, a_snapshot(replace(series, entity=entity)))
    assert [datagram.rpartition(b",")[2] for datagram in sender.datagrams] == [
        b"tier:blue",
        b"tier:green",
    ]


async def test_a_container_that_is_not_reported_takes_no_name() -> None:
    """Only what is sent can clash."""
    options = StatsdOptions(subscriptions={"docker-pids": ["a/b"]})
    journal, _ = a_journal()
    snapshot = a_snapshot(
        a_series(catalogue.PIDS, 1, alias="a.b"), a_series(catalogue.PIDS, 2, alias="a/b")
    )
    assert await sent(snapshot, options, journal=journal) == (
        b"kamon.host.docker-pids.a_b.current:2|ms"
    )
    assert journal.counts == {}


TEXTS = st.text(st.characters(exclude_categories=()))


@given(
    st.lists(st.tuples(TEXTS, LEVELS.filter(bool)), unique_by=lambda row: row[0], max_size=8),
    st.dictionaries(TEXTS, TEXTS, max_size=3),
    st.sampled_from(["rate", "each"]),
)
async def test_any_aliases_and_tags_arrive_unmixed_as_tags(
    rows: list[tuple[str, list[int]]], tags: dict[str, str], repeats: Any
) -> None:
    """Each container is one set of tags, each measurement one line that every server reads."""
    sender = Kept()
    options = StatsdOptions(tags="datadog", repeats=repeats, max_packet_size=2000)
    all_series = [a_series(catalogue.MEMORY_USAGE, *levels, alias=alias) for alias, levels in rows]
    tagged = [
        replace(series, entity=replace(series.entity, tags=tuple(tags.items())))
        for series in all_series
    ]
    await send(an_exporter(sender, options), a_snapshot(*tagged))
    counted: dict[str, Counter[int]] = {}
    for line in b"\n".join(sender.datagrams).decode().splitlines():
        found = re.fullmatch(r"kamon\.docker-memory\.usage:(\d+)\|ms(?:\|@([\d.]+))?\|#(.+)", line)
        assert found
        assert re.fullmatch(r"[A-Za-z][\w./-]*:[\w./-]+(,[A-Za-z][\w./-]*:[\w./-]+)*", found[3])
        counted.setdefault(found[3], Counter())[int(found[1])] += round(1 / float(found[2] or 1))
    assert sorted(sorted(times.elements()) for times in counted.values()) == sorted(
        sorted(levels) for _, levels in rows
    )


async def test_entities_without_a_container_have_the_tags_they_can_have() -> None:
    """An engine has its name, a machine only that of the host."""
    options = StatsdOptions(tags="datadog", subscriptions={"**": ["**"]})
    engine = replace(a_series(surroundings.ENGINE_IMAGES, 3), entity=Engine("north"))
    host = replace(a_series(surroundings.HOST_CPU_UTILIZATION, 0.5), entity=Host("host"))
    assert (await sent(a_snapshot(engine, host), options)).decode().splitlines() == [
        "kamon.docker-engine.images:3|ms|#engine:north,host:host",
        "kamon.host.percent-cpu-usage:50|ms|#host:host",
    ]


def test_subscriptions_add_up() -> None:
    """A series is reported when any pattern of its category takes its entity."""
    some = Subscriptions({"docker-*": ["web-*", "db"], "docker-cpu": ["**"], "docker-pids": []})
    assert some.take("docker-memory", "web-1")
    assert some.take("docker-memory", "db")
    assert not some.take("docker-memory", "cache")
    assert some.take("docker-cpu", "cache")
    assert not Subscriptions({}).take("docker-cpu", "cache")


async def test_a_snapshot_without_a_series_of_ours_sends_nothing() -> None:
    """Parts of a container have no name here, and no packet is empty."""
    eth0 = (RECEIVE, ("network.interface.name", "eth0"))
    assert await sent(a_snapshot(a_series(catalogue.NETWORK_IO, 5, attributes=eth0))) == b""


async def test_a_refusal_reaches_the_delivery() -> None:
    """The exporter hides no failure and retries nothing."""
    with pytest.raises(ExportError, match="away"):
        await send(an_exporter(Refusing()), a_snapshot(a_series(catalogue.PIDS, 1)))


async def test_close_releases_the_sender() -> None:
    """The socket is the exporter's to close."""
    sender = Kept()
    await an_exporter(sender).close()
    assert sender.closed


async def test_registered_under_its_name() -> None:
    """The configuration's table makes it."""
    journal, _ = a_journal()
    agent = Agent("host", several_engines=False, clock=SystemClock(), journal=journal)
    exporter = EXPORTERS["statsd"](StatsdOptions(), agent)
    assert exporter.name == "statsd"
    assert exporter.destination == "StatsD at 127.0.0.1:8125"
    assert exporter.flush_interval == 10
    await exporter.close()


def test_options_refuse_what_cannot_be() -> None:
    """Limits of the options are checked when they are read."""
    for wrong in ({"max_packet_size": 63}, {"max_packet_size": 65508}, {"port": 0}, {"x": 1}):
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert(wrong, StatsdOptions)
