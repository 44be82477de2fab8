"""Backends that go away, come back and answer anything: what arrives, and what it costs others."""

import asyncio
import os
import signal
import sys
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from backends import Answer, Scripted, Sending, away, broken, busy, fine, refusing, taking
from hypothesis import given, settings
from hypothesis import strategies as st

from manual_clock import ManualClock, settle
from snapshots import a_journal, a_snapshot
from tidegauge.exporters import Delivery, delivery_of
from tidegauge.exporters.delivery import Agent
from tidegauge.exporters.options import BackendOptions
from tidegauge.metrics import Registry
from tidegauge.pipeline import reporting
from tidegauge.streams import ticks
from waiting import wait_until_async

TICK = 10.0


class Program:
    """The reporting half of the program, by a manual clock, at a tick of 10 seconds."""

    def __init__(self, *exporters: Scripted, **more) -> None:
        self.clock, self.stop = ManualClock(), asyncio.Event()
        self.journal, self.sentences = a_journal()
        agent = Agent("h1", False, self.clock, self.journal)
        options = BackendOptions(**more)
        self.deliveries = [delivery_of(each, options, agent, lambda: 0.0) for each in exporters]
        registry = Registry(self.journal.counts, self.clock)
        self._pipeline = reporting(
            ticks(self.clock, TICK, self.stop), registry, self.deliveries
        ).build()

    @property
    def waiting_snapshots(self) -> int:
        """How many ticks a delivery is behind."""
        return max(each.used for each in self._pipeline.statistics().values())

    async def __aenter__(self):
        self._reporting = asyncio.create_task(self._pipeline.run())
        self._sending = [asyncio.create_task(each.run()) for each in self.deliveries]
        await settle()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.stop.set()
        await self._reporting
        for each in self.deliveries:
            each.end()
        await asyncio.wait(self._sending)
        for each in self.deliveries:
            await each.close()

    async def ticked(self, count: int) -> None:
        for _ in range(count):
            await self.clock.advance(TICK)
            await wait_until_async(lambda: not self.waiting_snapshots, 5, "all is put")


def times(records: list[bytes]) -> list[int]:
    return [int(record.partition(b".")[0]) for record in records]


async def test_five_minutes_away_cost_nothing_but_time() -> None:
    """Everything arrives in order afterwards; who sends elsewhere notices nothing."""
    influx, other = Scripted(otherwise=away), Scripted(name="other")
    async with Program(influx, other) as program:
        for tick in range(1, 31):
            await program.ticked(1)
            assert times(other.arrived) == [1000 + 10 * n for n in range(1, tick + 1)]
        assert influx.arrived == []
        influx.otherwise = fine
        await program.ticked(6)
        expected = [1000 + 10 * n for n in range(1, 37)]
        assert times(influx.arrived) == times(other.arrived) == expected

    assert program.sentences == [
        "Influx at here cannot be reached: connection refused. Exporter influx tries again;"
        " until then what it sends waits in memory, 26B so far.",
        "exports go through again",
    ]


async def test_memory_is_bounded_while_a_backend_is_away() -> None:
    """By buffer_size; the oldest go first, counted and told once, until the next try."""
    influx = Scripted(otherwise=away, width=10_000)
    async with Program(influx, buffer_size=65536) as program:
        for _ in range(30):
            await program.ticked(1)
            assert program.deliveries[0].state.kept.size <= 65536
        state = program.deliveries[0].state
        influx.otherwise = fine
        await program.ticked(6)

    assert (state.kept.records, state.dropped) == (6, {"backlog full": 24})
    assert times(influx.arrived) == [1000 + 10 * n for n in range(26, 37)] + [1360]
    assert program.journal.counts["backlog full"] == 25
    assert program.sentences[1:] == [
        "exporter influx keeps 64KiB and no more: the oldest is dropped.",
        "exports go through again",
    ]


async def test_a_spool_loses_nothing_over_a_restart_in_the_middle(tmp_path: Path) -> None:
    """The second run sends what the first could not, before its own."""
    arrived: list[int] = []
    for run in range(3):
        influx = Scripted(otherwise=away if run < 2 else fine)
        async with Sending(influx, tmp_path) as sending:
            await sending.snapshots(*(100 * run + n for n in range(15)))
            await sending.stop()
        arrived += times(influx.arrived)

    assert arrived == [100 * run + n for run in range(3) for n in range(15)]
    assert sending.sentences == ["what an earlier run could not deliver goes first"]
    assert [path.name for path in (tmp_path / "influx").iterdir()] == ["lock"]


KILLED = """
import asyncio, os, signal, sys

from backends import Scripted, Sending, away


async def main():
    async with Sending(Scripted(otherwise=away), sys.argv[1]) as sending:
        for at in range(20):
            await sending.delivery.deliver(__import__("snapshots").a_snapshot(at=at))
        os.kill(os.getpid(), signal.SIGKILL)


asyncio.run(main())
"""


async def test_a_spool_loses_nothing_to_a_kill(tmp_path: Path) -> None:
    """What `deliver` returned from is there after kill -9, in order."""
    paths = os.pathsep.join(
        str(path) for path in (Path(__file__).parent, *Path(__file__).parents[1:2])
    )
    killed = await asyncio.create_subprocess_exec(
        sys.executable, "-c", KILLED, str(tmp_path), env={**os.environ, "PYTHONPATH": paths}
    )
    assert await killed.wait() == -signal.SIGKILL

    async with Sending(Scripted(), tmp_path) as sending:
        await sending.rest()
        await sending.snapshots(100)

    assert times(sending.exporter.arrived) == [*range(20), 100]


