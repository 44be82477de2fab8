"""The rows of one commit as bytes: what a kill must not take, kept until it is in sealed blocks.

They are as they came: each second's are written once and mostly never read. Deflating them took
twice the CPU time of everything else in a commit, to save the disk half of what it writes.
Layout, little endian: an Adler-32 of all that follows (u32), how many rows (u32); of each its time
(i64); of each its entity, shape and width (u32 each); then the values of all. A row of width 0 has
the values of the row before, as those of a container that sleeps do.
"""

import struct
import zlib
from array import array
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, compress

from msgspec import Struct

from tidegauge.errors import HistoryDamaged
from tidegauge.history.planes import integers, plain
from tidegauge.history.rows import Row

_HEAD = struct.Struct("<II")


class HotRow(Struct, frozen=True, gc=False):
    """A row by the numbers its entity and shape have in the file."""

    entity: int
    shape: int
    at: int
    values: "array[int]"


def pack(entities: Sequence[int], shapes: Sequence[int], rows: Sequence[Row]) -> bytes:
    """All rows of a commit, with the numbers of their entities and shapes in the file."""
    times = array("q", [row.at for row in rows])
    before = (None, *[row.values for row in rows])
    others = [row.values is not last for row, last in zip(rows, before, strict=False)]
    widths = [len(row.values) if other else 0 for row, other in zip(rows, others, strict=True)]
    heads = array("I", [*entities, *shapes, *widths])
    values = array("q", b"".join([row.values for row in compress(rows, others)]))
    body = b"".join([plain(times), plain(heads), plain(values)])
    count = len(rows).to_bytes(4, "little")
    return zlib.adler32(body, zlib.adler32(count)).to_bytes(4, "little") + count + body


def unpack(data: bytes, of: int | None = None) -> Iterator[HotRow]:
    """The rows again, or those of one entity; raises `HistoryDamaged` before the first of them."""
    try:
        checksum, count = _HEAD.unpack_from(data)
        _check(data, checksum)
        times = integers("q", data[8 : 8 + 8 * count])
        heads = struct.unpack_from(f"<{3 * count}I", data, 8 + 8 * count)
        values = integers("q", data[8 + 20 * count :])
    except (struct.error, ValueError) as error:
        raise HistoryDamaged(f"a commit of history cannot be read: {error}.") from error
    begin = 0
    entities, shapes, widths = heads[:count], heads[count : 2 * count], heads[2 * count :]
    ends = accumulate(widths)
    for entity, shape, at, width, end in zip(entities, shapes, times, widths, ends, strict=True):
        begin = end - width if width else begin
        if of is None or entity == of:
            yield HotRow(entity, shape, at, values[begin:end])


def _check(data: bytes, checksum: int) -> None:
    if zlib.adler32(memoryview(data)[4:]) != checksum:
        raise ValueError("its checksum is off")


def together(rows: Iterable[HotRow]) -> tuple["array[int]", "array[int]"]:
    """The times of rows of one shape, and their values one after another."""
    times, values = array("q"), array("q")
    for row in rows:
        times.append(row.at)
        values.extend(row.values)
    return times, values
