"""Which engines' series count, as queries can say it: however many there are, no query is too long.

Few that are left out are named in the query. Where that is long, those that count are named, some
in each of several queries, and their sums are added up here.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from itertools import groupby

from msgspec import Struct

from tidegauge.fleet.agents import Place
from tidegauge.fleet.machines import Node
from tidegauge.prometheus.names import Labels, escaped, label_text

LONGEST = 6000
"""Bytes that name nodes in a query of one column: VictoriaMetrics takes queries of 16 KiB."""

SHORT = 1200
"""The same, where all columns may be in one query."""

AROUND = 80
"""Bytes that stand in a query around each selector, or so."""


class Choice(Struct, frozen=True):
    """Nodes that count: ``only`` some, or all where none is named; but not those ``without``.

    Rates of ``unrated`` ones do not count either.
    """

    only: Sequence[Node] = ()
    without: Sequence[Node] = ()
    unrated: Sequence[Node] = ()


def choices(
    nodes: Iterable[Node], without: AbstractSet[Node], unrated: AbstractSet[Node], longest: int
) -> list[Choice]:
    """What counts of all without some, as one choice, or as several that have no place in common.

    ``nodes`` are all that are known; ``longest`` is how many bytes may name those of one.
    """
    left_out, jumping = sorted(without), sorted(unrated)
    if max(_length(left_out), _length(jumping)) <= SHORT:
        return [Choice((), left_out, jumping)]
    parts = parted((each for each in nodes if each not in without), longest)
    return [Choice(part, (), [each for each in part if each in unrated]) for part in parts]


def parted(nodes: Iterable[Node], longest: int) -> list[list[Node]]:
    """All of them in parts, each of which so many bytes name; a place is in one part whole."""
    parts: list[list[Node]] = []
    known, left = set[object](), 0
    for _, of_place in groupby(sorted(nodes), key=lambda each: each.place):
        group = [*of_place]
        size = sum(_size(each, known) for each in group)
        if size > left:
            parts.append([])
            known, left = set[object](), longest
            size = sum(_size(each, known) for each in group)
        parts[-1] += group
        left -= size
    return parts


def matchers_of(nodes: Iterable[Node]) -> list[str]:
    """What selects the series of these nodes, in as few selectors as can be."""
    by_rest: dict[tuple[Labels, str], set[str]] = defaultdict(set)
    for each in nodes:
        rest, named, value = _parts(each)
        by_rest[rest, named].add(value)
    return [
        f'{label_text(rest)},{named}=~"{"|".join(map(_quoted, sorted(values)))}"'
        for (rest, named), values in sorted(by_rest.items())
    ]


def matchers_of_node(node: Node) -> str:
    """What selects the series of one."""
    return label_text((*node.place._asdict().items(), ("engine", node.engine)))


def _parts(node: Node) -> tuple[Labels, str, str]:
    """Labels that others may have as well; the one by which it is named, and its value."""
    place: Place = node.place
    named = "instance" if place.instance else "host"
    rest = [(name, value) for name, value in place._asdict().items() if name != named]
    return (*rest, ("engine", node.engine)), named, getattr(place, named)


def _size(node: Node, known: set[object]) -> int:
    """Bytes that name one more beside those whose labels are ``known``, which it joins."""
    rest, named, value = _parts(node)
    fresh = (rest, named) not in known
    known.add((rest, named))
    around = len(label_text(rest).encode()) + AROUND if fresh else 0
    return len(_quoted(value).encode()) + 1 + around


def _length(nodes: Iterable[Node]) -> int:
    known = set[object]()
    return sum(_size(each, known) for each in nodes)


def _quoted(value: str) -> str:
    return escaped(re.escape(value))
