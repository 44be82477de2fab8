"""An hour of one entity's blocks, rolled up into a block for each coarser tier."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate, chain, repeat
from operator import mul, sub

from msgspec import Struct

from tidegauge.errors import HistoryDamaged
from tidegauge.history.block import Block, Codec, joined
from tidegauge.history.codec import ABSENT
from tidegauge.history.rounding import rounded, unrounded
from tidegauge.history.rows import Shape, Stored
from tidegauge.history.tiers import (
    ROLLED,
    UNKNOWN,
    Column,
    Grid,
    Levels,
    Line,
    Moves,
    levels,
    rates,
    rates_of,
    rolled,
    rolled_moves,
)

HOUR = 3_600_000
"""Milliseconds that are rolled up at once; a multiple of every tier's step."""

_WEIGHTS = "points", "milliseconds"
"""The first columns of a rolled block: how many points a bucket has, how long its rates took."""

MERGED = {2: 6 * HOUR, 3: 24 * HOUR}
"""By tiers, for how long their blocks are put together: single hours of them have few points."""

STATISTICS = 4
"""Parts of a column behind them, at most: mean, least, greatest, 95th percentile."""


class Rolled(Struct, frozen=True):
    """A tier's number, its block, and the first and last bucket's start."""

    tier: int
    start: int
    stop: int
    points: int
    data: bytes


class _Opened(Struct, frozen=True):
    numbers: dict[Stored, int]
    block: Block
    times: list[int]


class _Hour:
    """The points from the one before an hour to its last one, of blocks in order of time."""

    def __init__(self, blocks: Sequence[tuple[Shape, Block]], hour: int) -> None:
        self._opened = [
            _Opened({stored: n for n, stored in enumerate(shape)}, block, block.times)
            for shape, block in blocks
        ]
        times = [at for each in self._opened for at in each.times]
        self._first, self._end = bisect_left(times, hour), bisect_left(times, hour + HOUR)
        self._begin = max(self._first - 1, 0)
        self.line = Line.of(times[self._begin : self._end])
        self.points = self._end - self._first
        self.grid = Grid.of(self.line, [tier.step for tier in ROLLED], self._first - self._begin)

    def source(self, stored: Stored) -> object:
        """The same for series that are the same all the time."""
        numbers = ((each.block, each.numbers.get(stored)) for each in self._opened)
        return stored.counter, *(
            number if number is None else block.source(number) for block, number in numbers
        )

    def rolled(self, stored: Stored) -> list[Column]:
        """What one series had, in a column for each size of buckets."""
        moves = self._moves(stored)
        if moves is not None:
            return rolled_moves(self.grid, moves)
        if not stored.counter:
            return rolled(self.grid, levels(self._floats(stored)))
        of = self._rates(stored) or rates(self.line, self._values(stored))
        return rolled(self.grid, of)

    def _moves(self, stored: Stored) -> Moves | None:
        """If there are only some, and it is a level, or a counter that is known all the time."""
        if stored.counter and not (self.line.whole and self._begin < self._first):
            return None
        where, steps, points, last = list[int](), list[int](), 0, 0
        for each in self._opened:
            number = each.numbers.get(stored)
            found = None if number is None else each.block.moves(number)
            if found is None or (stored.counter and not (found.rising and found.first >= last)):
                return None
            where += (points, *(points + at for at in found.where))
            steps += (found.first - last, *found.steps)
            points += each.block.points
            last = found.first + sum(found.steps)
        begin, end = bisect_right(where, self._begin), bisect_left(where, self._end)
        moved = [at - self._begin for at in where[begin:end]]
        if stored.counter:
            took = (self.line.per_second[at - 1] for at in moved)
            return Moves(moved, [*map(mul, took, steps[begin:end])], steps[begin:end])
        runs = map(repeat, map(float, accumulate(steps)), map(sub, [*where[1:], points], where))
        return Moves(moved, [*chain.from_iterable(runs)][self._begin : self._end])

    def _floats(self, stored: Stored) -> list[float]:
        """As they are sorted and summed in a third less time than large integers."""
        columns = (
            [UNKNOWN] * len(each.times) if number is None else _floats(each.block, number)
            for each in self._opened
            for number in [each.numbers.get(stored)]
        )
        return [*chain.from_iterable(columns)][self._begin : self._end]

    def _values(self, stored: Stored) -> list[int]:
        columns = (
            [ABSENT] * len(each.times) if number is None else each.block.column(number)
            for each in self._opened
            for number in [each.numbers.get(stored)]
        )
        return [*chain.from_iterable(columns)][self._begin : self._end]

    def _rates(self, stored: Stored) -> Levels | None:
        """From the steps between points, if there are no holes."""
        found: list[int] = []
        last: int | None = None
        rising = True
        for each in self._opened:
            number = each.numbers.get(stored)
            column = None if number is None else each.block.steps(number)
            if column is None:
                return None
            if last is not None:
                found.append(column.first - last)
                rising &= column.first >= last
            found += column.each
            rising &= column.rising
            last = column.first + sum(column.each)
        return rates_of(self.line, found[self._begin : self._end - 1], rising=rising)


