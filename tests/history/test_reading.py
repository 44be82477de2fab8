"""Answers: of samples, of buckets, over every border between them."""

import asyncio
import sqlite3

import pytest

from history.made import (
    DB,
    HOUR,
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
from snapshots import a_journal
from tidegauge.errors import HistoryDamaged, HistoryError, HistoryRefused
from tidegauge.history.block import STANDARD
from tidegauge.history.fast import FAST
from tidegauge.history.reading import StoredHistory
from tidegauge.history.rows import Event, Extent, Known, Query
from tidegauge.history.store import Seen


@pytest.fixture
def path(tmp_path):
    return tmp_path / "history.db"


def filled(path, hours=2):
    """Blocks of 600 points of two containers, rolled up but for the last hour, which is over."""
    opened = Opened(path)
    for begin in range(0, 3600 * hours, 600):
        for who, rate in ((WEB, 7), (DB, 11)):
            opened.store.seal(steady(begin, begin + 600, rate, who=who))
    opened.roll(HOUR * hours)
    return opened


def test_samples_come_back_exactly(path):
    """From blocks, from what is sealed next and from what is not, without seam."""
    filled(path, 1).file.close()
    unsealed = [steady(3590, 3610), steady(3610, 3615)]
    cpu, memory = ask(path, 3580, 3613, 0, unsealed=unsealed)

    assert cpu.times == memory.times == [*range(3580, 3613)]
    assert cpu.mean == cpu.least == cpu.greatest == cpu.p95 == [7.0] * 33
    assert memory.mean == [4096 + n % 4 for n in range(3580, 3613)]
    assert (cpu.metric, cpu.attributes) == ("cpu", ())


def test_the_first_rate_is_known_by_the_sample_before(path):
    """It is read although it is not in the range."""
    filled(path, 1).file.close()
    (cpu,) = ask(path, 600, 602, 0, "cpu")
    assert cpu.mean == [7, 7]


@pytest.mark.parametrize("step", [1, 5, 10, 20, 60, 300, 600, 1800, 3600, 7200])
def test_every_bucket_is_there_once(path, step):
    """Across the border between what is rolled up and what is not, and that of what is sealed."""
    filled(path).file.close()
    cpu, memory = ask(path, 0, 9000, step, unsealed=[steady(7200, 9000)])
    for each in (cpu, memory):
        assert each.times == [*range(0, 9000, step)]
        assert None not in each.mean[1:]
    assert set(cpu.mean[1:]) == {7.0}
    assert memory.least[:3] == ([4096] * 3 if step > 3 else [4096, 4097, 4098])[: len(memory.least)]
    if step % 4 == 0:  # within a thousandth of the exact mean and the greatest
        assert all(abs(mean - 4097.5) < 4.1 for mean in memory.mean)


def test_older_buckets_are_larger_where_finer_ones_are_gone(path):
    """Nothing is doubled where they meet."""
    opened = filled(path, 3)
    # As if samples were kept for an hour, and buckets of 10 s for two.
    opened.file.change("DELETE FROM block WHERE tier = 0 AND stop < ?", T0 + 2 * HOUR)
    opened.file.change("DELETE FROM block WHERE tier = 1 AND stop < ?", T0 + HOUR)
    opened.file.close()
    (cpu,) = ask(path, 0, 10_800, 0, "cpu", unsealed=[])

    assert cpu.times[:60] == [60 * n for n in range(60)]
    assert cpu.times[60:420] == [3600 + 10 * n for n in range(360)]
    assert cpu.times[420:] == [*range(7200, 10_800)]
    # The first sample that is kept has none before it, and the last bucket none behind it.
    assert [n for n, value in enumerate(cpu.mean) if value is None] == [420]


def test_a_query_begins_and_ends_with_whole_buckets(path):
    """Those of which some part is in the range."""
    filled(path).file.close()
    (cpu,) = ask(path, 3605, 3695, 60, "cpu", unsealed=[])
    assert cpu.times == [3600, 3660]
    (cpu,) = ask(path, 5, 25, 10, "cpu", unsealed=[])
    assert cpu.times == [0, 10, 20]


def test_a_series_may_come_and_go(path):
    """A shape that changes breaks no other series; there is nothing where it was not."""
    with Opened(path) as opened:
        opened.store.seal(steady(0, 20))
        numbers = range(20, 40)
        wide = [7 * n for n in numbers], [4096] * 20, [100 * n for n in numbers]
        opened.store.seal(rows_of(seconds(20, 40), *wide, shape=WIDER))
        opened.store.seal(steady(40, 60))
    cpu, memory, disk = ask(path, 0, 60, 0)
    assert cpu.times == memory.times == [*range(60)]
    assert cpu.mean == [None] + [7.0] * 59
    assert (disk.times, disk.mean) == ([*range(20, 40)], [None] + [50.0] * 19)
    with Opened(path) as opened:
        assert opened.roll(40 * HOUR) == 1
    cpu, memory, disk = ask(path, 0, 60, 10)
    assert cpu.times == memory.times == [0, 10, 20, 30, 40, 50]
    assert cpu.mean == [7.0] * 6
    assert (disk.times, disk.mean) == (cpu.times, [None, None, 50, 50, None, None])


def test_gaps_are_gaps(path):
    """No rate is taken over one, and no line can be drawn across it."""
    with Opened(path) as opened:
        opened.store.seal(steady(0, 10))
        opened.store.seal(steady(100, 110))
    cpu, memory = ask(path, 0, 200, 0)
    assert cpu.mean == [None] + [7] * 9 + [None, None] + [7] * 9
    assert memory.mean[9:12] == [4097, None, 4096]
    (cpu,) = ask(path, 0, 200, 10, "cpu")
    assert (cpu.times, cpu.mean) == ([0, 10, 100], [7, None, 7])


def test_another_process_reads_while_it_is_written(path):
    """It takes what is in no block from the commits."""
    with Opened(path) as opened:
        opened.store.seal(steady(0, 10))
        for number in range(10, 20):
            opened.store.write(number, [a_row(number * 1000, 7 * number, 5)], [], {})
        opened.store.write(20, [a_row(0, 1, 1, who=DB)], [], {})
        cpu, memory = ask(path, 0, 30, 0)
        assert cpu.mean == [None] + [7] * 19
        assert memory.mean[10:] == [5] * 10
        opened.store.seal(steady(10, 15))
        assert ask(path, 0, 30, 0, "cpu")[0].mean == [None] + [7] * 19


def test_what_is_not_there_is_no_series(path):
    """Unknown entities and metrics, other times, and series without any value."""
    with Opened(path) as opened:
        opened.store.seal(steady(0, 10))
        opened.store.seal(rows_of([0, 1000], [1, 2], [1, 1], [-(2**63)] * 2, who=DB, shape=WIDER))
    assert ask(path, 0, 10, 0, who=("host", "h", "")) == []
    assert ask(path, 0, 10, 0, "nothing") == []
    assert ask(path, 100, 200, 0) == []
    assert ask(path, 20, 10, 0) == []
    assert [each.metric for each in ask(path, 0, 10, 0, who=DB)] == ["cpu", "memory"]


async def test_entities_events_and_extent(path):
    """In a range; the oldest event first."""
    with Opened(path) as opened:
        events = [
            Event(WEB, T0 + 2000, "die", {"exit_code": 1, "lifetime": 2.5}),
            Event(DB, T0 + 1000, "start"),
            Event(DB, T0 + 9000, "oom"),
        ]
        opened.store.write(1, [], events, {WEB: Seen(T0 + 2000, {"image": "nginx"})})
        opened.store.seal(steady(0, 3))
        history = StoredHistory(path, (STANDARD,), a_journal()[0])
        begin = T0 / 1000
        assert await history.entities(begin, begin + 2) == [
            Known(DB, {}, begin + 1, begin + 1),
            Known(WEB, {"image": "nginx"}, begin, begin + 2),
        ]
        assert await history.entities(begin + 100, begin + 200) == []
        assert await history.events(begin, begin + 9) == [events[1], events[0]]
        extent = await history.extent()
        files = [file.stat().st_size for file in (path, path.with_name("history.db-wal"))]
        assert extent == Extent(sum(files), begin + 2)


async def test_another_file_at_the_same_place_is_read_as_soon_as_it_is_there(path):
    """One that is open for the next question may have been moved away."""
    with Opened(path) as opened:
        opened.store.write(1, [], [Event(DB, T0, "start")], {})
    history = StoredHistory(path, (STANDARD,), a_journal()[0])
    assert len(await history.events(0, T0)) == 1
    path.rename(path.with_name("moved.db"))
    with pytest.raises(HistoryError, match="unable to open"):
        await history.events(0, T0)
    with Opened(path) as opened:
        opened.store.write(1, [], [Event(DB, T0, "start"), Event(DB, T0, "die")], {})
        assert len(await history.events(0, T0)) == 2
        assert path.with_name("history.db-wal").exists()
        history.close()
    assert not path.with_name("history.db-wal").exists()


async def test_there_may_be_no_file(path):
    """Before the first commit."""
    with pytest.raises(HistoryError, match="unable to open database file"):
        await StoredHistory(path, (STANDARD,), a_journal()[0]).events(0, 1)


async def test_a_damaged_file_is_an_error(path):
    """With its name."""
    path.write_bytes(b"no database" * 100)
    with pytest.raises(HistoryDamaged, match=r"history\.db is damaged: file is not a database"):
        await StoredHistory(path, (STANDARD,), a_journal()[0]).events(0, 1)


@pytest.mark.parametrize(
    ("codec", "change", "sentence"),
    [
        (STANDARD, True, "a block of history is not what was written: its checksum is off."),
        (FAST, False, "a block of history was written with codec 2, which is not installed;"),
    ],
)
def test_a_block_that_cannot_be_read_is_left_out_and_told(path, codec, change, sentence):
    """The others are answered."""
    journal, sentences = a_journal()
    with Opened(path, (codec,)) as opened:
        opened.store.seal(steady(0, 100))
    with Opened(path) as opened:
        opened.store.seal(steady(100, 110))
        if change:
            (data,) = opened.file.row("SELECT data FROM block")
            opened.file.change("UPDATE block SET data = ? WHERE id = 1", data[:-1] + b"~")
        history = StoredHistory(path, (STANDARD,), journal, lambda _: [])
        query = Query(WEB, ("memory",), T0 / 1000, T0 / 1000 + 200, 0)
        for _ in range(2):
            (memory,) = asyncio.run(history.series(query))
            assert len(memory.times) == 10
    assert len(sentences) == 1
    assert sentences[0].startswith(sentence)
    assert sentences[0].endswith(" It is left out.")


def test_an_answer_is_of_one_moment(path):
    """What is sealed while it is put together is neither missing nor doubled."""
    with Opened(path) as opened:
        opened.store.write(1, [a_row(n * 1000, 7 * n, 5) for n in range(10)], [], {})
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM block").fetchone()
            opened.store.seal(steady(0, 10))
            opened.store.in_blocks = 2
            opened.store.forget_all()
            assert reader.execute("SELECT count(*) FROM hot").fetchone() == (1,)
        reader.close()
    assert len(ask(path, 0, 20, 0, "memory")[0].times) == 10


async def test_a_file_that_is_just_being_made_holds_nothing_yet(path):
    """It is not taken for another program's."""
    sqlite3.connect(path).close()
    journal, _ = a_journal()
    with pytest.raises(HistoryError, match="holds nothing yet") as raised:
        await StoredHistory(path, (STANDARD,), journal).entities(0, 1)
    assert not isinstance(raised.value, HistoryRefused)
