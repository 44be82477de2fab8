"""A long past of an engine that does the same again and again, put before what is kept.

Of the demo's engine two hours are made, as it ran; whatever it did before is these two hours, with
more or less to do as days come and go.
"""

import asyncio
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from itertools import groupby

from msgspec.structs import replace

from tidegauge.history.opening import OpenHistory
from tidegauge.history.rows import Event, Extent, History, Known, Points, Query
from tidegauge.history.tiers import GAP_MS
from tidegauge.metrics import CATALOGUE, Kind

GAP = GAP_MS / 1000
COUNTERS = frozenset(metric.name for metric in CATALOGUE if metric.kind is Kind.COUNTER)

Bucket = tuple[float, float | None, float | None, float | None, float | None]
"""Its time, mean, least, greatest and percentile."""


class Repeated:
    """Implements `History` by a round, of which ``once`` has all from ``begin`` on.

    It goes back to ``oldest``; what happened is told from ``eventful`` on. All in Unix seconds, of
    which a round has whole minutes, and begins at a multiple of itself. Rates are those of the
    round by the ``tide`` of their time.
    """

    def __init__(
        self,
        once: History,
        begin: int,
        seconds: int,
        *,
        oldest: float,
        eventful: float,
        tide: Callable[[float], float] = lambda _: 1.0,
    ) -> None:
        self._once, self._begin, self._seconds = once, begin, seconds
        self._oldest, self._eventful, self._tide = oldest, eventful, tide

    async def entities(self, start: float, stop: float) -> list[Known]:
        """All of the round: each was there again and again."""
        if max(start, self._oldest) > stop:
            return []
        found = await self._once.entities(self._begin, self._begin + self._seconds)
        return [replace(each, first=self._oldest, last=max(stop, each.last)) for each in found]

    async def series(self, query: Query) -> list[Points]:
        """In buckets of the step, whether a round has a whole number of them or not."""
        step = round(query.step)
        part = math.gcd(step, self._seconds)
        end = self._begin + self._seconds
        found = await self._once.series(
            replace(query, start=self._begin, stop=end, step=float(part))
        )
        start, stop = max(query.start, self._oldest), query.stop
        if step:
            start -= start % step
        told = (self._told(each, start, stop, step) for each in found)
        return [each for each in told if each.times]

    async def events(self, start: float, stop: float) -> list[Event]:
        """Those of the round, in each round."""
        start, end = max(start, self._eventful), self._begin + self._seconds
        found = await self._once.events(self._begin, end)
        return [
            replace(event, at=event.at + 1000 * passed)
            for passed in self._rounds(start, stop)
            for event in found
            if start <= event.at / 1000 + passed < stop
        ]

    async def extent(self) -> Extent:
        """What the round takes, and how far back it goes."""
        return Extent((await self._once.extent()).size, self._oldest)

    def _rounds(self, start: float, stop: float) -> Iterator[int]:
        """By how many seconds the round is moved to fill a range."""
        first = math.floor((start - self._begin) / self._seconds)
        last = math.ceil((stop - self._begin) / self._seconds)
        return (number * self._seconds for number in range(first, last))

    def _told(self, once: Points, start: float, stop: float, step: int) -> Points:
        of_round = [*_buckets(once)]
        every: Iterable[Bucket] = (
            (at + passed, mean, least, greatest, p95)
            for passed in self._rounds(start, stop)
            for at, mean, least, greatest, p95 in of_round
            if start <= at + passed < stop
        )
        if once.metric in COUNTERS:
            every = (_by(self._tide(bucket[0]), bucket) for bucket in every)
        if step and self._seconds % step:
            every = _in_larger_ones(every, step)
        return _points(once, [*_with_holes(every, step)])


