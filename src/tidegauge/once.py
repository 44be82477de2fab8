"""One sample of every chosen container, under stable field names and in base units.

A rate needs two samples, so it takes one interval of the engine: 1 to 2 seconds with Docker, 5
with Podman.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import cast

from tidegauge.app import choice_of, engine_client
from tidegauge.config import Options
from tidegauge.docker.choice import Choice
from tidegauge.docker.client import EngineClient
from tidegauge.docker.frames import Container, ListedContainer, Sample, StatsFrame
from tidegauge.docker.intervals import Interval, Intervals
from tidegauge.docker.roster import alive, present
from tidegauge.errors import EngineError
from tidegauge.journal import Journal
from tidegauge.readings import cpu, disk, memory, network, pids
from tidegauge.terminal.table import Bytes, Cell, Exact, Form, render

SAMPLE_SECONDS = 15.0
"""A container that gives no second sample in this time gets a row without rates."""

COLUMNS = (
    "engine",
    "name",
    "alias",
    "id",
    "image",
    "cpu_cores",
    "cpu_percent",
    "memory_usage_bytes",
    "memory_working_set_bytes",
    "memory_limit_bytes",
    "memory_percent",
    "network_receive_bytes",
    "network_transmit_bytes",
    "disk_read_bytes",
    "disk_write_bytes",
    "pids",
)

_UNNUMBERED = ("name", "id", "image")
"""Beside engine and alias there is no room for them in a table."""

_FOR_PEOPLE = {
    "container": "alias",
    "cpu %": "cpu_percent",
    "memory": "memory_working_set_bytes",
    "mem %": "memory_percent",
    "received": "network_receive_bytes",
    "sent": "network_transmit_bytes",
    "read": "disk_read_bytes",
    "written": "disk_write_bytes",
    "pids": "pids",
}
"""What fits a terminal of 80 columns."""

Row = Mapping[str, Cell]


async def once(
    options: Options, environ: Mapping[str, str], journal: Journal
) -> tuple[list[Row], list[str]]:
    """The rows of all engines, by alias, and a sentence for each engine that gave none."""
    choice = choice_of(options)
    listed: list[ListedContainer] = []
    clients = [engine_client(each, environ) for each in options.engines]
    asked = await asyncio.gather(*(_ask(each, choice, journal, listed) for each in clients))
    troubles = [each for each in asked if isinstance(each, str)]
    if len(troubles) < len(asked):
        _tell_missing(choice.missing(listed), journal)
    rows = [row for each in asked if not isinstance(each, str) for row in each]
    return sorted(rows, key=lambda row: (str(row["alias"]), str(row["engine"]))), troubles


def as_text(rows: Sequence[Row], form: str, *, several_engines: bool) -> str:
    """The rows as a ``table``, ``json`` or ``csv`` in base units, or ``human``.

    All but the last have the same fields, but for names that a table has no room for.
    """
    if form == "human":
        headings = {"engine": "engine"} | _FOR_PEOPLE if several_engines else _FOR_PEOPLE
        shown = [{head: _fitting(row, field) for head, field in headings.items()} for row in rows]
        return render([*headings], shown, "table")
    if form == "table":
        fields = [field for field in COLUMNS if field not in _UNNUMBERED]
        exact = [{field: _exact(row[field]) for field in fields} for row in rows]
        return render(fields, exact, "table")
    return render(COLUMNS, rows, cast("Form", form))


def _fitting(row: Row, field: str) -> Cell:
    value = row[field]
    return Bytes(value) if isinstance(value, int) and field.endswith("_bytes") else value


def _exact(value: Cell) -> Cell:
    return Exact(value) if isinstance(value, float) else value


def _tell_missing(keys: Iterable[str], journal: Journal) -> None:
    for key in keys:
        journal.trouble("container missing", f'there is no container "{key}".', key)


async def _ask(
    client: EngineClient, choice: Choice, journal: Journal, listed: list[ListedContainer]
) -> list[Row] | str:
    """One row for each chosen running container, or why there is none."""
    try:
        engine = await client.connect()
        here = await client.containers(stopped=True)
        listed += here
        chosen = alive(present(engine, choice, here, {}))
        intervals = await asyncio.gather(*(_interval(client, each, journal) for each in chosen))
    except EngineError as error:
        return str(error)
    finally:
        await client.close()
    return [row(container, interval) for container, interval in zip(chosen, intervals, strict=True)]


async def _interval(
    client: EngineClient, container: Container, journal: Journal
) -> Interval | None:
    """The first interval of a container with two samples, else what there is."""
    intervals = Intervals(journal.drop)
    newest: Interval | None = None
    enough = asyncio.Event()

    def garbage(_data: bytes, error: str) -> None:
        sentence = f"what came for {container.alias} is no sample: {error}. It is skipped."
        journal.trouble("garbage received", sentence, container.alias)

    def take(frame: StatsFrame, _line: bytes) -> None:
        nonlocal newest
        if not enough.is_set():
            newest = intervals(Sample(container, frame)) or newest
        if newest is not None and newest.before is not None:
            enough.set()

    async def read() -> None:
        try:
            await client.stats(container.id, take, garbage)
        except EngineError as error:
            journal.trouble("stream lost", str(error), container.alias)
        enough.set()

    try:
        async with asyncio.timeout(SAMPLE_SECONDS), asyncio.TaskGroup() as tasks:
            reading = tasks.create_task(read())
            await enough.wait()
            reading.cancel()
    except TimeoutError:
        sentence = f"{container.alias} gave no two samples within {SAMPLE_SECONDS:g} s."
        journal.trouble("no sample", sentence, container.alias)
    return newest


def row(container: Container, interval: Interval | None) -> Row:
    """All columns of one container; ``None`` where the engine has no such number."""
    known: dict[str, str | int | float | None] = {
        "engine": container.engine.name,
        "name": container.name,
        "alias": container.alias,
        "id": container.id,
        "image": container.image,
    }
    if interval is not None:
        for numbers in (_cpu, _memory, _network, _disk, _pids):
            known |= numbers(interval)
    return {column: known.get(column) for column in COLUMNS}


def _cpu(interval: Interval) -> dict[str, float | None]:
    reading = cpu(interval)
    if reading is None or reading.cores is None:
        return {}
    cores = reading.cores
    return {"cpu_cores": round(cores, 6), "cpu_percent": round(cores * 100, 4)}


def _memory(interval: Interval) -> dict[str, float | None]:
    reading = memory(interval)
    if reading is None:
        return {}
    share = reading.percent
    return {
        "memory_usage_bytes": reading.usage,
        "memory_working_set_bytes": reading.working_set,
        "memory_limit_bytes": reading.limit,
        "memory_percent": None if share is None else round(share, 4),
    }


def _network(interval: Interval) -> dict[str, float | None]:
    reading = network(interval)
    if reading is None:
        return {}
    parts = [interface.stats for interface in reading.interfaces]
    return {
        "network_receive_bytes": _sum(part.rx_bytes for part in parts),
        "network_transmit_bytes": _sum(part.tx_bytes for part in parts),
    }


def _disk(interval: Interval) -> dict[str, float | None]:
    reading = disk(interval)
    if reading is None:
        return {}
    return {
        "disk_read_bytes": _sum(device.read_bytes for device in reading.devices),
        "disk_write_bytes": _sum(device.write_bytes for device in reading.devices),
    }


def _pids(interval: Interval) -> dict[str, float | None]:
    reading = pids(interval)
    return {} if reading is None else {"pids": reading.current}


def _sum(values: Iterable[int | None]) -> int:
    return sum(value for value in values if value is not None)
