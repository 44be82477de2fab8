"""Batches as files of one folder, so that what is not delivered outlives the program.

A file is a header (a magic with the version of the format, the number of records, a checksum of
the rest), then each record behind its length. Files are numbered in the order of their batches and
appear whole, by a rename. They are not forced to the disk: a killed program loses nothing, a lost
machine the batches of its last seconds, which a checksum finds.
"""

import fcntl
import os
import re
import struct
import zlib
from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct

MAGIC = b"tgspool1"

_HEADER = struct.Struct(">8sII")
_LENGTH = struct.Struct(">I")
_NAME = re.compile(r"(\d{16})\.batch(\.tmp|\.bad)?", re.ASCII)


class SpooledBatch(Struct, frozen=True):
    """A file: its number, how many records it holds, its bytes."""

    number: int
    records: int
    size: int


class Found(Struct, frozen=True):
    """What an opened folder held: batches in their order, and files that had to be set aside."""

    batches: Sequence[SpooledBatch]
    set_aside: Sequence[str]


def packed(records: Sequence[bytes]) -> bytes:
    """Records as one piece, the content of a file."""
    body = b"".join(piece for record in records for piece in (_LENGTH.pack(len(record)), record))
    return _HEADER.pack(MAGIC, len(records), zlib.crc32(body)) + body


def unpacked(content: bytes) -> list[bytes]:
    """The records of a piece; raises `ValueError` if it is not what was packed."""
    count = _count(content)
    body = memoryview(content)[_HEADER.size :]
    if zlib.crc32(body) != _HEADER.unpack_from(content)[2]:
        raise ValueError("another checksum")
    records: list[bytes] = []
    at = 0
    while at + _LENGTH.size <= len(body):
        start = at + _LENGTH.size
        at = start + _LENGTH.unpack_from(body, at)[0]
        records.append(bytes(body[start:at]))
    if at != len(body) or len(records) != count:
        raise ValueError("records of other lengths")
    return records


def _count(header: bytes) -> int:
    if len(header) < _HEADER.size or not header.startswith(MAGIC):
        raise ValueError("another header")
    records: int = _HEADER.unpack_from(header)[1]
    return records


class Spool:
    """The files of one exporter, in one folder; one program at a time has it.

    Everything here may block and raises `OSError`. Files of other names are left alone.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._next = 1
        self._lock = -1

    def open(self) -> Found:
        """Take the folder, making it if need be; `BlockingIOError` if another program has it."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return self._look()
        except OSError:
            self.close()
            raise

    def _look(self) -> Found:
        batches: list[SpooledBatch] = []
        set_aside: list[str] = []
        for path in sorted(self.folder.iterdir()):
            named = _NAME.fullmatch(path.name)
            if named is None:
                continue
            number = int(named[1])
            self._next = max(self._next, number + 1)
            if named[2] == ".tmp":
                path.unlink()  # of a batch that was never taken over
            elif named[2] is None:
                try:
                    batches.append(_looked_at(path, number))
                except ValueError:
                    set_aside.append(self.set_aside(number))
        return Found(batches, set_aside)

    def add(self, content: bytes) -> int:
        """Write a batch behind all others; its number."""
        number, self._next = self._next, self._next + 1
        self.replace(number, content)
        return number

    def replace(self, number: int, content: bytes) -> None:
        """Write a batch in the place of another, at once or not at all."""
        path = self._path(number)
        draft = path.with_suffix(".batch.tmp")
        try:
            draft.write_bytes(content)
            draft.replace(path)
        except OSError:
            draft.unlink(missing_ok=True)
            raise

    def read(self, number: int) -> bytes:
        """The content of a batch."""
        return self._path(number).read_bytes()

    def remove(self, number: int) -> None:
        """Give up a batch; none is left by that number."""
        self._path(number).unlink(missing_ok=True)

    def set_aside(self, number: int) -> str:
        """Keep a damaged file out of the way; its new name."""
        path = self._path(number)
        return str(path.replace(path.with_suffix(".batch.bad")))

    def close(self) -> None:
        """Let another program have the folder."""
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def _path(self, number: int) -> Path:
        return self.folder / f"{number:016d}.batch"


def _looked_at(path: Path, number: int) -> SpooledBatch:
    if not path.is_file():
        raise ValueError("not a file")
    with path.open("rb") as file:
        records = _count(file.read(_HEADER.size))
    return SpooledBatch(number, records, path.stat().st_size)
