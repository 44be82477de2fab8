"""Columns as bytes and back: every integer, every hole; damage is seen or harmless."""

import random
from array import array
from itertools import accumulate, pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tidegauge.errors import HistoryDamaged
from tidegauge.history import codec, fast
from tidegauge.history.block import STANDARD, Block, pack
from tidegauge.history.codec import ABSENT, GREATEST, SELDOM

INTEGERS = st.integers(-GREATEST, GREATEST)
VALUES = st.one_of(INTEGERS, st.just(ABSENT), st.integers(0, 5))
COLUMNS = st.one_of(
    st.lists(VALUES, max_size=80),
    st.lists(st.integers(0, 9).map(lambda pages: pages * 4096), min_size=40, max_size=80),
    st.tuples(VALUES, st.integers(1, 80)).map(lambda one: [one[0]] * one[1]),
    st.tuples(INTEGERS, st.integers(-1000, 1000), st.integers(1, 80)).map(
        lambda line: [max(-GREATEST, min(GREATEST, line[0] + line[1] * n)) for n in range(line[2])]
    ),
)

each_codec = pytest.mark.parametrize("using", [STANDARD, fast.FAST], ids=["standard", "fast"])


@each_codec
@settings(deadline=None)  # the first column imports numpy
@given(column=COLUMNS)
@example(column=[GREATEST, -GREATEST, GREATEST])
@example(column=[ABSENT, 7, ABSENT])
@example(column=[2**63 - 1, 0, 2**63 - 1])
@example(column=[GREATEST, 0] * 40)
def test_what_was_encoded_is_decoded(using, column):
    """Holes, constants, falls, nothing at all, and the ends of the range."""
    assert using.decode(using.encode(column), len(column)) == column


@each_codec
@settings(deadline=None)
@given(column=COLUMNS.filter(len))
def test_a_column_is_known_by_its_steps(using, column):
    """The first value and all differences; nothing of one with holes."""
    found = using.steps(using.encode(column), len(column))
    if ABSENT in column:
        assert found is None
    else:
        each = [after - before for before, after in pairwise(column)]
        assert found == (column[0], each, min(each, default=0) >= 0)


@each_codec
@settings(deadline=None)
@given(
    moves=st.dictionaries(
        st.integers(1, 99), st.integers(-(2**40), 2**40).filter(bool), max_size=9
    ),
    first=st.integers(-(2**50), 2**50),
)
def test_a_column_that_seldom_moves_is_known_by_its_moves(using, moves, first):
    """The points at which it does, and by how much."""
    steps = [moves.get(n, 0) for n in range(100)]
    column = [*accumulate(steps[1:], initial=first)]
    found = using.moves(using.encode(column), len(column))
    if SELDOM * len(moves) <= 99:
        where = sorted(moves)
        rising = min(moves.values(), default=0) >= 0
        assert found == (column[0], where, [moves[n] for n in where], rising)
    assert using.moves(using.encode([0, 1] * 50), 100) is None
    assert using.moves(using.encode([*column, ABSENT]), len(column) + 1) is None


def test_what_repeats_takes_next_to_nothing():
    """A constant or a line is its head, nothing no byte; of two kinds of steps each is a bit."""
    assert codec.encode([]) == b""
    assert len(codec.encode([7] * 600)) == 7
    assert len(codec.encode([2**40] * 600)) == 17
    assert len(codec.encode(range(0, 600_000, 1000))) == 7
    assert len(codec.encode(range(600_000, 0, -1000))) == 7
    pages = [4096 * (n % 7) for n in range(600)]
    assert len(codec.encode(pages)) < 600 // 8 + 30
    assert len(codec.encode([0] * 500 + pages[:100])) < 60
    assert len(codec.encode([ABSENT] * 600)) < 30


@each_codec
@settings(deadline=None)
@given(column=st.lists(st.integers(0, 10**6), min_size=40, max_size=60), data=st.data())
def test_damaged_bytes_raise_nothing_but_damage(using, column, data):
    """Cut, changed or prolonged: there is an answer of the right length, or `HistoryDamaged`."""
    whole = bytearray(using.encode(column))
    at = data.draw(st.integers(0, len(whole) - 1))
    if using is not STANDARD and at == 0:
        at = 1  # the rest of that byte's meanings belongs to the checksum of the block
    whole[at] ^= data.draw(st.integers(1, 255))
    cut = data.draw(st.sampled_from((len(whole), at, max(1, at))))
    try:
        decoded = using.decode(bytes(whole[:cut]), len(column))
    except HistoryDamaged:
        return
    assert len(decoded) == len(column)


@given(times=st.lists(st.integers(0, 2**45), min_size=1, max_size=30), columns=st.data())
def test_a_block_has_its_columns(times, columns):
    """Each by itself, in order."""
    whole = [columns.draw(st.lists(VALUES, min_size=len(times), max_size=len(times))), times]
    block = Block(pack(STANDARD, times, whole), {1: STANDARD})

    assert (block.points, len(block), block.times) == (len(times), 2, times)
    assert [block.column(number) for number in range(2)] == whole


@each_codec
def test_columns_that_are_the_same_are_there_once(using):
    """Each is read as if it were there by itself."""
    chance = random.Random(1)
    one, other = ([chance.randrange(10**6) for _ in range(600)] for _ in range(2))
    times = [*range(0, 600_000, 1000)]
    whole = [one, other, one, array("q", one), times, other]
    packed = pack(using, times, whole)
    block = Block(packed, {using.number: using})

    assert len(packed) < len(pack(using, times, [one, other])) + 4 * 4 + 1
    assert [block.column(number) for number in range(6)] == [[*each] for each in whole]
    assert [block.source(number) for number in range(6)] == [1, 2, 1, 1, 0, 2]


@given(data=st.data())
def test_a_changed_block_is_noticed(data):
    """Any bit behind the head of it, and any cut."""
    packed = pack(STANDARD, [1, 2, 3], [[1, 2, 5], [7, 7, 7]])
    at = data.draw(st.integers(11, len(packed) - 1))
    changed = bytearray(packed)
    changed[at] ^= data.draw(st.integers(1, 255))

    with pytest.raises(HistoryDamaged):
        Block(bytes(changed), {1: STANDARD})
    with pytest.raises(HistoryDamaged):
        Block(packed[: data.draw(st.integers(0, len(packed) - 1))], {1: STANDARD})


def test_a_block_of_a_codec_that_is_not_there_says_what_to_install():
    """It is not damaged: with the package it can be read."""
    packed = pack(fast.FAST, [1, 2], [[1, 2]])

    with pytest.raises(Exception, match=r"codec 2, .*pip install \"tidegauge\[fast\]\"") as raised:
        Block(packed, {1: STANDARD})
    assert not isinstance(raised.value, HistoryDamaged)
    assert Block(packed, {1: STANDARD, 2: fast.FAST}).column(0) == [1, 2]


def test_whatever_is_installed_can_be_read():
    """The first is written with."""
    assert fast.codecs(fast=True) == (fast.FAST, STANDARD)
    assert fast.codecs(fast=False) == (STANDARD, fast.FAST)
