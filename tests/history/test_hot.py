"""The rows of a commit, as bytes and back."""

from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegauge.errors import HistoryDamaged
from tidegauge.history import hot
from tidegauge.history.hot import HotRow
from tidegauge.history.planes import integers, plain, planes_of, put_together
from tidegauge.history.rows import Row

SOME = st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=5)
NUMBERS = SOME.map(lambda all_: array("q", all_))
ROWS = st.builds(
    HotRow, st.integers(1, 2**32 - 1), st.integers(1, 9), st.integers(0, 2**45), NUMBERS
)


def packed(rows):
    """As the store packs them."""
    entities, shapes = [each.entity for each in rows], [each.shape for each in rows]
    plain_rows = [Row(("container", "local", "web"), (), each.at, each.values) for each in rows]
    return hot.pack(entities, shapes, plain_rows)


@given(rows=st.lists(st.tuples(ROWS, st.booleans()), max_size=6))
def test_rows_come_back(rows):
    """Of any number, with any number of values, those of the row before among them."""
    written = []
    for row, goes_on in rows:
        values = written[-1].values if goes_on and written else row.values
        written.append(HotRow(row.entity % 3, row.shape, row.at, values))

    assert [*hot.unpack(packed(written))] == written
    for entity in range(3):
        of_it = [row for row in written if row.entity == entity]
        assert [*hot.unpack(packed(written), of=entity)] == of_it


def test_values_of_a_row_that_are_those_before_are_written_once():
    """So are those of a container that sleeps, of which some come together."""
    values, others = array("q", [7] * 30), array("q", [7] * 30)
    rows = [HotRow(1, 1, at, values) for at in range(4)] + [HotRow(2, 1, 9, others)]

    assert [*hot.unpack(packed(rows))] == rows
    assert len(packed(rows)) - len(packed(rows[3:])) == 3 * 20


@given(data=st.binary(max_size=40))
def test_other_bytes_are_damage(data):
    """And nothing else."""
    with pytest.raises(HistoryDamaged, match=r"^a commit of history cannot be read: "):
        [*hot.unpack(data)]


@given(rows=st.lists(ROWS, min_size=1, max_size=6), data=st.data())
def test_a_changed_commit_is_damage(rows, data):
    """Any byte of it, and any cut: not other rows, and not fewer."""
    whole = packed(rows)
    at = data.draw(st.integers(0, len(whole) - 1))
    changed = bytearray(whole)
    changed[at] ^= data.draw(st.integers(1, 255))
    for other in (bytes(changed), whole[:at]):
        with pytest.raises(HistoryDamaged):
            [*hot.unpack(other)]


def test_planes_are_in_the_order_of_the_file():
    """The lowest bytes come first, on machines of either order; upper ones of zeros do not come."""
    numbers = array("Q", [0x0201, 0x0403])
    planes = planes_of(plain(numbers))

    assert planes == [bytes([1, 3]), bytes([2, 4])]
    assert integers("Q", put_together(b"".join(planes), 2, 2)) == numbers
    with pytest.raises(ValueError, match="attempt to assign"):
        put_together(b"".join(planes), 3, 2)
