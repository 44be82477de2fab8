"""Numbers of one size as one large integer of lanes, and as planes of bytes.

What is done to a large integer is done to all its lanes at once, in C, and so costs a tenth of a
loop over numbers. Planes are all lowest bytes, then all second ones, and so on: small numbers are
mostly zeros in their upper planes, which deflate to next to nothing. The idea is the shuffle of
Blosc. The order of bytes is that of a file, whatever the machine's.
"""

import sys
from array import array
from functools import lru_cache


@lru_cache(maxsize=64)
def lanes(value: int, count: int, size: int) -> int:
    """The same value in each of ``count`` lanes of ``size`` bytes."""
    return int.from_bytes(value.to_bytes(size, "little") * count, "little")


def plain(numbers: "array[int] | array[float]") -> bytes:
    """The bytes of numbers, lowest first."""
    if sys.byteorder == "big":
        numbers = numbers[:]
        numbers.byteswap()
    return numbers.tobytes()


def integers(kind: str, given: bytes | bytearray) -> "array[int]":
    """Bytes as an array of integers again; ``kind`` is its type code."""
    numbers: array[int] = array(kind)
    numbers.frombytes(given)
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers


def planes_of(given: bytes, size: int) -> list[bytes]:
    """The planes of numbers of ``size`` bytes; upper ones of zeros are left out."""
    planes: list[bytes] = []
    count = len(given) // size
    for number in range(size - 1, -1, -1):
        plane = given[number::size]
        if planes or plane.count(0) != count:
            planes.append(plane)
    planes.reverse()
    return planes


def put_together(planes: bytes, count: int, width: int) -> bytearray:
    """``count`` numbers of 8 bytes from ``width`` planes, one behind the other."""
    whole = bytearray(8 * count)
    for plane in range(width):
        whole[plane::8] = planes[plane * count : (plane + 1) * count]
    return whole
