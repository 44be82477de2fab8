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
from tidegauge.history.writing import Writer
from waiting import wait_until_async


def events(path: Path) -> list[int]:
    """When the events that are in the file were, in milliseconds; none before it is made."""
    with suppress(sqlite3.OperationalError), closing(sqlite3.connect(path)) as file:
        return [at for (at,) in file.execute("SELECT at FROM event ORDER BY at")]
    return []


async def test_what_waits_is_caught_up_with_before_each_commit(tmp_path: Path) -> None:
    """So a second is lost at most if the program is killed; at its end others have done it."""
    path, clock, (journal, _) = tmp_path / "history.db", ManualClock(), a_journal()
    recorder = Recorder(
        Writer(path, HistoryOptions().kept, (STANDARD,), lambda: None), clock, journal
    )
    caught_up = 0

    async def catch_up() -> None:
        nonlocal caught_up
        caught_up += 1
        recorder.row(a_row(caught_up * 1000, caught_up, caught_up))
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
