"""A whole web server with known content, on a port of its own."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import msgspec

from manual_clock import ManualClock
from recorded import frames
from snapshots import a_journal
from tidegauge.clock import SystemClock
from tidegauge.docker.frames import Container, Engine, Sample
from tidegauge.docker.interest import Interest
from tidegauge.docker.intervals import Intervals
from tidegauge.docker.lives import Condition
from tidegauge.docker.resources import Resources
from tidegauge.errors import HistoryError
from tidegauge.fleet.fleet import Fleet
from tidegauge.globs import Selection
from tidegauge.history.rows import Event, Extent, Known, Points, Query
from tidegauge.metrics import Registry
from tidegauge.pipeline import collecting
from tidegauge.prometheus.cadvisor import CadvisorNames
from tidegauge.prometheus.own import OurNames
from tidegauge.prometheus.text import Page
from tidegauge.streams import from_iterable
from tidegauge.web.api import Api
from tidegauge.web.files import Files
from tidegauge.web.gate import Gate
from tidegauge.web.live import Live
from tidegauge.web.now import Now, Sources
from tidegauge.web.onlooker import Onlooker
from tidegauge.web.options import Address
from tidegauge.web.pages import Pages
from tidegauge.web.past import Past
from tidegauge.web.recent import Recent
from tidegauge.web.server import WebServer
from tidegauge.web.site import Site
from waiting import wait_until_async

ENGINE = Engine("e", "docker", "26.1.5")
BURN = "docker-26.1.5-cgroup2/stats-stream-burn"


class Watcher(msgspec.Struct):
    """Implements `tidegauge.web.surroundings.Watcher`."""

    name: str = "e"
    engine: Engine | None = ENGINE
    trouble: str = ""
    lost: int = 0
    watched: dict[str, object] = {}
    read_in_turn: int = 0
    read_directly: int = 0
    why_not_directly: dict[str, str] = {}
    interest: Interest = msgspec.field(default_factory=lambda: Interest(ManualClock()))


class RememberedHistory:
    """Implements `tidegauge.history.rows.History` with what a test gives it."""

    def __init__(self) -> None:
        self.known: list[Known] = []
        self.points: list[Points] = []
        self.happened: list[Event] = []
        self.trouble: str = ""
        self.asked: list[Query] = []

    async def entities(self, start: float, stop: float) -> list[Known]:
        self._check()
        return self.known

    async def series(self, query: Query) -> list[Points]:
        self._check()
        self.asked.append(query)
        return [each for each in self.points if each.metric in query.metrics]

    async def events(self, start: float, stop: float) -> list[Event]:
        self._check()
        return [each for each in self.happened if start <= each.at / 1000 < stop]

    async def extent(self) -> Extent:
        self._check()
        return Extent(4096, 500.0)

    def _check(self) -> None:
        if self.trouble:
            raise HistoryError(self.trouble)


class Served:
    """All of the web server, and what it shows."""

    def __init__(
        self,
        token: str = "",
        listen: str = "127.0.0.1:0",
        *,
        kept: dict[str, Selection] | None = None,
        files: Path | None = None,
        deliveries: Sequence[Any] = (),
        clock: Any = None,
        fleet: Fleet | None = None,
    ) -> None:
        self.journal, self.sentences = a_journal()
        self.clock = clock or ManualClock()
        self.registry = Registry(self.journal.counts, self.clock)
        self.unready, self.watcher, self.history = "", Watcher(), RememberedHistory()
        self.past: Past | None = Past(self.history, Path("/var/lib/tidegauge/history.db"))
        self.kept = kept or {}
        self.recent = Recent()
        self.recent.choose(self.kept)
        of = (self.registry, self.recent, [self.watcher], deliveries, self.journal, self.clock)
        self.now = Now(Sources(*of, "box", 900.0, self.past, fleet is not None))
        self.live = Live(self.now, self.clock, self.journal)
        self.onlooker = Onlooker(self.recent, self.live)
        self.metrics = Page(OurNames(self.journal), self.registry, self.clock)
        pages = Pages(
            self.metrics,
            Page(CadvisorNames((), self.clock), self.registry, self.clock),
            lambda: self.unready,
        )
        self.api = Api(self.now, self.live, self.past, self.clock, fleet)
        gate = Gate(token, Address.parse(listen))
        self.waiting: list[Any] = []
        """What is recorded before something is answered."""
        parts = pages, self.api, Files(files)
        site = Site(parts, gate, self.journal, self._catch_up)
        self.server = WebServer(
            *(Address.parse(listen), site.application, self.journal, SystemClock(), lambda: 0.0),
            beside=self.live.run,
        )
        self._intervals = Intervals(self.journal.drop)

    @property
    def url(self) -> str:
        return self.server.metrics.removesuffix("/metrics")

    async def see(self, *seen: Any) -> None:
        """Let it record all of this."""
        source = from_iterable(seen)
        await collecting(
            *(source, self._intervals, self.registry, self.journal, self.kept),
            onlookers=[self.onlooker],
        ).run()

    async def _catch_up(self) -> None:
        waiting, self.waiting = self.waiting, []
        if waiting:
            await self.see(*waiting)

    async def see_recording(self, recording: str = BURN, count: int = 3, **fields: Any) -> None:
        """A container that runs, and its first so many recorded samples."""
        known = {"engine": ENGINE, "id": "c0ffee", "name": "web", "alias": "web"} | fields
        resources = known.pop("resources", Resources())
        container = msgspec.convert(known, Container)
        samples = [Sample(container, each) for each in frames(recording)[:count]]
        await self.see(Condition(container, "running", None, 0, resources=resources), *samples)


@asynccontextmanager
async def serving(served: Served) -> AsyncIterator[aiohttp.ClientSession]:
    """The server at work, and a client of it that unpacks nothing by itself."""
    told = len(served.sentences)
    running = asyncio.create_task(served.server.run())
    await wait_until_async(lambda: len(served.sentences) > told or running.done(), 10, "it listens")
    try:
        async with aiohttp.ClientSession(served.url, auto_decompress=False) as client:
            yield client
    finally:
        running.cancel()
        await asyncio.wait([running])


async def asked(served: Served, path: str, **headers: str) -> tuple[int, Any]:
    """The status of an answer, and what its JSON says."""
    async with (
        serving(served) as client,
        client.get(path, headers={"Accept-Encoding": "identity"} | headers) as reply,
    ):
        return reply.status, await reply.json()
