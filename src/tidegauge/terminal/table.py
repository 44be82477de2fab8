"""Rows as an aligned table, JSON, or CSV."""

import csv
import io
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Literal

import msgspec

from tidegauge.terminal.text import cut, printable, width

Cell = str | int | float | None
Form = Literal["table", "json", "csv"]

WIDEST = 40
"""Columns of a name in a table; the last column may be wider."""


class Bytes(int):
    """A number of bytes; a table shows it in the largest fitting unit."""


class Exact(float):
    """A number that a table shows with all its digits, as JSON has it."""


def render(columns: Sequence[str], rows: Sequence[Mapping[str, Cell]], form: Form) -> str:
    """Text of the rows, ending with a newline. What is unavailable is ``-``, null, or empty."""
    match form:
        case "json":
            listed = [{column: row[column] for column in columns} for row in rows]
            return msgspec.json.format(msgspec.json.encode(listed)).decode() + "\n"
        case "csv":
            return _csv(columns, rows)
        case "table":
            return _table(columns, rows)


def _csv(columns: Sequence[str], rows: Sequence[Mapping[str, Cell]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([["" if row[c] is None else row[c] for c in columns] for row in rows])
    return text.getvalue()


def _table(columns: Sequence[str], rows: Sequence[Mapping[str, Cell]]) -> str:
    body = [[_shown(row[column], column == columns[-1]) for column in columns] for row in rows]
    numeric = [not any(isinstance(row[c], str) for row in rows) for c in columns]
    widths = [max(map(width, column)) for column in zip(columns, *body, strict=True)]
    lines = (
        "  ".join(map(_padded, cells, widths, numeric)).rstrip() for cells in ([*columns], *body)
    )
    return "".join(f"{line}\n" for line in lines)


def _padded(cell: str, columns: int, numeric: bool) -> str:
    room = " " * (columns - width(cell))
    return room + cell if numeric else cell + room


def _shown(cell: Cell, last: bool) -> str:
    match cell:
        case None:
            return "-"
        case Bytes():
            return in_units(cell)
        case Exact():
            return f"{Decimal(repr(cell)):f}"
        case float():
            return f"{cell:.2f}"
        case _:
            text = printable(str(cell))
            return text if last else cut(text, WIDEST)


def in_units(count: int) -> str:
    """Three digits or four: ``999B``, ``1.50KiB``, ``1023MiB``."""
    amount, unit = float(count), "B"
    for larger in ("KiB", "MiB", "GiB", "TiB", "PiB"):
        if amount < 1023.5:
            break
        amount, unit = amount / 1024, larger
    if unit == "B":
        return f"{count}B"
    places = 2 if amount < 9.995 else 1 if amount < 99.95 else 0
    return f"{amount:.{places}f}{unit}"
