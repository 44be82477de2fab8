"""The codec of the extra ``fast``: pcodec, on numpy's arrays.

It writes columns that move in a quarter of the standard codec's time and reads them in half of it,
in as many bytes. Both packages are imported when the first column is coded.
"""

from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from tidegauge.errors import HistoryDamaged
from tidegauge.history import codec
from tidegauge.history.block import STANDARD, Codec

_STANDARD, _PCODEC = b"\0", b"\1"

_LEVEL = 5


def encode(values: Sequence[int]) -> bytes:
    """One column, as `codec.encode` takes it; its first byte says how."""
    if not values:
        return b""
    numpy = _untyped("numpy")
    numbers = numpy.asarray(values, numpy.int64)
    if _is_simple(numpy, numbers):
        return _STANDARD + codec.encode(values)
    pcodec = _untyped("pcodec")
    # Of looking for a better one the time would be twice as long.
    delta = pcodec.DeltaSpec.try_consecutive(1)
    config = pcodec.ChunkConfig(compression_level=_LEVEL, delta_spec=delta)
    packed: bytes = pcodec.standalone.simple_compress(numbers, config)
    return _PCODEC + packed


def decode(data: bytes, count: int) -> list[int]:
    """The ``count`` values of a column; raises `HistoryDamaged`."""
    if count == 0:
        return []
    if data[:1] == _STANDARD:
        return codec.decode(data[1:], count)
    decoded: list[int] = _unpacked(data, count).tolist()
    return decoded


def steps(data: bytes, count: int) -> codec.Steps | None:
    """A column as `codec.steps` gives it."""
    if data[:1] == _STANDARD:
        return codec.steps(data[1:], count)
    numbers = _unpacked(data, count)
    found = _untyped("numpy").diff(numbers)
    return codec.Steps(int(numbers[0]), found.tolist(), not (found < 0).any())


def moves(data: bytes, count: int) -> codec.Moves | None:
    """A column as `codec.moves` gives it: what seldom moves is in the standard codec."""
    return codec.moves(data[1:], count) if data[:1] == _STANDARD else None


def _is_simple(numpy: Any, numbers: Any) -> bool:  # noqa: ANN401 (an optional package's own)
    """Holes, straight lines, and what seldom moves."""
    if numbers.min() == codec.ABSENT:
        return True
    moves = numpy.diff(numbers)
    return codec.SELDOM * numpy.count_nonzero(moves) < len(numbers) or bool(
        (moves == moves[0]).all()
    )


def _unpacked(data: bytes, count: int) -> Any:  # noqa: ANN401 (an optional package's own)
    try:
        values = _untyped("pcodec").standalone.simple_decompress(data[1:])
    except (RuntimeError, ValueError, TypeError) as error:
        raise HistoryDamaged(f"a column of history cannot be decoded: {error}.") from error
    if values is None or len(values) != count:
        raise HistoryDamaged(f"a column of history is not of {count} values.")
    return values


def _untyped(package: str) -> Any:  # noqa: ANN401 (an optional part of the installation)
    return import_module(package)


FAST = Codec(2, encode, decode, steps, moves)


def installed() -> bool:
    """Can it be used?"""
    return find_spec("numpy") is not None and find_spec("pcodec") is not None


def codecs(*, fast: bool) -> tuple[Codec, ...]:
    """All that can be used, first the one to write with."""
    if not installed():
        return (STANDARD,)
    return (FAST, STANDARD) if fast else (STANDARD, FAST)
