"""Graphite's lines: what carbon reads is what the registry holds."""

import asyncio
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snapshots import a_journal, a_series, a_snapshot
from tidegauge.clock import SystemClock
from tidegauge.docker.frames import Container, Engine
from tidegauge.errors import BackendUnavailable
from tidegauge.exporters import EXPORTERS
from tidegauge.exporters.delivery import Agent
from tidegauge.exporters.graphite import LONGEST_LEVEL, GraphiteExporter, GraphiteOptions, level
from tidegauge.exporters.places import STATISTICS
from tidegauge.exporters.senders import TcpSender
from tidegauge.host import Host
from tidegauge.metrics import CATALOGUE, Kind, Series, Snapshot, catalogue
from waiting import wait_until_async

CASES = sorted((Path(__file__).parent / "golden" / "graphite").iterdir())
METRICS = {metric.name: metric for metric in CATALOGUE}

NAMES = st.text(max_size=12) | st.text(",=; ./\\\"'\n\r\t%~{}*?_aé😀\x00\u2028\ud800", max_size=12)
AWKWARD = set("*?[]{}(),'\"\\/ \t\r\n\x00;|&")


@dataclass
class Kept:
    """A connection that keeps what it is given."""

    data: bytes = b""
    closed: bool = False

    async def send(self, data: bytes) -> None:
        self.data += data

    async def close(self) -> None:
        self.closed = True


def an_exporter(**known: Any) -> GraphiteExporter:
    options = msgspec.convert(known.pop("options", {}), GraphiteOptions)
    known = {"hostname": "dock-1", "several_engines": False, "sender": Kept()} | known
    return GraphiteExporter(options, **{"journal": a_journal()[0]} | known)


def points(records: list[bytes]) -> dict[str, tuple[float, float]]:
    """As carbon reads lines: path to value and time; raises where it would refuse one."""
    found: dict[str, tuple[float, float]] = {}
    for line in b"".join(records).decode("utf-8").split("\n")[:-1]:
        path, value, at = line.strip().split()
        assert path not in found, f"written twice: {path}"
        found[path] = float(value), float(at)
    return found


@pytest.mark.parametrize("folder", CASES, ids=lambda folder: folder.name)
def test_golden(folder: Path) -> None:
    """Options and series in, exactly these lines out."""
    case = tomllib.loads((folder / "case.toml").read_text(encoding="utf-8"))
    series = tuple(
        a_series(
            METRICS[one.pop("metric")],
            *one.pop("samples", []),
            attributes=tuple(one.pop("attributes", {}).items()),
            **one,
        )
        for one in case["series"]
    )
    snapshot = Snapshot(case["at"], series, {})
    records = an_exporter(options=case.get("options", {})).encode(snapshot)
    assert b"".join(records).decode() == (folder / "expected.txt").read_text(encoding="utf-8")


def test_no_path_is_another_paths_level() -> None:
    """Neither a series nor a file is in the place of another's folder."""
    series = [
        a_series(metric, 1, 2, attributes=tuple((key, "x") for key in metric.attributes))
        for metric in CATALOGUE
    ]

    found = points(list(an_exporter().encode(a_snapshot(*series))))

    gauges = sum(metric.kind is Kind.GAUGE for metric in CATALOGUE) - 2
    assert len(found) == len(CATALOGUE) - 2 + gauges * len(STATISTICS)
    assert not [path for path in found if "info" in path]
    assert not [path for path in found if any(each.startswith(f"{path}.") for each in found)]


