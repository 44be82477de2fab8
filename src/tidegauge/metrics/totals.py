"""Totals that come together: the counters of one reading, as one row of columns.

Each column means what a `Counter` means, at a third of its price: a row in which nothing fell is
compared and added in C. Watched by ``make bench`` (T5).
"""

from collections.abc import Callable, Iterable, Sequence
from operator import add, le, sub
from typing import cast

from tidegauge.docker.intervals import Life

Row = Sequence[int | None]
"""A number for each column; ``None`` where nothing is known."""

_Known = tuple[int, ...]

_le = cast("Callable[[int | None, int | None], bool]", le)
_add = cast("Callable[[int | None, int], int]", add)
# Both raise TypeError for None, which is looked for so and not before: that would cost as much.


class Columns:
    """Totals as they are ``now``, and those of each sample of this tick.

    Kept are totals, not what each sample added, which in most ticks nobody asks for. `turn` ends a
    tick, and so bounds what is kept.
    """

    __slots__ = ("_before", "_ended", "_rows", "now")

    def __init__(self) -> None:
        self.now: Row | None = None
        self._before: Row | None = None
        self._rows: list[Row] = []
        self._ended: tuple[Row | None, Sequence[Row]] = None, ()

    def turn(self) -> bool:
        """End the tick, of which `increments` tells from then on; false if no sample came."""
        rows, self._rows = self._rows, []
        self._ended, self._before = (self._before, rows), self.now
        return bool(rows)

    def increments(self, column: int) -> tuple[int, ...]:
        """What each sample of the ended tick added, in order of time."""
        before, rows = self._ended
        totals = [total for row in rows if (total := row[column]) is not None]
        base = (before[column] if before else None) or 0
        return tuple(map(sub, totals, [base, *totals]))

    def _begin(self, bases: Row) -> None:
        """Where columns begin that had nothing before, in the middle of a tick."""
        before = self._before or (None,) * len(bases)
        self._before = tuple(map(_first, before, bases))


class Totals(Columns):
    """Fed with an engine's cumulative values; these begin again with each life, totals do not."""

    __slots__ = ("_life", "_offsets", "_seen", "_whole", "began")

    def __init__(self) -> None:
        super().__init__()
        self.began: Row | None = None
        """What columns that began with the last row began from, until somebody takes it."""
        self._life: Life | None = None
        self._seen: Row | None = None
        self._whole = False
        """Has every column a total?"""
        self._offsets: tuple[int, ...] | None = None
        """Of totals over the engine's values; ``None`` as long as all are 0 and known."""

    @property
    def whole(self) -> bool:
        """Has every column a total, which began with an earlier sample?"""
        return self._whole and self.began is None

    def extend(self, rows: Sequence[Row]) -> Sequence[Row]:
        """Take values of several samples of the same life, and answer their totals.

        It is `whole`, and none of the values is less than the one before it.
        """
        self._seen, offsets = rows[-1], self._offsets
        totals = rows if offsets is None else [tuple(map(_add, row, offsets)) for row in rows]
        self.now = totals[-1]
        self._rows += totals
        return totals

    def begin(self, life: Life, seen: Row) -> None:
        """Take for granted that the engine's values were these before, in the same life."""
        self._life, self._seen = life, seen

    def observe(self, values: Row, life: Life) -> Row | None:
        """Take the next values; answer the totals of those of which it is known what they added.

        The first value of a life adds itself when the life was seen from birth. Otherwise how
        much of it fell into this second is unknown, and it only sets the base. Within a life a
        value that falls adds 0, as in the original program.
        """
        seen, offsets = self._seen, self._offsets
        try:
            if life is not self._life or seen is None or not all(map(_le, seen, values)):
                return self._look(values, life)
        except TypeError:  # one is None
            return self._look(values, life)
        if not self._whole:
            return self._look(values, life)
        self._seen = values
        self.now = values if offsets is None else tuple(map(_add, values, offsets))
        self._rows.append(self.now)
        return self.now

    def _look(self, values: Row, life: Life) -> Row | None:
        """As `observe`, column by column."""
        nothing = (None,) * len(values)
        if life is not self._life:
            self._life, self._seen = life, nothing
        seen, totals = self._seen or nothing, self.now or nothing
        added = tuple(map(self._added, values, seen))
        self._seen = tuple(map(_first, values, seen))
        self.now = tuple(map(_total, totals, values, added))
        if None in totals:
            self.began = tuple(map(_base, totals, values, added))
            self._begin(self.began)
        self._whole = None not in self.now
        offsets = tuple(map(_offset, self.now, self._seen))
        self._offsets = offsets if any(offsets) else None
        row = tuple(map(_if_known, self.now, added))
        if not any(one is not None for one in row):
            return None
        self._rows.append(row)
        return row

    def _added(self, value: int | None, seen: int | None) -> int | None:
        if value is None:
            return None
        if seen is None:
            return value if self._life is not None and self._life.from_birth else None
        return max(0, value - seen)


