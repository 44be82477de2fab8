"""Lines of NDJSON and CSV, and files, pipes and disks that take them or do not."""

import asyncio
import csv
import io
import json
import os
import tomllib
from pathlib import Path
from select import select
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from snapshots import a_journal, a_series, a_snapshot
from tidegauge.clock import SystemClock
from tidegauge.docker.frames import Container, Engine
from tidegauge.errors import BackendUnavailable, ConfigError
from tidegauge.exporters import EXPORTERS
from tidegauge.exporters.delivery import Agent
from tidegauge.exporters.file import COLUMNS, HEADING, FileExporter, FileOptions, file
from tidegauge.host import Host
from tidegauge.metrics import CATALOGUE, Series, Snapshot, catalogue
from waiting import wait_until_async

CASES = sorted((Path(__file__).parent / "golden" / "file").iterdir())
METRICS = {metric.name: metric for metric in CATALOGUE}


def an_agent() -> Agent:
    """One called web-1."""
    return Agent("web-1", several_engines=False, clock=SystemClock(), journal=a_journal()[0])


def an_exporter(path: Path | str, **options: Any) -> FileExporter:
    """An exporter to a file."""
    return file(FileOptions(path=str(path), **options), an_agent())


async def write(exporter: FileExporter, *series: Series, at: float = 10.0) -> None:
    """Encode and send, as a delivery does."""
    await exporter.send(exporter.encode(a_snapshot(*series, at=at)))


def golden_series(one: dict[str, Any]) -> Series:
    """The series a case describes."""
    kind, tags = one.pop("entity", "container"), tuple(one.pop("tags", {}).items())
    attributes = tuple(one.pop("attributes", {}).items())
    metric, samples = METRICS[one.pop("metric")], one.pop("samples", ())
    series = a_series(metric, *samples, attributes=attributes, **one)
    entities = {
        "engine": Engine("local"),
        "host": Host("web-1"),
        "container": replace(series.entity, tags=tags),
    }
    return replace(series, entity=entities[kind])


@pytest.mark.parametrize("folder", CASES, ids=lambda folder: folder.name)
async def test_golden(folder: Path, tmp_path: Path) -> None:
    """Options and series in, exactly these lines out."""
    case = tomllib.loads((folder / "case.toml").read_text(encoding="utf-8"))
    exporter = an_exporter(tmp_path / "out", **case["options"])
    series = [golden_series(one) for one in case["series"]]
    snapshot = Snapshot(
        1795357373.25,
        tuple(one for one in series if one.samples),
        {},
        standing=tuple(one for one in series if not one.samples),
    )
    await exporter.send(exporter.encode(snapshot))
    assert (tmp_path / "out").read_bytes() == (folder / "expected.txt").read_bytes()


@given(
    st.text(st.characters(exclude_categories=("Cs",)), min_size=1),
    st.dictionaries(
        st.text(st.characters(exclude_categories=("Cs",))),
        st.text(st.characters(exclude_categories=("Cs",))),
        max_size=3,
    ),
)
def test_both_forms_say_the_same_of_anything(alias: str, tags: dict[str, str]) -> None:
    """Any alias and any tags come back from either form, and the numbers with them."""
    container = Container(Engine("local"), "id", alias, alias, tags=tuple(tags.items()))
    series = replace(a_series(catalogue.CPU_USAGE, 0.1, 0.3), entity=container)
    (ndjson,) = an_exporter("x").encode(a_snapshot(series))
    (as_csv,) = an_exporter("x", format="csv").encode(a_snapshot(series))
    read = json.loads(ndjson)
    (row,) = csv.DictReader(io.StringIO((HEADING + as_csv).decode(), newline=""))
    assert ndjson.count(b"\n") == 1
    assert [*read] == [name for name in COLUMNS if name in read]
    assert (read["container"], read.get("tags", {})) == (alias, tags)
    assert (row["container"], json.loads(row["tags"] or "{}")) == (alias, tags)
    assert [float(row[name]) for name in COLUMNS[-7:]] == [read[name] for name in COLUMNS[-7:]]


async def test_a_csv_has_its_headings_once(tmp_path: Path) -> None:
    """At the beginning of a file, also when another program run goes on with it."""
    path = tmp_path / "out.csv"
    for exporter in (an_exporter(path, format="csv"), an_exporter(path, format="csv")):
        await write(exporter, a_series(catalogue.PIDS, 1))
        await write(exporter, a_series(catalogue.PIDS, 2))
    lines = path.read_text(encoding="utf-8").splitlines()
    assert lines[0] == ",".join(COLUMNS)
    assert [line.split(",")[9] for line in lines[1:]] == ["1", "2", "1", "2"]


