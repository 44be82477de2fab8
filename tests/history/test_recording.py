"""The recorder on its loop: what is written when, and what is told of a disk that fails."""

import asyncio
import sqlite3

import pytest

from history.made import DB, SHAPE, T0, WEB, a_row, ask, steady
from manual_clock import ManualClock
from snapshots import a_journal
from tidegauge.errors import HistoryError
from tidegauge.history.block import STANDARD
from tidegauge.history.file import HistoryFile
from tidegauge.history.gathering import SEAL_SECONDS
from tidegauge.history.options import HistoryOptions
from tidegauge.history.recording import (
    COMMIT_SECONDS,
    EVENT_DROPPED,
    OUT_OF_TIME,
    RETRY_SECONDS,
    UPKEEP_SECONDS,
    WAITING_EVENTS,
    Recorder,
)
from tidegauge.history.rows import Event
from tidegauge.history.schema import APPLICATION, VERSION
from tidegauge.history.writing import Writer
from waiting import wait_until_async


class Clock(ManualClock):
    """Begins at the time of the rows."""

    def now(self) -> float:
        return T0 / 1000 + self._passed


class Recording:
    """A recorder at work; each `commit` lets it write once."""

    def __init__(self, path) -> None:
        self.path, self.clock = path, Clock()
        self.journal, self.sentences = a_journal()
        self.outcomes = 0
        writer = Writer(path, HistoryOptions().kept, (STANDARD,), lambda: None)
        self.recorder = Recorder(writer, self.clock, self.journal)
        settle = self.recorder._tell

        def told(outcome) -> None:
            self.outcomes += 1
            settle(outcome)

        self.recorder._tell = told

    async def __aenter__(self):
        self._task = asyncio.create_task(self.recorder.run())
        await self.clock.advance(0)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.recorder.end()
        await self._task
        await self.recorder.close()
        assert self._task.done()

    async def commit(self, seconds: float = COMMIT_SECONDS) -> None:
        written = self.outcomes
        await self.clock.advance(seconds)
        await wait_until_async(lambda: self.outcomes > written, 10, "it is written")

    async def becomes(self, statement: str, found: list) -> None:
        """Let it write until the file says so, whether or not there is more to write."""
        for _ in range(10):
            await self.clock.advance(COMMIT_SECONDS)
            await wait_until_async(lambda: self.recorder._writing is None, 10, "it is written")
            if self.path.exists() and self.query(statement) == found:
                return
        assert self.query(statement) == found

    def rows(self, begin: int, end: int, who=WEB) -> None:
        for n in range(begin, end):
            self.recorder.several([a_row(n * 1000, 7 * n, n, who=who)])

    def query(self, statement: str) -> list:
        with sqlite3.connect(self.path) as file:
            found = file.execute(statement).fetchall()
        file.close()
        return found


@pytest.fixture
def path(tmp_path):
    return tmp_path / "state" / "history.db"


async def in_thread(call, *args, **kwargs):
    return await asyncio.to_thread(call, *args, **kwargs)


async def test_a_second_is_committed_and_the_rest_is_sealed_at_the_end(path):
    """Before the end it is in commits; behind it, in blocks alone."""
    async with Recording(path) as it:
        it.rows(0, 5)
        it.recorder.event(Event(WEB, T0, "start"))
        it.recorder.know(WEB, {"image": "nginx"})
        await it.commit()
        assert it.query("SELECT count(*) FROM hot") == [(1,)]
        assert it.query("SELECT kind FROM event") == [("start",)]
        assert it.query("SELECT facts FROM entity") == [('{"image":"nginx"}',)]
        it.rows(5, 8)
    assert it.query("SELECT count(*) FROM hot") == [(0,)]
    assert it.query("SELECT points FROM block") == [(9,)]
    memory = (await in_thread(ask, path, 0, 10, 0, "memory"))[0]
    assert memory.mean == [*range(8)]
    assert it.sentences == []
    assert it.journal.counts == {}


