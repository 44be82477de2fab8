"""What waits: in order, bounded, counted; in memory and in a spool alike."""

import asyncio
import os
import threading
from pathlib import Path

import pytest

from manual_clock import settle
from snapshots import a_journal
from tidegauge.exporters.backlog import Amount, Backlog, Losses
from tidegauge.exporters.spool import Spool
from waiting import wait_until_async

RECORD = b"r" * 84  # a batch of one such record has 104 bytes


class Kept:
    """A backlog with its journal."""

    def __init__(self, limit: int, folder: Path | None, spool: Spool | None = None) -> None:
        self.journal, self.sentences = a_journal()
        self.losses = Losses(self.journal, "influx")
        self.spool = spool or (folder and Spool(folder))
        self.backlog = Backlog("influx", limit, self.journal, self.losses, self.spool)

    async def taken(self) -> list[bytes]:
        """All that is in it, out of it."""
        self.backlog.end()
        records: list[bytes] = []
        while head := await self.backlog.head():
            records += head
            await self.backlog.done(len(head))
        return records


class BusySpool(Spool):
    """On a disk that has no time for one operation before it is told to."""

    def __init__(self, folder: Path, busy: str) -> None:
        super().__init__(folder)
        self.asked, self.free = threading.Event(), threading.Event()
        operation = getattr(self, busy)

        def late(*arguments):
            self.asked.set()
            assert self.free.wait(5)
            return operation(*arguments)

        setattr(self, busy, late)

    async def cancel(self, task: asyncio.Task) -> None:
        """Twice in the middle of the operation, which then goes on."""
        await wait_until_async(self.asked.is_set, 5, "the disk is asked")
        try:
            for _ in range(2):
                task.cancel()
                await settle()
                assert not task.done()
        finally:
            self.free.set()
        await asyncio.wait([task])
        assert task.cancelled()


def files(folder: Path | None) -> list[str]:
    """The batches that are files."""
    return [path.name for path in folder.glob("*.batch*")] if folder else []


