"""StatsD's format: how the levels of a tick are written, and which stand in one datagram.

A level is ``<key>:<level>|ms``; see `tidegauge.exporters.statsd` for what comes more than once.
"""

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from functools import lru_cache
from typing import Literal

from msgspec import Struct

from tidegauge.metrics import Number

Line = tuple[str, Sequence[Number], str]
"""A key, the levels of one tick, in order of time, and what ends each measurement: tags.

There are levels, and their whole part is sent.
"""

Repeats = Literal["rate", "each"]
"""A level that came more than once in a tick: once with its rate, or as often as it came."""


class Encoded(Struct, frozen=True):
    """Datagrams, and the keys of measurements too long for one, once for each measurement."""

    datagrams: list[bytes]
    too_long: list[str]


def encode(lines: Iterable[Line], max_packet_size: int, repeats: Repeats = "rate") -> Encoded:
    """Pack lines in their order, joined by newlines, into as few datagrams as that order needs.

    A key's measurements are joined by colons; where they do not all fit, the next datagram
    repeats the key. With tags each has a line of its own: DogStatsD reads no others.
    """
    measured = measurements if repeats == "rate" else single_measurements
    written: list[str] = []
    too_long: list[str] = []
    for key, levels, tags in lines:
        if not levels:
            continue
        text = measured(levels)
        line = _tagged(key, text, tags) if tags else f"{key}:{text}"
        if len(line) > max_packet_size:
            room = max_packet_size - len(key) - 1 - len(tags)
            each = text.split(":")
            fitting = [one for one in each if len(one) <= room]
            too_long += [key] * (len(each) - len(fitting))
            if not fitting:
                continue
            line = _tagged(key, ":".join(fitting), tags)
        written.append(line)
    return Encoded([*_datagrams("\n".join(written), max_packet_size)], too_long)


def _tagged(key: str, text: str, tags: str) -> str:
    """Measurements of a key, each with its tags on a line of its own if it has any."""
    if tags:
        text = text.replace(":", f"{tags}\n{key}:")
    return f"{key}:{text}{tags}"


def _datagrams(text: str, size: int) -> Iterator[bytes]:
    """Cut lines of which each measurement fits; all is ASCII, so lengths are bytes.

    Cut as a whole, in C: to ask for each line takes as long as to write it.
    """
    key, at = "", 0
    while len(key) + len(text) - at > size:
        most = at + size - len(key)
        end = text.rfind("\n", at, most + 1)
        start = at if end < 0 else end + 1
        colon = text.index(":", start)
        cut = text.rfind(":", colon + 1, most + 1)
        if cut < 0 or text.find("|#", start, cut) >= 0:
            yield f"{key}{text[at:end]}".encode("ascii")
            key, at = "", end + 1
        else:  # in the middle of a line, whose key comes again
            yield f"{key}{text[at:cut]}".encode("ascii")
            key, at = text[start:colon] or key, cut
    if at < len(text):
        yield f"{key}{text[at:]}".encode("ascii")


def measurements(levels: Sequence[Number]) -> str:
    """Each distinct level once, ascending, as a StatsD timer; see `tidegauge.exporters.statsd`."""
    times = len(levels)
    if levels.count(levels[0]) == times:
        return form(times) % levels[0]
    if len(set(levels)) == times:
        return single_measurements(sorted(levels))
    counts: dict[Number, int] = {}  # a `Counter` takes 2 us more
    for level in sorted(levels):
        counts[level] = counts.get(level, 0) + 1
    return ":".join(map(form, counts.values())) % tuple(counts)


def single_measurements(levels: Sequence[Number]) -> str:
    """Each sample as a StatsD timer, in order of time."""
    return ("%d|ms:" * len(levels))[:-1] % tuple(levels)


@lru_cache(maxsize=1000)
def form(times: int) -> str:
    """A level that came so often, with a gap for it."""
    return "%d|ms" if times == 1 else f"%d|ms|@{rate(times)}"


def rate(times: int) -> str:
    """``1 / times`` in plain decimals: StatsD cuts a rate at its exponent."""
    return format(Decimal(repr(1 / times)), "f")
