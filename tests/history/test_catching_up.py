"""Each commit has what had come by then, however long it may wait elsewhere."""

import asyncio
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

from history.made import WEB, a_row
from manual_clock import ManualClock
from snapshots import a_journal
from tidegauge.history.block import STANDARD
from tidegauge.history.options import HistoryOptions
from tidegauge.history.recording import COMMIT_SECONDS, Recorder
from tidegauge.history.rows import Event
from tidegauge.history.writing import Batch, Outcome, Writer
from waiting import wait_until_async


def events(path: Path) -> list[int]:
    """When the events that are in the file were, in milliseconds; none before it is made."""
    with suppress(sqlite3.OperationalError), closing(sqlite3.connect(path)) as file:
        return [at for (at,) in file.execute("SELECT at FROM event ORDER BY at")]
    return []


async def test_what_waits_is_caught_up_with_before_each_commit(tmp_path: Path) -> None:
    """So a second of what moved is lost at most by a kill; at its end others have done it."""
    path, clock, (journal, _) = tmp_path / "history.db", ManualClock(), a_journal()
    recorder = Recorder(
        Writer(path, HistoryOptions().kept, (STANDARD,), lambda: None), clock, journal
    )
    caught_up = 0

    async def catch_up() -> None:
        nonlocal caught_up
        caught_up += 1
        recorder.several([a_row(caught_up * 1000, caught_up, caught_up)])
        recorder.event(Event(WEB, caught_up, "start"))

    running = asyncio.create_task(recorder.run(catch_up))
    for number in (1, 2, 3):
        await clock.advance(COMMIT_SECONDS)
        await wait_until_async(
            lambda number=number: path.exists() and len(events(path)) == number, 10, "a commit"
        )
        assert events(path) == [*range(1, number + 1)]
    recorder.end()
    await running
    await recorder.close()

    assert caught_up == 3


class Counting(Writer):
    """How often it has written."""

    calls = 0

    def write(self, batch: Batch) -> Outcome:
        outcome = super().write(batch)
        self.calls += 1
        return outcome


async def test_the_thread_is_not_woken_for_nothing(tmp_path: Path) -> None:
    """Most containers sleep, and what did not move need not be written each second."""
    path, clock, (journal, _) = tmp_path / "history.db", ManualClock(), a_journal()
    writer = Counting(path, HistoryOptions().kept, (STANDARD,), lambda: None)
    recorder = Recorder(writer, clock, journal)

    async def after_a_second() -> int:
        await clock.advance(COMMIT_SECONDS)
        await wait_until_async(lambda: recorder._writing is None, 10, "it is written")
        return writer.calls

    running = asyncio.create_task(recorder.run())
    assert await after_a_second() == 1, "the file is made"
    for _ in range(10):
        assert await after_a_second() == 1
    recorder.event(Event(WEB, 1, "start"))
    assert await after_a_second() == 2
    recorder.end()
    await running
    await recorder.close()

    assert writer.calls == 2 + 2, "the second of all that is left, and of what is sealed then"
