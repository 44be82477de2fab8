"""Rows as a table, JSON and CSV."""

import pytest

from tidegauge.terminal.table import Bytes, render

COLUMNS = ("name", "cpu", "memory", "why")


def test_a_table_is_aligned_by_what_it_shows() -> None:
    """Numbers and what is missing stand right, words left; no blanks at the end of a line."""
    rows = [
        {"name": "web", "cpu": 12.345, "memory": Bytes(2048), "why": "because"},
        {"name": "漢字", "cpu": None, "memory": None, "why": None},
        {"name": "x\x1b", "cpu": 100.0, "memory": Bytes(0), "why": ""},
    ]
    assert render(COLUMNS, rows, "table") == (
        "name      cpu   memory  why\n"
        "web     12.35  2.00KiB  because\n"
        "漢字        -        -  -\n"
        "x\\x1b  100.00       0B\n"
    )


def test_a_name_is_cut_where_the_last_column_is_not() -> None:
    """One long name does not push the numbers off the screen; reasons stay whole."""
    (_, line) = render(("name", "why"), [{"name": "n" * 99, "why": "w" * 99}], "table").splitlines()
    assert line == f"{'n' * 39}…  {'w' * 99}"


def test_no_rows() -> None:
    """Headings alone, an empty list, headings alone."""
    assert render(("a", "b"), [], "table") == "a  b\n"
    assert render(("a", "b"), [], "json") == "[]\n"
    assert render(("a", "b"), [], "csv") == "a,b\n"


def test_programs_get_values_as_they_are() -> None:
    """Columns in their order; null or nothing for what is missing; any name comes back whole."""
    rows = [{"b": None, "a": 'x,"\ny', "c": 1}, {"a": 0.1, "b": 2**64, "c": 2}]
    assert render(("a", "b"), rows, "json") == (
        '[\n  {\n    "a": "x,\\"\\ny",\n    "b": null\n  },\n'
        '  {\n    "a": 0.1,\n    "b": 18446744073709551616\n  }\n]\n'
    )
    assert render(("a", "b"), rows, "csv") == 'a,b\n"x,""\ny",\n0.1,18446744073709551616\n'


@pytest.mark.parametrize(
    ("count", "shown"),
    [
        (0, "0B"),
        (1023, "1023B"),
        (1024, "1.00KiB"),
        (10_239, "10.0KiB"),
        (102_399, "100KiB"),
        (1_048_063, "1023KiB"),
        (1_048_064, "1.00MiB"),
        (25_276_502_016, "23.5GiB"),
        (2**64 - 1, "16384PiB"),
    ],
)
def test_bytes_in_the_largest_fitting_unit(count: int, shown: str) -> None:
    """Three digits, or four below the next unit."""
    assert render(("a",), [{"a": Bytes(count)}], "table").split() == ["a", shown]
