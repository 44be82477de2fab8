"""Compose the program from its options, run both pipelines, stop in good order."""

import asyncio
import contextlib
import random
import socket
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from tidegauge.clock import Clock
from tidegauge.config import EngineOptions, Options
from tidegauge.docker.choice import Choice
from tidegauge.docker.client import EngineClient
from tidegauge.docker.endpoint import find_host, parse_endpoint
from tidegauge.docker.following import Follower
from tidegauge.docker.transport import HttpTransport
from tidegauge.errors import ConfigError
from tidegauge.exporters import EXPORTERS, Agent, Delivery, Exporter
from tidegauge.globs import Selection
from tidegauge.journal import Journal
from tidegauge.metrics import Registry
from tidegauge.pipeline import collecting, reporting
from tidegauge.streams import Pipeline, Running, merge, ticks
from tidegauge.terminal.progress import Progress

FLUSH_SECONDS = 5.0
"""How long the last flush may take after a stop; then what is left is given up, and told."""

DROPPED = "snapshot dropped"


class Program(Struct, frozen=True):
    """Everything composed and nothing opened."""

    followers: tuple[Follower, ...]
    deliveries: tuple[Delivery, ...]
    collecting: Pipeline
    reporting: Pipeline


def engine_client(engine: EngineOptions, environ: Mapping[str, str]) -> EngineClient:
    """A client for a configured engine; raises `ConfigError` for an address nobody can use."""
    try:
        endpoint = parse_endpoint(find_host(engine.host, environ))
    except ValueError as error:  # a configured one was checked when it was read
        raise ConfigError(f"DOCKER_HOST {error}.") from None
    return EngineClient(engine.name, HttpTransport(endpoint))


def choice_of(options: Options) -> Choice:
    """The containers the user chose."""
    return Choice(options.containers, options.filters.include, options.filters.exclude)


def open_exporters(options: Options, journal: Journal, clock: Clock) -> list[Exporter]:
    """The exporters that are switched on; none has opened a socket yet."""
    hostname = options.agent.hostname or socket.gethostname()
    agent = Agent(hostname, len(options.engines) > 1, clock, journal)
    return [
        make(table, agent)
        for name, make in EXPORTERS.items()
        if (table := getattr(options.exporters, name)) is not None
    ]


def compose(
    options: Options,
    environ: Mapping[str, str],
    journal: Journal,
    clock: Clock,
    stop: asyncio.Event,
) -> Program:
    """Draw both pipelines from the options; ``stop`` ends the reporting one with a last flush."""
    registry = Registry(journal.counts)
    followers = tuple(
        Follower(engine_client(each, environ), choice_of(options), journal, clock, random.random)
        for each in options.engines
    )
    out = tuple(Delivery(each, journal) for each in open_exporters(options, journal, clock))
    kept: dict[str, Selection] = {
        category: Selection(each.include, each.exclude)
        for category, each in options.filters.categories.items()
    }
    return Program(
        followers,
        out,
        collecting(merge(*(each.source() for each in followers)), registry, journal, kept),
        reporting(ticks(clock, options.tick_interval, stop), registry, out),
    )


async def run(
    program: Program, journal: Journal, clock: Clock, stop: asyncio.Event, progress: Progress
) -> None:
    """Run until ``stop`` is set; then stop collecting, flush once more, close everything."""
    reporting = program.reporting.build()
    buffers = BufferWatch(reporting, journal)
    try:
        async with asyncio.TaskGroup() as tasks:
            collecting = tasks.create_task(program.collecting.run())
            waiting = tasks.create_task(show_start(program.followers, journal, clock, progress))
            flushing = tasks.create_task(reporting.run())
            watching = tasks.create_task(_watch_buffers(buffers, clock))
            await stop.wait()
            collecting.cancel()
            waiting.cancel()
            await _last_flush(flushing, journal)
            watching.cancel()
            buffers.tell()
    finally:
        progress.done()
        await _close(program.deliveries)


async def _last_flush(flushing: "asyncio.Task[None]", journal: Journal) -> None:
    done, _ = await asyncio.wait([flushing], timeout=FLUSH_SECONDS)
    if not done:
        flushing.cancel()
        journal.trouble(
            "last flush",
            f"the last flush took longer than {FLUSH_SECONDS:g} s and was given up.",
        )


async def _close(out: Sequence[Delivery]) -> None:
    for each in out:
        with contextlib.suppress(OSError):  # the socket is gone either way
            await each.exporter.close()


class BufferWatch:
    """Tells of items that full buffers dropped, and of the end of it."""

    def __init__(self, running: Running, journal: Journal) -> None:
        self._running, self._journal = running, journal
        self._known: Counter[str] = Counter()

    def tell(self) -> None:
        """Count and tell what was dropped since the last call."""
        for name, buffer in self._running.statistics().items():
            lost = buffer.dropped - self._known[name]
            self._known[name] += lost
            if lost:
                self._overflowed(name, buffer.capacity, lost)
            elif buffer.used == 0 and self._journal.over(DROPPED, name):
                self._journal.told("exporter keeps up again", exporter=name)

    def _overflowed(self, name: str, capacity: int, lost: int) -> None:
        self._journal.drop(DROPPED, lost - 1)
        self._journal.trouble(
            DROPPED,
            f"exporter {name} is too slow: {capacity} snapshots wait for it, and the oldest of"
            " them are dropped.",
            name,
        )


async def _watch_buffers(buffers: BufferWatch, clock: Clock) -> None:
    while True:
        await clock.sleep(1.0)
        buffers.tell()


async def show_start(
    followers: Iterable[Follower], journal: Journal, clock: Clock, progress: Progress
) -> None:
    """Say what is being waited for until every engine has answered and listed its containers."""
    waiting: list[Follower] = list(followers)
    started = clock.monotonic()
    while waiting:
        seconds = clock.monotonic() - started
        said = " · ".join(each.status() for each in waiting)
        progress.show(f"{said} ({seconds:.0f} s)")
        await clock.sleep(0.2)
        for each in waiting:
            if each.settled and each.engine is not None:
                journal.told("watching", engine=each.engine.name, containers=len(each.watched))
        waiting = [each for each in waiting if not each.settled]
    progress.done()
