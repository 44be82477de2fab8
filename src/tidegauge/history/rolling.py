"""An hour of one entity's blocks, rolled up into a block for each coarser tier."""

from bisect import bisect_left
from collections.abc import Callable, Sequence
from itertools import chain

from msgspec import Struct

from tidegauge.history.block import Block, Codec, joined
from tidegauge.history.codec import ABSENT
from tidegauge.history.rows import Shape, Stored
from tidegauge.history.tiers import ROLLED, Column, Spans, known_time, levels, rates, rolled_by

HOUR = 3_600_000
"""Milliseconds that are rolled up at once; a multiple of every tier's step."""

BITS = 10
"""What a bucket's values are rounded to: within 0.1 %, less than a pixel of a chart."""

MOST = 2**61
"""In a bucket; what would be more is no machine's."""

_WEIGHTS = "points", "milliseconds"
"""The first columns of a rolled block: how many points a bucket has, how long its rates took."""

MERGED = {2: 6 * HOUR, 3: 24 * HOUR}
"""By tiers, for how long their blocks are put together: single hours of them have few points."""

STATISTICS = 4
"""Columns of each series behind them: mean, least, greatest, 95th percentile."""


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

    def column(self, stored: Stored) -> list[int]:
        number = self.numbers.get(stored)
        return [ABSENT] * len(self.times) if number is None else self.block.column(number)


def roll_up(
    using: Codec, blocks: Sequence[tuple[Shape, Block]], hour: int, give_way: Callable[[], None]
) -> tuple[Shape, list[Rolled]]:
    """The hour that begins at ``hour``, of blocks in order of time; nothing of it is no block.

    The point before it serves to know the first rate. ``give_way`` is called after each series,
    which takes 2 ms.
    """
    opened = [
        _Opened({stored: n for n, stored in enumerate(shape)}, block, block.times)
        for shape, block in blocks
    ]
    times = [at for each in opened for at in each.times]
    first, end = bisect_left(times, hour), bisect_left(times, hour + HOUR)
    if first == end:
        return (), []
    begin = max(first - 1, 0)
    shape = tuple(dict.fromkeys(stored for shape, _ in blocks for stored in shape))
    buckets = [Spans.of(times[begin:end], tier.step, first - begin) for tier in ROLLED]
    passed = known_time(times[begin:end])
    encoded = [
        [*map(using.encode, (each.starts, each.counts, each.grown(passed)))] for each in buckets
    ]
    for stored in shape:
        values = [*chain.from_iterable(each.column(stored) for each in opened)][begin:end]
        points = rates(times[begin:end], values) if stored.counter else levels(values)
        for parts, column in zip(encoded, rolled_by(buckets, points), strict=True):
            parts.extend(map(using.encode, _told(column)))
        give_way()
    return shape, [
        Rolled(number, each.starts[0], each.starts[-1], len(each.starts), block)
        for number, (each, encodings) in enumerate(zip(buckets, encoded, strict=True), start=1)
        for block in [joined(using, len(each.starts), encodings)]
    ]


def merge(
    using: Codec, tier: int, blocks: Sequence[tuple[Shape, Block]], give_way: Callable[[], None]
) -> tuple[Shape, Rolled]:
    """Blocks of one tier in order of time as one; a column takes a third less then."""
    shape = tuple(dict.fromkeys(stored for shape, _ in blocks for stored in shape))
    numbers = [{stored: n for n, stored in enumerate(shape)} for shape, _ in blocks]
    opened = [block for _, block in blocks]
    starts = [at for block in opened for at in block.times]
    weights = [weights_in(block) for block in opened]
    encoded = [
        using.encode(starts),
        *(using.encode([*chain.from_iterable(parts)]) for parts in zip(*weights, strict=True)),
    ]
    for stored in shape:
        wholes = [
            unfold(block, known[stored]).whole if stored in known else _unknown(block.points)
            for block, known in zip(opened, numbers, strict=True)
        ]
        whole = Column(*([*chain.from_iterable(parts)] for parts in zip(*wholes, strict=True)))
        encoded += map(using.encode, _told(whole))
        give_way()
    block = joined(using, len(starts), encoded)
    return shape, Rolled(tier, starts[0], starts[-1], len(starts), block)


def _unknown(points: int) -> tuple[list[int], ...]:
    return ([ABSENT] * points,) * STATISTICS


def _told(column: Column) -> tuple[list[int], list[int], list[int], list[int]]:
    """A statistic that says what another one does is left empty: see `unfold`."""
    if column.mean == column.least == column.greatest:
        return rounded(column.mean), [], [], []
    p95 = [] if column.p95 == column.greatest else column.p95 or []
    parts = column.mean, column.least, column.greatest, p95
    mean, least, greatest, p95 = map(rounded, parts)
    return mean, least, greatest, p95


def rounded(values: list[int]) -> list[int]:
    """To `BITS` significant bits, which halves what they take; what is unknown stays so."""
    highest = max(values, default=0)
    if highest < 1 << BITS:
        return values
    if highest > MOST:
        values = [min(value, MOST) for value in values]
    return [
        (value + (1 << drop >> 1)) >> drop << drop
        if (drop := value.bit_length() - BITS) > 0
        else value
        for value in values
    ]


def unfold(block: Block, series: int) -> Column:
    """The columns of one series of a rolled block."""
    first = len(_WEIGHTS) + series * STATISTICS
    mean, least, greatest, p95 = map(block.column, range(first, first + STATISTICS))
    if not least:
        return Column(mean, mean, mean, None)
    return Column(mean, least, greatest, p95 or None)


def weights_in(block: Block) -> tuple[list[int], list[int]]:
    """How much each bucket counts where some are joined: of a level, and of a counter."""
    return block.column(0), block.column(1)
