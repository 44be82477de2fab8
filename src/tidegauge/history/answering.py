"""One question for series of one entity, answered from an open file.

A range is put together from three sides: the newest samples, which are in no block yet; the tier
that fits the step; and before the time that one is kept, the coarser ones.
"""

import sqlite3
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import chain, groupby

import msgspec

from tidegauge.errors import HistoryDamaged, HistoryError
from tidegauge.history import hot
from tidegauge.history.block import Block, Codec
from tidegauge.history.pieces import Gaps, Piece, Samples, joined, within
from tidegauge.history.rolling import unfold, weights_in
from tidegauge.history.rows import Points, Query, Rows, Shape, Stored
from tidegauge.history.tiers import GAP_MS, TIERS, UNKNOWN, levels, rates

Part = tuple[Shape, Sequence[int], list[Sequence[int]]]
"""The asked series of a shape, times in milliseconds, and a column for each."""

_NEVER = 2**62

Found = Iterator[tuple[Stored, Piece]]


class Answer:
    """Reads all of it; ``damaged`` are sentences about what was left out.

    ``unsealed`` are the entity's rows that are in no block, or ``None`` to take them from commits.
    """

    def __init__(
        self,
        file: sqlite3.Connection,
        codecs: Mapping[int, Codec],
        query: Query,
        unsealed: list[Rows] | None,
    ) -> None:
        self._file, self._codecs, self._unsealed = file, codecs, unsealed
        self._who, self._metrics = query.identity, frozenset(query.metrics)
        start, stop, step = (round(1000 * each) for each in (query.start, query.stop, query.step))
        self._start, self._stop, self._step = start, stop, step
        if step:  # whole buckets
            self._start, self._stop = start - start % step, stop - stop % -step
        self._tier = _tier_of(step)
        self._shapes: dict[int, tuple[Shape, list[int]]] = {}
        self.damaged: list[str] = []
        self.points: list[Points] = []
        found = file.execute(
            "SELECT id, rolled FROM entity WHERE kind = ? AND engine = ? AND name = ?",
            query.identity,
        ).fetchone()
        if found is not None:
            self._entity, self._rolled_until = found
            self.points = self._read()

    def _read(self) -> list[Points]:
        parts: dict[Stored, list[Piece]] = defaultdict(list)
        _put_before(parts, self._newest())
        before = self._rolled_until if self._tier else self._kept_from(0)
        for number in range(max(1, self._tier), len(TIERS)):
            if before <= self._start:
                break
            # A bucket that reaches into what is kept finer is left out.
            _put_before(parts, self._rolled(number, before - TIERS[number].step + 1))
            before = min(before, self._kept_from(number))
        gaps, seconds = Gaps(), dict[int, list[float]]()
        whole = {stored: joined(pieces, self._step, gaps) for stored, pieces in parts.items()}
        for piece in whole.values():
            if id(piece.times) not in seconds:
                seconds[id(piece.times)] = [at / 1000 for at in piece.times]
        return [
            _points(stored, piece, seconds[id(piece.times)])
            for stored, piece in whole.items()
            if _known(piece)
        ]

    def _kept_from(self, number: int) -> int:
        """When what there is of a tier begins; far in the future if there is nothing."""
        (begin,) = self._file.execute(
            "SELECT min(start) FROM block WHERE entity = ? AND tier = ?", (self._entity, number)
        ).fetchone()
        return _NEVER if begin is None else int(begin)

    def _newest(self) -> Found:
        """From single samples: all of the range, or what of it is not rolled up yet."""
        begin = max(self._start, self._rolled_until) if self._tier else self._start
        parts = [*self._samples(begin)]
        where: dict[Stored, list[int]] = defaultdict(list)
        values: dict[Stored, list[int]] = defaultdict(list)
        for n, (shape, _, columns) in enumerate(parts):
            for stored, column in zip(shape, columns, strict=True):
                where[stored].append(n)
                values[stored] += column
        step = TIERS[self._tier].step or self._step
        shared: dict[tuple[int, ...], Samples] = {}
        for stored, column in values.items():
            numbers = tuple(where[stored])
            if numbers not in shared:
                times = [*chain.from_iterable(parts[n][1] for n in numbers)]
                shared[numbers] = Samples(times, step, begin)
            samples = shared[numbers]
            of = rates(samples.line, column) if stored.counter else levels(column)
            yield stored, samples.piece(of)

    def _samples(self, begin: int) -> Iterator[Part]:
        """Of a range, and shortly before to know the first rates; in order of time."""
        sealed, begin = 0, begin - GAP_MS
        for shape, data in self._blocks(0, begin, self._stop):
            asked, numbers = self._asked(shape)
            if block := self._opened(data):
                times = block.times
                sealed = times[-1]
                first, end = bisect_left(times, begin), bisect_left(times, self._stop)
                yield asked, times[first:end], [block.column(n)[first:end] for n in numbers]
        for rows in self._committed() if self._unsealed is None else self._unsealed:
            first = max(bisect_right(rows.times, sealed), bisect_left(rows.times, begin))
            end = bisect_left(rows.times, self._stop)
            asked, numbers = self._of_shape(rows.shape)
            yield asked, rows.times[first:end], [rows.column(n)[first:end] for n in numbers]

    def _committed(self) -> Iterator[Rows]:
        """What is in no block yet, from commits."""
        for number, same in groupby(self._hot_rows(), key=lambda row: row.shape):
            times, values = hot.together(same)
            yield Rows(self._who, self._shape(number), times, values)

    def _hot_rows(self) -> Iterator[hot.HotRow]:
        for (data,) in self._file.execute("SELECT data FROM hot ORDER BY id"):
            try:
                yield from hot.unpack(data, self._entity)
            except HistoryError as error:
                self.damaged.append(f"{error} It is left out.")

    def _rolled(self, number: int, limit: int) -> Found:
        """Buckets of a tier, from that in which the range begins to the limit."""
        step, limit = TIERS[number].step, min(limit, self._stop)
        start = self._start - self._start % step
        pieces: dict[Stored, list[Piece]] = defaultdict(list)
        for shape, data in self._blocks(number, start, limit):
            asked, numbers = self._asked(shape)
            if block := self._opened(data):
                times = block.times
                weights = {kind: weights_in(block, kind) for kind in {one.counter for one in asked}}
                for stored, series in zip(asked, numbers, strict=True):
                    piece = Piece(times, unfold(block, series), step, weights[stored.counter])
                    pieces[stored].append(piece)
        for stored, parts in pieces.items():
            for piece in reversed(parts):
                yield stored, within(piece, start, limit)

    def _blocks(self, tier: int, start: int, stop: int) -> list[tuple[int, bytes]]:
        """Shape and data of those with anything in a range, in order of time."""
        return self._file.execute(
            "SELECT shape, data FROM block"
            " WHERE entity = ? AND tier = ? AND start < ? AND stop >= ? ORDER BY start",
            (self._entity, tier, stop, start),
        ).fetchall()

    def _opened(self, data: bytes) -> Block | None:
        try:
            return Block(data, self._codecs)
        except HistoryError as error:
            self.damaged.append(f"{error} It is left out.")
            return None

    def _asked(self, number: int) -> tuple[Shape, list[int]]:
        """Of the shape of a number, the asked series and where they are."""
        if number not in self._shapes:
            self._shapes[number] = self._of_shape(self._shape(number))
        return self._shapes[number]

    def _shape(self, number: int) -> Shape:
        found = self._file.execute("SELECT series FROM shape WHERE id = ?", (number,)).fetchone()
        if found is None:
            raise HistoryDamaged("the history is damaged: it lacks a shape.")
        return _decoded(found[0])

    def _of_shape(self, shape: Shape) -> tuple[Shape, list[int]]:
        numbers = [n for n, stored in enumerate(shape) if stored.metric in self._metrics]
        return tuple(shape[n] for n in numbers), numbers


