"""A kill at any moment takes nothing that was committed, and breaks nothing."""

import random
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from command import running
from fakes.engine import FakeEngine
from fakes.stats import frame, streaming
from history import writes
from history.made import ask
from snapshots import a_journal
from tidegauge.errors import HistoryError
from tidegauge.history.block import STANDARD
from tidegauge.history.reading import StoredHistory
from tidegauge.history.rows import Query
from waiting import wait_until_async

ROUNDS = 6
KEPT_RAW = 6 * 3600

pytestmark = pytest.mark.program


def killed_while_writing(path: Path, begin: int, seconds: float) -> int:
    """The last second that was committed for certain."""
    child = subprocess.Popen(
        [sys.executable, writes.__file__, str(path), str(begin)], stdout=subprocess.PIPE
    )
    try:
        first = child.stdout.readline()
        with pytest.raises(subprocess.TimeoutExpired):
            child.wait(seconds)
    finally:
        child.kill()
        rest, _ = child.communicate()
    return int((first + rest).split(b"\n")[-2])


def known_seconds(path: Path, name: str, end: int) -> list[int]:
    """Seconds of which samples are known, of those whose samples are still kept."""
    begin = max(0, end - KEPT_RAW // 2)
    (memory,) = ask(path, begin, end + 100, 0, "memory", who=("container", "local", name))
    known = [one for one in zip(memory.times, memory.mean, strict=True) if one[1] is not None]
    assert all(value == at % 1000 for at, value in known)
    return [round(at) for at, _ in known]


def test_what_was_committed_is_back(tmp_path):
    """Each round is killed at another moment, and goes on where the file ends."""
    path, chance = tmp_path / "history.db", random.Random()
    second = 0
    for _ in range(ROUNDS):
        begin = second
        committed = killed_while_writing(path, begin, chance.uniform(0.1, 0.6))
        assert committed > begin
        # What another process sees before anybody repaired anything.
        seen = known_seconds(path, "web", committed)
        assert seen[-1] >= committed
        assert seen == [*range(seen[0], seen[-1] + 1)]
        with sqlite3.connect(path) as file:
            assert file.execute("PRAGMA quick_check").fetchall() == [("ok",)]
        file.close()
        second = seen[-1] + 1
    killed_while_writing(path, second, 0.05)
    for name in writes.NAMES:
        assert known_seconds(path, name, second)[-1] >= second
    assert not path.with_name("history.db.damaged").exists()


def count(path: Path, table: str) -> int:
    """Rows of a table, as another process sees them."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as file:
        return file.execute(f"SELECT count(*) FROM {table}").fetchone()[0]


async def test_the_program_loses_a_second_at_most(tmp_path):
    """Killed while it watches a container, and started again on the same file."""
    path, socket = tmp_path / "history.db", tmp_path / "s"
    settings = {"TIDEGAUGE_HISTORY_ENABLED": "true", "TIDEGAUGE_HISTORY_PATH": str(path)}
    journal, _ = a_journal()
    history = StoredHistory(path, (STANDARD,), journal)

    async def samples() -> int:
        if not path.exists():
            return 0
        query = Query(("container", "local", "web"), ("container.pids.count",), 0, 2e9, 0)
        try:
            series = await history.series(query)
        except HistoryError:  # the program is just making it
            return 0
        return sum(value is not None for found in series for value in found.mean)

    today = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M").encode()
    frames = [frame(n).replace(b"2026-11-22T10:00", today) for n in range(1, 9)]
    async with FakeEngine(socket) as engine:
        engine.add("web", streaming(*frames))
        async with running(
            tmp_path / "log", "run", DOCKER_HOST=f"unix://{socket}", **settings
        ) as run:

            async def all_are_committed() -> bool:
                return await samples() == len(frames)

            await wait_until_async(all_are_committed, 20, "all samples are committed")
            run.send(signal.SIGKILL)
            await run.end()
        assert await all_are_committed()
        async with running(
            tmp_path / "log2", "run", DOCKER_HOST=f"unix://{socket}", **settings
        ) as run:
            await run.says("history is kept")
            await run.says("watching")
            await wait_until_async(
                lambda: count(path, "block") and count(path, "hot"), 20, "the same samples again"
            )
            assert await run.stop() == 0
    assert await all_are_committed()  # the same samples once more are not newer
    assert "history_sample_out_of_time" in run.log
    assert count(path, "hot") == 0
