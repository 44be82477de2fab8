"""The file of a recording: lines of JSON in gzip, a header and then one message a line.

A line says when (``t``, seconds since the header's time), which request (``engine``, ``request``,
and ``n``, for one request may be made many times) and what: it was asked, and then either came a
``reply``, or it was ``opened``, a ``chunk`` came, and another, until its ``end``. ``failed`` stands
for a connection that could not be had or was lost, ``closed`` for a request that Tidegauge itself
gave up. The last line is ``finished``. Bodies are text, or base64 in ``data`` where they are none.
"""

import contextlib
import gzip
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Annotated, BinaryIO, Literal, Self

import msgspec
from msgspec import Meta, Struct

from tidegauge.clock import Clock
from tidegauge.errors import ConfigError, TidegaugeError

FORMAT = 1
"""Goes up when an older Tidegauge could no longer read what is written."""

LONGEST = 16 * 2**20
"""No line is longer: the longest message is a list of some thousand containers."""

LONGEST_GAP = 24 * 3600.0
"""Engines are listed once a minute; a message a day after the one before has a wrong time."""

LATEST_YEAR = 253_402_300_799.0

What = Literal["asked", "reply", "opened", "chunk", "end", "failed", "closed", "finished"]


class RecordedEngine(Struct, frozen=True):
    """An engine that was recorded, and where it was."""

    name: str
    address: str = ""


class Header(Struct, frozen=True, kw_only=True):
    """The first line; ``version`` is Tidegauge's, ``time`` Unix seconds at ``t`` 0."""

    recording: str = "tidegauge"
    format: int = FORMAT
    version: str
    time: Annotated[float, Meta(ge=0, le=LATEST_YEAR)]
    engines: tuple[RecordedEngine, ...]


class Message(Struct, frozen=True, omit_defaults=True):
    """Any other line; ``error`` is the name of an `EngineError`, its words are in ``text``."""

    t: Annotated[float, Meta(ge=0)]
    what: What
    n: int = 0
    engine: str = ""
    request: str = ""
    status: int = 0
    headers: dict[str, str] = {}
    error: str = ""
    text: str | None = None
    data: bytes | None = None

    @property
    def body(self) -> bytes:
        """The bytes as they came."""
        return (self.text or "").encode() if self.data is None else self.data


class _Mark(Struct, frozen=True):
    """What any header of any format has."""

    recording: str = ""
    format: int = 0


class TapeWriter:
    """Writes a recording. A failure (the disk is full) is kept in ``failure`` and told once.

    ``failed`` is called at that moment; what is written afterwards goes nowhere. `flush` makes
    sure that what was written so far survives a kill.
    """

    def __init__(
        self, path: Path, clock: Clock, failed: Callable[[], None], *, force: bool
    ) -> None:
        self.path, self._clock, self._failed = path, clock, failed
        self._file = _create(path, force=force)
        self._gzip = zlib.compressobj(wbits=31)
        self._encode = msgspec.json.Encoder().encode
        self._began = clock.monotonic()
        self.failure = ""
        self.messages = self.bytes = 0

    @property
    def seconds(self) -> float:
        """How long it has been recording."""
        return self._clock.monotonic() - self._began

    def begin(self, version: str, engines: Sequence[RecordedEngine]) -> None:
        """Write the header."""
        self._line(Header(version=version, time=self._clock.now(), engines=tuple(engines)))
        self.flush()

    def write(self, message: Message) -> None:
        """Write one message."""
        self.messages += 1
        self._line(message)

    def moment(self) -> float:
        """The present time as a message has it."""
        return round(self.seconds, 6)

    def flush(self) -> None:
        """Bring everything so far to the file."""
        if not self.failure:
            self._put(self._gzip.flush(zlib.Z_SYNC_FLUSH), flush=True)

    def close(self) -> None:
        """Write the last line and close the file."""
        self._line(Message(self.moment(), "finished"))
        if not self.failure:
            self._put(self._gzip.flush(zlib.Z_FINISH), flush=True)
        with contextlib.suppress(OSError):  # told already: it cannot write what it still holds
            self._file.close()

    def _line(self, line: Header | Message) -> None:
        if not self.failure:
            self._put(self._gzip.compress(self._encode(line) + b"\n"))

    def _put(self, data: bytes, *, flush: bool = False) -> None:
        try:
            self._file.write(data)
            if flush:
                self._file.flush()
        except OSError as error:
            reason = (error.strerror or "unknown error").lower()
            self.failure = f"cannot go on recording to {self.path}: {reason}."
            self._failed()
        self.bytes += len(data)


