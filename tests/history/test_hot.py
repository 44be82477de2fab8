"""The rows of a commit, as bytes and back."""

from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegauge.errors import HistoryDamaged
from tidegauge.history import hot
from tidegauge.history.hot import HotRow
from tidegauge.history.planes import numbers_in, planes_of

NUMBERS = st.lists(st.integers(-(2**63), 2**63 - 1), max_size=5).map(lambda all_: array("q", all_))
ROWS = st.builds(
    HotRow, st.integers(1, 2**32 - 1), st.integers(1, 9), st.integers(0, 2**45), NUMBERS
)


@given(rows=st.lists(ROWS, max_size=6))
def test_rows_come_back(rows):
    """Of any number, with any number of values, none included."""
    assert [*hot.unpack(hot.pack(rows))] == rows


@given(data=st.binary(max_size=40))
def test_other_bytes_are_damage(data):
    """And nothing else."""
    with pytest.raises(HistoryDamaged, match=r"^a commit of history cannot be read: "):
        [*hot.unpack(data)]


def test_a_cut_commit_is_damage():
    """Not fewer rows."""
    packed = hot.pack([HotRow(1, 1, 5, array("q", [1, 2, 3]))] * 9)
    with pytest.raises(HistoryDamaged):
        [*hot.unpack(packed[:-3])]


def test_planes_are_in_the_order_of_the_file():
    """The lowest bytes come first, on machines of either order."""
    planes = planes_of(array("Q", [0x0201, 0x0403]), 2)

    assert planes == bytes([1, 3, 2, 4])
    assert numbers_in(planes, 2, "Q", 2).tolist() == [0x0201, 0x0403]
    with pytest.raises(ValueError, match="4 bytes for 3 numbers of 2"):
        numbers_in(planes, 3, "Q", 2)
