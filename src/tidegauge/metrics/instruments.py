"""Counter, gauge and distribution: what is recorded once a second and collected once a tick.

All hold the engine's own integers (nanoseconds, bytes); the catalogue's ``scale`` brings them to
the published unit at export. A tick's samples are all kept: nothing inside it is averaged away.
They are bounded by the tick: `collect` empties them.
"""

import math
from bisect import bisect_left
from collections.abc import Sequence
from operator import sub
from typing import Protocol

from msgspec import Struct

from tidegauge.docker.intervals import Life

Number = int | float


class Summary(Struct, frozen=True):
    """A distribution in seven numbers; percentiles are of the nearest rank."""

    count: int
    minimum: Number
    mean: float
    maximum: Number
    p50: Number
    p95: Number
    p99: Number


def summary(samples: Sequence[Number]) -> Summary | None:
    """Summarise one tick's samples; ``None`` of none."""
    if not samples:
        return None
    ordered = sorted(samples)

    def percentile(q: float) -> Number:
        return ordered[max(0, math.ceil(q / 100 * len(ordered)) - 1)]

    return Summary(
        count=len(ordered),
        minimum=ordered[0],
        mean=math.fsum(ordered) / len(ordered),
        maximum=ordered[-1],
        p50=percentile(50),
        p95=percentile(95),
        p99=percentile(99),
    )


class Histogram(Struct, frozen=True, gc=False):
    """All samples so far: how many fell to each bound and above the last, and their sum.

    ``counts`` has one more than ``bounds`` and is not added up; a sample equal to a bound is
    below it.
    """

    bounds: tuple[float, ...]
    counts: tuple[int, ...]
    sum: float


class Distribution:
    """Every value of a tick, and the last one; with ``bounds``, a histogram of all so far.

    A sample enters the histogram when it is collected, which costs 0.1 us then and nothing while
    recording. ``record`` adds one sample; it is the list's own method, at a third of the price of
    one around it.
    """

    __slots__ = ("_before", "_bounds", "_counts", "_samples", "_sum", "record")

    def __init__(self, bounds: tuple[float, ...] = ()) -> None:
        self._samples: list[Number] = []
        self.record = self._samples.append
        self._before: Number | None = None
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1) if bounds else []
        self._sum = 0.0

    @property
    def last(self) -> Number | None:
        """The newest sample, of whichever tick."""
        return self._samples[-1] if self._samples else self._before

    @property
    def histogram(self) -> Histogram | None:
        """Of all samples collected so far, if it has bounds."""
        if not self._bounds:
            return None
        return Histogram(self._bounds, tuple(self._counts), self._sum)

    def collect(self) -> tuple[Number, ...]:
        """This tick's samples in order of time; the next tick starts empty."""
        samples = tuple(self._samples)
        if not samples:
            return ()
        self._before = samples[-1]
        self._samples.clear()
        if self._bounds:
            self._sum += math.fsum(samples)
            for sample in samples:
                self._counts[bisect_left(self._bounds, sample)] += 1
        return samples


class Gauge:
    """A level that seldom moves: only its last value of a tick is kept."""

    __slots__ = ("_fresh", "last")

    def __init__(self) -> None:
        self._fresh = False
        self.last: Number | None = None

    def set(self, value: Number) -> None:
        """Replace the level."""
        self.last = value
        self._fresh = True

    def put(self, level: Number | None) -> None:
        """Replace the level; with ``None`` there is none any more."""
        self.last = level
        self._fresh = level is not None

    def repeat(self) -> None:
        """Report the level in this tick too, if there is one: it holds."""
        self._fresh = self.last is not None

    def collect(self) -> tuple[Number, ...]:
        """The level, if it was set in this tick: an old one is not reported again."""
        fresh, self._fresh = self._fresh, False
        return (self.last,) if fresh and self.last is not None else ()


class Counter:
    """A total that only grows, fed with the engine's cumulative values.

    The engine's values start again from zero with each life of a container; ``last`` does not.
    Within a life a value that falls adds 0, as in the original program.
    """

    __slots__ = ("_increments", "_life", "_seen", "last")

    def __init__(self) -> None:
        self._increments: list[Number] = []
        self._life: Life | None = None
        self._seen = 0
        self.last: Number | None = None

    def observe(self, seen: int, life: Life) -> int | None:
        """Take the next cumulative value; return what it added, ``None`` for a first value.

        The first value of a life adds itself when the life was seen from birth. Otherwise how
        much of it fell into this second is unknown, and it only sets the base.
        """
        if life is not self._life or self.last is None:
            return self._first(seen, life)
        added = seen - self._seen if seen > self._seen else 0
        self._seen = seen
        self._increments.append(added)
        self.last += added
        return added

    def observe_each(self, seen: Sequence[int]) -> None:
        """Take several of the same life, of which none is less than the one before it."""
        self._increments += map(sub, seen, [self._seen, *seen])
        self.last = (self.last or 0) + seen[-1] - self._seen
        self._seen = seen[-1]

    def _first(self, seen: int, life: Life) -> int | None:
        added: int | None = None
        if life is self._life:
            added = max(0, seen - self._seen)
        elif life.from_birth:
            added = seen
        if self.last is None:
            self.last = seen - (added or 0)
        self._life, self._seen = life, seen
        if added is not None:
            self.add(added)
        return added

    def begin(self, life: Life, seen: int = 0) -> None:
        """Take for granted that the engine's value was this much before, in the same life."""
        self._life, self._seen = life, seen

    def add(self, amount: Number) -> None:
        """Add an increment of one sample."""
        self._increments.append(amount)
        self.last = (self.last or 0) + amount

    def add_each(self, amounts: Sequence[Number]) -> None:
        """Add increments of several samples."""
        self._increments += amounts
        self.last = (self.last or 0) + sum(amounts)

    def skip(self, amount: Number) -> None:
        """Add to the total what is of no tick that anybody collects."""
        self.last = (self.last or 0) + amount

    def collect(self) -> tuple[Number, ...]:
        """This tick's increments in order of time; the next tick starts empty."""
        increments, self._increments = self._increments, []
        return tuple(increments)


class Instrument(Protocol):
    """What has samples in a tick, and a newest value."""

    @property
    def last(self) -> Number | None:
        """The newest level, or the total; ``None`` as long as there is none."""
        ...

    def collect(self) -> tuple[Number, ...]:
        """This tick's samples in order of time; the next tick starts empty."""
        ...
