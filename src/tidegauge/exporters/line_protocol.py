"""InfluxDB's line protocol: how names and numbers are written, and which stand in one line.

Source: InfluxData, "Line protocol reference" (1.x and 2.x).
"""

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from urllib.parse import quote

from msgspec import Struct

from tidegauge.exporters.places import Place, decimal, distribution, place
from tidegauge.metrics import (
    Attributes,
    Entity,
    Identity,
    Kind,
    Metric,
    Number,
    Series,
    Snapshot,
    identity,
)

RESERVED = frozenset({"time", "_field", "_measurement"})
"""Tags that InfluxDB keeps for itself."""

_INT64 = 2**63

_AWKWARD = re.compile(r"[%\\\x00-\x1f\x7f\ud800-\udfff]")
_SPECIAL = re.compile(r"[,= ]")


class Group(Struct, frozen=True):
    """The fields of one measurement and one set of tags, as they are written."""

    entity: Entity
    measurement: str
    tags: Attributes
    fields: list[str]


def groups(snapshot: Snapshot) -> Iterable[Group]:
    """Everything there is, by what it is written under."""
    found: dict[tuple[Identity, str, Attributes], Group] = {}
    for series in snapshot.present:
        at = _written(series.metric.name, series.attributes)
        key = identity(series.entity), at.measurement, at.tags
        group = found.get(key)
        if group is None:
            group = found[key] = Group(series.entity, at.measurement, at.tags, [])
        group.fields.extend(fields(series, at.field))
    return found.values()


@lru_cache(maxsize=10_000)
def _written(name: str, attributes: Attributes) -> Place:
    at = place(name, attributes)
    return Place(at.measurement, at.tags, escaped(at.field))


def fields(series: Series, name: str) -> Iterator[str]:
    """``name=value`` of the newest value, and of a gauge's distribution over several samples."""
    scale, whole = series.metric.scale, is_whole(series.metric)
    if newest := number(series.last, scale, whole):
        yield f"{name}={newest}"
    for statistic, level in distribution(series):
        if value := number(level, scale, whole and statistic != "mean"):
            yield f"{name}_{statistic}={value}"


def is_whole(metric: Metric) -> bool:
    """True for bytes and counts, which are written as integers: a field's type must not change."""
    counted = metric.kind is Kind.COUNTER and metric.unit.startswith("{")
    return metric.scale == 1.0 and (counted or metric.unit == "By")


def number(value: Number, scale: float, whole: bool) -> str:
    """As it is written; empty for what the format has no number for."""
    if not math.isfinite(value):
        return ""
    if not whole:
        return decimal(value, scale)
    return f"{int(value)}i" if -_INT64 <= value < _INT64 else ""


def escaped(name: str) -> str:
    """A tag, field or measurement as it is written; different for each name.

    The format has no way to write a line's end, and none for a backslash that every server reads
    alike. These are written as URLs do, ``%0A`` and ``%5C``, and so is the percent sign.
    """
    safe = _AWKWARD.sub(lambda each: quote(each[0], safe="", errors="surrogatepass"), name)
    return _SPECIAL.sub(r"\\\g<0>", safe)


def head(measurement: str, tags: Mapping[str, str]) -> str:
    """What a line has before its fields; tags are sorted by key, as servers like it."""
    pairs = (f",{escaped(key)}={escaped(value)}" for key, value in sorted(tags.items()))
    return escaped(measurement) + "".join(pairs)


def lines(head: str, fields: Iterable[str], at: float, limit: int) -> Iterator[bytes]:
    """Lines with these fields of at most ``limit`` bytes each, line's end included.

    Where one is not enough, the next repeats head and time, which servers put together again. A
    field too long for a line of its own is yielded in one that is longer.
    """
    start, end = f"{head} ".encode(), f" {round(at * 1000)}000000\n".encode()
    room = limit - len(start) - len(end)
    pieces: list[bytes] = []
    length = -1
    for piece in (each.encode() for each in fields):
        if pieces and length + 1 + len(piece) > room:
            yield start + b",".join(pieces) + end
            pieces, length = [], -1
        pieces.append(piece)
        length += 1 + len(piece)
    if pieces:
        yield start + b",".join(pieces) + end
