"""The file in which totals outlive the program."""

import asyncio

import pytest

from manual_clock import ManualClock
from recorded import a_container
from snapshots import a_journal
from tidegauge.checkpoints import EVERY_SECONDS, Checkpoint, checkpoint_of
from tidegauge.config import Options
from tidegauge.docker.intervals import Life
from tidegauge.history.options import HistoryOptions
from tidegauge.metrics import Registry
from tidegauge.readings import CpuReading
from waiting import wait_until_async

WEB = a_container()


def counted(registry, total):
    """Its CPU time after one more sample of a life that goes on."""
    unknown = dict.fromkeys(("user", "kernel", "system", "online", "cores", "throttling"))
    registry.cpu(CpuReading(WEB, Life(from_birth=False), total, **unknown))
    return registry.container(WEB).cpu.counting["cpu"].now[0]


class Kept:
    """A checkpoint that is open, with the registry it is of and what was told."""

    def __init__(self, path):
        self.registry, self.clock = Registry({}, ManualClock()), ManualClock()
        journal, self.told = a_journal()
        self.checkpoint = Checkpoint(path, self.registry, self.clock, journal)
        self.checkpoint.open()


async def test_the_next_program_goes_on(tmp_path):
    """From what was written at the end, without a word."""
    path = tmp_path / "new" / "totals.json"
    first = Kept(path)
    counted(first.registry, 100)
    counted(first.registry, 40)  # restarted; what it counted by then is not known
    await first.checkpoint.close()
    second = Kept(path)

    assert counted(second.registry, 42) == 102
    assert first.told == second.told == []
    assert [each.name for each in path.parent.iterdir() if each.suffix == ".tmp"] == []
    await second.checkpoint.close()


async def test_a_program_that_is_killed_leaves_what_was_written_last(tmp_path):
    """What its containers counted since is not lost."""
    path = tmp_path / "totals.json"
    first = Kept(path)
    counted(first.registry, 100)
    running = asyncio.create_task(first.checkpoint.run())
    await first.clock.advance(EVERY_SECONDS)
    await wait_until_async(path.exists, 5, "what is written")
    counted(first.registry, 200)
    running.cancel()
    first.checkpoint._owned.give_up()

    assert counted(Kept(path).registry, 250) == 250


async def test_two_programs_do_not_share_a_file(tmp_path):
    """The second one does without, and leaves the first one's alone."""
    path = tmp_path / "totals.json"
    first, second = Kept(path), Kept(path)
    counted(first.registry, 1)
    counted(second.registry, 2)
    await first.checkpoint.close()
    await second.checkpoint.close()

    assert second.told == [
        f"the checkpoint {path} belongs to another Tidegauge that runs here. So after a restart"
        " counters begin with what engines count by then."
    ]
    assert b'"totals":[1,' in path.read_bytes()


async def test_what_is_no_checkpoint_is_told_and_replaced(tmp_path):
    """Counters begin anew."""
    path = tmp_path / "totals.json"
    path.write_text("{")
    kept = Kept(path)
    counted(kept.registry, 7)
    await kept.checkpoint.close()

    assert kept.told == [
        f"the checkpoint {path} cannot be read: Input data was truncated. So counters begin anew."
    ]
    assert b'"totals":[7,' in path.read_bytes()


async def test_a_checkpoint_that_cannot_be_written_is_told(tmp_path):
    """And stops nothing."""
    path = tmp_path / "totals.json"
    kept = Kept(path)
    path.mkdir()
    await kept.checkpoint.close()

    assert kept.told == [
        f"the checkpoint {path} cannot be written: is a directory. So after a restart counters"
        " begin with what engines count by then."
    ]


@pytest.mark.parametrize(
    ("history", "environ", "name"),
    [
        (HistoryOptions(path="/x/a.db"), {}, "/x/a.totals.json"),
        (HistoryOptions(prometheus="http://s"), {"XDG_STATE_HOME": "/y"}, "/y/tidegauge/history"),
        (HistoryOptions(enabled=False, path="/x/a.db"), {}, None),
    ],
)
def test_it_is_beside_the_history(history, environ, name):
    """Also where a server has the history; not where nothing is to be kept."""
    journal, _ = a_journal()
    of = Options(history=history), environ, Registry({}, ManualClock()), ManualClock(), journal
    found = checkpoint_of(*of)

    assert (found is None) == (name is None)
    assert found is None or str(found._path).startswith(name)
