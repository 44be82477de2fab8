"""One sample of every chosen container, in base units, under stable field names.

A rate needs two samples, so it takes one interval of the engine: 1 to 2 seconds with Docker, 5
with Podman.
"""

import asyncio
from collections.abc import Iterable, Mapping

from tidegauge.docker.choice import Choice
from tidegauge.docker.client import EngineClient
from tidegauge.docker.following import plan
from tidegauge.docker.frames import Container, Sample
from tidegauge.docker.intervals import Interval, Intervals
from tidegauge.errors import EngineError
from tidegauge.journal import Journal
from tidegauge.readings import cpu, disk, memory, network, pids

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

TABLE_COLUMNS = ("alias", *COLUMNS[5:])
"""Fewer, for a terminal's width."""

Row = Mapping[str, str | int | float | None]


async def sample_once(client: EngineClient, choice: Choice, journal: Journal) -> list[Row]:
    """One row for each chosen running container, by alias; raises `EngineError`."""
    engine = await client.connect()
    chosen = plan(engine, choice, await client.containers(), {}).open
    intervals = await asyncio.gather(*(_interval(client, each, journal) for each in chosen))
    rows = [row(container, interval) for container, interval in zip(chosen, intervals, strict=True)]
    return sorted(rows, key=lambda each: str(each["alias"]))


async def _interval(
    client: EngineClient, container: Container, journal: Journal
) -> Interval | None:
    """The first interval of a container with two samples, else what there is."""
    intervals = Intervals(journal.drop)
    newest: Interval | None = None

    def garbage(_data: bytes, error: str) -> None:
        journal.trouble("garbage received", error, container.alias)

    try:
        async with (
            asyncio.timeout(SAMPLE_SECONDS),
            client.stats(container.id, garbage) as frames,
        ):
            async for frame in frames:
                newest = intervals(Sample(container, frame)) or newest
                if newest is not None and newest.before is not None:
                    break
    except TimeoutError:
        journal.trouble("no sample", f"{container.alias} gave no sample in time.", container.alias)
    except EngineError as error:
        journal.trouble("stream lost", str(error), container.alias)
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
