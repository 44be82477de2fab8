"""The whole pipeline: recorded frames in, what exporters are given out."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import pytest
import structlog
from structlog.testing import LogCapture

from manual_clock import ManualClock, settle
from recorded import a_container, frames
from snapshots import a_journal
from tidegauge.app import BufferWatch
from tidegauge.docker.frames import Container, Sample, StatsFrame
from tidegauge.docker.intervals import Intervals
from tidegauge.docker.lives import Condition, LifeEvent
from tidegauge.errors import ExportError
from tidegauge.exporters import Delivery
from tidegauge.exporters.delivery import DEADLINE
from tidegauge.globs import Selection
from tidegauge.journal import Journal
from tidegauge.metrics import Registry, Snapshot, identity
from tidegauge.metrics.registry import GONE_KEPT
from tidegauge.pipeline import collecting, reporting
from tidegauge.readings import PidsReading
from tidegauge.streams import Source, Tick, from_iterable
from tidegauge.streams.drawing import as_text
from waiting import wait_until_async


class Kept:
    """An exporter into memory; ``work`` happens before a snapshot is kept."""

    def __init__(self, name: str = "kept", work: Callable | None = None) -> None:
        self.name, self.destination, self.flush_interval = name, f"{name} here", 0.001
        self.snapshots: list[Snapshot] = []
        self._work = work
        self._encoded: list[Snapshot] = []

    def encode(self, snapshot: Snapshot) -> Sequence[bytes]:
        self._encoded.append(snapshot)
        return (b"a snapshot",)

    async def send(self, records: Sequence[bytes]) -> None:
        if self._work is not None:
            await self._work()
        self.snapshots.append(self._encoded.pop(0))

    async def close(self) -> None:
        raise NotImplementedError


class Ticks:
    """Ticks that come when the test says so."""

    def __init__(self) -> None:
        self._due: asyncio.Queue[Tick | None] = asyncio.Queue()
        self.source: Source[Tick] = Source("ticks", self._produce)
        self._at = 0.0

    async def _produce(self, outlet) -> None:
        while (tick := await self._due.get()) is not None:
            await outlet.send(tick)

    async def tick(self, count: int = 1) -> None:
        for _ in range(count):
            self._at += 10
            self._due.put_nowait(Tick(self._at, final=False))
            await settle()

    def end(self) -> None:
        self._due.put_nowait(None)


async def collected(recording: str, kept: dict[str, Selection] | None = None):
    """A registry with a recording, as two containers that were recorded at once."""
    journal, _ = a_journal()
    registry = Registry(journal.counts, ManualClock())
    samples = [
        Sample(a_container("docker", id=alias, name=alias, alias=alias), frame)
        for frame in frames(recording)
        for alias in ("web", "db")
    ]
    await collecting(
        from_iterable(samples), Intervals(journal.drop), registry, journal, kept or {}
    ).run()
    return registry, journal


RECORDINGS = {
    "docker-20.10.24-cgroup1/lifecycle-stream": (29, 4),
    "docker-26.1.5-cgroup2/lifecycle-stream": (49, 4),
    "docker-28.5.2-cgroup1/lifecycle-stream": (31, 4),
    "podman-4.3.1-cgroup1/lifecycle-stream": (4, 2),
    "podman-5.4.2-cgroup1/lifecycle-stream": (5, 3),
}
"""How many frames show a running container, and how many lives they are from."""


@pytest.mark.parametrize(("recording", "known"), RECORDINGS.items())
async def test_every_frame_is_counted_and_nothing_is_made_up(
    recording: str, known: tuple[int, int]
) -> None:
    """Levels: one a frame. Differences: between all frames. Rates: between those of one life.

    The recordings hold restarts, stops, a pause and a removal; none gives a zero level, a negative
    or a wrapped value.
    """
    running, lives = known
    registry, journal = await collected(recording)
    kept = Kept()
    one_tick = from_iterable([Tick(10.0, final=True)])
    await reporting(one_tick, registry, [Delivery(kept, journal)]).run()

    (snapshot,) = kept.snapshots
    for alias in ("web", "db"):
        series = {
            (each.metric.name, *each.attributes): each.samples
            for each in snapshot.series
            if identity(each.entity)[2] == alias
        }
        assert all(0 <= one < 2**62 for samples in series.values() for one in samples)
        assert len(series["container.memory.usage",]) == running
        assert min(series["container.memory.usage",]) > 0
        assert len(series["container.cpu.time",]) == running - 1
        assert len(series["container.cpu.usage",]) == running - lives
        assert max(series["container.cpu.usage",]) <= 2.1  # the hosts had 2 CPUs
    assert journal.counts == {}


async def test_a_category_filter_keeps_others_out() -> None:
    """By alias and category; the rest of the container is recorded."""
    filters = {"docker-cpu": Selection(["w*"]), "docker-memory": Selection(["**"], ["web"])}
    registry, _ = await collected("docker-20.10.24-cgroup1/lifecycle-stream", filters)

    collection = registry.collect(1.0)
    recorded = {(identity(each.entity)[2], each.metric.name) for each in collection.series}
    assert {alias for alias, name in recorded if name.startswith("container.cpu.")} == {"web"}
    assert {alias for alias, name in recorded if name.startswith("container.memory.")} == {"db"}
    assert {alias for alias, name in recorded if name == "container.pids.count"} == {"web", "db"}


async def cpu_time_of(samples: list[Sample], registry: Registry) -> object:
    """Of the container web, over all these samples."""
    journal, _ = a_journal()
    source, intervals = from_iterable(samples), Intervals(journal.drop)
    await collecting(source, intervals, registry, journal, {}).run()
    (total,) = (
        one.last
        for one in registry.collect(1.0).present
        if one.metric.name == "container.cpu.time" and not one.attributes
        if isinstance(one.entity, Container) and one.entity.alias == "web"
    )
    return total


async def test_a_name_taken_over_counts_from_the_first_sample_under_it() -> None:
    """Totals under a name go on with what its new bearer uses as such."""
    first, *others = frames("docker-26.1.5-cgroup2/lifecycle-stream")[:8]
    bearer, other = a_container(id="c1"), a_container(id="c2", alias="other")
    renamed = a_container(id="c2")
    samples = [
        *(Sample(bearer, first), Sample(other, first), Sample(other, others[0])),
        *(Sample(renamed, frame) for frame in others[1:]),
    ]

    def used(frame: StatsFrame) -> int:
        usage = frame.cpu_stats.cpu_usage if frame.cpu_stats else None
        return (usage.total_usage if usage else None) or 0

    began = used(first) + used(others[-1]) - used(others[1])
    assert await cpu_time_of(samples, Registry({}, ManualClock())) == began


async def test_totals_go_on_with_the_next_configuration() -> None:
    """Whatever of a tick waited to be recorded when the configuration changed is counted once."""
    some = frames("docker-26.1.5-cgroup2/lifecycle-stream")[:9]
    container = a_container()
    samples = [Sample(container, frame) for frame in some]
    each = await cpu_time_of(samples, Registry({}, ManualClock()))

    journal = a_journal()[0]
    registry, intervals = Registry({}, ManualClock()), Intervals(journal.drop)
    for part in (samples[:3], samples[3:6], samples[6:]):
        registry.forget_states()
        await collecting(from_iterable(part), intervals, registry, journal, {}).run()
    total = registry.collect(1.0).series[0]

    assert (total.metric.name, total.last) == ("container.cpu.time", each)


async def test_containers_that_are_gone_do_not_come_back_with_what_was_held_of_them() -> None:
    """Their last totals are told, and of many that were removed few fill memory or the limits."""
    journal, _ = a_journal()
    registry = Registry(journal.counts, ManualClock())
    seen: list[Sample | Condition] = []
    for number in range(GONE_KEPT + 50):
        gone = a_container("docker", id=f"c{number}", alias=f"a{number}")
        recorded = frames("docker-26.1.5-cgroup2/lifecycle-stream")[:5]
        seen += [Sample(gone, frame) for frame in recorded]
        seen.append(Condition(gone, "", gone=True))
    source = from_iterable(seen)
    await collecting(source, Intervals(journal.drop), registry, journal, {}).run()
    counted = [
        one.entity.alias
        for one in registry.collect(1.0).series
        if one.metric.name == "container.cpu.time" and not one.attributes
    ]

    assert len(counted) == GONE_KEPT + 50
    assert sum(isinstance(one.entity, Container) for one in registry.live()) == GONE_KEPT


async def test_ends_and_recreations_of_containers_are_told() -> None:
    """One line each, with what is known; nothing else that is seen is."""
    told = LogCapture()
    journal = Journal(structlog.wrap_logger(None, processors=[told]))
    web = a_container(id="b" * 64, alias="web")
    at = datetime(2026, 1, 1, tzinfo=UTC)
    seen = (
        Condition(web, "running", before="a" * 64),
        Condition(web, "running"),
        LifeEvent(web, "start", at),
        LifeEvent(web, "die", at, exit_code=137, lifetime=2.5),
        LifeEvent(web, "oom", at),
    )
    registry = Registry(journal.counts, ManualClock())
    await collecting(from_iterable(seen), Intervals(journal.drop), registry, journal, {}).run()

    assert {each.pop("log_level") for each in told.entries} == {"info"}
    assert told.entries == [
        {"event": "container recreated", "container": "web", "before": "a" * 12, "now": "b" * 12},
        {"event": "container ended", "container": "web", "exit_code": 137, "lifetime_s": 2.5},
        {"event": "container ran out of memory", "container": "web"},
    ]


async def test_what_was_read_by_a_tick_is_in_its_snapshot() -> None:
    """Also what waited to be recorded."""
    journal, _ = a_journal()
    registry, kept = Registry({}, ManualClock()), Kept()

    async def catch_up() -> None:
        registry.pids(PidsReading(a_container(), 3, None))

    tick = from_iterable([Tick(10.0, final=True)])
    pipeline = reporting(tick, registry, [Delivery(kept, journal)], catch_up)
    await pipeline.run()

    (snapshot,) = kept.snapshots
    assert [each.metric.name for each in snapshot.series] == ["container.pids.count"]


async def test_without_exporters_ticks_still_empty_the_registry() -> None:
    """Memory does not grow while nobody listens."""
    registry, _ = await collected("docker-20.10.24-cgroup1/lifecycle-stream")
    pipeline = reporting(from_iterable([Tick(10.0, final=True)]), registry, [])
    await pipeline.run()

    assert registry.collect(20.0).series == ()
    assert as_text(pipeline) == "items ─▶ let go\n"


class Reporting:
    """The reporting pipeline at work, with its tasks."""

    def __init__(self, journal: Journal, *exporters: Kept) -> None:
        self.ticks = Ticks()
        deliveries = [Delivery(each, journal) for each in exporters]
        self.running = reporting(
            self.ticks.source, Registry(journal.counts, ManualClock()), deliveries
        ).build()
        self.buffers = BufferWatch(self.running, journal)

    async def __aenter__(self):
        self._task = asyncio.create_task(self.running.run())
        await settle()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.ticks.end()
        await self._task
        assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_slow_exporter_delays_no_other_and_its_drops_are_told() -> None:
    """Its buffer of 8 drops the oldest, counted, in one sentence; its recovery is told too."""
    journal, sentences = a_journal()
    gate = asyncio.Event()
    slow, quick = Kept("slow", gate.wait), Kept("quick")
    async with Reporting(journal, slow, quick) as report:
        await report.ticks.tick(9)
        report.buffers.tell()
        assert sentences == []
        await report.ticks.tick(3)
        report.buffers.tell()
        await report.ticks.tick(2)
        report.buffers.tell()
        assert [each.at for each in quick.snapshots] == [10.0 * n for n in range(1, 15)]
        assert slow.snapshots == []
        gate.set()
        await settle()
        report.buffers.tell()
        await report.ticks.tick()
        report.buffers.tell()

    assert [each.at for each in slow.snapshots] == [10, 70, 80, 90, 100, 110, 120, 130, 140, 150]
    assert journal.counts == {"snapshot dropped": 5}
    assert sentences == [
        "exporter slow is too slow: 8 snapshots wait for it, and the oldest of them are dropped.",
        "exporter keeps up again",
    ]


async def test_an_exporter_that_fails_is_told_once_and_when_it_recovers() -> None:
    """Each failure counts; the others hear nothing of it."""
    journal, sentences = a_journal()
    refusing = True

    async def work() -> None:
        if refusing:
            raise ExportError("the backend said no.")

    async with Reporting(journal, Kept("flaky", work), quick := Kept("quick")) as report:
        await report.ticks.tick(3)
        refusing = False
        await report.ticks.tick(2)
        refusing = True
        await report.ticks.tick(2)

    assert len(quick.snapshots) == 7
    assert journal.counts == {"export failed": 5}
    assert sentences == [
        "the backend said no.",
        "exports go through again",
        "the backend said no.",
    ]


async def test_an_exporter_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """After its deadline, which is told and counted like any failure."""
    monkeypatch.setattr("tidegauge.exporters.delivery.DEADLINE", 0.05)
    journal, sentences = a_journal()
    hanging = True

    async def work() -> None:
        if hanging:
            await asyncio.Event().wait()

    assert DEADLINE == 10
    slow = Kept("slow", work)
    async with Reporting(journal, slow) as report:
        await report.ticks.tick()
        await wait_until_async(lambda: sentences, 5, "it is given up")
        hanging = False
        await report.ticks.tick()

    assert len(slow.snapshots) == 1
    assert sentences == ["slow here took longer than 0.05 s.", "exports go through again"]
