"""A block: some hundred points of all series of one entity, or of one tier of buckets, as bytes.

Layout, little endian: the codec (u8), how many columns (u16) and points (u32), a CRC-32 of all that
follows (u32), the length of each column (u32; the first is of the times), then the columns.
"""

import struct
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import accumulate

from msgspec import Struct

from tidegauge.errors import HistoryDamaged, HistoryError
from tidegauge.history import codec

_HEAD = struct.Struct("<BHII")


class Codec(Struct, frozen=True):
    """How columns become bytes; ``number`` is what a block's first byte says."""

    number: int
    encode: Callable[[Sequence[int]], bytes]
    decode: Callable[[bytes, int], list[int]]
    steps: Callable[[bytes, int], codec.Steps | None]


STANDARD = Codec(1, codec.encode, codec.decode, codec.steps)
"""Of the standard library."""


def pack(using: Codec, times: Sequence[int], columns: Iterable[Sequence[int]]) -> bytes:
    """A block of times in milliseconds and of columns as long."""
    return joined(using, len(times), [using.encode(times), *map(using.encode, columns)])


def joined(using: Codec, points: int, encoded: Sequence[bytes]) -> bytes:
    """A block of encoded columns, of which the first is the times."""
    body = struct.pack(f"<{len(encoded)}I", *map(len, encoded)) + b"".join(encoded)
    return _HEAD.pack(using.number, len(encoded), points, zlib.crc32(body)) + body


class Block:
    """A block's bytes, of which each column is decoded when it is asked for.

    Raises:
        HistoryDamaged: it is not what was packed.
        HistoryError: it was packed with a codec that is not among ``codecs``.
    """

    def __init__(self, data: bytes, codecs: Mapping[int, Codec]) -> None:
        self._data = data
        try:
            number, count, self.points, checksum = _HEAD.unpack_from(data)
            lengths = struct.unpack_from(f"<{count}I", data, _HEAD.size)
        except struct.error as error:
            raise HistoryDamaged(f"a block of history cannot be read: {error}.") from error
        if zlib.crc32(memoryview(data)[_HEAD.size :]) != checksum:
            raise HistoryDamaged("a block of history is not what was written: its checksum is off.")
        if number not in codecs:
            raise HistoryError(
                f"a block of history was written with codec {number}, which is not installed; pip"
                ' install "tidegauge[fast]" makes it readable.'
            )
        self.codec = codecs[number]
        self._ends = [*accumulate(lengths, initial=_HEAD.size + 4 * count)]

    def __len__(self) -> int:
        """Columns, without the times."""
        return len(self._ends) - 2

    @property
    def times(self) -> list[int]:
        """Milliseconds of each point."""
        return self.codec.decode(self._data[self._ends[0] : self._ends[1]], self.points)

    def packed(self, number: int) -> bytes:
        """The bytes of a column."""
        return self._data[self._ends[number + 1] : self._ends[number + 2]]

    def column(self, number: int) -> list[int]:
        """The values of a column."""
        return self.codec.decode(self.packed(number), self.points)

    def steps(self, number: int) -> codec.Steps | None:
        """The same by its steps, where it has no holes."""
        return self.codec.steps(self.packed(number), self.points)