async def test_full_blocks_are_written_and_their_commits_forgotten(path):
    """Those of others stay."""
    async with Recording(path) as it:
        it.rows(0, 400)
        await it.commit()
        it.rows(400, 700)
        it.rows(0, 1, DB)
        await it.commit()
        assert it.query("SELECT points FROM block") == [(503,)]
        for second in range(1, 9):
            it.rows(second, second + 1, DB)
            await it.commit()
        assert it.query("SELECT min(id) FROM hot") == [(1,)]
        assert [len(rows.times) for rows in it.recorder.unsealed(WEB)] == [198]
        it.recorder._gathering.seal_old(all_of_them=True)
        for second in range(9, 19):
            it.rows(second, second + 1, DB)
            await it.commit()
        assert it.query("SELECT min(id) FROM hot") == [(9,)]


async def test_nothing_lost_and_nothing_doubled_when_it_ends_in_a_write(path):
    """The run is cancelled, as when something else failed; closing waits for what is on its way."""
    async with Recording(path) as it:
        it.rows(0, 3)
        await it.clock.advance(COMMIT_SECONDS)
        it._task.cancel()
        await asyncio.wait([it._task])
        it._task = asyncio.create_task(asyncio.sleep(0))
        it.rows(3, 5)
    assert (await in_thread(ask, path, 0, 10, 0, "memory"))[0].mean == [*range(5)]
    assert it.query("SELECT points FROM block") == [(6,)]


async def test_it_can_be_run_again(path):
    """As by each configuration; what comes between waits."""
    async with Recording(path) as it:
        it.rows(0, 1)
        it.recorder.end()
        await it._task
        it.rows(1, 2)
        it._task = asyncio.create_task(it.recorder.run())
        await it.clock.advance(0)
        it.rows(2, 3)
        await it.commit()
    assert (await in_thread(ask, path, 0, 10, 0, "memory"))[0].mean == [0, 1, 2]


async def test_a_start_after_a_kill_seals_what_was_left(path):
    """And what counters did between is not known."""
    before = Recording(path)
    async with before:
        before.rows(0, 3)
        await before.commit()
        before.recorder._gathering.clear()  # as if it were killed now
    async with Recording(path) as it:
        it.rows(5, 7)
    cpu, memory = await in_thread(ask, path, 0, 10, 0)
    assert memory.mean == [0, 1, 2, None, 5, 6]
    assert cpu.mean == [None, 7, 7, None, None, 7]


async def test_a_disk_that_is_full_is_told_once_and_loses_nothing(path, monkeypatch):
    """It is tried again after a while; when it goes on, that is told too."""
    full = True
    write = HistoryFile.change

    def change(self, statement, *values):
        if full and "hot" in statement:
            raise HistoryError("the history x cannot be written: no space is left for it.")
        return write(self, statement, *values)

    monkeypatch.setattr(HistoryFile, "change", change)
    async with Recording(path) as it:
        full = False
        await it.commit()
        full = True
        it.rows(0, 3)
        await it.commit()
        assert it.recorder.trouble == ("the history x cannot be written: no space is left for it.")
        it.rows(3, 5)
        before = it.outcomes
        await it.clock.advance(RETRY_SECONDS - COMMIT_SECONDS - 0.5)
        assert it.outcomes == before
        await it.commit(COMMIT_SECONDS * 2)
        full = False
        await it.commit(RETRY_SECONDS + COMMIT_SECONDS)
        assert it.recorder.trouble is None
    assert (await in_thread(ask, path, 0, 10, 0, "memory"))[0].mean == [*range(5)]
    assert it.sentences == [
        "the history x cannot be written: no space is left for it. What comes meanwhile waits in"
        " memory.",
        "history is written again",
    ]
    assert it.journal.counts == {"history not written": 2}


