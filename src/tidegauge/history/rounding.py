"""Values of buckets to ten binary digits, as few bytes.

They are the upper 18 bits of 32-bit floats, by planes. Differences would take a fifteenth less, and
three times as long to be read.
"""

import sys
import zlib
from array import array
from collections.abc import Sequence
from itertools import accumulate, chain, pairwise

from tidegauge.errors import HistoryDamaged
from tidegauge.history.codec import deflated, inflated
from tidegauge.history.planes import lanes, plain

DIGITS = 10
"""Binary ones that are kept: within 0.1 %, less than a pixel of a chart."""

_DROPPED = 24 - DIGITS
_PLANES = range(1, 4)
"""The lowest one has nothing but dropped bits."""


def rounded(parts: Sequence[Sequence[float]]) -> list[bytes]:
    """Of each part its values, within those of 32-bit floats; all the same are one."""
    given = plain(array("f", [*chain.from_iterable(parts)]))
    count = len(given) // 4
    half, kept = 1 << (_DROPPED - 1), (1 << 32) - (1 << _DROPPED)
    bits = (int.from_bytes(given, "little") + lanes(half, count, 4)) & lanes(kept, count, 4)
    given = bits.to_bytes(4 * count, "little")
    ends = accumulate((4 * len(part) for part in parts), initial=0)
    return [_packed(given[begin:end]) for begin, end in pairwise(ends)]


def _packed(given: bytes) -> bytes:
    """Nothing is no byte."""
    if given == given[:4] * (len(given) // 4):
        return given[1:4]
    return deflated([given[plane::4] for plane in _PLANES])


def unrounded(data: bytes, count: int) -> list[float]:
    """The ``count`` values; raises `HistoryDamaged`."""
    try:
        given = _same(data, count) if len(data) == len(_PLANES) else _different(data, count)
    except (zlib.error, ValueError) as error:
        raise HistoryDamaged(f"a column of history cannot be decoded: {error}.") from error
    values = array("f")
    values.frombytes(given)
    if sys.byteorder == "big":
        values.byteswap()
    return values.tolist()


def _same(data: bytes, count: int) -> bytes:
    return (b"\0" + data) * count


def _different(data: bytes, count: int) -> bytearray:
    planes = inflated(data, len(_PLANES) * count)
    given = bytearray(4 * count)
    for number, plane in enumerate(_PLANES):
        given[plane::4] = planes[number * count : (number + 1) * count]
    return given
