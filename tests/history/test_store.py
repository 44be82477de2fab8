"""Commits, blocks, and what is found again after an end of any kind."""

import sqlite3
from array import array

import pytest

from history.made import (
    DB,
    HOUR,
    SHAPE,
    T0,
    WEB,
    WIDER,
    Opened,
    a_row,
    ask,
    rows_of,
    seconds,
    steady,
)
from tidegauge.errors import HistoryError
from tidegauge.history.codec import ABSENT
from tidegauge.history.rows import Event, Rows
from tidegauge.history.store import Seen


@pytest.fixture
def path(tmp_path):
    return tmp_path / "state" / "history.db"


def test_what_was_committed_is_there_after_a_kill(path):
    """Unsealed rows of several entities and shapes become blocks at the next start, once."""
    with Opened(path) as opened:
        opened.store.write(1, [a_row(0, 10, 1), a_row(0, 5, 5, who=DB)], [], {})
        opened.store.write(2, [a_row(1000, 17, 2), a_row(2000, 20, 3, 9, shape=WIDER)], [], {})
    with Opened(path) as opened:
        assert opened.store.recover() == 4
        assert opened.store.recover() == 0
        assert opened.file.number("SELECT count(*) FROM hot") == 0
        assert opened.file.number("SELECT count(*) FROM block") == 3
    cpu, memory = ask(path, 0, 10, 0)[:2]
    assert (cpu.times, cpu.mean) == ([0, 1, 2], [None, 7, 3])
    assert (memory.times, memory.mean) == ([0, 1, 2], [1, 2, 3])
    assert ask(path, 0, 10, 0, "memory", who=DB)[0].mean == [5]


def test_much_is_recovered_in_blocks_of_the_usual_size(path):
    """So that it takes no more memory than writing does."""
    with Opened(path) as opened:
        for n in range(1500):
            opened.store.write(n + 1, [a_row(n * 1000, n, n, who=who) for who in (WEB, DB)], [], {})
        assert opened.store.recover() == 3000
        assert opened.file.rows("SELECT points FROM block WHERE entity = 1 ORDER BY start") == [
            (600,),
            (600,),
            (300,),
        ]
    assert ask(path, 0, 1500, 0, "memory", who=DB)[0].mean == [*range(1500)]


def test_rows_that_are_in_blocks_are_not_recovered_twice(path):
    """Commits overlap with blocks, because others wait for theirs."""
    with Opened(path) as opened:
        opened.store.write(1, [a_row(0, 10, 1), a_row(1000, 17, 2)], [], {})
        assert opened.store.seal(rows_of([0, 1000], [10, 17], [1, 2])) == 0
        opened.store.write(2, [a_row(2000, 20, 3)], [], {})
        assert opened.store.recover() == 1
    assert ask(path, 0, 10, 0, "memory")[0].mean == [1, 2, 3]


def test_sealing_takes_only_what_is_newer(path):
    """As many as are not are told."""
    with Opened(path) as opened:
        assert opened.store.seal(steady(0, 10)) == 0
        assert opened.store.seal(steady(5, 12)) == 5
        assert opened.store.seal(steady(3, 12)) == 9
        assert opened.tiers() == {0: 12}


def test_commits_that_are_in_blocks_are_forgotten(path):
    """Some with a commit, so that none takes long; others stay."""
    with Opened(path) as opened:
        for number in range(1, 31):
            opened.store.write(number, [a_row(number * 1000, 1, 1)], [], {})
        opened.store.in_blocks = 26
        kept = []
        for number in range(31, 36):
            opened.store.write(number, [a_row(number * 1000, 1, 1)], [], {})
            kept.append(opened.file.number("SELECT min(id) FROM hot"))
        assert kept == [9, 17, 25, 25, 25]
        assert opened.file.number("SELECT count(*) FROM hot") == 11
        opened.store.forget_all()
        assert opened.file.number("SELECT min(id) FROM hot") == 26


def test_a_commit_that_fails_leaves_nothing_and_numbers_are_right(path):
    """Entities and shapes that were new in it get their numbers anew."""
    with Opened(path) as opened:
        bad = Event(WEB, T0, "start", {"x": object()})
        with pytest.raises(TypeError):
            opened.store.write(1, [a_row(0, 1, 1)], [bad], {})
        assert opened.file.number("SELECT count(*) FROM entity") == 0
        opened.store.write(1, [a_row(0, 1, 1, who=DB, shape=WIDER[:2])], [], {})
        opened.store.write(2, [a_row(0, 1, 1)], [], {})
        assert opened.store.recover() == 2
    assert [ask(path, 0, 1, 0, "memory", who=who)[0].mean for who in (WEB, DB)] == [[1], [1]]


