"""Rows of the report: a number of each pair, their median and range, and what it must keep to."""

from collections.abc import Iterable, Sequence
from operator import truediv
from statistics import median
from typing import NamedTuple

HEADS = ("target", "measured", "median", "min", "max", "must be", "met", "notes")


class Bound(NamedTuple):
    """What a median must keep to."""

    value: float
    at_least: bool = False

    def __str__(self) -> str:
        return f"{'>=' if self.at_least else '<='} {number(self.value)}"

    def met(self, value: float) -> bool:
        """Whether it does."""
        return value >= self.value if self.at_least else value <= self.value


class Row(NamedTuple):
    """One thing measured; ``values`` are one of each pair, in ``unit``, or ratios."""

    target: str
    measured: str
    values: Sequence[float]
    bound: Bound | None = None
    notes: str = ""
    invalid: str = ""
    """Why the values say nothing, in words."""
    failed: str = ""
    """Why there are none, or too few, through our own fault."""

    @property
    def median(self) -> float:
        """The value that the bound is for."""
        return median(self.values)


class Section(NamedTuple):
    """A table of one part, with what must be known to read it, and why rows are missing."""

    part: str
    title: str
    rows: Sequence[Row]
    method: str = ""
    skipped: Sequence[str] = ()
    text: str = ""
    """What stands below the table."""


def ratios(ours: Iterable[float], theirs: Iterable[float]) -> list[float]:
    """Pair by pair; both have one value of each pair."""
    return list(map(truediv, ours, theirs))


def number(value: float) -> str:
    """Three digits that count; whole above a hundred."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def cells(row: Row) -> tuple[str, ...]:
    """One line of the table."""
    spread = [number(pick(row.values)) if row.values else "-" for pick in (median, min, max)]
    return (row.target, row.measured, *spread, str(row.bound or "-"), met(row), _notes(row))


def aligned(lines: Sequence[Sequence[str]]) -> str:
    """Lines of cells, the first of them headings, as Markdown that can be read as it is."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    head, *rest = (_line(line, widths) for line in lines)
    rule = _line(["-" * width for width in widths], widths)
    return "\n".join([head, rule, *rest])


def met(row: Row) -> str:
    """``yes`` or ``NO``; ``-`` if there is nothing to keep to, ``invalid`` if it is unknown."""
    if row.failed:
        return "NO"
    if row.invalid:
        return "invalid"
    if row.bound is None or not row.values:
        return "-"
    return "yes" if row.bound.met(row.median) else "NO"


def beside(unit: str, **sides: Sequence[float]) -> str:
    """Write the medians of all sides, as a note to a ratio."""
    each = (f"{name.replace('_', ' ')} {number(median(of))}" for name, of in sides.items() if of)
    return f"{', '.join(each)} {unit}"


def _notes(row: Row) -> str:
    return "; ".join(filter(None, (row.failed, row.invalid, row.notes)))


def _line(line: Sequence[str], widths: Sequence[int]) -> str:
    padded = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
    return f"| {' | '.join(padded)} |"
