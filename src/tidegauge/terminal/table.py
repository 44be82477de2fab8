"""Rows as an aligned table, JSON, or CSV."""

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec

Cell = str | int | float | None
Form = Literal["table", "json", "csv"]


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
    body = [[_shown(row[column]) for column in columns] for row in rows]
    numeric = [any(isinstance(row[c], int | float) for row in rows) for c in columns]
    widths = [max(map(len, column)) for column in zip(columns, *body, strict=True)]
    lines = (
        "  ".join(
            cell.rjust(width) if number else cell.ljust(width)
            for cell, width, number in zip(cells, widths, numeric, strict=True)
        ).rstrip()
        for cells in ([*columns], *body)
    )
    return "".join(f"{line}\n" for line in lines)


def _shown(cell: Cell) -> str:
    if cell is None:
        return "-"
    text = f"{cell:.4g}" if isinstance(cell, float) and abs(cell) < 1000 else str(cell)
    # A name may hold anything; control characters would move the cursor.
    return "".join(c if c.isprintable() else "?" for c in text)
