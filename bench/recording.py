"""Recording all values of an event, against instruments of others that get thirty values.

What ours costs is a difference: of the whole pipeline, fed with decoded samples up to the end of a
tick that nobody collects, and of the same one that is told to record no category. So it holds the
readings, too.
"""

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import floor
import installed
import msgspec
from ingest import ALLOWED, RECORDINGS, SHAPES, UNMEASURED
from made_up import a_container, a_journal
from pairs import Measurement, Side, Stopwatch

from tidegauge.clock import SystemClock
from tidegauge.docker.frames import Sample, StatsFrame
from tidegauge.docker.intervals import Intervals
from tidegauge.docker.lives import Condition
from tidegauge.globs import Selection
from tidegauge.metrics import Registry
from tidegauge.pipeline import collecting
from tidegauge.streams import Outlet, Source

VALUES = 30
NONE = {
    category: Selection(exclude=["**"])
    for category in ("docker-cpu", "docker-memory", "docker-network", "docker-blkio", "docker-pids")
}


def measurements(quick: bool) -> list[Measurement]:
    """Against HdrHistogram, OpenTelemetry's SDK, and decoding."""
    containers, events = (100, 2_000) if quick else (500, 10_000)
    lines = (RECORDINGS / f"{SHAPES['cgroup v1']}.ndjson").read_bytes().splitlines()

    def ours() -> float:
        return _least(lines, containers, {}) - _least(lines, containers, NONE)

    name = "T10 readings and recording of an event"
    found = [
        Measurement(
            f"{name} / decoding it",
            *("us/event", ours, lambda: floor.decoding(lines[1]), "ratio", 0.2),
        )
    ]
    if not installed.missing("hdrh"):
        theirs = _histograms(events)
        what = f"{name} / {VALUES} x HdrHistogram.record_value"
        found.append(Measurement(what, "us/event", ours, theirs, "ratio", 1 / 30))
    if not installed.missing("opentelemetry.sdk.metrics"):
        theirs = _opentelemetry(events // 4)
        what = f"{name} / {VALUES} x OpenTelemetry's histogram.record"
        found.append(Measurement(what, "us/event", ours, theirs, "ratio", 1 / 250))
    return found


def lacks() -> str:
    """What is not measured, and why."""
    return installed.missing("hdrh", "opentelemetry.sdk.metrics")


def _least(lines: Sequence[bytes], containers: int, kept: Mapping[str, Selection]) -> float:
    """Of three: the difference of two numbers has the noise of both."""
    return min(_recording(lines, containers, kept) for _ in range(3))


def _recording(lines: Sequence[bytes], containers: int, kept: Mapping[str, Selection]) -> float:
    """Microseconds of an event that is decoded already, and goes on as those before it."""
    known = [msgspec.json.decode(line, type=StatsFrame) for line in lines]
    first, frames = known[:UNMEASURED], known[UNMEASURED:]
    every, spent = [a_container(number) for number in range(containers)], list[float]()

    async def produce(outlet: Outlet[Any]) -> None:
        for container in every:
            await outlet.send(Condition(container, "running", resources=ALLOWED))
            for frame in first:
                await outlet.send(Sample(container, frame))
        await registry.let_go(0.0)
        watch = Stopwatch()
        for frame in frames:
            for container in every:
                await outlet.send(Sample(container, frame))
        await registry.let_go(0.0)
        spent.append(watch.per(len(frames) * containers))

    source: Source[Any] = Source("decoded samples", produce)
    journal, registry = a_journal(), Registry({}, SystemClock())
    asyncio.run(collecting(source, Intervals(journal.drop), registry, journal, kept).run())
    return spent[0]


def _rows() -> list[list[int]]:
    """Values of all magnitudes."""
    chance = random.Random(1)
    return [[int(chance.lognormvariate(8, 3)) + 1 for _ in range(VALUES)] for _ in range(64)]


def _histograms(events: int) -> Side:
    from hdrh.histogram import HdrHistogram  # noqa: PLC0415 (not everywhere)

    each = [HdrHistogram(1, 10**9, 2) for _ in range(VALUES)]

    def record(_event: int, row: Sequence[int]) -> None:
        for histogram, value in zip(each, row, strict=True):
            histogram.record_value(value)

    return _side(record, events)


def _opentelemetry(events: int) -> Side:
    from opentelemetry.sdk.metrics import MeterProvider  # noqa: PLC0415 (not everywhere)
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader  # noqa: PLC0415

    meter = MeterProvider([InMemoryMetricReader()]).get_meter("bench")
    each = [meter.create_histogram(f"metric_{number}") for number in range(VALUES)]
    attributes = [{"container.name": f"web-{number}"} for number in range(100)]

    def record(event: int, row: Sequence[int]) -> None:
        of_container = attributes[event % 100]
        for histogram, value in zip(each, row, strict=True):
            histogram.record(value, of_container)

    return _side(record, events)


def _side(record: Callable[[int, Sequence[int]], None], events: int) -> Side:
    rows = _rows()

    def side() -> float:
        watch = Stopwatch()
        for event in range(events):
            record(event, rows[event & 63])
        return watch.per(events)

    return side