async def test_a_file_that_was_moved_away_is_begun_again(tmp_path: Path) -> None:
    """As logrotate does it; the old one stays as it was."""
    path, moved = tmp_path / "out.csv", tmp_path / "out.csv.1"
    exporter = an_exporter(path, format="csv")
    await write(exporter, a_series(catalogue.PIDS, 1))
    before = path.read_bytes()
    path.rename(moved)
    await write(exporter, a_series(catalogue.PIDS, 1))
    assert path.read_bytes() == moved.read_bytes() == before
    path.write_bytes(b"")  # copied away and emptied
    await write(exporter, a_series(catalogue.PIDS, 1))
    assert path.read_bytes() == before


async def test_nothing_to_tell_makes_no_file(tmp_path: Path) -> None:
    """An empty flush leaves no trace."""
    await write(an_exporter(tmp_path / "out"))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/dev/full", "no space left on device"),
        ("{0}", "is a directory"),
        ("{0}/none/out", "no such file or directory"),
        ("{0}/fifo", "no such device or address"),
    ],
)
async def test_what_cannot_be_written_is_one_sentence(
    path: str, reason: str, tmp_path: Path
) -> None:
    """It names the file and the reason, and nothing hangs."""
    os.mkfifo(tmp_path / "fifo")
    path = path.format(tmp_path)
    with pytest.raises(BackendUnavailable) as caught:
        await write(an_exporter(path), a_series(catalogue.PIDS, 1))
    assert str(caught.value) == f"file {path} cannot be written: {reason}."


async def test_a_reader_that_is_gone_is_one_sentence() -> None:
    """Standard output into a closed pipe."""
    reading, writing = os.pipe()
    os.close(reading)
    exporter = FileExporter(FileOptions(), "web-1", writing)
    with pytest.raises(BackendUnavailable) as caught:
        await write(exporter, a_series(catalogue.PIDS, 1))
    os.close(writing)
    assert str(caught.value) == "standard output cannot be written: broken pipe."


async def test_a_reader_that_does_not_read_holds_up_nothing_and_cuts_no_line() -> None:
    """The event loop goes on; when it reads again, only whole flushes are missing."""
    reading, writing = os.pipe()
    exporter = FileExporter(FileOptions(format="csv"), "web-1", writing)
    many = [a_series(catalogue.PIDS, 1, alias=f"web-{n}") for n in range(2000)]
    first = asyncio.create_task(write(exporter, *many, at=1))
    await wait_until_async(lambda: not select([], [writing], [], 0)[1], 10, "a full pipe")
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await write(exporter, *many, at=2)
    last = asyncio.create_task(write(exporter, *many[:3], at=3))
    read = b""
    os.set_blocking(reading, False)
    while not last.done() or not read.endswith(b"\n"):
        try:
            read += os.read(reading, 65536)
        except BlockingIOError:
            await asyncio.sleep(0)
    await last
    os.close(reading)
    os.close(writing)
    heading, *rows = csv.reader(io.StringIO(read.decode()))
    assert tuple(heading) == COLUMNS
    assert {len(row) for row in rows} == {len(COLUMNS)}
    assert [row[0][-4:] for row in rows[-3:]] == ["000Z"] * 3
    seconds = [row[0][17:19] for row in rows]
    assert seconds == ["01"] * (len(rows) - 3) + ["03"] * 3
    assert len(rows) > 100


def test_options_that_cannot_be_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """No path, an unknown form, and standard output where there is none."""
    with pytest.raises(ConfigError, match='must be a file, or "-" for standard output'):
        an_exporter("")
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"format": "xml"}, FileOptions)
    monkeypatch.setattr("sys.stdout", None)
    with pytest.raises(ConfigError, match="standard output is closed; set path to a file"):
        an_exporter("-")


async def test_registered_under_its_name() -> None:
    """The configuration's table makes it."""
    exporter = EXPORTERS["file"](FileOptions(path="/tmp/x", flush_interval=30), an_agent())
    assert (exporter.name, exporter.destination) == ("file", "file /tmp/x")
    assert exporter.flush_interval == 30
    assert EXPORTERS["file"](FileOptions(), an_agent()).destination == "standard output"
    await exporter.close()
