"""Every series of a flush as a line of NDJSON or CSV, to a file or to standard output.

A file is opened anew for each flush, so that one which was moved away is begun again.
"""

import asyncio
import csv
import os
import stat
import sys
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import groupby
from typing import Literal, TypedDict

from msgspec import Struct, json
from msgspec.structs import asdict, fields

from tidegauge.docker.frames import Container, Engine
from tidegauge.errors import BackendUnavailable, ConfigError
from tidegauge.exporters.delivery import Agent
from tidegauge.exporters.options import ExporterOptions
from tidegauge.exporters.places import distribution
from tidegauge.metrics import Entity, Number, Series, Snapshot

STANDARD_OUTPUT = "-"

_APPEND = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK
_PIECE = 4096  # what a pipe that has room takes without waiting (PIPE_BUF)


class FileOptions(ExporterOptions, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``exporters.file``: ``-`` is standard output."""

    path: str = STANDARD_OUTPUT
    format: Literal["ndjson", "csv"] = "ndjson"

    @property
    def to_standard_output(self) -> bool:
        """Whose lines nothing else may stand between."""
        return self.path == STANDARD_OUTPUT


class Line(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is written of a series, in this order; numbers are in ``unit``.

    ``value`` is the newest level or the total. The rest is of a level's samples in the tick, where
    there were several. In CSV what is missing is empty, and ``tags`` and ``attributes`` are JSON.
    """

    time: str
    host: str
    engine: str = ""
    container: str = ""
    tags: dict[str, str] = {}
    metric: str
    attributes: dict[str, str] = {}
    unit: str
    kind: str
    value: Number
    count: Number | None = None
    min: Number | None = None
    mean: Number | None = None
    max: Number | None = None
    p50: Number | None = None
    p95: Number | None = None
    p99: Number | None = None


COLUMNS = tuple(field.name for field in fields(Line))


def lines(snapshot: Snapshot, host: str) -> Iterator[Line]:
    """One for each series that there is."""
    at = datetime.fromtimestamp(snapshot.at, UTC).isoformat(timespec="milliseconds")
    time = at.replace("+00:00", "Z")
    for entity, group in groupby(snapshot.present, lambda series: series.entity):
        who = _who(entity)
        for series in group:
            metric = series.metric
            yield Line(
                time=time,
                host=host,
                **who,
                metric=metric.name,
                attributes=dict(series.attributes),
                unit=metric.unit,
                kind=metric.kind.value,
                value=metric.in_unit(series.last),
                **_distribution(series),
            )


def as_ndjson(written: Sequence[Line]) -> bytes:
    """An object a line; what is missing has no key."""
    return json.Encoder().encode_lines(written)


def as_csv(written: Sequence[Line]) -> bytes:
    """Rows without the headings."""
    rows = _Rows()
    writer = csv.writer(rows)
    for line in written:
        cells = asdict(line)
        for name in ("tags", "attributes"):
            cells[name] = json.encode(cells[name]).decode() if cells[name] else ""
        writer.writerow(cells.values())
    return "".join(rows).encode()


class _Rows(list[str]):
    """Rows that end in a newline; a writer told to end them so quotes no carriage return."""

    def write(self, row: str) -> None:
        """Take a row."""
        self.append(row.removesuffix("\r\n") + "\n")


HEADING = (",".join(COLUMNS) + "\n").encode()
"""The first line of a CSV."""


class FileExporter:
    """Appends snapshots; ``standard_output`` is the descriptor that ``-`` stands for."""

    name = "file"

    def __init__(self, options: FileOptions, hostname: str, standard_output: int) -> None:
        self._path = None if options.to_standard_output else options.path
        self.destination = f"file {self._path}" if self._path else "standard output"
        self.flush_interval = options.flush_interval
        self._hostname, self._standard_output = hostname, standard_output
        self._encode: Callable[[Sequence[Line]], bytes] = as_ndjson
        self._heading = b""
        if options.format == "csv":
            self._encode, self._heading = as_csv, HEADING
        self._which = (-1, -1)
        self._headed, self._rest = False, b""

    def encode(self, snapshot: Snapshot) -> Sequence[bytes]:
        """All lines of a flush, as one record."""
        written = self._encode([*lines(snapshot, self._hostname)])
        return (written,) if written else ()

    async def send(self, records: Sequence[bytes]) -> None:
        """Append; raises `BackendUnavailable` where that is impossible."""
        if not records:
            return
        try:
            with self._opened() as file:
                await self._append(file, b"".join(records))
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise BackendUnavailable(f"{self.destination} cannot be written: {reason}.") from error

    async def close(self) -> None:
        """Nothing stays open."""

    @contextmanager
    def _opened(self) -> Generator[int]:
        if self._path is None:
            yield self._standard_output
            return
        file = os.open(self._path, _APPEND, 0o644)
        try:
            yield file
        finally:
            os.close(file)

    async def _append(self, file: int, written: bytes) -> None:
        """Write all; if not all is taken, the rest of a line comes before what is next."""
        status = os.fstat(file)
        regular, which = stat.S_ISREG(status.st_mode), (status.st_dev, status.st_ino)
        if which != self._which:
            self._which, self._rest, self._headed = which, b"", False
        self._headed = status.st_size > 0 if regular else self._headed
        waiting = self._rest + (b"" if self._headed else self._heading) + written
        begun, taken = bool(self._rest), 0
        try:
            while taken < len(waiting):
                await _room(file)
                end = len(waiting) if regular else taken + _PIECE
                taken += os.write(file, waiting[taken:end])
                begun = waiting[taken - 1 : taken] != b"\n"
        finally:
            self._headed = self._headed or taken >= len(self._heading)
            self._rest = waiting[taken : waiting.find(b"\n", taken) + 1] if begun else b""


async def _room(file: int) -> None:
    """Wait until a pipe or a terminal takes more; a file always does."""
    loop, ready = asyncio.get_running_loop(), asyncio.Event()
    try:
        loop.add_writer(file, ready.set)
    except PermissionError:
        return
    try:
        await ready.wait()
    finally:
        loop.remove_writer(file)


class _Who(TypedDict, total=False):
    engine: str
    container: str
    tags: dict[str, str]


def _who(entity: Entity) -> _Who:
    if isinstance(entity, Container):
        return _Who(engine=entity.engine.name, container=entity.alias, tags=dict(entity.tags))
    return _Who(engine=entity.name) if isinstance(entity, Engine) else _Who()


def _distribution(series: Series) -> dict[str, Number]:
    """Of a level's samples, where there are several."""
    levels = {name: series.metric.in_unit(level) for name, level in distribution(series)}
    return {"count": len(series.samples), **levels} if levels else {}


def file(options: FileOptions, agent: Agent) -> FileExporter:
    """The exporter of these options; raises `ConfigError` where there is no standard output."""
    if not options.path:
        raise ConfigError('exporters.file.path must be a file, or "-" for standard output.')
    if options.to_standard_output and sys.stdout is None:
        raise ConfigError("exporters.file: standard output is closed; set path to a file.")
    return FileExporter(options, agent.hostname, 1)
