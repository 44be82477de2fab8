"""Columns of integers as few bytes: differences, their common factor taken out, by byte planes.

A column is what one series had at the points of a block. Counters grow by much the same, levels
move by pages or not at all, so the differences are small, share a factor, and deflate well as
planes. Each plane has Huffman codes of its own, and only runs are looked for: that takes a tenth
less than searching for whatever repeats, in half the time. Source of the idea: Gorilla (VLDB 2015).
``python bench history`` measures bytes and times.
"""

import math
import struct
import zlib
from array import array
from collections.abc import Callable, Sequence
from itertools import accumulate, compress, pairwise
from typing import NamedTuple, TypeVar

from tidegauge.errors import HistoryDamaged
from tidegauge.history.planes import integers, lanes, plain, planes_of, put_together

T = TypeVar("T")

ABSENT = -(2**63)
"""Stands for "no value" in a column; no instrument holds it."""

GREATEST = 2**62 - 1
"""What columns hold is from ``-GREATEST`` to ``GREATEST``: their differences fit 64 bits."""

_HEAD = struct.Struct("<BqQ")
"""Planes of a difference and flags, the first value, the factor of all differences."""

_SHORT_HEAD = struct.Struct("<BiH")
"""The same where first value and factor are small."""

_WIDTH, _HOLES, _SHORT, _FALLS, _PLAIN = 0x0F, 0x10, 0x20, 0x40, 0x80
SELDOM = 8
"""Where less than one value of so many differs from the one before, a column has `Moves`."""

_FEW = 64
"""So many bytes of planes deflate to no fewer."""

_SOME = 16
_RAW = -15  # a deflate stream without header and checksum: a block has a checksum
_WINDOW, _MEMORY = -12, 6  # more would not fit what malloc reuses, and cost more than deflating


class _Head(NamedTuple):
    flags: int
    first: int
    factor: int


class Steps(NamedTuple):
    """A column without holes: its first value, by how much each further one is more.

    ``rising`` if none is less.
    """

    first: int
    each: list[int]
    rising: bool


class Moves(NamedTuple):
    """A column without holes that seldom moves: its first value, where it moves, and by how much.

    That is at points whose value is not that of the point before; ``rising`` if none is less.
    """

    first: int
    where: list[int]
    steps: list[int]
    rising: bool


def encode(values: Sequence[int]) -> bytes:
    """One column; every value is ``ABSENT`` or within `GREATEST`. Nothing gives no bytes.

    An array of the type "q" is taken as it is.
    """
    if not values:
        return b""
    numbers = values if isinstance(values, array) else array("q", values)
    given = plain(numbers)
    if given == given[:8] * len(numbers):
        return _head(0, numbers[0], 0)
    holes = b""
    if not given[7::8].isascii():  # some top bit is set: a sign, or a hole
        filled, holes = without_holes([*numbers])
        if min(filled) < 0 or filled.count(filled[0]) == len(filled):
            return _encode_slowly(filled, holes)
        numbers = array("q", filled)
        given = plain(numbers)
    count = len(numbers) - 1
    whole, signs = int.from_bytes(given, "little"), lanes(1 << 63, count, 8)
    # In each lane the next value minus this one; its top bit, set first, keeps it from borrowing.
    earlier = whole & lanes(2**64 - 1, count, 8)
    grown = ((whole >> 64) + signs - earlier) ^ signs
    given = grown.to_bytes(8 * count, "little")
    falling = 0
    if not given[7::8].isascii():
        falling = (grown >> 63) & lanes(1, count, 8)
        grown = (grown ^ ((falling << 64) - falling)) + falling
    factor = _factor(integers("q", given), grown)
    if factor > 1:
        grown //= factor  # exact: each lane is a multiple
    if falling:
        grown = (grown << 1) - falling
    if falling or factor > 1:
        given = grown.to_bytes(8 * count, "little")
    return _packed(_Head(_FALLS if falling else 0, numbers[0], factor), given, holes)


def decode(data: bytes, count: int) -> list[int]:
    """The ``count`` values of a column; raises `HistoryDamaged`."""
    if count == 0:
        return []
    head, grown, holes = _read(data, count, _steps)
    values = [*accumulate(grown, initial=head.first)] if any(grown) else [head.first] * count
    return with_holes(values, holes) if holes else values


def steps(data: bytes, count: int) -> Steps | None:
    """A column by its steps; ``None`` if it has holes. Raises `HistoryDamaged`."""
    head, grown, holes = _read(data, count, _steps)
    if holes or head.first == ABSENT:
        return None
    return Steps(head.first, grown, not head.flags & _FALLS)


def moves(data: bytes, count: int) -> Moves | None:
    """A column by its moves; ``None`` if it has holes, or often moves. Raises `HistoryDamaged`."""
    head, found, holes = _read(data, count, _moves)
    if holes or head.first == ABSENT or found is None:
        return None
    return Moves(head.first, *found, not head.flags & _FALLS)


