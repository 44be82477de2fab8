"""Bytes of an engine through all that Tidegauge does with them, with everything recorded kept."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager

import msgspec

from recorded import a_container
from snapshots import a_journal
from tidegauge.clock import Clock, SystemClock
from tidegauge.docker.choice import Choice
from tidegauge.docker.client import EngineClient
from tidegauge.docker.endpoint import parse_endpoint
from tidegauge.docker.following import Follower
from tidegauge.docker.frames import Container, Sample, StatsFrame
from tidegauge.docker.framing import Framing
from tidegauge.docker.intervals import Intervals
from tidegauge.docker.lives import Observation
from tidegauge.docker.transport import HttpTransport
from tidegauge.metrics import Number, Registry, Series, Snapshot
from tidegauge.pipeline import collecting
from tidegauge.streams import Outlet, Source

ABSENT = object()
WEB = a_container()


class Chain:
    """What came out: a snapshot for each line that went in, and what was told."""

    def __init__(self) -> None:
        self.journal, self.sentences = a_journal()
        self.snapshots: list[Snapshot] = []
        self.garbage: list[bytes] = []
        self._registry = Registry(self.journal.counts, SystemClock())

    def collect(self) -> None:
        """One more snapshot."""
        self.snapshots.append(self._registry.collect(float(len(self.snapshots))))

    async def collecting(self, source: Source[Observation]) -> None:
        """Run the collecting pipeline on this source."""
        intervals = Intervals(self.journal.drop)
        await collecting(source, intervals, self._registry, self.journal, {}).run()

    def series(self, name: str, *attributes: str, alias: str = "") -> list[Series]:
        """One series of one container, or of all, over all snapshots."""
        return [
            series
            for snapshot in self.snapshots
            for series in snapshot.series
            if series.metric.name == f"container.{name}"
            and tuple(value for _, value in series.attributes) == attributes
            and alias in {"", series.entity.alias}
        ]

    def samples(self, name: str, *attributes: str, alias: str = "") -> list[Number]:
        """All its samples in order."""
        found = self.series(name, *attributes, alias=alias)
        return [number for series in found for number in series.samples]

    def total(self, name: str, *attributes: str, alias: str = "") -> Number:
        """Its newest value."""
        return self.series(name, *attributes, alias=alias)[-1].last

    def names(self, *numbers: int) -> set[str]:
        """The metrics of these snapshots, or of all."""
        chosen = [self.snapshots[n] for n in numbers] if numbers else self.snapshots
        found = {series.metric.name for snapshot in chosen for series in snapshot.series}
        return {name.removeprefix("container.") for name in found}


def chained(lines: Iterable[str], container: Container = WEB) -> Chain:
    """One stream."""
    return side_by_side((container, line) for line in lines)


def side_by_side(lines: Iterable[tuple[Container, str]]) -> Chain:
    """The streams of several containers, as their lines come; each has a framing of its own."""
    chain, framings = Chain(), dict[str, Framing[StatsFrame]]()

    async def produce(outlet: Outlet[Observation]) -> None:
        for container, line in lines:
            framing = framings.setdefault(container.id, a_framing(chain.garbage))
            for frame in framing.feed(line.encode() + b"\n"):
                await outlet.send(Sample(container, frame))
            chain.collect()

    asyncio.run(chain.collecting(Source("lines", produce)))
    return chain


def a_framing(garbage: list[bytes]) -> Framing[StatsFrame]:
    """As the engine's client makes it."""
    decoder = msgspec.json.Decoder(StatsFrame)
    return Framing(decoder, lambda data, _: garbage.append(data))


@asynccontextmanager
async def following(host: str, clock: Clock | None = None) -> AsyncIterator[Chain]:
    """Everything an engine sends, from the follower on."""
    chain = Chain()
    client = EngineClient("local", HttpTransport(parse_endpoint(host)))
    choice = Choice({}, ["**"], [])
    follower = Follower(client, choice, chain.journal, clock or SystemClock(), lambda: 0.5)
    task = asyncio.create_task(chain.collecting(follower.source()))
    try:
        yield chain
    finally:
        task.cancel()
        await asyncio.wait([task])


def edited(line: str, **changes: object) -> str:
    """A recorded object with some fields changed by hand; ``__`` stands between their levels."""
    document = json.loads(line)
    for path, value in changes.items():
        *levels, last = path.split("__")
        inner = document
        for level in levels:
            inner = inner.setdefault(level, {})
        if value is ABSENT:
            inner.pop(last, None)
        else:
            inner[last] = value
    return json.dumps(document)


def all_edited(lines: Sequence[str], **changes: object) -> list[str]:
    """Each line with the same change."""
    return [edited(line, **changes) for line in lines]
