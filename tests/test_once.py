"""``tidegauge once``: one row for each chosen container, for people and for programs."""

import csv
import io
import json
from pathlib import Path

import pytest

from command import ended
from fakes.engine import FakeEngine
from fakes.stats import frame, streaming
from recorded import a_container, frames, intervals_of
from snapshots import a_journal
from tidegauge.config import EngineOptions, Options
from tidegauge.once import COLUMNS, as_text, once, row

FIELDS = (
    "engine,name,alias,id,image,cpu_cores,cpu_percent,memory_usage_bytes,"
    "memory_working_set_bytes,memory_limit_bytes,memory_percent,network_receive_bytes,"
    "network_transmit_bytes,disk_read_bytes,disk_write_bytes,pids"
)


@pytest.fixture
async def engine(tmp_path: Path):
    async with FakeEngine(tmp_path / "s") as fake:
        yield fake


def options(*engines: FakeEngine, **more) -> Options:
    named = zip("abc", engines, strict=False)
    return Options(
        engines=tuple(EngineOptions(name=name, host=each.host) for name, each in named), **more
    )


def test_columns_are_stable() -> None:
    """Scripts rely on the names and their order."""
    assert ",".join(COLUMNS) == FIELDS


async def test_json_has_every_column_in_base_units(engine: FakeEngine) -> None:
    """Numbers are numbers, and what the engine does not say is null."""
    container = engine.add("web", streaming(frame(1), frame(2, 2000, pids=4)))
    result = await ended("once", "--json", DOCKER_HOST=engine.host)

    assert (result.code, result.err) == (0, "")
    assert json.loads(result.out) == [
        {
            "engine": "local",
            "name": "web",
            "alias": "web",
            "id": container,
            "image": "img",
            "cpu_cores": 1.0,
            "cpu_percent": 100.0,
            "memory_usage_bytes": 2000,
            "memory_working_set_bytes": 2000,
            "memory_limit_bytes": 4000,
            "memory_percent": 50.0,
            "network_receive_bytes": None,
            "network_transmit_bytes": None,
            "disk_read_bytes": None,
            "disk_write_bytes": None,
            "pids": 4,
        }
    ]


async def test_csv_has_the_same_columns(engine: FakeEngine) -> None:
    """A header, and an empty field for what is not known."""
    container = engine.add("web", streaming(frame(1), frame(2)))
    result = await ended("once", "--csv", DOCKER_HOST=engine.host)

    assert result.out == (
        f"{FIELDS}\nlocal,web,web,{container},img,1.0,100.0,1000,1000,4000,25.0,,,,,3\n"
    )


async def test_the_table_has_the_same_fields_and_units(engine: FakeEngine) -> None:
    """Rows by name, all digits, no unit; what cannot be told apart at a glance is left out."""
    engine.add("web", streaming(frame(1), frame(2, 3000)))
    engine.add("db", streaming(frame(1), frame(2)))
    result = await ended("once", DOCKER_HOST=engine.host)

    heading, db, web = (line.split() for line in result.out.splitlines())
    assert heading == [name for name in FIELDS.split(",") if name not in {"name", "id", "image"}]
    assert db == [*("local", "db", "1.0", "100.0", "1000", "1000", "4000", "25.0"), *"----3"]
    assert web == [*("local", "web", "1.0", "100.0", "3000", "3000", "4000", "75.0"), *"----3"]


def test_a_table_has_the_digits_of_json() -> None:
    """Small shares of a core neither vanish nor become powers of ten."""
    some = dict.fromkeys(COLUMNS) | {"engine": "e", "alias": "a", "cpu_cores": 0.000001}
    table = as_text([some], "table", several_engines=False)

    assert table.splitlines()[1].split() == ["e", "a", "0.000001", *"-" * 10]


async def test_the_human_table_is_for_people(engine: FakeEngine) -> None:
    """Fewer columns in fitting units, rows by name, a dash for what is not known."""
    engine.add("web", streaming(frame(1), frame(2, 3000)))
    engine.add("db", streaming(frame(1), frame(2)))
    result = await ended("once", "--human", DOCKER_HOST=engine.host)

    assert result.out == (
        "container   cpu %   memory  mem %  received  sent  read  written  pids\n"
        "db         100.00    1000B  25.00         -     -     -        -     3\n"
        "web        100.00  2.93KiB  75.00         -     -     -        -     3\n"
    )


def test_a_human_row_of_a_real_engine_fits_a_terminal() -> None:
    """Recorded frames of Docker: every column is known, in at most 80 columns."""
    container = a_container(name="a-name-of-14-ch", alias="a-name-of-14-ch")
    recorded = intervals_of(frames("docker-20.10.24-cgroup1/lifecycle-stream")[:3], container)
    rows = [row(container, recorded[-1])]
    text = as_text(rows, "human", several_engines=False)

    assert max(map(len, text.splitlines())) <= 80