@pytest.mark.parametrize("damage", ["garbage", "cut", "flipped"])
async def test_a_damaged_file_is_set_aside_and_replaced(path, damage):
    """Whatever happened to it; it is named, kept, and nothing stops."""
    async with Recording(path) as it:
        it.rows(0, 700)
    whole = path.read_bytes()
    flipped = bytearray(whole)
    for at in range(0, len(whole), 4096):  # the head of each page
        flipped[at + (100 if at == 0 else 0)] ^= 0xFF
    path.write_bytes(
        {"garbage": b"\x01garbage " * 9999, "cut": whole[:9000], "flipped": flipped}[damage]
    )
    aside = path.with_name("history.db.damaged")

    async with Recording(path) as it:
        it.rows(2000, 2005)
        await it.commit()
        it.rows(2005, 2007)
        await it.commit()
    assert aside.exists()
    (sentence,) = it.sentences
    assert sentence.startswith(f"the history {path} is damaged: ")
    assert sentence.endswith(f" It is kept as {aside}, and a new one is begun.")
    assert it.journal.counts == {"history damaged": 1}
    assert (await in_thread(ask, path, 2000, 2010, 0, "memory"))[0].mean == [*range(2000, 2007)]


async def test_a_file_that_breaks_while_it_is_written_is_replaced(path, monkeypatch):
    """What is known of entities is told to the new one."""
    async with Recording(path) as it:
        it.recorder.know(WEB, {"image": "nginx"})
        it.rows(0, 2)
        await it.commit()
        it.recorder._writer._file._connection.execute("DROP TABLE hot")
        it.recorder._writer._file._connection.execute("CREATE TABLE hot (id, data)")
        monkeypatch.setattr(
            "tidegauge.history.store.hot.pack", _raise(sqlite3.DatabaseError("malformed"))
        )
        it.rows(2, 4)
        await it.commit()
        monkeypatch.undo()
        await it.commit()
    assert it.query("SELECT facts FROM entity") == [('{"image":"nginx"}',)]
    assert (await in_thread(ask, path, 0, 10, 0, "memory"))[0].mean == [*range(4)]


def _raise(error):
    error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT

    def raising(*_: object):
        raise error

    return raising


@pytest.mark.parametrize("again", [False, True])
async def test_a_file_that_was_moved_away_is_begun_anew(path, again):
    """By somebody who wanted its room, or put another one there. It is noticed within a minute."""
    async with Recording(path) as it:
        it.recorder.know(WEB, {"image": "nginx"})
        it.rows(0, 3)
        await it.commit()
        path.rename(path.with_name("other.db"))
        for companion in ("-wal", "-shm"):
            path.with_name(f"history.db{companion}").rename(path.with_name(f"other.db{companion}"))
        if again:
            path.write_bytes(b"")
        it.rows(3, 4)
        await it.clock.advance(UPKEEP_SECONDS)
        await it.commit()
        await it.commit()
        it.rows(4, 6)
        await it.becomes("SELECT facts FROM entity", [('{"image":"nginx"}',)])
    memory = (await in_thread(ask, path, 0, 10, 0, "memory"))[0]
    assert memory.mean == [*range(6)]
    assert it.sentences == [f"the history {path} was moved away; it is opened again."]


async def test_a_second_writer_does_without(path):
    """It says so once, keeps nothing in memory, and leaves the file alone."""
    async with Recording(path) as first:
        first.rows(0, 3)
        await first.commit()
        async with Recording(path) as second:
            second.rows(0, 3, DB)
            await second.commit()
            second.rows(3, 5, DB)
            second.recorder.event(Event(DB, T0, "start"))
            second.recorder.know(DB, {})
            await second.clock.advance(10)
            assert second.recorder.unsealed(DB) is None
            assert not second.recorder._gathering.rows
        assert second.sentences == [
            f"the history {path} belongs to another Tidegauge that runs here. Nothing is"
            " remembered."
        ]
        assert first.query("SELECT name FROM entity") == [("web",)]
    async with Recording(path) as third:
        third.rows(10, 12)
    assert third.sentences == []


