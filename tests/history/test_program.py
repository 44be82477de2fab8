"""The program with its history, as users run it."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from command import ended, running
from waiting import wait_until_async

pytestmark = pytest.mark.program

CONFIG = """
tick_interval = "{tick}"
[[engines]]
host = "demo://?containers=3"
[history]
path = "{path}"
"""


def count(path: Path, table: str) -> int:
    """Rows of a table; 0 while there is no file."""
    if not path.exists():
        return 0
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as file:
        try:
            return file.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
        except sqlite3.OperationalError:
            return 0


def commits(path: Path) -> int:
    """The number of the last one; each opening of the file begins with 1."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as file:
        return file.execute("SELECT coalesce(max(id), 0) FROM hot").fetchone()[0]


async def grows(path: Path, table: str = "hot") -> None:
    before = count(path, table)
    await wait_until_async(lambda: count(path, table) > before, 20, f"{table} of {path} grows")


async def test_it_is_kept_over_changes_of_the_configuration(tmp_path):
    """The file stays open over them; with other options of its own another one is opened."""
    file, first, second = (tmp_path / name for name in ("x.toml", "first.db", "second.db"))
    file.write_text(CONFIG.format(tick="10s", path=first))
    settings = {"TIDEGAUGE_HISTORY_ENABLED": "true"}
    async with running(tmp_path / "log", "run", "-c", str(file), **settings) as run:
        await grows(first)
        await wait_until_async(lambda: commits(first) > 3, 20, "some commits")
        file.write_text(CONFIG.format(tick="1s", path=first))
        await run.says("configuration taken")
        before = commits(first)
        await wait_until_async(lambda: commits(first) > before, 20, "more commits")
        file.write_text(CONFIG.format(tick="1s", path=second))
        await run.says("configuration taken", 2)
        await grows(second)
        assert count(first, "hot") == 0
        assert count(first, "block") > 0
        file.write_text(CONFIG.format(tick="1s", path=first))
        await run.says("configuration taken", 3)
        await grows(first)
        assert await run.stop() == 0

    assert count(first, "hot") == count(second, "hot") == 0
    assert "level=warning" not in run.log
    assert "Traceback" not in run.log


async def test_two_of_them_do_not_share_a_file(tmp_path):
    """The second says so once and does without."""
    path = tmp_path / "history.db"
    settings = {
        "DOCKER_HOST": "demo://?containers=1",
        "TIDEGAUGE_HISTORY_PATH": str(path),
        "TIDEGAUGE_HISTORY_ENABLED": "true",
    }
    async with running(tmp_path / "1", "run", **settings) as first:
        await grows(path)
        async with running(tmp_path / "2", "run", **settings) as second:
            await second.says("belongs to another Tidegauge that runs here. Nothing is remembered.")
            await grows(path)
            assert await second.stop() == 0
        await grows(path)
        assert await first.stop() == 0
    assert second.log.count("level=warning") == 1
    assert "level=warning" not in first.log


async def test_other_commands_write_nothing(tmp_path):
    """Nor do they need the file."""
    path = tmp_path / "state" / "history.db"
    settings = {
        "DOCKER_HOST": "demo://?containers=1",
        "TIDEGAUGE_HISTORY_PATH": str(path),
        "TIDEGAUGE_HISTORY_ENABLED": "true",
    }
    recording = str(tmp_path / "recording")
    for command in (
        ("once",),
        ("check",),
        ("graph",),
        ("record", recording, "--seconds", "2"),
        ("replay", recording),
    ):
        assert (await ended(*command, **settings)).code == 0, command
    assert not path.parent.exists()