def _floats(block: Block, number: int) -> Sequence[float]:
    column = block.steps(number)
    if column is None:
        return [*map(float, block.column(number))]
    first = float(column.first)
    return [*accumulate(column.each, initial=first)] if any(column.each) else [first] * block.points


def roll_up(
    using: Codec, blocks: Sequence[tuple[Shape, Block]], hour: int, give_way: Callable[[], None]
) -> tuple[Shape, list[Rolled]]:
    """The hour that begins at ``hour``, of blocks in order of time; nothing of it is no block.

    The point before it serves to know the first rate. ``give_way`` is called when all is laid out,
    and after each series that is not like another one, which takes 2 ms.
    """
    of = _Hour(blocks, hour)
    if not of.points:
        return (), []
    shape = tuple(dict.fromkeys(stored for shape, _ in blocks for stored in shape))
    sizes = of.grid.sizes
    encoded = [
        [*map(using.encode, (size.starts, counts, passed))]
        for size, counts, passed in zip(sizes, of.grid.counts, of.grid.passed, strict=True)
    ]
    give_way()
    known: dict[object, list[bytes]] = {}
    for stored in shape:
        source = of.source(stored)
        if source not in known:
            known[source] = fold(of.rolled(stored))
            give_way()
        for parts, column in zip(encoded, known[source], strict=True):
            parts.append(column)
    return shape, [
        Rolled(number, size.starts[0], size.starts[-1], len(size.starts), block)
        for number, (size, encodings) in enumerate(zip(sizes, encoded, strict=True), start=1)
        for block in [joined(using, len(size.starts), encodings)]
    ]


def merge(
    using: Codec, tier: int, blocks: Sequence[tuple[Shape, Block]], give_way: Callable[[], None]
) -> tuple[Shape, Rolled]:
    """Blocks of one tier in order of time as one; a column takes a third less then."""
    shape = tuple(dict.fromkeys(stored for shape, _ in blocks for stored in shape))
    numbers = [{stored: n for n, stored in enumerate(shape)} for shape, _ in blocks]
    opened = [block for _, block in blocks]
    starts = [at for block in opened for at in block.times]
    weights = [[weights_in(block, kind) for kind in (False, True)] for block in opened]
    encoded = [
        using.encode(starts),
        *(using.encode([*chain.from_iterable(parts)]) for parts in zip(*weights, strict=True)),
    ]
    for stored in shape:
        columns = (
            unfold(block, known[stored]) if stored in known else _unknown(block.points)
            for block, known in zip(opened, numbers, strict=True)
        )
        encoded += fold([end_to_end([*columns])])
        give_way()
    block = joined(using, len(starts), encoded)
    return shape, Rolled(tier, starts[0], starts[-1], len(starts), block)


def end_to_end(columns: Sequence[Column]) -> Column:
    """Columns one behind the other."""
    if len(columns) == 1:
        return columns[0]
    wholes = [column.whole for column in columns]
    return Column(*([*chain.from_iterable(parts)] for parts in zip(*wholes, strict=True)))


def _unknown(points: int) -> Column:
    nothing = [UNKNOWN] * points
    return Column(nothing, nothing, nothing, None)


def fold(columns: Sequence[Column]) -> list[bytes]:
    """Of each its statistics end to end, after their number; without what another one says."""
    told = [[*_told(column)] for column in columns]
    found = rounded([[*chain.from_iterable(parts)] for parts in told])
    return [bytes([len(parts)]) + each for parts, each in zip(told, found, strict=True)]


def _told(column: Column) -> Iterator[list[float]]:
    yield column.mean
    if column.mean == column.least == column.greatest:
        return
    yield column.least
    yield column.greatest
    if column.p95 is not None and column.p95 != column.greatest:
        yield column.p95


def unfold(block: Block, series: int) -> Column:
    """The columns of one series of a rolled block."""
    packed, points = block.packed(len(_WEIGHTS) + series), block.points
    if not 1 <= packed[0] <= STATISTICS:
        raise HistoryDamaged(f"a column of history has {packed[0]} parts.")
    values = unrounded(packed[1:], packed[0] * points)
    mean, *others = (values[begin : begin + points] for begin in range(0, len(values), points))
    if not others:
        return Column(mean, mean, mean, None)
    least, greatest, *p95 = others
    return Column(mean, least, greatest, p95[0] if p95 else None)


def weights_in(block: Block, counter: bool) -> list[int]:
    """How much each bucket of a counter, or of a level, counts where some are joined."""
    return block.column(_WEIGHTS.index("milliseconds" if counter else "points"))
