"""Series of one metric, asked of a server in PromQL.

Of few samples they themselves are asked for, and the answer is that of the embedded history. Of
many the server makes the buckets. Their 95th percentile is then interpolated, the mean of a counter
is that of its rates from sample to sample, however long these took, and what a counter has when it
begins anew is what it has grown. In ranges of more than `LOOKS` samples, rates are over several.
"""

import asyncio
import math
from collections import Counter, defaultdict
from collections.abc import Coroutine, Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

from msgspec import Struct

from tidegauge.errors import HistoryError
from tidegauge.history.prometheus_server import Found, Question
from tidegauge.history.rows import Points
from tidegauge.history.sampled import (
    STALE_MS,
    Bucket,
    buckets,
    gap_of,
    interval_of,
    levels,
    points,
    rates,
    summed,
)
from tidegauge.metrics import CATALOGUE, Attributes, Kind, Metric
from tidegauge.prometheus.names import LABELS, family

SAMPLES = 50_000
"""Of a family that has more in a range, the server makes the buckets; so many are 1.5 MB."""

WORTH_IT = 10
"""Samples of a bucket; with fewer the interval of its samples cannot be told from their count."""

LOOKS = 20_000
"""How often a server looks at the rate of a counter in a range: VictoriaMetrics bears 30 000."""

COUNTED_MS = 60_000
"""The buckets in which samples are counted where no step is asked for."""

METRICS: Mapping[str, Metric] = {metric.name: metric for metric in CATALOGUE}

STATISTICS = "avg_over_time(", "min_over_time(", "max_over_time(", "quantile_over_time(0.95, "

T = TypeVar("T")
Parts = tuple[str, ...]


class Family(Struct, frozen=True):
    """What is read to answer for a metric; ``over`` are the labels that are summed over."""

    metric: Metric
    name: str
    over: tuple[str, ...]

    @property
    def counter(self) -> bool:
        """Are its rates asked for?"""
        return self.metric.kind is Kind.COUNTER

    def attributes(self, labels: Mapping[str, str]) -> Attributes:
        """Those of the series that one with these labels belongs to."""
        return tuple(
            (each, labels[LABELS[each]])
            for each in self.metric.attributes
            if LABELS[each] in labels
        )

    def part(self, labels: Mapping[str, str]) -> tuple[Attributes, Parts]:
        """The same, and which part of its sum it is."""
        return self.attributes(labels), tuple(labels.get(each, "") for each in self.over)


def families_of(metric: Metric) -> tuple[Family, ...]:
    """All with series of a metric; of a sum over parts there are only the parts."""
    whole = METRICS[metric.name.removesuffix(".sum")]
    over = tuple(LABELS[each] for each in whole.attributes if each not in metric.attributes)
    every = tuple((each, "") for each in whole.attributes)
    found = family(whole, ()), family(whole, every)
    return tuple(dict.fromkeys(Family(metric, each.name, over) for each in found if each))


class Span(Struct, frozen=True):
    """Buckets of ``step`` milliseconds from ``start`` to before ``stop``; 0 is for samples."""

    start: int
    stop: int
    step: int

    @classmethod
    def of(cls, start: float, stop: float, step: float) -> "Span":
        """Whole buckets with all of a range of seconds."""
        return cls(round(1000 * start), round(1000 * stop), 0).by(round(1000 * step))

    def by(self, step: int) -> "Span":
        """The same in other buckets."""
        return Span(self.start - self.start % step if step else self.start, self.stop, step)

    @property
    def window(self) -> str:
        """What makes ``*_over_time`` look at one bucket, evaluated at its end.

        Without its end, which Prometheus would take into two buckets.
        """
        return f"[{self.step}ms] offset 1ms"

    async def ask(self, question: Question, promql: str) -> list[Found]:
        """An expression for each bucket, by the time it begins."""
        if self.stop <= self.start:
            return []
        last = self.stop - 1 - (self.stop - 1) % self.step
        found = await question.over(promql, self.start + self.step, last + self.step, self.step)
        return [
            Found(each.labels, [at - self.step for at in each.times], each.values) for each in found
        ]


