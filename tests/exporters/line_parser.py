"""A strict reader of InfluxDB's line protocol: what a server makes of the bytes it gets.

Written from InfluxData's "Line protocol reference" and what InfluxDB 1.6 refuses, not from our
writer. A backslash counts only where all servers agree: before a comma, an equals sign or a blank.
"""

import math
import re
from typing import NamedTuple, TypeVar

Value = int | float
V = TypeVar("V")

_WORD = r"(?:[^\\,= \x00-\x1f]|\\[,= ])"  # a backslash before anything else: servers differ
_LINE = re.compile(
    rf"(?P<measurement>{_WORD}+)(?P<tags>(?:,{_WORD}+={_WORD}+)*)"
    rf" (?P<fields>{_WORD}+=[^,= ]+(?:,{_WORD}+=[^,= ]+)*) (?P<at>-?\d{{1,19}})"
)
_PAIR = re.compile(rf"({_WORD}+)=({_WORD}+)")
_INTEGER = re.compile(r"-?\d+i")
_FLOAT = re.compile(r"-?\d+(\.\d+)?(e[+-]?\d+)?")
_RESERVED = {"time", "_field", "_measurement"}


class Point(NamedTuple):
    """One line as a server holds it; the time is in nanoseconds."""

    measurement: str
    tags: dict[str, str]
    fields: dict[str, Value]
    at: int


def parse(body: bytes) -> list[Point]:
    """Every line, each ended by a newline; raises `ValueError` for what is none."""
    text = body.decode("utf-8", errors="strict")
    if text and not text.endswith("\n"):
        raise ValueError("the last line does not end")
    return [_point(line) for line in text.split("\n")[:-1]]


def joined(points: list[Point]) -> dict[tuple[str, frozenset[tuple[str, str]], int], dict]:
    """What a server holds in the end: fields of lines with the same head and time are one point."""
    found: dict[tuple[str, frozenset[tuple[str, str]], int], dict[str, Value]] = {}
    for point in points:
        key = point.measurement, frozenset(point.tags.items()), point.at
        fields = found.setdefault(key, {})
        if fields.keys() & point.fields.keys():
            raise ValueError(f"written over: {point}")
        fields |= point.fields
    return found


def _point(line: str) -> Point:
    found = _LINE.fullmatch(line)
    if found is None or line.startswith("#"):
        raise ValueError(f"no line of the protocol: {line!r}")
    tags = _unique([(_plain(key), _plain(value)) for key, value in _PAIR.findall(found["tags"])])
    fields = _unique([(_plain(k), _number(v)) for k, v in _PAIR.findall(found["fields"])])
    if _RESERVED & (tags.keys() | fields.keys()):
        raise ValueError(f"a reserved name: {line!r}")
    return Point(_plain(found["measurement"]), tags, fields, int(found["at"]))


def _unique(pairs: list[tuple[str, V]]) -> dict[str, V]:
    if len(dict(pairs)) < len(pairs):
        raise ValueError(f"a key twice: {pairs}")
    return dict(pairs)


def _plain(word: str) -> str:
    return re.sub(r"\\([,= ])", r"\1", word)


def _number(text: str) -> Value:
    if _INTEGER.fullmatch(text):
        number = int(text[:-1])
        if not -(2**63) <= number < 2**63:
            raise ValueError(f"no int64: {text}")
        return number
    if not _FLOAT.fullmatch(text) or not math.isfinite(float(text)):
        raise ValueError(f"no number: {text!r}")
    return float(text)
