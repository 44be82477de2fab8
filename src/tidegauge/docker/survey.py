"""What is asked of an engine now and then, beside its streams: a slow lane of its own.

Each request has a connection of its own, so none delays a sample, and one that walks disks is made
at a time. Sizes are asked for first and apart from the rest: a proxy may allow only them.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, TypeVar

from msgspec import Struct

from tidegauge.clock import Clock
from tidegauge.docker.client import EngineClient
from tidegauge.docker.frames import Container, Engine
from tidegauge.docker.stock import (
    FileSystem,
    FileSystems,
    Surveyed,
    container_sizes,
    disk_use,
    stock,
)
from tidegauge.errors import EngineError, NoSuchContainer, RequestRefused
from tidegauge.journal import Journal
from tidegauge.streams import Outlet

STOCK_SECONDS = 60.0
FIRST_SECONDS = 10.0
"""Disks are walked so long after the engine answered, when its streams are open."""

LONGEST_SECONDS = 3600.0
"""An engine that is too slow is asked no more seldom than this."""

TELL_SECONDS = 2.0
"""A failure is told so much later: if the engine is lost, that is told instead."""

FAILED, SLOW = "survey failed", "survey too slow"

Known = Callable[[], Mapping[str, Container]]
Measure = Callable[[str, Sequence[str]], Coroutine[Any, Any, tuple[FileSystem, ...]]]
T = TypeVar("T")


class SurveyTimes(Struct, frozen=True):
    """Seconds between two rounds, and for one request of them."""

    interval: float
    timeout: float


class Survey:
    """Surveys one engine while it answers; ``measure`` is for file systems of this machine."""

    def __init__(
        self,
        client: EngineClient,
        times: SurveyTimes,
        journal: Journal,
        clock: Clock,
        measure: Measure | None = None,
    ) -> None:
        self._client, self._times, self._journal, self._clock = client, times, journal, clock
        self._measure = measure
        self._mountpoints: tuple[str, ...] = ()
        self._in_time = True

    async def run(self, engine: Engine, known: Known, outlet: Outlet[Surveyed]) -> None:
        """Ask until cancelled; ``known`` are the watched containers by id, at that moment."""
        self._mountpoints = ()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._take_stock(engine, outlet))
            tasks.create_task(self._walk_disks(engine, known, outlet))

    async def _take_stock(self, engine: Engine, outlet: Outlet[Surveyed]) -> None:
        while True:
            info = await self._ask("what it has", self._client.info)
            if info is not None:
                await outlet.send(stock(engine, info))
                if self._measure is not None and info.root:
                    found = await self._measure(info.kernel, (info.root, *self._mountpoints))
                    await outlet.send(FileSystems(engine, found))
            await self._clock.sleep(STOCK_SECONDS)

    async def _walk_disks(self, engine: Engine, known: Known, outlet: Outlet[Surveyed]) -> None:
        interval, timeout = self._times.interval, self._times.timeout
        await self._clock.sleep(FIRST_SECONDS)
        while True:
            self._in_time, holds = True, 2 * (interval + timeout)
            listed = await self._ask("the sizes of containers", self._client.sizes)
            for size in container_sizes(listed or (), known(), holds):
                await outlet.send(size)
            df = await self._ask("its use of the disk", self._client.disk_use)
            if df is not None:
                self._mountpoints = tuple(each.mountpoint for each in df.listed_volumes or ())
                await outlet.send(disk_use(engine, df, holds))
            slower = min(2 * interval, max(LONGEST_SECONDS, self._times.interval))
            interval = self._times.interval if self._in_time else slower
            await self._clock.sleep(interval)

    async def _ask(self, what: str, ask: Callable[[], Coroutine[Any, Any, T]]) -> T | None:
        """The answer; ``None`` for one that failed, which is told, or that there is none to."""
        subject, ended = f"{self._client.name}: {what}", asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            answering = tasks.create_task(_answer(ask))
            answering.add_done_callback(lambda _: ended.set())
            await self._clock.wait(ended, self._times.timeout)
            answering.cancel()
        if answering.cancelled():
            self._tell_slow(what, subject)
            return None
        answer = answering.result()
        if isinstance(answer, EngineError):
            await self._tell(answer, subject)
            return None
        for code in (FAILED, SLOW):
            self._journal.over(code, subject)
        return answer

    def _tell_slow(self, what: str, subject: str) -> None:
        self._in_time = False
        self._journal.trouble(
            SLOW,
            f"engine {self._client.name} does not tell {what} within {self._times.timeout:g} s"
            " (survey.timeout); it is asked more seldom while that is so.",
            subject,
        )

    async def _tell(self, error: EngineError, subject: str) -> None:
        unknown = isinstance(error, RequestRefused) and error.status == 404
        if unknown or isinstance(error, NoSuchContainer):
            return  # an old engine, or a recording: it has no such page
        await self._clock.sleep(TELL_SECONDS)
        self._journal.trouble(FAILED, str(error), subject)


async def _answer(ask: Callable[[], Coroutine[Any, Any, T]]) -> T | EngineError:
    try:
        return await ask()
    except EngineError as error:
        return error
