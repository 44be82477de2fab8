"""A changed configuration file is taken while running; a broken one is refused."""

import asyncio
import signal
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from command import running
from fakes.engine import FakeEngine
from fakes.stats import frame, streaming
from waiting import wait_until_async

pytestmark = pytest.mark.program

CONFIG = """
tick_interval = "200ms"
[[engines]]
host = "unix://{socket}"
[filters]
include = ["{include}"]
"""


@asynccontextmanager
async def watching(tmp_path: Path):
    """``tidegauge run`` on an engine with the containers web and db, of which it watches web."""
    socket, file = tmp_path / "s", tmp_path / "x.toml"
    file.write_text(CONFIG.format(socket=socket, include="web"))
    async with FakeEngine(socket) as engine:
        for name in ("web", "db"):
            engine.add(name, streaming(frame(1), frame(2)))
        async with running(tmp_path / "log", "run", "-c", str(file)) as run:
            await wait_until_async(lambda: opened(engine) == ["web"], 10, "web is watched")
            yield engine, run, file


def opened(engine: FakeEngine) -> list[str]:
    """The names of the containers whose stats were asked for, in order."""
    names = {one["Id"]: one["Names"][0].lstrip("/") for one in engine.listed}
    asked = [path.split("?")[0] for path in engine.requests]
    return [names[path.split("/")[3]] for path in asked if path.endswith("/stats")]


async def test_a_changed_file_is_taken_while_running(tmp_path):
    """The containers it chooses are watched from then on."""
    async with watching(tmp_path) as (engine, run, file):
        file.write_text(CONFIG.format(socket=engine.socket, include="db"))
        await run.says("configuration taken")
        await wait_until_async(lambda: opened(engine)[1:] == ["db"], 10, "db is watched")
        assert await run.stop() == 0

    assert "Traceback" not in run.log
    assert run.log.count("stopped") == 1


@pytest.mark.parametrize("broken", ["[filters\n", "tick_interval = -1\n", 'colour = "red"\n'])
async def test_a_broken_file_is_refused_and_the_old_one_stays(tmp_path, broken):
    """What is wrong is said, the watch goes on, and a mended file is taken."""
    async with watching(tmp_path) as (engine, run, file):
        file.write_text(broken)
        await run.says("The old configuration stays.")
        assert "x.toml" in run.log
        assert opened(engine) == ["web"]
        file.write_text(CONFIG.format(socket=engine.socket, include="db"))
        await run.says("configuration taken")
        assert await run.stop() == 0


async def test_a_file_that_is_away_for_a_moment_changes_nothing(tmp_path):
    """Editors write another file and rename it over the old one."""
    async with watching(tmp_path) as (engine, run, file):
        other = file.with_suffix(".new")
        file.rename(other)
        await asyncio.sleep(1.5)  # longer than one look at the file
        other.write_text(CONFIG.format(socket=engine.socket, include="db"))
        other.rename(file)
        await run.says("configuration taken")
        assert "refused" not in run.log
        assert await run.stop() == 0


async def test_a_touched_file_that_says_the_same_changes_nothing(tmp_path):
    """Nor does SIGHUP without a change: streams stay open."""
    async with watching(tmp_path) as (engine, run, file):
        file.write_text(file.read_text() + "\n# a comment\n")
        run.send(signal.SIGHUP)
        await asyncio.sleep(1.5)
        assert opened(engine) == ["web"]
        assert "taken" not in run.log
        assert await run.stop() == 0
