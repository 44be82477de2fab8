"""The demo has a past at once."""

import asyncio
import os
import signal
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from simulation.today import NOON, Today
from snapshots import a_journal
from tidegauge.app import history_of
from tidegauge.config import Options
from tidegauge.demo import MOST_WITH_A_PAST, demo_options, remember_past
from tidegauge.history.rows import Event, History, Known, Points, Query
from tidegauge.terminal.progress import Progress

WORKER = ("container", "demo", "shop-worker-1")


class Past:
    """What is found in the history of an hour."""

    def __init__(self, path: Path) -> None:
        self._options = demo_options(Options(), None, 18, path)
        self.journal, self.sentences = a_journal()
        assert remember_past(self._options, 18, self.journal, Today(), Progress(sys.stderr))

    async def _asked(self) -> tuple[list[Known], list[Event], list[Points]]:
        kept = history_of(self._options, {}, self.journal, Today())
        assert kept is not None
        found: History = kept.history
        hour = (NOON - 3600, NOON)
        query = Query(WORKER, ("container.memory.usage", "container.cpu.time"), *hour, 60.0)
        try:
            return (
                await found.entities(*hour),
                await found.events(*hour),
                await found.series(query),
            )
        finally:
            await kept.recorder.close()

    def ask(self) -> tuple[list[Known], list[Event], list[Points]]:
        return asyncio.run(self._asked())


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Past:
    return Past(tmp_path_factory.mktemp("past") / "history.db")


def test_every_container_has_an_hour_without_a_gap(past: Past) -> None:
    """With what the page needs to know of it."""
    entities, _, series = past.ask()

    assert len(entities) == 17
    (worker,) = (each for each in entities if each.identity == WORKER)
    assert worker.facts["image"] == "registry.example.com/shop/worker:5.2.1"
    assert worker.facts["tag:project"] == "shop"
    assert {each.metric for each in series} == {"container.memory.usage", "container.cpu.time"}
    for each in series:
        assert [later - earlier for earlier, later in pairwise(each.times)] == [60.0] * 59
        assert None not in each.mean[1:]
        assert min(level for level in each.least if level is not None) >= 0


def test_what_happened_is_remembered(past: Past) -> None:
    """Kills every six minutes, three replicas made anew every ten."""
    _, events, _ = past.ask()

    kinds = [(each.identity[2], each.kind) for each in events]
    assert kinds.count(("shop-worker-1", "oom")) == 10
    assert kinds.count(("shop-web-2", "recreated")) == 6
    assert past.sentences != []
    assert {**past.journal.counts} == {}


class Impatient(Today):
    """Somebody stops the program at the hundredth look at the time."""

    looks = 0

    def monotonic(self) -> float:
        self.looks += 1
        if self.looks == 100:
            os.kill(os.getpid(), signal.SIGTERM)
        return super().monotonic()


def test_it_can_be_stopped_meanwhile(tmp_path: Path) -> None:
    """By a signal; then there is nothing to go on with."""
    options = demo_options(Options(), None, 18, tmp_path / "history.db")
    clock = Impatient()

    assert not remember_past(options, 18, a_journal()[0], clock, Progress(sys.stderr))
    assert 100 <= clock.looks < 1000


def test_more_containers_than_it_has_time_for_have_none(tmp_path: Path) -> None:
    """Nothing is written then."""
    many = MOST_WITH_A_PAST + 1
    options = demo_options(Options(), None, many, tmp_path / "history.db")
    assert remember_past(options, many, a_journal()[0], Today(), Progress(sys.stderr))

    assert [*tmp_path.iterdir()] == []
