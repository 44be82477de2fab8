"""Columns of integers as few bytes: differences, their common factor taken out, by byte planes.

A column is what one series had at the points of a block. Counters grow by much the same, levels
move by pages or not at all, so the differences are small, share a factor, and deflate well as
planes. Source of the idea: Gorilla (VLDB 2015). ``python bench history`` measures bytes and times.
"""

import math
import struct
import zlib
from array import array
from collections.abc import Sequence
from itertools import accumulate
from operator import sub
from typing import NamedTuple

from tidegauge.errors import HistoryDamaged
from tidegauge.history.planes import numbers_in, planes_of

ABSENT = -(2**63)
"""Stands for "no value" in a column; no instrument holds it."""

GREATEST = 2**62 - 1
"""What columns hold is from ``-GREATEST`` to ``GREATEST``: their differences fit 64 bits."""

_HEAD = struct.Struct("<BqqQ")
"""Width of a difference and flags, the first value, the least difference, the factor."""

_SHORT_HEAD = struct.Struct("<BiH")
"""The same where the first value and the factor are small, and the least difference is 0."""

_WIDTH, _HOLES, _SHORT = 0x0F, 0x10, 0x20
_EFFORT = 6
_RAW = -15  # a deflate stream without header and checksum: a block has a checksum


def encode(values: Sequence[int]) -> bytes:
    """One column; every value is ``ABSENT`` or within `GREATEST`. Nothing gives no bytes."""
    if not values:
        return b""
    values = [*values]
    if values[0] == values[-1] != ABSENT and values.count(values[0]) == len(values):
        return _head(0, values[0], 0, 1, b"")
    values, holes = without_holes(values)
    differences = [*map(sub, values[1:], values)]
    least, greatest = min(differences, default=0), max(differences, default=0)
    if least == greatest:
        return _head(0, values[0], least, 1, holes)
    base = min(0, least)
    if base:
        differences = [each - base for each in differences]
    factor = math.gcd(*differences)
    if factor > 1:
        differences = [each // factor for each in differences]
    width = ((greatest - base) // factor).bit_length() + 7 >> 3
    planes = planes_of(array("Q", differences), width)
    return _head(width, values[0], base, factor, holes) + deflated(planes)


def decode(data: bytes, count: int) -> list[int]:
    """The ``count`` values of a column; raises `HistoryDamaged`."""
    if count == 0:
        return []
    try:
        head, rest = _split(data)
        holes = b""
        if head.flags & _HOLES:
            length = int.from_bytes(rest[:4], "little")
            holes, rest = inflated(rest[4 : 4 + length], count), rest[4 + length :]
        values = _values(head, rest, count)
        return with_holes(values, holes) if holes else values
    except (zlib.error, struct.error, IndexError, ValueError) as error:
        raise HistoryDamaged(f"a column of history cannot be decoded: {error}.") from error


def _head(width: int, first: int, least: int, factor: int, holes: bytes) -> bytes:
    flags = width | _HOLES if holes else width
    gaps = len(holes).to_bytes(4, "little") + holes if holes else b""
    if least == 0 and factor < 2**16 and -(2**31) <= first < 2**31:
        return _SHORT_HEAD.pack(flags | _SHORT, first, factor) + gaps
    return _HEAD.pack(flags, first, least, factor) + gaps


class _Head(NamedTuple):
    flags: int
    first: int
    least: int
    factor: int


def _split(data: bytes) -> tuple[_Head, bytes]:
    if data[0] & _SHORT:
        flags, first, factor = _SHORT_HEAD.unpack_from(data)
        return _Head(flags, first, 0, factor), data[_SHORT_HEAD.size :]
    return _Head(*_HEAD.unpack_from(data)), data[_HEAD.size :]


def _values(head: _Head, planes: bytes, count: int) -> list[int]:
    flags, first, least, factor = head
    width = flags & _WIDTH
    if width == 0:
        return [first + least * n for n in range(count)] if least else [first] * count
    plain = inflated(planes, width * (count - 1))
    differences = numbers_in(plain, count - 1, "Q", width).tolist()
    if factor != 1 or least:
        differences = [each * factor + least for each in differences]
    return [*accumulate(differences, initial=first)]


def deflated(data: bytes) -> bytes:
    """Without the frame of zlib's format."""
    squeezing = zlib.compressobj(_EFFORT, zlib.DEFLATED, _RAW)
    return squeezing.compress(data) + squeezing.flush()


def inflated(data: bytes, size: int) -> bytes:
    """Exactly ``size`` bytes again; raises `zlib.error` or `ValueError`."""
    plain = zlib.decompressobj(_RAW).decompress(data, size + 1)
    if len(plain) != size:
        raise ValueError(f"{len(plain)} bytes or more instead of {size}")
    return plain


def without_holes(values: list[int]) -> tuple[list[int], bytes]:
    """Each hole takes the value before it, or the first there is; and where they are."""
    if ABSENT not in values:
        return values, b""
    last = next((value for value in values if value != ABSENT), 0)
    filled: list[int] = []
    for value in values:
        last = last if value == ABSENT else value
        filled.append(last)
    return filled, deflated(bytes(value == ABSENT for value in values))


def with_holes(values: list[int], holes: bytes) -> list[int]:
    """What `without_holes` took out, put in again."""
    return [ABSENT if hole else value for value, hole in zip(values, holes, strict=True)]
