"""The product's collecting half on a real engine, with everything it recorded kept."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Self

import structlog

from servers.engine import DockerEngine
from tidegauge.clock import SystemClock
from tidegauge.config import EngineOptions
from tidegauge.docker.choice import Choice
from tidegauge.docker.client import EngineClient
from tidegauge.docker.direct import Wanted
from tidegauge.docker.endpoint import parse_endpoint
from tidegauge.docker.following import Follower
from tidegauge.docker.frames import Sample, Still
from tidegauge.docker.intervals import Intervals
from tidegauge.docker.lives import LifeEvent, Observation
from tidegauge.docker.pacing import STREAMS, Demand
from tidegauge.docker.transport import HttpTransport
from tidegauge.here import PROC, direct_of
from tidegauge.journal import Journal
from tidegauge.metrics import Attributes, Kind, Metric, Number, Registry, identity
from tidegauge.metrics.catalogue import CATALOGUE, CPU_TIME, CPU_USAGE, MEMORY_USAGE
from tidegauge.pipeline import collecting
from tidegauge.streams import flow

Key = tuple[str, str, Attributes]

COUNTERS = {metric.name for metric in CATALOGUE if metric.kind is Kind.COUNTER}


class Watching:
    """Watches the chosen containers of an engine from entry to exit.

    ``reads`` are the engine's times of the samples that came, and ``events`` what happened, by
    alias; `collect` adds what was recorded to ``samples`` and ``totals``, by alias, metric name
    and attributes. With another ``source`` than the API samples are
    read directly, from ``proc``. ``sources`` is where they came from. ``demand`` is what they are
    wanted for.
    """

    def __init__(
        self,
        engine: DockerEngine,
        include: Iterable[str],
        source: Wanted = "api",
        proc: Path = PROC,
        demand: Demand = STREAMS,
    ) -> None:
        self.journal = Journal(structlog.wrap_logger(structlog.ReturnLogger(), processors=[_drop]))
        client = EngineClient("local", HttpTransport(parse_endpoint(engine.host)))
        choice = Choice({}, include, [])
        options, clock = EngineOptions(source=source), SystemClock()
        self.follower = Follower(
            *(client, choice, self.journal, clock, lambda: 0.5),
            direct=direct_of(options, engine.host, clock, self.journal, proc),
            demand=demand,
        )
        self.reads: dict[str, list[float]] = defaultdict(list)
        self.sources: set[str] = set()
        self.events: dict[str, list[LifeEvent]] = defaultdict(list)
        self.samples: dict[Key, list[Number]] = defaultdict(list)
        self.totals: dict[Key, list[Number]] = defaultdict(list)
        self._registry = Registry(self.journal.counts, SystemClock())

    def collect(self) -> None:
        """Take what was recorded since the last call."""
        for series in self._registry.collect(0).series:
            key = (identity(series.entity)[2], series.metric.name, series.attributes)
            self.samples[key] += series.samples
            self.totals[key].append(series.last)

    def of(self, alias: str, metric: Metric, *attributes: tuple[str, str]) -> list[Number]:
        """All samples so far of one series."""
        self.collect()
        return self.samples[alias, metric.name, attributes]

    def holds_no_wrong_number(self, alias: str, *, paused: bool = False) -> None:
        """Nothing of a busy container is zero, negative or wrapped, and no total ever fell.

        One that was ``paused`` may have had seconds without CPU.
        """
        self.collect()
        for (whose, name, attributes), samples in self.samples.items():
            if whose != alias:
                continue
            assert min(samples, default=0) >= 0, (name, attributes, samples)
            assert max(samples, default=0) < 2**40, (name, attributes, samples)
            totals = self.totals[alias, name, attributes]
            assert name not in COUNTERS or totals == sorted(totals), (name, attributes, totals)
        for metric in (MEMORY_USAGE,) if paused else (CPU_TIME, MEMORY_USAGE, CPU_USAGE):
            assert min(self.of(alias, metric)) > 0, metric.name

    def _tap(self, seen: Observation) -> Observation:
        if isinstance(seen, Sample | Still) and seen.frame.running:
            reads = seen.reads if isinstance(seen, Still) else (seen.frame.read,)
            self.reads[seen.container.alias] += [read.timestamp() for read in reads]
            self.sources.add(seen.frame.source)
        if isinstance(seen, LifeEvent):
            self.events[seen.container.alias].append(seen)
        return seen

    async def __aenter__(self) -> Self:
        source = self.follower.source() >> flow(self._tap)
        pipeline = collecting(
            source, Intervals(self.journal.drop), self._registry, self.journal, {}
        )
        self._task = asyncio.create_task(pipeline.run())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        await asyncio.wait([self._task])
        if not self._task.cancelled():
            self._task.result()
        self.collect()


def _drop(*_: object) -> str:
    raise structlog.DropEvent
