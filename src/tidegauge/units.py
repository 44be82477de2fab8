"""Types and notations of option values that several parts share; knows nothing but text.

A duration is held as float seconds and written as people write it: ``10s``, ``1h30m``, ``250ms``;
a size as whole bytes: ``16MiB``, ``64kB``.
"""

import re
from decimal import Decimal
from typing import Annotated

from msgspec import Meta

Port = Annotated[int, Meta(ge=1, le=65535)]
"""A TCP or UDP port."""

Seconds = Annotated[float, Meta(gt=0, extra={"unit": "s"})]
"""A duration in seconds; the mark lets a configuration spell it ``"10s"`` as well as ``10``."""

Size = Annotated[int, Meta(extra={"unit": "By"})]
"""A size in bytes; the mark lets a configuration spell it ``"16MiB"`` as well as ``16777216``."""

_SECONDS: dict[str, Decimal] = {
    name: seconds
    for names, seconds in {
        "ns nano nanos nanosecond nanoseconds": Decimal("1e-9"),
        "us micro micros microsecond microseconds": Decimal("1e-6"),
        "ms milli millis millisecond milliseconds": Decimal("1e-3"),
        "s second seconds": Decimal(1),
        "m minute minutes": Decimal(60),
        "h hour hours": Decimal(3600),
        "d day days": Decimal(86400),
    }.items()
    for name in names.split()
}

_BYTES: dict[str, int] = {
    "": 1,
    "B": 1,
    "kB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "KiB": 2**10,
    "MiB": 2**20,
    "GiB": 2**30,
}

_NUMBER = r"\d{1,15}(?:\.\d{1,15})?"
_PART = re.compile(rf"\s*({_NUMBER})\s*([a-z]+)", re.ASCII)
_SIZE = re.compile(rf"\s*({_NUMBER})\s*([A-Za-z]*)\s*", re.ASCII)
_BARE = re.compile(rf"\s*{_NUMBER}\s*", re.ASCII)


def parse_duration(text: str) -> float:
    """Seconds from ``"10s"``, ``"1h 30m"``, ``"10 seconds"``, or a bare number of seconds.

    Raises `ValueError` with a clause fit for users, to follow the name of what was set.
    """
    if _BARE.fullmatch(text):
        return float(text)
    total, end = Decimal(0), 0
    while part := _PART.match(text, end):
        unit = _SECONDS.get(part[2])
        if unit is None:
            break
        total, end = total + Decimal(part[1]) * unit, part.end()
    if end == 0 or text[end:].strip():
        raise ValueError(f'must be a duration such as "10s", not "{text}"')
    return float(total)


def format_duration(seconds: float) -> str:
    """The shortest such text from whole units: 5400.0 is ``1h30m``; `parse_duration` reads it."""
    milliseconds, rest = divmod(Decimal(repr(seconds)) * 1000, 1)
    if rest:
        return f"{Decimal(repr(seconds)):f}s"
    parts: list[str] = []
    left = int(milliseconds)
    for unit, size in (("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)):
        amount, left = divmod(left, size)
        if amount:
            parts.append(f"{amount}{unit}")
    return "".join(parts) or "0s"


def parse_size(text: str) -> int:
    """Bytes from ``"16MiB"``, ``"1.5 GB"`` or a bare number of bytes; a fraction is cut.

    Raises `ValueError` with a clause fit for users, to follow the name of what was set.
    """
    written = _SIZE.fullmatch(text)
    unit = _BYTES.get(written[2]) if written else None
    if written is None or unit is None:
        raise ValueError(f'must be a size such as "16MiB", not "{text}"')
    return int(Decimal(written[1]) * unit)


def format_size(size: float) -> str:
    """About such a text, for people: 16777216 is ``16MiB``, 1536 is ``1.5KiB``."""
    for unit in ("GiB", "MiB", "KiB"):
        if size >= _BYTES[unit]:
            return f"{size / _BYTES[unit]:.1f}".removesuffix(".0") + unit
    return f"{size:.0f}B"
