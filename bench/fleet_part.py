"""A fleet at its server: what one host of 100 containers sends, and what many cost to keep and ask.

One agent on the synthetic engine is read for a while. What it had is then written to a
VictoriaMetrics as that of many hosts, a sample each ten seconds of ten minutes, as fast as it goes.
"""

import asyncio
import gzip
import hashlib
import os
import re
import struct
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from cramjam import snappy
from msgspec import Struct
from processes import cpu_seconds, stats, usage
from rows import Row, Section
from synthetic.running import SyntheticEngine

from servers.process import Process, free_ports
from tidegauge.clock import SystemClock
from tidegauge.exporters.remote_write import _varint
from tidegauge.fleet.fleet import Fleet
from tidegauge.history.prometheus_server import PrometheusServer
from waiting import wait_until

TITLE = "The fleet"
CONTAINERS = 100
EVERY = 10
"""Seconds between two samples."""

NEWEST = 5
"""Samples of each series that are written last, so that all hosts are there when it is asked."""

METHOD = """\
One agent on the synthetic engine with {containers} containers was read each second. What it had was
written to VictoriaMetrics by remote write as that of {hosts} hosts, {ticks} samples of each series,
ten seconds apart, as fast as it goes. Then a dashboard asked. Times of the server are its CPU time.
Each number is for itself."""

_LINE = re.compile(r"^(\w+)\{(.*)\} (\S+)$")
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


class Sent(Struct):
    """What one agent gives."""

    series: int
    page: int
    packed: int
    written: int
    cpu: float
    """Of a scrape, in seconds."""


class Series(Struct):
    """One, with its labels as remote write has them but for the host, and all its values."""

    labels: dict[str, str]
    values: list[float]


def section(*, quick: bool) -> Section:
    """Measure all, or say why that is impossible here."""
    lacks = [SyntheticEngine.missing(), *_missing()]
    if any(lacks):
        return Section("fleet", TITLE, (), skipped=[each for each in lacks if each])
    hosts, ticks = (3, 12) if quick else (30, 60)
    known, sent = one_host(10 if quick else 40)
    with store() as (url, process, data):
        kept = write(url, process, known, hosts, ticks)
        asked = asyncio.run(ask(url, process))
        kept += disk(url, data, hosts * len(known), hosts * len(known) * (ticks + NEWEST))
    method = METHOD.format(containers=CONTAINERS, hosts=hosts, ticks=ticks)
    return Section("fleet", TITLE, [*_sent(sent), *kept, *asked], method)


def _missing() -> Iterator[str]:
    from shutil import which  # noqa: PLC0415 (for this only)

    if not which("victoria-metrics"):
        yield "missing packages: victoria-metrics"


def one_host(pages: int) -> tuple[list[Series], Sent]:
    """The series of one agent over so many seconds, and what it gives in a scrape."""
    (port,) = free_ports(1)
    texts: list[bytes] = []
    with SyntheticEngine(CONTAINERS) as engine, _agent(engine.host, port) as agent:

        def page() -> bytes:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as reply:
                return bytes(reply.read())

        wait_until(lambda: _answers(page), 60, "all containers on the page")
        for _ in range(pages):
            texts.append(page())
            time.sleep(1)
        before = cpu_seconds(agent)
        for _ in range(20):
            page()
        cpu = (cpu_seconds(agent) - before) / 20
    known = _series(texts)
    written = len(
        snappy.compress_raw(b"".join(_message(each, "host-1", [(0, 0)]) for each in known))
    )
    packed = len(gzip.compress(texts[-1], 6))
    return known, Sent(len(known), len(texts[-1]), packed, written, cpu)


def _answers(page: Callable[[], bytes]) -> bool:
    try:
        return page().count(b"\ncontainer_cpu_usage{") >= CONTAINERS
    except OSError:
        return False