@given(
    alias=NAMES.filter(bool),
    hostname=NAMES.filter(bool),
    interface=NAMES.filter(bool),
    labels=st.dictionaries(NAMES | st.sampled_from(["name", "host"]), NAMES, max_size=3),
    value=st.integers(0, 2**70) | st.floats(0, 1e20),
    tags=st.booleans(),
)
def test_carbon_reads_what_was_recorded(
    *, alias: str, hostname: str, interface: str, labels: dict[str, str], value: float, tags: bool
) -> None:
    """Whatever things are called, each number has one path of safe levels, or of tags."""
    container = Container(
        Engine("e"), id="1", name="n", alias=alias, tags=tuple(sorted(labels.items()))
    )
    attributes = (("network.interface.name", interface),)
    several = [
        Series(container, metric, attributes, value, (value, value))
        for metric in (catalogue.CPU_TIME, catalogue.MEMORY_USAGE)
    ]
    exporter = an_exporter(hostname=hostname, options={"tags": tags})

    found = points(list(exporter.encode(a_snapshot(*several, at=1.9))))

    assert len(found) == 2 + len(STATISTICS)
    for path, (number, at) in found.items():
        expected = value * 1e-9 if "time_total" in path else value
        assert number == pytest.approx(expected, rel=1e-12, abs=1e-9)
        assert at == 1
        if tags:
            _, *pairs = path.split(";")
            read = dict(pair.split("=") for pair in pairs)
            assert unquote(read["container"], errors="surrogatepass") == alias
            assert unquote(read["interface"], errors="surrogatepass") == interface
            assert len(read) == len(pairs) == 4 + sum(map(bool, labels.values()))
            assert "name" not in read

        else:
            levels = path.split(".")
            assert all(levels)
            assert not AWKWARD & set(path)
            assert len(levels) == (6 if "time_total" in path else 7)
            assert unquote(levels[4], errors="surrogatepass") == interface


@given(NAMES, NAMES)
def test_parts_stay_apart(one: str, other: str) -> None:
    """Two interfaces, devices or volumes never share a level."""
    assert (level(one) == level(other)) == (one == other or {one, other} == {"", "_"})


def test_containers_whose_names_come_to_the_same_level_stay_apart() -> None:
    """The later gets a suffix, which is told; a name too long for a file is cut."""
    journal, sentences = a_journal()
    names = ("a.b", "a_b", "x" * 300, "x" * 301)
    series = [a_series(catalogue.PIDS, 1, alias=name) for name in names]

    found = points(list(an_exporter(journal=journal).encode(a_snapshot(*series))))

    levels = [path.split(".")[3] for path in found]
    assert len(set(levels)) == len(names)
    assert max(map(len, levels)) == LONGEST_LEVEL
    assert len(sentences) == 1
    an_exporter(journal=journal, options={"tags": True}).encode(a_snapshot(*series))
    assert len(sentences) == 1


def test_several_engines_stand_in_the_hosts_place() -> None:
    """As in StatsD's keys; the machine and the engines themselves have no level twice."""
    pids = a_series(catalogue.PIDS, 1, engine="far.away")
    engine = msgspec.structs.replace(pids, entity=Engine("far.away"))
    host = msgspec.structs.replace(pids, entity=Host("dock-1"))

    records = an_exporter(several_engines=True).encode(a_snapshot(pids, engine, host))

    assert list(points(list(records))) == [
        "tidegauge.far_away.container_pids.web.count.last",
        "tidegauge.dock-1.container_pids.far_away.count.last",
        "tidegauge.dock-1.container_pids.count.last",
    ]


def test_what_is_no_number_is_left_out() -> None:
    """Carbon would drop it, or take the line for another."""
    nan = a_series(catalogue.CPU_USAGE, float("nan"))
    infinite = a_series(catalogue.CPU_USAGE, float("inf"), alias="b")

    assert an_exporter().encode(a_snapshot(nan, infinite)) == []


def test_registered_under_its_name() -> None:
    """The configuration's table makes it, and nothing is opened yet."""
    agent = Agent("host", several_engines=False, clock=SystemClock(), journal=a_journal()[0])
    exporter = EXPORTERS["graphite"](GraphiteOptions(host="::1"), agent)

    assert (exporter.name, exporter.flush_interval) == ("graphite", 10)
    assert exporter.destination == "Graphite at [::1]:2003"


async def test_records_are_sent_together_and_the_connection_is_closed() -> None:
    """Any part of a batch is whole lines."""
    kept = Kept()
    exporter = an_exporter(sender=kept)
    records = exporter.encode(a_snapshot(a_series(catalogue.PIDS, 1, 2)))

    await exporter.send(records)
    await exporter.close()

    assert len(records) == 1 + len(STATISTICS)
    assert all(record.endswith(b"\n") for record in records)
    assert kept.data == b"".join(records)
    assert kept.closed