OTHER = (
    "the history {} is of version {version}; this program knows version {known}. Move it away to"
    " begin a new one."
)


@pytest.mark.parametrize(
    ("application", "version", "sentence"),
    [
        (APPLICATION, VERSION + 1, OTHER),
        (APPLICATION, VERSION - 1, OTHER),
        (0x1234, 1, "{} is a database of another program."),
        (0, 0, "{} is a database of another program."),
    ],
)
async def test_a_file_of_others_is_left_alone(path, application, version, sentence):
    """Another version's, or any other database somebody named by mistake."""
    path.parent.mkdir()
    with sqlite3.connect(path) as file:
        file.execute("CREATE TABLE theirs (x)")
        file.execute(f"PRAGMA application_id = {application}")
        file.execute(f"PRAGMA user_version = {version}")
    file.close()
    before = path.read_bytes()
    async with Recording(path) as it:
        it.rows(0, 3)
        await it.commit()
    said = sentence.format(path, version=version, known=VERSION)
    assert it.sentences == [f"{said} Nothing is remembered."]
    assert path.read_bytes() == before


async def test_a_folder_that_cannot_be_is_told(tmp_path):
    """Nothing waits in memory for it."""
    (tmp_path / "file").write_text("")
    async with Recording(tmp_path / "file" / "history.db") as it:
        it.rows(0, 3)
        await it.commit()
        assert not it.recorder._gathering.rows
    (sentence,) = it.sentences
    assert sentence.endswith("Nothing is remembered.")
    assert "file/history.db cannot be opened" in sentence


async def test_a_clock_that_was_set_back_is_told_until_it_has_caught_up(path):
    """Rows out of time are counted, those of the file's own past too."""
    async with Recording(path) as it:
        it.rows(10, 12)
        it.rows(5, 8)
        assert len(it.sentences) == 1
        assert it.journal.counts == {OUT_OF_TIME: 3}
        it.rows(12, 13)
        it.rows(3, 4)
        assert len(it.sentences) == 2
    assert it.sentences[0] == (
        "a sample of web is not newer than the one before it, or is of tomorrow: the clock of local"
        " was set. Until it has passed that time again, nothing of it is remembered."
    )
    async with Recording(path) as it:
        it.rows(8, 14)  # of which the file has all until 12, and there is a hole before
    assert it.journal.counts == {OUT_OF_TIME: 6}


async def test_events_that_wait_are_bounded(path):
    """The oldest goes, and is counted."""
    it = Recording(path)
    for n in range(WAITING_EVENTS + 3):
        it.recorder.event(Event(WEB, T0 + n, "start"))
    assert it.journal.counts == {EVENT_DROPPED: 3}
    assert it.recorder._events[0].at == T0 + 3
    async with it:
        await it.commit()
    assert it.query("SELECT min(at), count(*) FROM event") == [(T0 + 3, WAITING_EVENTS)]


async def test_upkeep_is_done_each_minute(path):
    """Seen entities, old blocks, roll-ups."""
    async with Recording(path) as it:
        it.rows(10, 13)
        await it.becomes("SELECT last FROM entity", [(T0 + 12_000,)])
        it.rows(13, 15)
        await it.commit()
        assert it.query("SELECT last FROM entity") == [(T0 + 12_000,)]
        await it.clock.advance(UPKEEP_SECONDS)
        await it.becomes("SELECT last FROM entity", [(T0 + 14_000,)])
        await it.clock.advance(SEAL_SECONDS)
        await it.becomes("SELECT points FROM block", [(6,)])
        await it.clock.advance(2 * 86_400)
        await it.becomes("SELECT tier FROM block ORDER BY tier", [(0,), (1,), (2,), (3,)])
        assert it.recorder.unsealed(WEB) == []
        assert it.recorder._facts == {}


def test_shapes_are_shared():
    """What these tests rely on."""
    assert a_row(0, 1, 1).shape is a_row(1, 1, 1).shape is SHAPE is steady(0, 1).shape
