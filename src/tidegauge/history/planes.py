"""Integers of 64 bits as planes: all lowest bytes, then all second ones, and so on.

Small numbers are mostly zeros in their upper planes, which deflate to next to nothing. The idea is
the shuffle of Blosc. The order of the bytes is that of a file, whatever the machine's.
"""

import sys
from array import array


def planes_of(numbers: "array[int]", width: int = 8) -> bytes:
    """The lowest ``width`` planes of numbers of 8 bytes each; the array is used up."""
    if sys.byteorder == "big":
        numbers.byteswap()
    whole = numbers.tobytes()
    return b"".join([whole[plane::8] for plane in range(width)])


def numbers_in(planes: bytes, count: int, kind: str, width: int = 8) -> "array[int]":
    """The numbers again, as an array of the ``kind`` "q" or "Q"; `ValueError` if sizes differ."""
    if len(planes) != width * count:
        raise ValueError(f"{len(planes)} bytes for {count} numbers of {width}")
    whole = bytearray(8 * count)
    for plane in range(width):
        whole[plane::8] = planes[plane * count : (plane + 1) * count]
    numbers: array[int] = array(kind, bytes(whole))
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers
