"""The demo has a past: some minutes at once, and soon the month behind them."""

import asyncio
import os
import signal
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from msgspec.structs import replace

from simulation.today import NOON, Today
from snapshots import a_journal
from tidegauge.app import history_of
from tidegauge.config import Options
from tidegauge.demo import LONG_AGO, MOST_WITH_A_PAST, DemoPast, demo_options, tide
from tidegauge.history.rows import Extent, History, Query
from tidegauge.simulation.signal import ROUND
from tidegauge.terminal.progress import Progress

WORKER = ("container", "demo", "shop-worker-1")
METRICS = ("container.memory.usage", "container.cpu.time")
MINUTES = 20
HOUR, DAY = 3600, 86_400


class Nothing:
    """Implements `History`: the demo itself has not begun."""

    async def entities(self, start: float, stop: float):
        return []

    async def series(self, query: Query):
        return []

    async def events(self, start: float, stop: float):
        return []

    async def extent(self):
        return Extent(0, None)


def a_past(folder: Path, journal, containers: int = 18, clock=None):
    """What is to be made, and the history that it is put behind."""
    clock = clock or Today()
    options = demo_options(Options(), None, containers, folder / "history.db")
    kept = history_of(options, {}, journal, clock)
    assert kept is not None
    return DemoPast(options, containers, journal, clock, folder), kept


class Past:
    """What is remembered at noon: some minutes alone, and with all that is behind them."""

    def __init__(self, folder: Path) -> None:
        self.journal, self.sentences = a_journal()
        self.past, kept = a_past(folder, self.journal)
        assert self.past.remember(Progress(sys.stderr))
        self.all: History = self.past.behind(replace(kept, history=Nothing())).history


@pytest.fixture(scope="module")
def past(tmp_path_factory):
    made = Past(tmp_path_factory.mktemp("past"))
    yield made
    made.past.close()


def worker(begin: float, step: float) -> Query:
    return Query(WORKER, METRICS, begin, NOON, step)


def check(series, count: int, step: float) -> None:
    """Buckets without a gap, and nothing below 0."""
    assert {each.metric for each in series} == {*METRICS}
    for each in series:
        assert len(each.times) == count
        assert {later - earlier for earlier, later in pairwise(each.times)} == {step}
        assert None not in each.mean[1:]
        assert min(level for level in each.least if level is not None) >= 0


async def test_every_container_has_some_minutes_at_once(past: Past) -> None:
    """Without a gap, and with what the page needs to know of it."""
    begin = NOON - 60 * MINUTES
    entities = await past.all.entities(begin, NOON)

    assert len(entities) == 17
    (found,) = (each for each in entities if each.identity == WORKER)
    assert found.facts["image"] == "registry.example.com/shop/worker:5.2.1"
    assert found.facts["tag:project"] == "shop"
    check(await past.all.series(worker(begin, 60)), MINUTES, 60)


@pytest.mark.parametrize(
    ("back", "step"),
    [(900, 3), (HOUR, 10), (6 * HOUR, 60), (DAY, 240), (7 * DAY, 1800), (30 * DAY, ROUND)],
    ids=["15m", "1h", "6h", "24h", "7d", "30d"],
)
async def test_there_is_a_month_behind_them(past: Past, back: int, step: int) -> None:
    """In the buckets in which the dashboard asks for it, without a gap."""
    series = await past.all.series(worker(NOON - back, step))

    if step > 10:
        check(series, back // step, step)
    for each in series:  # there are samples every 10 seconds, so some buckets are empty: no gaps
        apart = [later - earlier for earlier, later in pairwise(each.times)]
        assert max(apart) <= max(step, 20)
        assert sum(apart) + step > back - 40
        assert None not in each.mean[1:]


def test_there_was_less_to_do_at_night_and_on_free_days() -> None:
    """And a little less each week; what is now goes on without a step."""
    by_hour = [tide(hours * HOUR) for hours in range(720)]
    assert by_hour[0] == 1 == max(by_hour)
    assert 0.15 < min(by_hour) < 0.3
    assert by_hour[12] < 0.5 < by_hour[24]
    by_day = by_hour[::24]
    free = [day for day in range(30) if day % 7 in {2, 3}]
    assert max(by_day[day] for day in free) < min(
        by_day[day] for day in range(30) if day not in free
    )
    assert by_day[::7] == sorted(by_day[::7], reverse=True)


async def test_before_the_month_there_is_nothing(past: Past) -> None:
    """Of a quarter of a year a month is there."""
    for each in await past.all.series(worker(NOON - 90 * DAY, 21_600)):
        assert each.times[0] == NOON - LONG_AGO
    entities = await past.all.entities(NOON - 90 * DAY, NOON)
    assert {each.first for each in entities} == {NOON - LONG_AGO}
    assert await past.all.entities(NOON - 90 * DAY, NOON - 60 * DAY) == []
    assert (await past.all.extent()).oldest == NOON - LONG_AGO


async def test_what_happened_is_remembered(past: Past) -> None:
    """Kills every six minutes, three replicas made anew every ten; now and all day."""
    for begin, hours in ((NOON - 60 * MINUTES, MINUTES / 60), (NOON - DAY, 24)):
        events = await past.all.events(begin, NOON)
        kinds = [(each.identity[2], each.kind) for each in events]
        assert kinds.count(("shop-worker-1", "oom")) == pytest.approx(10 * hours, abs=1)
        assert kinds.count(("shop-web-2", "recreated")) == pytest.approx(6 * hours, abs=1)
        assert [each.at for each in events] == sorted(each.at for each in events)
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
    clock = Impatient()
    past, _ = a_past(tmp_path, a_journal()[0], clock=clock)

    assert not past.remember(Progress(sys.stderr))
    past.close()
    assert 100 <= clock.looks < 1000


def test_more_containers_than_it_has_time_for_have_none(tmp_path: Path) -> None:
    """Nothing is written then."""
    many = MOST_WITH_A_PAST + 1
    past, kept = a_past(tmp_path, a_journal()[0], many)
    assert past.remember(Progress(sys.stderr))
    assert past.behind(kept) is kept
    past.close()

    assert [*tmp_path.iterdir()] == []


def test_it_need_not_be_done_when_the_demo_ends(tmp_path: Path) -> None:
    """What is being made is given up."""
    past, kept = a_past(tmp_path, a_journal()[0])
    behind = past.behind(replace(kept, history=Nothing()))
    past.close()

    assert asyncio.run(behind.history.events(NOON - DAY, NOON - HOUR)) == []