async def test_a_tick_is_not_delayed_by_a_backend_that_hangs() -> None:
    """`deliver` returns at once, whatever the last send is doing."""
    influx = Scripted()
    influx.hanging = True
    async with Program(influx, timeout=0.05) as program:
        for _ in range(12):
            await program.clock.advance(TICK)
            assert program.waiting_snapshots == 0
        influx.hanging = False
        (delivery,) = program.deliveries
        await wait_until_async(
            lambda: delivery.state.retried == len(influx.sends), 5, "what hangs is given up"
        )
        await program.ticked(6)

    assert times(influx.arrived)[:12] == [1000 + 10 * n for n in range(1, 13)]
    assert "snapshot dropped" not in program.journal.counts


REACTIONS: dict[str, tuple[Answer, str, str]] = {
    "400": (refusing, "export refused", "Influx at here answered 400 Bad Request."),
    "429": (busy(20), "export failed", "Influx at here answered 429 Too Many Requests."),
    "413": (taking(1), "record too large", "Influx at here answered 413 Too Large."),
    "bug": (broken, "exporter bug", "exporter influx has a bug"),
}


@pytest.mark.parametrize(("answer", "code", "cause"), REACTIONS.values(), ids=REACTIONS)
async def test_each_answer_has_its_own_reaction(answer: Answer, code: str, cause: str) -> None:
    """One sentence with the backend and the cause; another exporter gets everything."""
    influx, other = Scripted([answer]), Scripted(name="other")
    async with Program(influx, other) as program:
        await program.ticked(4)

    kept = code == "export failed"
    everything = [1000 + 10 * n for n in range(1, 5)] + [1040]
    assert times(influx.arrived) == everything[0 if kept else 1 :]
    assert times(other.arrived) == everything
    assert program.journal.counts == {code: 1}
    assert sum(each.startswith(cause) and "influx" in each for each in program.sentences) == 1


ANSWERS = st.lists(
    st.sampled_from([fine, away, busy(30), refusing, broken, taking(8), taking(16)]), max_size=40
)


@settings(max_examples=60, deadline=None)
@given(ANSWERS, st.integers(1, 6), st.lists(st.integers(0, 40), max_size=12), st.booleans())
def test_for_any_answers_what_arrives_is_in_order_and_all_is_accounted_for(
    script: list[Answer], records: int, pauses: list[int], spooled: bool
) -> None:
    """No record twice, none out of order; sent + dropped + kept is what was encoded."""

    async def run(folder: str) -> None:
        exporter = Scripted(script, records=records)
        async with Sending(exporter, folder) as sending:
            for at, pause in enumerate(pauses):
                await sending.snapshots(at)
                await sending.passed(pause)
                state = sending.delivery.state
                dropped = sum(state.dropped.values())
                encoded = (at + 1) * records
                assert state.sent.records + dropped + state.kept.records == encoded
            await sending.passed(1000)
        state = sending.delivery.state
        numbers = [
            int(at) * records + int(number)
            for at, _, number in (record.partition(b".") for record in exporter.arrived)
        ]
        assert numbers == sorted(set(numbers))
        assert len(numbers) == state.sent.records
        assert state.sent.size == sum(map(len, exporter.arrived))

    with TemporaryDirectory() as folder:
        asyncio.run(run(folder if spooled else ""))


@settings(max_examples=25, deadline=None)
@given(ANSWERS, st.lists(st.integers(0, 5), min_size=1, max_size=5))
def test_for_any_answers_restarts_lose_nothing_from_a_spool(
    script: list[Answer], runs: list[int]
) -> None:
    """Over any number of runs: what arrives is in order, and only what was dropped is missing."""

    async def run(folder: str) -> None:
        answers = iter(script)
        arrived: list[bytes] = []
        dropped: Counter[str] = Counter()
        at = 0
        for number, snapshots in enumerate([*runs, 1]):
            last = number == len(runs)
            exporter = Scripted([] if last else answers, records=4)
            async with Sending(exporter, folder) as sending:
                for _ in range(snapshots):
                    await sending.snapshots(at)
                    at += 1
                await sending.passed(1000 if last else 0)
            arrived += exporter.arrived
            dropped.update(sending.delivery.state.dropped)
        numbers = [int(one) * 4 + int(two) for one, _, two in (r.partition(b".") for r in arrived)]
        assert numbers == sorted(set(numbers))
        assert len(numbers) + dropped.total() == 4 * at

    with TemporaryDirectory() as folder:
        asyncio.run(run(folder))


async def test_an_exporter_that_sends_at_once_has_no_backlog() -> None:
    """A datagram that nobody took is dropped, as ever."""
    journal, sentences = a_journal()
    delivery = Delivery(Scripted([away], records=3), journal)
    for at in (10, 20):
        await delivery.deliver(a_snapshot(at=at))

    assert times(delivery.exporter.arrived) == [20] * 3
    assert delivery.state.dropped == {"export failed": 3}
    assert sentences == [
        "Influx at here cannot be reached: connection refused.",
        "exports go through again",
    ]