@pytest.fixture(params=["memory", "spool"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path | None:
    return tmp_path / "influx" if request.param == "spool" else None


async def test_batches_come_out_in_their_order(folder: Path | None) -> None:
    """The head stays the head until it is done, in parts or as a whole."""
    kept = Kept(1000, folder)
    backlog = kept.backlog
    await backlog.put([b"a", b"b", b"c"])
    await backlog.put([b"d"])

    assert await backlog.head() == [b"a", b"b", b"c"]
    assert backlog.kept == Amount(2, 4, 16 + 15 + 16 + 5)
    assert not await backlog.done(1)
    await backlog.let_go()
    assert await backlog.head() == [b"b", b"c"]
    assert backlog.kept == Amount(2, 3, 16 + 10 + 16 + 5)
    assert await backlog.done(2)
    assert await kept.taken() == [b"d"]
    assert backlog.kept == Amount()
    assert await backlog.close() == (Amount(), Amount())
    assert files(folder) == []


async def test_the_oldest_are_dropped_beyond_the_limit(folder: Path | None) -> None:
    """Each record counts; it is told once. The files go with them."""
    kept = Kept(312, folder)
    for number in range(6):
        await kept.backlog.put([b"%084d" % number])

    assert kept.backlog.kept == Amount(3, 3, 312)
    assert kept.journal.counts == {"backlog full": 3}
    assert kept.losses.records == {"backlog full": 3}
    assert kept.sentences == [
        "exporter influx keeps 312B and no more: the oldest is dropped.",
    ]
    assert len(files(folder)) == (3 if folder else 0)
    assert [int(each) for each in await kept.taken()] == [3, 4, 5]
    await kept.backlog.close()


async def test_what_is_being_sent_is_not_dropped(folder: Path | None) -> None:
    """But it may be when it is not being sent any more."""
    kept = Kept(208, folder)
    await kept.backlog.put([b"0" * 84])
    assert await kept.backlog.head() == [b"0" * 84]
    await kept.backlog.put([b"1" * 84])
    await kept.backlog.put([b"2" * 84])
    await kept.backlog.put([b"3" * 84])
    assert await kept.backlog.head() == [b"0" * 84]
    assert kept.backlog.kept == Amount(2, 2, 208)

    await kept.backlog.put([b"4" * 94])
    assert kept.backlog.kept == Amount(2, 2, 218)  # the head and the newest
    await kept.backlog.let_go()
    assert kept.backlog.kept == Amount(1, 1, 114)
    assert await kept.taken() == [b"4" * 94]
    assert kept.losses.records == {"backlog full": 4}
    await kept.backlog.close()


async def test_the_newest_is_kept_whatever_its_size(folder: Path | None) -> None:
    """A limit that is too small for one batch still lets each be tried."""
    kept = Kept(100, folder)
    await kept.backlog.put([RECORD] * 3)
    await kept.backlog.put([RECORD] * 2)

    assert kept.backlog.kept == Amount(1, 2, 16 + 2 * 88)
    await kept.backlog.close()


async def test_the_end_wakes_who_waits(folder: Path | None) -> None:
    """And so does a batch."""
    kept = Kept(1000, folder)
    waiting = asyncio.create_task(kept.backlog.head())
    await settle()
    await kept.backlog.put([b"a"])
    assert await waiting == [b"a"]
    await kept.backlog.done(1)
    waiting = asyncio.create_task(kept.backlog.head())
    emptied = asyncio.create_task(kept.backlog.empty())
    await settle()
    kept.backlog.end()
    assert await waiting is None
    await emptied
    await kept.backlog.close()


async def test_a_new_start_goes_on_where_the_last_one_stopped(tmp_path: Path) -> None:
    """What is in the spool comes first, and it is told."""
    first = Kept(1000, tmp_path)
    await first.backlog.put([b"a", b"b"])
    await first.backlog.put([b"c"])
    await first.backlog.head()
    await first.backlog.done(1)
    assert await first.backlog.close() == (Amount(2, 2, 42), Amount())

    second = Kept(1000, tmp_path)
    await second.backlog.put([b"d"])

    assert await second.taken() == [b"b", b"c", b"d"]
    assert second.sentences == ["what an earlier run could not deliver goes first"]
    await second.backlog.close()


async def test_a_smaller_limit_holds_for_what_is_found(tmp_path: Path) -> None:
    """It is dropped as if it had come now."""
    first = Kept(10_000, tmp_path)
    for number in range(5):
        await first.backlog.put([b"%084d" % number])
    await first.backlog.close()

    second = Kept(208, tmp_path)

    assert [int(each) for each in await second.taken()] == [3, 4]
    assert second.journal.counts == {"backlog full": 3}
    await second.backlog.close()


async def test_damaged_files_are_named_counted_and_passed_over(tmp_path: Path) -> None:
    """Those that are seen at the start, and those that only show when they are read."""
    first = Kept(1000, tmp_path)
    for name in (b"a", b"b", b"c", b"d"):
        await first.backlog.put([name] * 3)
    await first.backlog.close()
    (tmp_path / "0000000000000001.batch").write_bytes(b"")
    late = tmp_path / "0000000000000002.batch"
    late.write_bytes(late.read_bytes()[:-1])

    second = Kept(1000, tmp_path)
    second_head = await second.backlog.head()
    assert second_head == [b"c"] * 3
    (tmp_path / "0000000000000004.batch").unlink()

    assert await second.taken() == [b"c"] * 3
    said = "exporter influx finds a damaged batch in its spool, which is not sent: "
    assert second.sentences == [
        f"{said}{tmp_path}/0000000000000001.batch.bad.",
        "what an earlier run could not deliver goes first",
        f"{said}{tmp_path}/0000000000000002.batch.bad.",
        f"{said}4 (No such file or directory).",
    ]
    assert second.journal.counts == {"spool damaged": 1 + 3 + 3}
    await second.backlog.close()


async def test_what_cannot_be_written_stays_in_memory(tmp_path: Path) -> None:
    """In its place in the order; it is told once, and when files can be written again."""
    kept = Kept(1000, tmp_path)
    await kept.backlog.put([b"a"])
    full = tmp_path / "0000000000000002.batch.tmp"
    for name in (b"b", b"c"):
        full.symlink_to("/dev/full")
        await kept.backlog.put([name])
        full = tmp_path / "0000000000000003.batch.tmp"

    assert kept.sentences == [
        f"exporter influx cannot use its spool {tmp_path}: no space left on device. What it keeps"
        " is in memory, and ends with the program."
    ]
    await kept.backlog.put([b"d"])
    assert kept.sentences[1:] == ["the spool can be used again"]
    assert kept.journal.counts == {"spool unusable": 2}
    assert kept.backlog.kept.records == 4
    assert await kept.backlog.head() == [b"a"]
    await kept.backlog.done(1)
    assert await kept.backlog.head() == [b"b"]
    assert await kept.backlog.close() == (Amount(1, 1, 21), Amount(2, 2, 42))


async def test_a_folder_of_another_program_is_left_to_it(tmp_path: Path) -> None:
    """Two of the same configuration do not send each other's batches."""
    first, second = Kept(1000, tmp_path), Kept(1000, tmp_path)
    await first.backlog.put([b"a"])
    await second.backlog.put([b"b"])

    assert second.sentences == [
        f"exporter influx cannot use its spool {tmp_path}: another program is using it. What it"
        " keeps is in memory, and ends with the program."
    ]
    assert await second.taken() == [b"b"]
    assert await first.taken() == [b"a"]
    await first.backlog.close()
    await second.backlog.close()


async def test_a_slow_disk_does_not_stop_the_loop(tmp_path: Path) -> None:
    """Files are written in a thread."""
    kept = Kept(1000, tmp_path)
    await kept.backlog.put([b"a"])
    pipe = tmp_path / "0000000000000002.batch.tmp"

    os.mkfifo(pipe)  # opening it to write waits for a reader
    putting = asyncio.create_task(kept.backlog.put([b"b"]))
    for _ in range(5):
        await asyncio.sleep(0.01)
        assert not putting.done()
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    await wait_until_async(putting.done, 5, "it is written")
    os.close(reader)
    await kept.backlog.close()


async def test_who_is_cancelled_while_the_folder_is_opened_gives_it_back(tmp_path: Path) -> None:
    """The next of the same program has the folder, and sends what is in it."""
    first = Kept(1000, tmp_path)
    await first.backlog.put([b"a"])
    await first.backlog.close()
    spool = BusySpool(tmp_path, "open")
    second = Kept(1000, None, spool)
    await spool.cancel(asyncio.create_task(second.backlog.head()))
    assert await second.backlog.close() == (Amount(1, 1, 21), Amount())

    third = Kept(1000, tmp_path)

    assert await third.taken() == [b"a"]
    assert third.sentences == ["what an earlier run could not deliver goes first"]
    await third.backlog.close()


async def test_what_is_cancelled_while_it_is_written_is_kept(tmp_path: Path) -> None:
    """Its file is known: it is not counted as lost, and sent after all by the next."""
    spool = BusySpool(tmp_path, "add")
    kept = Kept(1000, None, spool)
    await spool.cancel(asyncio.create_task(kept.backlog.put([b"a"])))

    assert await kept.backlog.close() == (Amount(1, 1, 21), Amount())
    assert files(tmp_path) == ["0000000000000001.batch"]


async def test_what_is_cancelled_while_it_is_dropped_is_counted(tmp_path: Path) -> None:
    """No record goes without a word."""
    spool = BusySpool(tmp_path, "remove")
    kept = Kept(208, None, spool)
    for number in range(2):
        await kept.backlog.put([b"%084d" % number])
    await spool.cancel(asyncio.create_task(kept.backlog.put([b"%084d" % 2])))

    assert kept.losses.records == {"backlog full": 1}
    assert [int(each) for each in await kept.taken()] == [1, 2]
    await kept.backlog.close()
