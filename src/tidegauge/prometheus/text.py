"""A registry as Prometheus' text format 0.0.4 and as OpenMetrics 1.0: what is so at this moment.

The lines of samples are the same in both. All series of a family stand together, in the order of
the vocabulary. Everything but the numbers is kept from one page to the next: for a few entities at
a time the lines they have in each family, with gaps, made anew when their series change.
"""

import asyncio
from collections.abc import Iterable, Sequence
from itertools import accumulate, chain
from typing import NamedTuple, Protocol

from tidegauge.clock import Clock
from tidegauge.metrics import Distribution, Histogram, LevelColumn, Number, Registry
from tidegauge.metrics.entities import Recorders
from tidegauge.prometheus.names import Family, bound_text

TEXT = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"

SLICE = 25
"""Entities between two pauses: 1 ms, or 10 when all are new; nobody waits longer for a page."""


class Value(Protocol):
    """What has a newest value, or none yet; an instrument has."""

    @property
    def last(self) -> Number | None:
        """It."""
        ...


class Line(NamedTuple):
    """A series of a family: its labels as `label_text` writes them, and where its values come from.

    ``divisor`` brings them to the family's unit. A histogram is one such line too, of a
    `Distribution`.
    """

    family: Family
    labels: str
    value: Value
    divisor: int = 1


class Vocabulary(Protocol):
    """What is on a page, and what it is called."""

    @property
    def families(self) -> Sequence[Family]:
        """All there can be, in the order of the page."""
        ...

    def lines(self, recorders: Recorders, now: float) -> Iterable[Line]:
        """All of an entity that holds at ``now``, by the monotonic clock."""
        ...


class Page:
    """Renders a registry in one vocabulary, as often as asked."""

    def __init__(self, vocabulary: Vocabulary, registry: Registry, clock: Clock) -> None:
        self._vocabulary, self._registry, self._clock = vocabulary, registry, clock
        self._parts: dict[int, _Part] = {}

    async def render(self, content_type: str = TEXT) -> bytes:
        """The page as it is now, as `TEXT` or `OPENMETRICS`; others have their turns meanwhile."""
        live, parts = list(self._registry.live()), dict[int, _Part]()
        texts: dict[str, list[bytes]] = {family.name: [] for family in self._vocabulary.families}
        for start in range(0, len(live), SLICE):
            parts[start], written = self._part(start, live[start : start + SLICE])
            for name, text in written:
                texts[name].append(text.encode())  # of all at once it takes 10 ms
            await asyncio.sleep(0)
        self._parts = parts
        openmetrics = content_type == OPENMETRICS
        page: list[bytes] = []
        for family in self._vocabulary.families:
            if found := texts[family.name]:
                page += [_heading(family, openmetrics=openmetrics).encode(), *found]
        return b"".join([*page, b"# EOF\n" if openmetrics else b""])

    def _part(self, start: int, entities: Sequence[Recorders]) -> "tuple[_Part, Texts]":
        """The lines of a few entities, those of the last page if they are the same."""
        now, known = self._clock.monotonic(), self._parts.get(start)
        shapes = [(each, each.shape(now)) for each in entities]
        if known is not None and shapes == known.shapes and (texts := known.texts()):
            known.shapes = shapes  # equal, and quicker to compare the next time
            return known, texts
        part = _Part(shapes)
        for each in entities:
            for line in self._vocabulary.lines(each, now):
                part.add(line)
        return part, part.texts() or []


Texts = list[tuple[str, str]]
"""Families' names and lines."""


class _Part:
    """The lines of a few entities, by family."""

    def __init__(self, shapes: Sequence[object]) -> None:
        self.shapes = shapes
        self._blocks: dict[tuple[str, int], _Block] = {}
        self._absent: list[Value] = []

    def add(self, line: Line) -> None:
        """Put a line where it belongs, or remember that it is one as soon as it has a value."""
        if line.value.last is None:
            self._absent.append(line.value)
            return
        block = self._blocks.get((line.family.name, line.divisor))
        if block is None:
            made = _Histograms if line.family.kind == "histogram" else _Block
            block = self._blocks[line.family.name, line.divisor] = made(line)
        block.add(line)

    def texts(self) -> Texts | None:
        """All lines as they are now; ``None`` when other series have a value now than had."""
        if any(each.last is not None for each in self._absent):
            return None
        numbers = [block.numbers() for block in self._blocks.values()]
        if any(None in each for each in numbers):
            return None
        pairs = zip(self._blocks.values(), numbers, strict=True)
        return [(block.family, block.form % tuple(each)) for block, each in pairs]


class _Block:
    """Lines of one family: a form with gaps, and what fills them."""

    def __init__(self, line: Line) -> None:
        self.family, self._divisor = line.family.name, line.divisor
        self.form: str = ""
        self._values: list[Value] = []

    def add(self, line: Line) -> None:
        """Append a line."""
        self.form += f"{_head(self.family, line.labels)}%r\n"
        self._values.append(line.value)

    def numbers(self) -> Sequence[Number | None]:
        """What is in the gaps now."""
        numbers = [each.last for each in self._values]
        if self._divisor == 1 or None in numbers:
            return numbers
        # The nearest float there is, also of integers beyond 2^53.
        return [number / self._divisor for number in numbers if number is not None]


class _Histograms(_Block):
    """The same of histograms: each a bucket for each bound and one above, their sum and count."""

    def __init__(self, line: Line) -> None:
        super().__init__(line)
        self._distributions: list[Distribution | LevelColumn] = []

    def add(self, line: Line) -> None:
        """Append the lines of one."""
        distribution = line.value
        if not isinstance(distribution, Distribution | LevelColumn):
            return
        histogram = distribution.histogram
        if histogram is None:
            return
        comma = "," if line.labels else ""
        buckets = [
            _head(f"{self.family}_bucket", f'{line.labels}{comma}le="{bound_text(bound)}"')
            for bound in (*histogram.bounds, float("inf"))
        ]
        ends = [_head(f"{self.family}_{end}", line.labels) for end in ("sum", "count")]
        self.form += "".join(f"{head}%r\n" for head in (*buckets, *ends))
        self._distributions.append(distribution)

    def numbers(self) -> Sequence[Number | None]:
        """What is in the gaps now."""
        found = [each.histogram for each in self._distributions]
        return [*chain.from_iterable(_numbers(each) for each in found if each is not None)]


def accepted(accept: str) -> str:
    """The format that an ``Accept`` header likes best: `TEXT` unless it prefers OpenMetrics."""
    weights = {"application/openmetrics-text": 0.0, "text/plain": 0.0}
    for part in accept.split(","):
        kind, *parameters = (word.strip().lower() for word in part.split(";"))
        weight = next((each[2:] for each in parameters if each.startswith("q=")), "1")
        if kind in weights:
            weights[kind] = max(weights[kind], _weight(weight))
    openmetrics, text = weights.values()
    return OPENMETRICS if openmetrics and openmetrics >= text else TEXT


def _weight(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


def _heading(family: Family, *, openmetrics: bool) -> str:
    name: str = family.name
    kind: str = family.kind
    if openmetrics and kind == "counter":
        name = name.removesuffix("_total")
    elif not openmetrics and kind == "unknown":
        kind = "untyped"
    return f"# HELP {name} {family.help}\n# TYPE {name} {kind}\n"


def _head(name: str, labels: str) -> str:
    """What comes before a number, for use in a form."""
    return f"{name}{{{labels}}} ".replace("%", "%%")


def _numbers(histogram: Histogram) -> Sequence[Number]:
    counts = [*accumulate(histogram.counts)]
    return [*counts, histogram.sum, counts[-1]]