def _encode_slowly(values: list[int], holes: bytes) -> bytes:
    """Of values below 0."""
    differences = [after - before for before, after in pairwise(values)]
    factor = math.gcd(*differences)
    if factor == 0:
        return _head(0, values[0], 0, holes)
    falls = min(differences) < 0
    found = [each // factor for each in differences]
    if falls:
        found = [2 * each if each >= 0 else -2 * each - 1 for each in found]
    given = plain(array("Q", found))
    return _packed(_Head(_FALLS if falls else 0, values[0], factor), given, holes)


def _factor(differences: "array[int]", sizes: int) -> int:
    """The greatest that divides all; ``sizes`` are the differences without signs, as lanes."""
    factor = math.gcd(*differences[:_SOME])
    if factor == 1:
        return 1
    rest = factor - 1
    # Mostly pages: whether all are multiples of a power of two is seen at once.
    if factor > 0 == factor & rest and not sizes & lanes(rest, len(differences), 8):
        return factor
    return math.gcd(*differences)


def _packed(head: _Head, given: bytes, holes: bytes) -> bytes:
    if given == given[:8] * (len(given) // 8):  # a line
        return _head(*head, holes)
    planes = planes_of(given)
    flags = head.flags | len(planes)
    if len(planes) * len(planes[0]) <= _FEW:
        return _head(flags | _PLAIN, head.first, head.factor, holes) + b"".join(planes)
    return _head(flags, head.first, head.factor, holes) + deflated(planes)


def _head(flags: int, first: int, factor: int, holes: bytes = b"") -> bytes:
    gaps = len(holes).to_bytes(4, "little") + holes if holes else b""
    flags |= _HOLES if holes else 0
    if factor < 2**16 and -(2**31) <= first < 2**31:
        return _SHORT_HEAD.pack(flags | _SHORT, first, factor) + gaps
    return _HEAD.pack(flags, first, factor) + gaps


def _read(data: bytes, count: int, of: Callable[[_Head, bytes, int], T]) -> tuple[_Head, T, bytes]:
    """Head, something of it and of the planes of the steps, and where there are holes."""
    try:
        form = _SHORT_HEAD if data[0] & _SHORT else _HEAD
        head, rest, holes = _Head(*form.unpack_from(data)), data[form.size :], b""
        if head.flags & _HOLES:
            length = int.from_bytes(rest[:4], "little")
            holes, rest = inflated(rest[4 : 4 + length], count), rest[4 + length :]
        width = head.flags & _WIDTH
        if width and not head.flags & _PLAIN:
            rest = inflated(rest, width * (count - 1))
        _check_size(rest, width * (count - 1))
        return head, of(head, rest, count - 1), holes
    except (zlib.error, struct.error, IndexError, ValueError, OverflowError) as error:
        raise HistoryDamaged(f"a column of history cannot be decoded: {error}.") from error


def _moves(head: _Head, planes: bytes, count: int) -> tuple[list[int], list[int]] | None:
    width = head.flags & _WIDTH
    if width == 0:
        return None if head.factor else ([], [])
    moved = planes[:count]
    if width > 1:
        either = 0
        for begin in range(0, len(planes), count):
            either |= int.from_bytes(planes[begin : begin + count], "little")
        moved = either.to_bytes(count, "little")
    many = count - moved.count(0)
    if many * SELDOM > count:
        return None
    few = bytes(compress(planes, moved * width))
    return [*compress(range(1, count + 1), moved)], _steps(head, few, many)


def _steps(head: _Head, planes: bytes, count: int) -> list[int]:
    falls, factor, width = head.flags & _FALLS, head.factor, head.flags & _WIDTH
    if width == 0:
        return [-factor if falls else factor] * count
    if width == 1:
        return _small_steps(planes, -factor if falls else factor)
    given: bytes | bytearray = put_together(planes, count, width)
    if factor != 1 or falls:
        grown = int.from_bytes(given, "little")
        if falls:
            falling = grown & lanes(1, count, 8)
            grown = ((grown + falling) >> 1) * factor
            grown = (grown ^ ((falling << 64) - falling)) + falling
        else:
            grown *= factor
        given = grown.to_bytes(8 * count, "little")
    return integers("q", given).tolist()


def _small_steps(plane: bytes, factor: int) -> list[int]:
    """Of one byte each, with signs where the factor has one: most columns that move."""
    if factor == 1:
        return [*plane]
    most = max(plane, default=0) + 1
    if factor > 0:
        known = [*range(0, factor * most, factor)]
    else:
        known = [(each // -2 if each % 2 else each // 2) * -factor for each in range(most)]
    return [known[each] for each in plane]


def deflated(planes: Sequence[bytes]) -> bytes:
    """Without the frame of zlib's format; what each of them is like is told apart."""
    squeezing = zlib.compressobj(1, zlib.DEFLATED, _WINDOW, _MEMORY, zlib.Z_RLE)
    parts: list[bytes] = []
    for plane in planes[:-1]:
        parts += squeezing.compress(plane), squeezing.flush(zlib.Z_BLOCK)
    parts += squeezing.compress(planes[-1]), squeezing.flush()
    return b"".join(parts)


def inflated(data: bytes, size: int) -> bytes:
    """Exactly ``size`` bytes again; raises `zlib.error` or `ValueError`."""
    found = zlib.decompressobj(_RAW).decompress(data, size + 1)
    _check_size(found, size)
    return found


def _check_size(found: bytes, size: int) -> None:
    if len(found) != size:
        raise ValueError(f"{len(found)} bytes or more instead of {size}")


def without_holes(values: list[int]) -> tuple[list[int], bytes]:
    """Each hole takes the value before it, or the first there is; and where they are."""
    if ABSENT not in values:
        return values, b""
    begin = next((n for n, value in enumerate(values) if value != ABSENT), len(values))
    first = values[begin] if begin < len(values) else 0
    filled, holes = (
        [first] * begin + values[begin:],
        bytearray(begin * b"\1").ljust(len(values), b"\0"),
    )
    if ABSENT in filled:  # mostly it is only at the begin
        for n, value in enumerate(filled):
            if value == ABSENT:
                filled[n], holes[n] = filled[n - 1], 1
    return filled, deflated([bytes(holes)])


def with_holes(values: list[int], holes: bytes) -> list[int]:
    """What `without_holes` took out, put in again."""
    return [ABSENT if hole else value for value, hole in zip(values, holes, strict=True)]