def _create(path: Path, *, force: bool) -> BinaryIO:
    try:
        return path.open("wb" if force else "xb")
    except FileExistsError:
        raise ConfigError(f"{path} exists already; --force replaces it.") from None
    except OSError as error:
        reason = (error.strerror or "unknown error").lower()
        raise TidegaugeError(f"cannot record to {path}: {reason}.") from error


class TapeReader:
    """Reads a recording; raises `ConfigError` for a file that is none.

    ``breaks_off`` is empty, or says why `messages` ended before the end of the recording.
    """

    def __init__(self, path: Path, garbage: Callable[[str], None]) -> None:
        self._path, self._garbage = path, garbage
        self._decode = msgspec.json.Decoder(Message).decode
        self._file = _open(path)
        self._lines = gzip.GzipFile(fileobj=self._file)
        self._number = 1
        self.breaks_off = ""
        try:
            self.header = self._header()
        except BaseException:
            self.close()
            raise

    def messages(self) -> Iterator[Message]:
        """All messages but the last, which ends them; its time is that of the end."""
        newest = 0.0
        while line := self._next():
            self._number += 1
            message = self._message(line, newest)
            if message is not None:
                newest = max(newest, message.t)
                yield message
                if message.what == "finished":
                    return
        self.breaks_off = self.breaks_off or "its last line is missing"
        where = f"after {newest:.1f} s, in line {self._number + 1}"
        self.breaks_off = f"{self._path} breaks off {where}: {self.breaks_off}."

    def close(self) -> None:
        """Close the file."""
        self._lines.close()
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _header(self) -> Header:
        line = self._next()
        if self.breaks_off:
            raise TidegaugeError(
                f"{self._path} cannot be replayed: {self.breaks_off}, before its first line ended."
            )
        try:
            mark = msgspec.json.decode(line, type=_Mark)
            if mark.format > FORMAT:
                raise ConfigError(
                    f"{self._path} was recorded by a newer Tidegauge, in format {mark.format}; this"
                    f" one reads format {FORMAT}. Update it to replay this file."
                )
            header = msgspec.json.decode(line, type=Header)
        except (msgspec.DecodeError, UnicodeDecodeError):
            mark, header = _Mark(), None
        if mark.recording != "tidegauge" or header is None:
            raise ConfigError(f"{self._path} is no recording: its first line is not a header.")
        return header

    def _next(self) -> bytes:
        try:
            return self._lines.readline(LONGEST)
        except gzip.BadGzipFile as error:
            if self._number == 1 and "Not a gzipped file" in str(error):
                raise ConfigError(
                    f"{self._path} is no recording: it is not compressed with gzip."
                ) from None
            self.breaks_off = "the file is damaged here"
        except EOFError:
            self.breaks_off = "the file was cut short"
        except zlib.error:
            self.breaks_off = "the file is damaged here"
        except OSError as error:
            self.breaks_off = (error.strerror or "it cannot be read").lower()
        return b""

    def _message(self, line: bytes, newest: float) -> Message | None:
        try:
            message = self._decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            self._garbage(f"line {self._number} of {self._path} is no message: {error}.")
            return None
        if message.t > newest + LONGEST_GAP:
            self._garbage(f"line {self._number} of {self._path} is of an impossible time.")
            return None
        return message


def _open(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except FileNotFoundError:
        raise ConfigError(f"there is no recording {path}.") from None
    except OSError as error:
        reason = (error.strerror or "unknown error").lower()
        raise ConfigError(f"the recording {path} cannot be read: {reason}.") from None
