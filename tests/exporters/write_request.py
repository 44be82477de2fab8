"""Reads remote write requests as a receiver does: Snappy, then protobuf field by field."""

import json
import struct
from collections.abc import Iterator
from typing import NamedTuple

import cramjam

STALE = 0x7FF0000000000002


class Sent(NamedTuple):
    """One time series of a request; values are floats, or "stale"."""

    labels: dict[str, str]
    samples: list[tuple[float | str, int]]

    def __str__(self) -> str:
        labels = ",".join(
            f"{name}={json.dumps(value, ensure_ascii=False)}"
            for name, value in self.labels.items()
            if name != "__name__"
        )
        return "".join(
            f"{self.labels['__name__']}{{{labels}}} {value} {at}\n" for value, at in self.samples
        )


def read(body: bytes) -> list[Sent]:
    """All time series of a request; fails on everything a strict receiver refuses."""
    plain = bytes(cramjam.snappy.decompress_raw(body))
    return [_series(content) for _, content in _fields(plain, {1: 2})]


def _series(message: bytes) -> Sent:
    pairs, samples = list[tuple[str, str]](), list[tuple[float | str, int]]()
    for number, content in _fields(message, {1: 2, 2: 2}):
        if number == 1:
            assert not samples, "labels come first"
            label = dict(_fields(content, {1: 2, 2: 2}))
            pairs.append((label[1].decode(), label[2].decode()))
        else:
            sample = dict(_fields(content, {1: 1, 2: 0}))
            samples.append((_value(sample[1]), sample[2]))
    names = [name for name, _ in pairs]
    assert names == sorted(set(names)), "names in order, none twice"
    assert all(value for _, value in pairs), "no empty value"
    assert samples
    assert [at for _, at in samples] == sorted({at for _, at in samples})
    return Sent(dict(pairs), samples)


def _value(content: bytes) -> float | str:
    (bits,) = struct.unpack("<Q", content)
    (value,) = struct.unpack("<d", content)
    return "stale" if bits == STALE else value


def _fields(message: bytes, wire_types: dict[int, int]) -> Iterator[tuple[int, bytes]]:
    """Number and content of each field, which must be of the wire type that it has."""
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        number, kind = key >> 3, key & 7
        assert wire_types.get(number) == kind, f"field {number} of wire type {kind}"
        if kind == 0:
            content, at = _varint(message, at)
        else:
            size, at = (8, at) if kind == 1 else _varint(message, at)
            content, at = message[at : at + size], at + size
            assert len(content) == size
        yield number, content


def _varint(message: bytes, at: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        digit = message[at]
        number |= (digit & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if not digit & 0x80:
            return number, at
