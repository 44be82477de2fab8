"""Compose the program from its options, run both pipelines, stop in good order."""

import asyncio
import contextlib
import random
import socket
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

from msgspec import Struct

from tidegauge.clock import Clock
from tidegauge.config import EngineOptions, Options
from tidegauge.docker.choice import Choice
from tidegauge.docker.client import EngineClient
from tidegauge.docker.finding import find_endpoint
from tidegauge.docker.following import Follower
from tidegauge.docker.intervals import Intervals
from tidegauge.docker.transport import HttpTransport, Transport
from tidegauge.exporters import EXPORTERS, Agent, Delivery, Exporter
from tidegauge.globs import Selection
from tidegauge.journal import Journal
from tidegauge.metrics import Limits, Registry
from tidegauge.pipeline import collecting, reporting
from tidegauge.streams import Pipeline, Running, Source, Tick, merge, ticks
from tidegauge.terminal.progress import Progress

FLUSH_SECONDS = 5.0
"""How long the last flush may take after a stop; then what is left is given up, and told."""

DROPPED = "snapshot dropped"


class Memory:
    """What outlives a change of the configuration: totals, and where each container stood."""

    def __init__(self, journal: Journal, clock: Clock) -> None:
        self.journal = journal
        self.registry = Registry(journal.counts, clock, self._refused)
        self.intervals = Intervals(journal.drop)

    def _refused(self, sentence: str, subject: str) -> None:
        self.journal.trouble("too many series", sentence, subject)


class Program(Struct, frozen=True):
    """Everything composed and nothing opened."""

    followers: tuple[Follower, ...]
    deliveries: tuple[Delivery, ...]
    collecting: Pipeline
    reporting: Pipeline


def engine_client(
    engine: EngineOptions,
    environ: Mapping[str, str],
    wrapped: Callable[[str, Transport], Transport] = lambda _, transport: transport,
) -> EngineClient:
    """A client for a configured engine; raises `ConfigError` for an address nobody can use.

    ``wrapped`` may put something around the transport to the engine of this name.
    """
    endpoint = find_endpoint(engine.host, engine.context, engine.tls, environ)
    return EngineClient(engine.name, wrapped(engine.name, HttpTransport(endpoint)))


def choice_of(options: Options) -> Choice:
    """The containers the user chose."""
    filters = options.filters
    return Choice(options.containers, filters.include, filters.exclude, options.labels)


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
    clock: Clock,
    stop: asyncio.Event,
    memory: Memory,
) -> Program:
    """The program of these options; ``stop`` ends it with a last flush."""
    journal = memory.journal
    clients = [engine_client(each, environ) for each in options.engines]
    followers = followers_of(options, clients, journal, clock, random.random)
    out = tuple(Delivery(each, journal) for each in open_exporters(options, journal, clock))
    return draw(options, followers, out, memory, ticks(clock, options.tick_interval, stop))


def followers_of(
    options: Options,
    clients: Iterable[EngineClient],
    journal: Journal,
    clock: Clock,
    random: Callable[[], float],
) -> tuple[Follower, ...]:
    """One follower for each engine."""
    choice = choice_of(options)
    return tuple(Follower(each, choice, journal, clock, random) for each in clients)


def draw(
    options: Options,
    followers: tuple[Follower, ...],
    out: tuple[Delivery, ...],
    memory: Memory,
    every_tick: Source[Tick],
) -> Program:
    """Draw both pipelines."""
    registry, seen = memory.registry, merge(*(each.source() for each in followers))
    registry.limit(Limits(options.limits.series_per_container, options.limits.series))
    kept: dict[str, Selection] = {
        category: Selection(each.include, each.exclude)
        for category, each in options.filters.categories.items()
    }
    return Program(
        followers,
        out,
        collecting(seen, memory.intervals, registry, memory.journal, kept),
        reporting(every_tick, registry, out),
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
