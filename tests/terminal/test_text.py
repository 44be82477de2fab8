"""Text as a terminal shows it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegauge.terminal.text import cut, printable, width

ANY = st.text(st.characters(exclude_categories=()))


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("", 0),
        ("web", 3),
        ("漢字", 4),
        ("é", 1),
        ("e\u0301", 1),
        ("🐳", 2),
        ("\uff57", 2),
        ("…", 1),
    ],
)
def test_width_is_in_columns(text: str, columns: int) -> None:
    """Wide signs take two columns, combining ones none."""
    assert width(text) == columns


@given(ANY)
def test_what_is_printable_moves_no_cursor(text: str) -> None:
    """Whatever comes in, only visible characters come out; those that came in stay."""
    shown = printable(text)
    assert shown.isprintable()
    assert shown == text or not text.isprintable()


def test_control_characters_are_written_out() -> None:
    """As in source code, so that one can be told from another."""
    assert printable("a\x1b[2J\n\x7f\u202e\ud800") == "a\\x1b[2J\\n\\x7f\\u202e\\ud800"


@given(ANY.map(printable), st.integers(1, 30))
def test_what_is_cut_fits(text: str, columns: int) -> None:
    """Short text stays whole; long text ends with an ellipsis within the columns."""
    short = cut(text, columns)
    assert width(short) <= columns
    assert short == text if width(text) <= columns else short.endswith("…")


def test_no_half_of_a_wide_sign_is_left() -> None:
    """A sign of two columns fits whole or not at all."""
    assert cut("漢字漢字", 4) == "漢…"
    assert cut("漢字漢字", 5) == "漢字…"