class Sums(Columns):
    """Sums over parts (interfaces, devices) that each have `Totals` of their own.

    A sum starts at the sum of the parts' first totals and grows as they do; what a part counted
    before it was recorded is left out (`leave_out`), and a part that goes away takes nothing.
    """

    __slots__ = ("_left_out",)

    def __init__(self) -> None:
        super().__init__()
        self._left_out: tuple[int, ...] | None = None

    @property
    def left_out(self) -> bool:
        """Is it less than what the parts have?"""
        return self._left_out is not None

    def put(self, parts: Sequence[Totals], rows: Sequence[Row]) -> None:
        """Take all parts there are, and the rows of those of which there was a sample."""
        for part in parts:
            if part.began is not None:
                self._part_began(part.began)
                part.began = None
        only = len(parts) == 1 and self._left_out is None
        self.now = now = parts[0].now if only else self._added_up(parts)
        if rows and now is not None:
            self._rows.append(now if None not in rows[0] else self._row(rows, now))

    def extend(self, rows: Sequence[Sequence[Row]], others: Sequence[Row]) -> None:
        """Take several samples: of each the rows of some parts, beside what the ``others`` have.

        All are whole, none of them began with any of these samples, and nothing is left out.
        """
        if len(rows[0]) == 1 and not others:
            self._rows += [row[0] for row in rows]
        else:
            self._rows += [tuple(map(sum, zip(*row, *others, strict=True))) for row in rows]
        self.now = self._rows[-1]

    def _part_began(self, bases: Row) -> None:
        sums = self.now or (None,) * len(bases)
        left_out = self._left_out or (0,) * len(bases)
        more = tuple(map(_if_known, bases, sums))
        added = tuple(known + (one or 0) for known, one in zip(left_out, more, strict=True))
        self._left_out = added if any(added) else None
        # Where the sum itself begins, so do all parts that have this column.
        began = tuple(
            None if known is not None else _plus(mine, base)
            for known, mine, base in zip(sums, self._before or sums, bases, strict=True)
        )
        self._before = tuple(map(_first, began, self._before or sums))

    def _added_up(self, parts: Sequence[Totals]) -> Row:
        found = [each.now for each in parts if each.now is not None]
        try:
            whole: Row = tuple(map(sum, zip(*cast("list[_Known]", found), strict=True)))
        except TypeError:  # a part does not have all of the columns
            whole = tuple(map(_sum, zip(*found, strict=True)))
        return whole if self._left_out is None else tuple(map(_less, whole, self._left_out))

    def _row(self, rows: Sequence[Row], now: Row) -> Row:
        return tuple(map(_if_known, now, map(_sum, zip(*rows, strict=True))))


class Column:
    """One column of totals, as an instrument."""

    __slots__ = ("columns", "number")

    def __init__(self, columns: Columns, number: int) -> None:
        self.columns, self.number = columns, number

    @property
    def last(self) -> int | None:
        """The total."""
        now = self.columns.now
        return None if now is None else now[self.number]

    def collect(self) -> tuple[int, ...]:
        """The increments of the tick that was ended last, in order of time."""
        return self.columns.increments(self.number)


def _first(one: int | None, other: int | None) -> int | None:
    return other if one is None else one


def _if_known(one: int | None, other: int | None) -> int | None:
    return None if other is None else one


def _plus(one: int | None, other: int | None) -> int | None:
    return other if one is None else one + (other or 0)


def _offset(total: int | None, seen: int | None) -> int:
    return 0 if total is None or seen is None else total - seen


def _total(total: int | None, value: int | None, added: int | None) -> int | None:
    return value if total is None else total + (added or 0)


def _base(total: int | None, value: int | None, added: int | None) -> int | None:
    """What a column that had no total begins from."""
    return None if total is not None or value is None else value - (added or 0)


def _sum(numbers: Iterable[int | None]) -> int | None:
    known = [one for one in numbers if one is not None]
    return sum(known) if known else None


def _less(whole: int | None, left_out: int) -> int | None:
    return None if whole is None else whole - left_out