@contextmanager
def _agent(host: str, port: int) -> Iterator[int]:
    given = {
        "PATH": os.environ["PATH"],
        "DOCKER_HOST": host,
        "TIDEGAUGE_WEB_LISTEN": f"127.0.0.1:{port}",
        "TIDEGAUGE_HISTORY_ENABLED": "false",
    }
    child = subprocess.Popen(
        [sys.executable, "-m", "tidegauge", "run"],
        env=given,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield child.pid
    finally:
        child.terminate()
        child.wait()


def _series(texts: Sequence[bytes]) -> list[Series]:
    """Those of the newest page that all pages have."""
    pages = [
        {
            found[1] + found[2]: found
            for line in text.decode().splitlines()
            if (found := _LINE.match(line))
        }
        for text in texts
    ]
    return [
        Series(
            {"__name__": line[1], **dict(_LABEL.findall(line[2]))},
            [float(page[key][3]) for page in pages],
        )
        for key, line in pages[-1].items()
        if all(key in page for page in pages)
    ]


@contextmanager
def store() -> Iterator[tuple[str, int, Path]]:
    """A VictoriaMetrics as it is by itself; gives its URL, its process and its folder."""
    (port,) = free_ports(1)
    with tempfile.TemporaryDirectory(prefix="fleet-") as folder:
        data = Path(folder) / "data"
        options = [f"-storageDataPath={data}", f"-httpListenAddr=127.0.0.1:{port}"]
        options += ["-retentionPeriod=1y", "-memory.allowedBytes=2GiB"]
        process = Process(["victoria-metrics", *options], os.environ, Path(folder) / "log")
        try:
            wait_until(lambda: _healthy(port), 20, "an answer of VictoriaMetrics")
            yield f"http://127.0.0.1:{port}", _pid_of(str(data)), data
        finally:
            process.stop()


def _healthy(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5) as reply:
            return bool(reply.read() == b"OK")
    except OSError:
        return False


def _pid_of(data: str) -> int:
    """Of the server with this folder."""
    for pid in stats():
        try:
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if words[0].endswith(b"victoria-metrics") and f"-storageDataPath={data}".encode() in words:
            return pid
    raise RuntimeError("the server has ended")


def write(url: str, process: int, known: Sequence[Series], hosts: int, ticks: int) -> list[Row]:
    """Write all; its cost in CPU time a sample, bytes on the way, and memory."""
    before, memory = cpu_seconds(process), usage([process]).resident
    began, size = time.time(), 0
    first = int(began) - EVERY * (ticks + NEWEST)
    for host in range(hosts):
        times = [(1000 * (first + EVERY * tick), tick + host) for tick in range(ticks)]
        size += _post(url, known, f"host-{host + 1}", times)
    spent, samples = cpu_seconds(process) - before, hosts * ticks * len(known)
    for part in (range(NEWEST - 1, 0, -1), (0,)):
        now = time.time()
        for host in range(hosts):
            times = [(round(1000 * (now - EVERY * n)), ticks + NEWEST - n) for n in part]
            _post(url, known, f"host-{host + 1}", times)
    after = usage([process]).resident
    return [
        Row("", f"store: CPU of a sample, {hosts} hosts", [1e6 * spent / samples], notes="us"),
        Row(
            "",
            "store: memory of a series",
            [1e6 * (after - memory) / hosts / len(known)],
            notes="bytes, resident, with caches",
        ),
        Row("", "store: samples taken in a second of its CPU", [samples / spent]),
        Row("", "remote write: bytes of a sample, many at once", [size / samples]),
    ]


def _post(url: str, known: Sequence[Series], host: str, times: Sequence[tuple[int, int]]) -> int:
    """Write these times of each series, the time itself for that of the agent."""
    size = 0
    for start in range(0, len(known), 2000):
        body = snappy.compress_raw(
            b"".join(_message(each, host, times) for each in known[start : start + 2000])
        )
        request = urllib.request.Request(
            f"{url}/api/v1/write", bytes(body), {"Content-Encoding": "snappy"}
        )
        with urllib.request.urlopen(request, timeout=60):
            size += len(body)
    return size


def _message(series: Series, host: str, times: Sequence[tuple[int, int]]) -> bytes:
    """A ``TimeSeries``, whose values are those of the seconds beside the times, again and again."""
    parts = [
        _field(1, _field(1, name.encode()) + _field(2, value.encode()))
        for name, value in sorted(_labels(series, host).items())
    ]
    clock = series.labels["__name__"] == "tidegauge_clock_seconds"
    for at, which in times:
        value = at / 1000 if clock else series.values[which % len(series.values)]
        parts.append(_field(2, b"\x09" + struct.pack("<d", value) + b"\x10" + _varint(at)))
    return _field(1, b"".join(parts))


def _labels(series: Series, host: str) -> dict[str, str]:
    """With the host; containers of two hosts have not the same id."""
    labels = {**series.labels, "host": host}
    if "id" in labels:
        labels["id"] = hashlib.sha256(f"{host} {labels['id']}".encode()).hexdigest()
    return labels


def _field(number: int, content: bytes) -> bytes:
    return bytes((number << 3 | 2,)) + _varint(len(content)) + content


def disk(url: str, data: Path, series: int, samples: int) -> list[Row]:
    """What is on the disk when all is there and merged."""
    for page in ("internal/force_flush", "internal/force_merge"):
        with urllib.request.urlopen(f"{url}/{page}", timeout=120):
            pass
    time.sleep(5)  # a merge goes on after its answer
    index = sum(_size(each) for each in data.rglob("indexdb"))
    values = _size(data) - index
    return [
        Row("", "store: bytes of a sample on the disk", [values / samples]),
        Row("", "store: bytes of a series in its index", [index / series]),
    ]


def _size(folder: Path) -> int:
    return sum(each.stat().st_size for each in folder.rglob("*") if each.is_file())


async def ask(url: str, process: int) -> list[Row]:
    """How long a dashboard waits for each of its questions, and what it costs the server."""
    await asyncio.sleep(2)  # until what was written last is found
    fleet = Fleet(PrometheusServer(url, {}, 60.0), {}, SystemClock())
    found: list[Row] = []

    async def timed(name: str, answer: Callable[[], object]) -> object:
        began, before = time.monotonic(), cpu_seconds(process)
        result = await answer()  # type: ignore[misc] (a coroutine)
        took, spent = time.monotonic() - began, cpu_seconds(process) - before
        found.append(Row("", f"asked: {name}", [took], notes=f"s; CPU of the store {spent:.2f} s"))
        return result

    seen = await timed("all hosts, at first", fleet.hosts)
    await asyncio.sleep(6)  # until nothing is kept
    await timed("all hosts, again", fleet.hosts)
    await timed("all services", fleet.services)
    first = seen.hosts[0].name  # type: ignore[attr-defined]
    await timed("containers of a host", lambda: fleet.containers(first, None, None))
    running = sum(each.sums.running or 0 for each in seen.hosts)  # type: ignore[attr-defined]
    return [Row("", "asked: containers that run", [running]), *found]


def _sent(sent: Sent) -> list[Row]:
    return [
        Row("", f"one host: series of {CONTAINERS} containers", [sent.series]),
        Row("", "one host: bytes of a scrape", [sent.page]),
        Row("", "one host: bytes of a scrape, gzip", [sent.packed]),
        Row("", "one host: bytes of a remote write", [sent.written]),
        Row("", "one host: CPU of a scrape", [1e3 * sent.cpu], notes="ms"),
    ]