async def test_a_container_without_a_sample_has_a_row(engine: FakeEngine) -> None:
    """Its stream ended too soon: no number is made up."""
    engine.add("web", streaming(end=True))
    journal, _ = a_journal()
    rows, troubles = await once(options(engine), {}, journal)

    assert troubles == []
    assert as_text(rows, "csv", several_engines=False).endswith(
        f",web,web,{engine.listed[0]['Id']},img,,,,,,,,,,,\n"
    )


async def test_garbage_between_samples_is_passed_over(engine: FakeEngine) -> None:
    """It is told in a sentence that names the container, and counted."""
    engine.add("web", streaming(frame(1), b"noise", b'{"read":', frame(2)))
    journal, sentences = a_journal()
    rows, _ = await once(options(engine), {}, journal)

    assert rows[0]["cpu_cores"] == 1
    assert journal.counts == {"garbage received": 2}
    (sentence,) = sentences
    assert sentence.startswith("what came for web is no sample: JSON is malformed")


async def test_one_engine_down_leaves_the_rows_of_the_other(engine: FakeEngine) -> None:
    """The rest is printed with the engine's name, one line says what is lacking, exit code 1."""
    engine.add("web", streaming(frame(1), frame(2)))
    none = f"unix://{engine.socket}-none"
    result = await ended("once", "--human", TIDEGAUGE_ENGINES=f"a={engine.host},b={none}")

    assert result.code == 1
    assert result.out.splitlines()[0].startswith("engine  container   cpu %  memory  mem %")
    assert result.out.splitlines()[1].startswith("a       web        100.00   1000B  25.00")
    assert result.err == (
        f"tidegauge: no engine at {none}: there is no such socket."
        ' Is Docker running ("sudo systemctl start docker")?\n'
    )


async def test_without_any_engine_nothing_is_printed(tmp_path: Path) -> None:
    """A program that reads the output gets none, and the exit code."""
    result = await ended("once", "--json", DOCKER_HOST=f"unix://{tmp_path}/none")

    assert (result.code, result.out) == (1, "")
    assert result.err.startswith("tidegauge: no engine at unix://")


async def test_containers_of_one_name_on_two_engines(engine: FakeEngine, tmp_path: Path) -> None:
    """Both are there, in the engines' order."""
    async with FakeEngine(tmp_path / "t") as other:
        for each in (other, engine):
            each.add("web", streaming(frame(1), frame(2)))
        journal, _ = a_journal()
        rows, _ = await once(options(other, engine), {}, journal)

    assert [(each["engine"], each["alias"]) for each in rows] == [("a", "web"), ("b", "web")]


async def test_a_missing_container_is_said_once_and_the_others_are_printed(
    engine: FakeEngine, tmp_path: Path
) -> None:
    """Missing is what no engine has."""
    engine.add("web", streaming(frame(1), frame(2)))
    async with FakeEngine(tmp_path / "t") as other:
        journal, sentences = a_journal()
        named = options(engine, other, containers={"web": "shop", "x": "y"})
        rows, troubles = await once(named, {}, journal)

    assert [each["alias"] for each in rows] == ["shop"]
    assert sentences == ['there is no container "x".']
    assert troubles == []


async def test_nothing_to_print_is_explained(engine: FakeEngine) -> None:
    """An empty list is valid, and a line says why it is empty."""
    engine.add("web", streaming(), state="exited")
    result = await ended("once", "--json", DOCKER_HOST=engine.host)

    assert (result.code, result.out) == (0, "[]\n")
    assert "no chosen container is running; tidegauge check says which are chosen" in result.err


async def test_two_hundred_containers_with_odd_names(engine: FakeEngine) -> None:
    """All are sampled at once; no name breaks a row or a field."""
    names = ["a" * 300, "漢字", "x\x1b[2J\ny", 'q"u,o;te', "é́"]
    for name in [*names, *(f"c{n}" for n in range(195))]:
        engine.add(name, streaming(frame(1), frame(2)))
    journal, _ = a_journal()
    rows, _ = await once(options(engine), {}, journal)

    parsed = csv.DictReader(io.StringIO(as_text(rows, "csv", several_engines=False)))
    assert {each["alias"] for each in parsed} >= {*names}
    listed = json.loads(as_text(rows, "json", several_engines=False))
    assert [each["alias"] for each in listed] == sorted(str(each["alias"]) for each in rows)
    table = as_text(rows, "human", several_engines=False).splitlines()
    assert len(table) == 201
    assert all(line.isprintable() for line in table)
    assert any(line.startswith("x\\x1b[2J\\ny ") for line in table)
    assert any(line.startswith("a" * 39 + "…  ") for line in table)