# The connection.


class Peer:
    """Who listens: keeps what each connection brought."""

    def __init__(self) -> None:
        self.brought: list[bytes] = []
        self.writers: list[asyncio.StreamWriter] = []
        self.reading = asyncio.Event()
        self.reading.set()
        self.changed = asyncio.Event()

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        at = len(self.brought)
        self.brought.append(b"")
        self.writers.append(writer)
        self.changed.set()
        while True:
            await self.reading.wait()
            data = await reader.read(65536)
            if not data:
                break
            self.brought[at] += data
            self.changed.set()
        writer.close()

    async def has(self, expected: list[bytes]) -> None:
        async with asyncio.timeout(5):
            while self.brought != expected:
                self.changed.clear()
                await self.changed.wait()


@pytest.fixture
async def peer():
    told = Peer()
    server = await asyncio.start_server(told, "127.0.0.1", 0)
    told.port = server.sockets[0].getsockname()[1]
    yield told
    server.close()
    told.reading.set()
    for writer in told.writers:
        writer.transport.abort()
    await server.wait_closed()


async def test_one_connection_stays_and_is_opened_anew_when_closed(peer: Peer) -> None:
    """Nothing is written into a connection that the other side has ended."""
    sender = TcpSender("127.0.0.1", peer.port, 5, "Graphite")
    await sender.send(b"a 1 1\n")
    await sender.send(b"b 2 2\n")
    await peer.has([b"a 1 1\nb 2 2\n"])
    peer.writers[0].close()
    await peer.writers[0].wait_closed()
    await wait_until_async(sender._streams[0].at_eof, 5, "the end of the connection")

    await sender.send(b"c 3 3\n")

    await peer.has([b"a 1 1\nb 2 2\n", b"c 3 3\n"])
    await sender.close()


async def test_a_port_where_nobody_listens_is_told(peer: Peer) -> None:
    """It may be there later."""
    with pytest.raises(BackendUnavailable) as caught:
        await TcpSender("127.0.0.1", 1, 5, "Graphite").send(b"a 1 1\n")

    assert str(caught.value) == "Graphite at 127.0.0.1:1 cannot be reached: connection refused."


async def test_a_name_that_does_not_resolve_is_told() -> None:
    """It may be known later."""
    for name in ("nowhere.invalid", "x" * 70, "a..b"):
        with pytest.raises(BackendUnavailable) as caught:
            await TcpSender(name, 2003, 5, "Graphite").send(b"a 1 1\n")
        assert str(caught.value) == (
            f"Graphite at {name}:2003 cannot be reached: its host name is not known."
        )


async def test_a_peer_that_does_not_read_holds_up_and_gets_no_broken_line(peer: Peer) -> None:
    """A send that is given up ends its connection: what follows begins a line on a new one."""
    sender = TcpSender("127.0.0.1", peer.port, 5, "Graphite")
    await sender.send(b"a 1 1\n")
    await peer.has([b"a 1 1\n"])
    peer.reading.clear()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await sender.send(b"x" * 50_000_000)

    peer.reading.set()
    await sender.send(b"b 2 2\n")

    async with asyncio.timeout(5):
        while len(peer.brought) < 2 or peer.brought[1] != b"b 2 2\n":
            peer.changed.clear()
            await peer.changed.wait()
    await sender.close()


async def test_a_connection_that_breaks_is_told(peer: Peer) -> None:
    """The delivery sends it once more, on a new connection."""
    sender = TcpSender("127.0.0.1", peer.port, 5, "Graphite")
    await sender.send(b"a 1 1\n")
    await peer.has([b"a 1 1\n"])
    peer.reading.clear()

    transport = sender._streams[1].transport
    sending = asyncio.create_task(sender.send(b"x" * 50_000_000))
    await wait_until_async(transport.get_write_buffer_size, 5, "the peer's buffers full")

    peer.writers[0].transport.abort()
    with pytest.raises(BackendUnavailable) as caught:
        await sending

    assert str(caught.value).startswith(
        f"Graphite at 127.0.0.1:{peer.port} broke the connection off: "
    )
    peer.reading.set()
    await sender.send(b"b 2 2\n")
    await sender.close()