class Behind:
    """Implements `History`: a past until ``since``, and from then on the present.

    While the ``past`` is being made, in another thread, what is asked of it waits.
    """

    def __init__(self, past: Future[History], present: OpenHistory, since: float) -> None:
        self._past, self._present, self._since = past, present, since

    def close(self) -> None:
        """Let go of the present's file; that of the past goes with its folder."""
        self._present.close()

    async def entities(self, start: float, stop: float) -> list[Known]:
        """All that was there once."""
        known = {each.identity: each for each in await self._present.entities(start, stop)}
        if start < self._since:
            past = await self._made()
            for each in await past.entities(start, min(stop, self._since)):
                now: Known = known.get(each.identity, each)
                known[each.identity] = replace(now, first=min(now.first, each.first))
        return [*known.values()]

    async def series(self, query: Query) -> list[Points]:
        """What begins before the present is of the past, all of the bucket."""
        step = query.step
        border = math.ceil(self._since / step) * step if step else self._since
        before: list[Points] = []
        after: list[Points] = []
        if query.start < border:
            past = await self._made()
            before = await past.series(replace(query, stop=min(query.stop, border)))
        if query.stop > border:
            start = max(query.start, border)
            after = await self._present.series(replace(query, start=start))
        return [*_one_after_the_other(before, after)]

    async def events(self, start: float, stop: float) -> list[Event]:
        """All of both."""
        found: list[Event] = []
        if start < self._since:
            found += await (await self._made()).events(start, min(stop, self._since))
        if stop > self._since:
            found += await self._present.events(max(start, self._since), stop)
        return found

    async def extent(self) -> Extent:
        """Of the present alone while there is no past."""
        now = await self._present.extent()
        if not self._past.done():
            return now
        past = await (await self._made()).extent()
        return Extent((now.size or 0) + (past.size or 0), past.oldest)

    async def _made(self) -> History:
        return await asyncio.shield(asyncio.wrap_future(self._past))


def _buckets(points: Points) -> Iterator[Bucket]:
    lists = points.times, points.mean, points.least, points.greatest, points.p95
    return zip(*lists, strict=True)


def _points(of: Points, buckets: Sequence[Bucket]) -> Points:
    times = [bucket[0] for bucket in buckets]
    mean, least, greatest, p95 = ([bucket[n] for bucket in buckets] for n in (1, 2, 3, 4))
    return Points(of.metric, of.attributes, times, mean, least, greatest, p95)


def _by(factor: float, bucket: Bucket) -> Bucket:
    at, *values = bucket
    mean, least, greatest, p95 = (None if each is None else each * factor for each in values)
    return at, mean, least, greatest, p95


def _in_larger_ones(buckets: Iterable[Bucket], step: int) -> Iterator[Bucket]:
    """All parts count as much."""
    for start, inside in groupby(buckets, key=lambda bucket: bucket[0] - bucket[0] % step):
        known = [bucket for bucket in inside if bucket[1] is not None]
        if not known:
            yield start, None, None, None, None
            continue
        mean, least, greatest, p95 = (
            [value for value in column if value is not None]
            for column in zip(*(bucket[1:] for bucket in known), strict=True)
        )
        yield start, sum(mean) / len(mean), min(least), max(greatest), max(p95)


def _with_holes(buckets: Iterable[Bucket], step: int) -> Iterator[Bucket]:
    """With an unknown bucket where a round ends in a gap, or begins in one."""
    before: Bucket | None = None
    for bucket in buckets:
        if before and before[1] is not None and bucket[0] - before[0] > GAP + step:
            yield before[0] + (step or 1), None, None, None, None
        before = bucket
        yield bucket


def _one_after_the_other(before: Sequence[Points], after: Sequence[Points]) -> Iterator[Points]:
    """What is of one series is put together; the first rates of the present are known before."""
    later = {(each.metric, each.attributes): each for each in after}
    for each in before:
        following = later.pop((each.metric, each.attributes), None)
        if following is None:
            yield each
            continue
        buckets = [*_buckets(following)]
        begin = next((n for n, bucket in enumerate(buckets) if bucket[1] is not None), 0)
        yield _points(each, [*_buckets(each), *buckets[begin:]])
    yield from later.values()
