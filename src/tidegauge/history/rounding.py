"""Values of buckets to ten binary digits, as integers that a codec takes.

They are the bits of 32-bit floats, of which the last 14 are left out: what is larger has the larger
integer, and next to each other they differ by little, however large they are.
"""

import sys
from array import array
from collections.abc import Sequence

from tidegauge.history.planes import integers, lanes, plain

DIGITS = 10
"""Binary ones that are kept: within 0.1 %, less than a pixel of a chart."""

_DROPPED = 24 - DIGITS


def rounded(values: list[float]) -> "array[int]":
    """The integers of values, which are within those of 32-bit floats."""
    given = plain(array("f", values))
    count = len(given) // 4
    half, kept = 1 << (_DROPPED - 1), (1 << 32) - (1 << _DROPPED)
    bits = (int.from_bytes(given, "little") + lanes(half, count, 4)) & lanes(kept, count, 4)
    return integers("I", (bits >> _DROPPED).to_bytes(4 * count, "little"))


def unrounded(found: Sequence[int]) -> list[float]:
    """The values of integers; `OverflowError` for what is no such integer."""
    count = len(found)
    bits = int.from_bytes(plain(array("I", found)), "little") << _DROPPED
    values = array("f")
    values.frombytes(bits.to_bytes(4 * count, "little"))
    if sys.byteorder == "big":
        values.byteswap()
    return values.tolist()