class SeriesOf:
    """Asks for the series of one family; ``matchers`` say of which entity."""

    def __init__(
        self, question: Question, family: Family, matchers: str, span: Span, samples: int
    ) -> None:
        self._question, self._family, self._span, self._samples = question, family, span, samples
        self._selector = f"{family.name}{{{matchers}}}"

    async def points(self) -> list[Points]:
        """All with a value; raises `HistoryError`."""
        counted = self._span if self._span.step else self._span.by(COUNTED_MS)
        counting = f"count_over_time({self._selector}{counted.window})"
        counts = await counted.ask(self._question, counting)
        check_sources(self._family, counts)
        every = [count for each in counts for count in each.values]
        most = max(every, default=0)
        if self._span.step and most >= WORTH_IT and sum(every) > self._samples:
            return await self._made_there(counts, self._span.step // round(most))
        return await self._made_here() if every else []

    async def _made_here(self) -> list[Points]:
        span = self._span
        range_ms = span.stop - span.start + STALE_MS  # the sample before tells the first rate
        found = await self._question.at(f"{self._selector}[{range_ms}ms]", span.stop - 1)
        return await asyncio.to_thread(lambda: [*_points_of_samples(self._family, found, span)])

    async def _made_there(self, counts: Sequence[Found], interval: int) -> list[Points]:
        inside = self._inside(interval)
        asked = (self._span.ask(self._question, f"{each}{inside})") for each in STATISTICS)
        found = await together(asked)
        gap = gap_of(interval)
        return [*_points_of_buckets(self._family, counts, found, self._span.step, gap)]

    def _inside(self, interval: int) -> str:
        """What statistics are made of."""
        if not self._family.counter:
            return f"{self._selector}{self._span.window}"
        looks = (self._span.stop - self._span.start) / interval
        every = interval * math.ceil(looks / LOOKS)
        # Of the two newest samples, or of all that came since the look before, and the one then.
        function, back = ("irate", gap_of(interval)) if every == interval else ("rate", interval)
        rate = f"{function}({self._selector}[{every + back}ms] offset 1ms)"
        # Only where a sample came since the look before, so that each rate counts once.
        new = f"count_over_time({self._selector}[{every}ms] offset 1ms)"
        summed = f"sum without ({','.join(self._family.over)}) " if self._family.over else ""
        return f"({summed}({rate} and {new}))[{self._span.step - 1}ms:{every}ms]"


def check_sources(family: Family, counts: Sequence[Found]) -> None:
    """Raises `HistoryError` if two series are the same to us, but for the bucket of a change."""
    by_part: dict[tuple[Attributes, Parts], list[Found]] = defaultdict(list)
    for each in counts:
        by_part[family.part(each.labels)].append(each)
    for same in by_part.values():
        known = Counter(at for each in same for at in each.times)
        twice = [at for at, count in known.items() if count > 1]
        if len(twice) > 2 * len(same):
            raise HistoryError(
                _two_sources(family, [each for each in same if twice[0] in each.times])
            )


def _two_sources(family: Family, found: Sequence[Found]) -> str:
    one, other = (each.labels for each in found[:2])
    label = min(name for name, _ in one.items() ^ other.items())
    values = " and ".join(f'"{labels.get(label, "")}"' for labels in (one, other))
    return (
        f"history.prometheus has {family.name} of it twice, with the label {label} of {values};"
        " say in history.labels which one it is."
    )


def _points_of_samples(family: Family, found: Sequence[Found], span: Span) -> Iterator[Points]:
    parts: dict[tuple[Attributes, Parts], dict[int, float]] = defaultdict(dict)
    for each in found:
        parts[family.part(each.labels)].update(zip(each.times, each.values, strict=True))
    series: dict[Attributes, list[dict[int, float]]] = defaultdict(list)
    for (attributes, _), samples in parts.items():
        series[attributes].append(samples)
    for attributes, every in series.items():
        curves = [rates(samples) if family.counter else levels(samples) for samples in every]
        curve = curves[0] if len(curves) == 1 else summed(curves)
        inside = (each for each in buckets(curve, span.step) if each.start >= span.start)
        gap = gap_of(interval_of(curve.times))
        if made := points(family.metric.name, attributes, inside, span.step, gap):
            yield made


def _points_of_buckets(
    family: Family,
    counts: Iterable[Found],
    statistics: Iterable[Iterable[Found]],
    step: int,
    gap: int,
) -> Iterator[Points]:
    columns = [_by_attributes(family, each) for each in statistics]
    for attributes, counted in _by_attributes(family, counts).items():
        made = (
            Bucket(start, *(column.get(attributes, {}).get(start) for column in columns))
            for start in sorted(counted)
        )
        if whole := points(family.metric.name, attributes, made, step, gap):
            yield whole


def _by_attributes(family: Family, found: Iterable[Found]) -> dict[Attributes, dict[int, float]]:
    series: dict[Attributes, dict[int, float]] = defaultdict(dict)
    for each in found:
        series[family.attributes(each.labels)].update(zip(each.times, each.values, strict=True))
    return series


async def together(questions: Iterable[Coroutine[object, object, T]]) -> list[T]:
    """The answers to several questions; of what goes wrong, the first."""
    try:
        async with asyncio.TaskGroup() as tasks:
            asked = [tasks.create_task(each) for each in questions]
    except BaseExceptionGroup as group:
        raise group.exceptions[0] from None
    return [each.result() for each in asked]
