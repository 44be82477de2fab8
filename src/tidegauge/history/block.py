"""A block: some hundred points of all series of one entity, or of one tier of buckets, as bytes.

Layout, little endian: the codec (u8), how many columns (u16) and points (u32), a CRC-32 of all that
follows (u32), the length of each column (u32; the first is of the times), then the columns. One
that is the same as an earlier one has the number of that instead of its length, and the top bit
set: so are the bytes of a container's only interface and the sum over its interfaces.
"""

import struct
import zlib
from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence

from msgspec import Struct

from tidegauge.errors import HistoryDamaged, HistoryError
from tidegauge.history import codec

_HEAD = struct.Struct("<BHII")
_SAME = 1 << 31


class Codec(Struct, frozen=True):
    """How columns become bytes; ``number`` is what a block's first byte says."""

    number: int
    encode: Callable[[Sequence[int]], bytes]
    decode: Callable[[bytes, int], list[int]]
    steps: Callable[[bytes, int], codec.Steps | None]
    moves: Callable[[bytes, int], codec.Moves | None]


STANDARD = Codec(1, codec.encode, codec.decode, codec.steps, codec.moves)
"""Of the standard library."""


def pack(using: Codec, times: Sequence[int], columns: Iterable[Sequence[int]]) -> bytes:
    """A block of times in milliseconds and of columns as long."""
    known: dict[bytes, bytes] = {}
    encoded = [using.encode(times)]
    for column in columns:
        plain = column.tobytes() if isinstance(column, array) else array("q", column).tobytes()
        if plain not in known:
            known[plain] = using.encode(column)
        encoded.append(known[plain])
    return joined(using, len(times), encoded)


def joined(using: Codec, points: int, encoded: Sequence[bytes]) -> bytes:
    """A block of encoded columns, of which the first is the times."""
    first: dict[bytes, int] = {}
    places = [first.setdefault(data, number) for number, data in enumerate(encoded)]
    lengths = (
        len(data) if place == number else _SAME | place
        for number, (data, place) in enumerate(zip(encoded, places, strict=True))
    )
    body = struct.pack(f"<{len(encoded)}I", *lengths) + b"".join(first)
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
            self._lengths: Sequence[int] = struct.unpack_from(f"<{count}I", data, _HEAD.size)
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

    def __len__(self) -> int:
        """Columns, without the times."""
        return len(self._lengths) - 1

    @property
    def times(self) -> list[int]:
        """Milliseconds of each point."""
        return self.column(-1)

    def source(self, number: int) -> int:
        """The same for columns that are the same."""
        length = self._lengths[number + 1]
        return length - _SAME if length & _SAME else number + 1

    def packed(self, number: int) -> bytes:
        """The bytes of a column."""
        lengths, source = self._lengths, self.source(number)
        # Mostly a few columns are asked for, so that not all ends are added up at once.
        begin = _HEAD.size + 4 * len(lengths) + sum([n for n in lengths[:source] if n < _SAME])
        return self._data[begin : begin + lengths[source]]

    def column(self, number: int) -> list[int]:
        """The values of a column."""
        return self.codec.decode(self.packed(number), self.points)

    def steps(self, number: int) -> codec.Steps | None:
        """The same by its steps, where it has no holes."""
        return self.codec.steps(self.packed(number), self.points)

    def moves(self, number: int) -> codec.Moves | None:
        """The same by its moves, where it seldom does."""
        return self.codec.moves(self.packed(number), self.points)
