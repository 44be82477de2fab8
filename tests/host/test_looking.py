"""A look at the machine each second, and how late it came."""

import asyncio
from pathlib import Path

import pytest

from manual_clock import ManualClock, settle
from tidegauge.host import Host, HostSample, Proc, looks
from tidegauge.streams import sink

RECORDED = Path(__file__).parent / "proc"


class LateClock(ManualClock):
    """Wakes sleepers so much too late."""

    late = 0.0

    async def sleep(self, seconds: float) -> None:
        await super().sleep(seconds + self.late)


async def test_a_look_each_second_and_how_late_it_was() -> None:
    """What was missed is not made up for, and the rhythm stays."""
    clock, seen = LateClock(), list[HostSample]()
    source = looks(Host("h1"), Proc(RECORDED), clock, lambda: 7)
    looking = asyncio.create_task((source >> sink(seen.append)).run())
    await clock.advance(2)
    clock.late = 2.25
    await clock.advance(4)
    clock.late = 0.0
    await clock.advance(4)
    looking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await looking

    assert [each.late for each in seen[:2]] == [0.0, 0.0]
    assert max(each.late for each in seen) == 2.25
    assert seen[-1].late == 0.0
    assert len(seen) < 10
    assert {each.host for each in seen} == {Host("h1")}
    assert {each.process_cpu for each in seen} == {7}
    assert {each.cpus for each in seen} == {2}


async def test_without_proc_there_are_still_looks(tmp_path: Path) -> None:
    """Tidegauge's own numbers do not hang on the machine's."""
    clock, seen = ManualClock(), list[HostSample]()
    source = looks(Host("h1"), Proc(tmp_path), clock, lambda: 7, version="1.2.3")
    looking = asyncio.create_task((source >> sink(seen.append)).run())
    await clock.advance(1)
    await settle()
    looking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await looking

    assert seen == [
        HostSample(Host("h1"), late=0.0, process_cpu=7, at=clock.now(), version="1.2.3")
    ]
