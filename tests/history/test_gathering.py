"""Rows on their way: for the next commit, and for blocks."""

from collections import Counter

import pytest

from history.made import DB, SHAPE, T0, WEB, WIDER, a_row, hole
from manual_clock import ManualClock
from tidegauge.history import gathering
from tidegauge.history.codec import ABSENT
from tidegauge.history.gathering import AHEAD_MS, POINTS, SEAL_SECONDS, Gathering
from tidegauge.history.rows import Row


class Gathered:
    """Gathering at the time of the rows, and what it tells."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.clock.now = lambda: T0 / 1000
        self.refused, self.dropped = [], Counter()
        self.all = Gathering(self.clock, self.refused.append, lambda n: self.dropped.update(rows=n))

    def rows(self, begin: int, end: int, who=WEB) -> None:
        for n in range(begin, end):
            assert self.all.row(a_row(n * 1000, 7 * n, n, who=who))


@pytest.fixture
def it() -> Gathered:
    return Gathered()


def test_each_row_is_for_a_commit_and_for_a_block(it):
    """A recording begins with a hole: what counters did before it is not known."""
    it.rows(0, 2)

    assert [(row.at - T0, [*row.values]) for row in it.all.rows] == [
        (-1, hole()),
        (0, [0, 0]),
        (1000, [7, 1]),
    ]
    (rows,) = it.all.unsealed(WEB)
    assert [at - T0 for at in rows.times] == [-1, 0, 1000]
    assert [*rows.column(0)] == [ABSENT, 0, 7]
    assert it.all.unsealed(DB) == []


@pytest.mark.parametrize("before", [0, 1, 492, 493, 494, 501, 502, 503])
def test_several_rows_are_as_one_after_another(it, before):
    """Where nothing moved they have the same values; they may fill a block, or begin one."""
    alone, times = Gathered(), range(before * 1000, before * 1000 + 10_000, 1000)
    values = a_row(0, 7, 7).values
    together = [Row(WEB, SHAPE, T0 + at, values) for at in times]
    for each in (it, alone):
        each.rows(0, before)
    assert it.all.several(together)
    for row in together:
        assert alone.all.row(row)

    assert it.all.rows == alone.all.rows
    assert it.all.unsealed(WEB) == alone.all.unsealed(WEB)
    assert it.all.keep_from == alone.all.keep_from


def test_several_rows_out_of_time_are_refused_one_by_one(it):
    """The clock was set back into the midst of them."""
    it.rows(0, 6)
    values = a_row(0, 7, 7).values
    late = [Row(WEB, SHAPE, T0 + at, values) for at in (4000, 5000, 6000)]

    assert it.all.several(late)
    assert it.refused == [WEB, WEB]
    assert [at - T0 for at in it.all.unsealed(WEB)[0].times][-2:] == [5000, 6000]

    of_tomorrow = [Row(WEB, SHAPE, T0 + at, values) for at in (7000, AHEAD_MS + 1)]
    assert not it.all.several(of_tomorrow)
    assert it.refused == [WEB, WEB, WEB]


def test_what_was_asked_for_does_not_change(it):
    """It is read in a thread while rows come."""
    it.rows(0, 2)
    (before,) = it.all.unsealed(WEB)
    it.rows(2, 4)
    assert len(before.times) == len(before.values) // 2 == 3


def test_full_buffers_become_blocks_apart_from_each_other(it):
    """The first ones are shorter, so that not all are sealed in the same second."""
    for who in (WEB, DB):
        it.rows(0, 2 * POINTS, who)

    sizes = [(rows.identity, len(rows.times)) for rows in it.all.sealed]
    assert sizes == [(WEB, 503), (WEB, 600), (DB, 406), (DB, 600)]
    assert [len(rows.times) for rows in it.all.unsealed(WEB)] == [503, 600, 98]


def test_more_series_are_taken_into_the_same_block(it):
    """Of which there was nothing before: a container joins one more network."""
    it.rows(0, 3)
    assert it.all.row(a_row(3000, 1, 2, 3, shape=WIDER))

    (rows,) = it.all.unsealed(WEB)
    assert rows.shape is WIDER
    assert [*rows.column(0)] == [ABSENT, 0, 7, 14, 1]
    assert [*rows.column(1)] == [ABSENT, 0, 1, 2, 2]
    assert [*rows.column(2)] == [ABSENT] * 4 + [3]
    assert not it.all.sealed


def test_other_series_begin_another_block(it):
    """Which has no hole: the series that are in both go on."""
    it.rows(0, 3)
    assert it.all.row(a_row(3000, 1, shape=SHAPE[1:]))

    assert [len(rows.times) for rows in it.all.unsealed(WEB)] == [4, 1]
    assert len(it.all.sealed) == 1


def test_rows_out_of_time_are_refused(it):
    """Not newer than the last, or of tomorrow; what comes right after is taken."""
    assert not it.all.row(a_row(AHEAD_MS + 1, 1, 1))
    it.rows(5, 6)
    assert not it.all.row(a_row(5000, 1, 1))
    assert not it.all.row(a_row(4000, 1, 1))
    it.rows(6, 7)
    assert it.refused == [WEB] * 3
    assert len(it.all.rows) == 3


def test_old_buffers_are_sealed_and_empty_ones_forgotten(it):
    """A container that went away leaves nothing, and commits need not be kept for it."""
    it.rows(0, 3)
    assert it.all.seal_old() == []
    assert not it.all.sealed
    it.clock._passed += SEAL_SECONDS
    it.rows(0, 1, DB)
    assert it.all.seal_old() == []
    assert [rows.identity for rows in it.all.sealed] == [WEB]
    assert dict(it.all.newest()) == {WEB: T0 + 2000, DB: T0}
    it.clock._passed += SEAL_SECONDS
    assert it.all.seal_old() == [WEB]
    assert dict(it.all.newest()) == {DB: T0}


def test_commits_are_kept_from_the_first_that_is_in_no_block(it):
    """However clocks of engines differ: it goes by numbers."""
    assert it.all.keep_from == 2
    it.rows(0, 3)
    it.all.written([*it.all.rows])
    it.rows(80_000, 80_001, DB)
    it.all.written([*it.all.rows])
    assert (it.all.commit, it.all.keep_from) == (3, 1)
    it.clock._passed += SEAL_SECONDS
    it.all._seal(WEB, it.all._buffers[WEB].shape)
    assert it.all.keep_from == 2


def test_what_was_written_goes_and_what_came_meanwhile_stays(it):
    """Also if some of it had to be dropped meanwhile."""
    it.rows(0, 2)
    before = [*it.all.rows]
    it.rows(2, 3)
    it.all.rows.popleft()
    it.all.written(before)
    assert [row.at - T0 for row in it.all.rows] == [2000]


def test_what_waits_is_bounded(it, monkeypatch):
    """The oldest block goes, and is counted; of commits only that they are in time is lost."""
    monkeypatch.setattr(gathering, "WAITING_VALUES", 2 * 2 * POINTS)
    it.rows(0, 5 * POINTS)

    assert [len(rows.times) for rows in it.all.sealed] == [600, 600]
    assert it.dropped == {"rows": 503 + 600 + 600}
    it.all.stored([*it.all.sealed][:1])
    assert len(it.all.sealed) == 1


def test_of_rows_for_commits_the_newest_stay(it, monkeypatch):
    """So many in all, or of each entity if that is more; the others wait for their blocks."""
    monkeypatch.setattr(gathering, "WAITING_ROWS", 100)
    monkeypatch.setattr(gathering, "WAITING_OF_EACH", 60)
    it.rows(0, 200)
    assert [(row.at - T0) // 1000 for row in it.all.rows] == [*range(100, 200)]
    it.rows(0, 200, who=DB)
    assert len(it.all.rows) == 2 * 60
    assert not it.dropped