@lru_cache(maxsize=64)
def _decoded(shape: str) -> Shape:
    return msgspec.json.decode(shape, type=Shape)


def _tier_of(step: int) -> int:
    """The number of the coarsest tier that steps are made of; 0 if only of samples."""
    fitting = (n for n, tier in enumerate(TIERS) if tier.step and step and not step % tier.step)
    return max(fitting, default=0)


def _put_before(parts: dict[Stored, list[Piece]], found: Found) -> None:
    """Put older pieces, newest first, before the others."""
    for stored, piece in found:
        if piece.times:
            parts[stored].insert(0, piece)


def _known(piece: Piece) -> bool:
    return any(value != UNKNOWN for value in piece.column.mean)


def _points(stored: Stored, piece: Piece, times: list[float]) -> Points:
    column = piece.column
    different = {id(values): values for values in column.whole}  # samples are all four at once
    scaled = {which: _scaled(values, stored.scale) for which, values in different.items()}
    mean, least, greatest, p95 = (scaled[id(values)] for values in column.whole)
    return Points(stored.metric, stored.attributes, times, mean, least, greatest, p95)


def _scaled(values: Sequence[float], scale: float) -> list[float | None]:
    scaled: list[float | None] = [*values] if scale == 1 else [value * scale for value in values]
    unknown = -1
    for _ in range(values.count(UNKNOWN)):
        unknown = values.index(UNKNOWN, unknown + 1)
        scaled[unknown] = None
    return scaled