def test_a_commit_may_be_written_again(path):
    """When it is not known whether it was."""
    with Opened(path) as opened:
        opened.store.write(1, [a_row(0, 1, 1)], [], {})
        opened.store.write(1, [a_row(0, 1, 1), a_row(1000, 2, 2)], [], {})
        assert opened.store.recover() == 2


def test_what_is_known_of_an_entity(path):
    """The newest facts, the first and the last moment."""
    with Opened(path) as opened:
        opened.store.write(1, [], [], {WEB: Seen(T0 + 5000, {"image": "a"})})
        opened.store.write(2, [], [], {WEB: Seen(T0 + 9000, None)})
        opened.store.write(3, [], [], {WEB: Seen(T0 + 7000, {"image": "b"})})
        opened.store.seal(steady(1, 3))
        assert opened.file.rows("SELECT facts, first, last FROM entity") == [
            ('{"image":"b"}', T0 + 1000, T0 + 9000)
        ]


def test_a_damaged_commit_is_left_out_and_told(path):
    """The others are recovered."""
    with Opened(path) as opened:
        opened.store.write(1, [a_row(0, 1, 1)], [], {})
        opened.store.write(2, [a_row(1000, 2, 2)], [], {})
        opened.file.change("UPDATE hot SET data = x'00ff' WHERE id = 1")
        assert opened.store.recover() == 1
        (sentence,) = opened.damaged
    assert sentence.startswith("a commit of history cannot be read: ")
    assert sentence.endswith(" It is left out.")


def test_commits_of_an_entity_that_was_deleted_are_passed_over(path):
    """It was too old to be kept."""
    with Opened(path) as opened:
        opened.store.write(1, [a_row(0, 1, 1), a_row(0, 2, 2, who=DB)], [], {})
        opened.file.change("DELETE FROM entity WHERE name = 'web'")
        assert opened.store.recover() == 1


def test_a_full_file_is_an_error_that_passes(path):
    """Nothing of what failed is there, and the next try may do."""
    with Opened(path) as opened:
        pages = opened.file.number("PRAGMA page_count")
        opened.file.rows(f"PRAGMA max_page_count = {pages}")
        noise = array("q", [hash((n, "x")) >> 2 for n in range(2000)])
        wide = Rows(WEB, SHAPE, array("q", range(T0, T0 + 1000)), noise)
        with pytest.raises(HistoryError, match="no space is left for it"):
            opened.store.seal(wide)
        assert opened.tiers() == {}
        opened.file.rows("PRAGMA max_page_count = 1000000")
        assert opened.store.seal(wide) == 0
        assert opened.tiers() == {0: 1000}


def test_late_blocks_have_their_hour_rolled_up_again(path):
    """Buckets that were made without them are made anew."""
    with Opened(path) as opened:
        opened.store.seal(steady(0, 1800))
        assert opened.roll(40 * HOUR) == 1
        before = opened.tiers()
        opened.store.seal(steady(1800, 3600))
        assert opened.tiers() == {0: 3600}
        assert opened.roll(40 * HOUR) == 1
        assert (before, opened.tiers()) == (
            {0: 1800, 1: 180, 2: 30, 3: 3},
            {0: 3600, 1: 360, 2: 60, 3: 6},
        )


def test_a_hole_row_ends_what_is_known(path):
    """Between two runs of the program nothing is known of counters."""
    with Opened(path) as opened:
        opened.store.seal(rows_of(seconds(0, 3), [10, 20, 30], [1, 1, 1]))
        opened.store.seal(rows_of([2999, 3000, 4000], [ABSENT, 99, 109], [ABSENT, 2, 2]))
    cpu, memory = ask(path, 0, 10, 0)
    assert cpu.mean == [None, 10, 10, None, None, 10]
    assert memory.mean == [1, 1, 1, None, 2, 2]


def test_the_file_can_be_read_with_sqlite_alone(path):
    """As its page says."""
    with Opened(path) as opened:
        opened.store.write(1, [], [Event(WEB, T0, "die", {"exit_code": 1})], {})
    with sqlite3.connect(path) as file:
        found = file.execute(
            "SELECT name, event.kind, json_extract(event.facts, '$.exit_code')"
            " FROM event JOIN entity ON entity.id = event.entity"
        ).fetchall()
    file.close()
    assert found == [("web", "die", 1)]
