"""Compose the program from its options, run both pipelines, stop in good order."""

import asyncio
import contextlib
import random
import socket
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
    try:
        async with asyncio.TaskGroup() as tasks:
            collecting = tasks.create_task(program.collecting.run())
            waiting = tasks.create_task(show_start(program.followers, clock, progress))
            flushing = tasks.create_task(reporting.run())
            watching = tasks.create_task(watch_buffers(reporting, journal, clock))
            await stop.wait()
            collecting.cancel()
            waiting.cancel()
            await _last_flush(flushing, journal)
            watching.cancel()
    finally:
        progress.done()
        await _close(program.deliveries)


async def _last_flush(flushing: "asyncio.Task[None]", journal: Journal) -> None:
    done, _ = await asyncio.wait([flushing], timeout=FLUSH_SECONDS)
    if not done:
        flushing.cancel()
        journal.trouble("last flush", f"the last flush took over {FLUSH_SECONDS:g} s; given up.")


async def _close(out: Sequence[Delivery]) -> None:
    for each in out:
        with contextlib.suppress(OSError):  # the socket is gone either way
            await each.exporter.close()


async def watch_buffers(running: Running, journal: Journal, clock: Clock) -> None:
    """Tell of items that a full buffer dropped; for ever."""
    told: dict[str, int] = {}
    while True:
        await clock.sleep(1.0)
        for name, buffer in running.statistics().items():
            lost = buffer.dropped - told.get(name, 0)
            if lost:
                told[name] = buffer.dropped
                journal.drop("snapshot dropped", lost - 1)
                journal.trouble(
                    "snapshot dropped",
                    f"{name} is too slow: its buffer of {buffer.capacity} overflowed.",
                    name,
                )


async def show_start(followers: Iterable[Follower], clock: Clock, progress: Progress) -> None:
    """Say what is being waited for until every engine has answered and its streams are open."""
    waiting: list[Follower] = list(followers)
    started = clock.monotonic()
    while waiting:
        seconds = f"{clock.monotonic() - started:.0f} s"
        progress.show(" · ".join(f"{each.status()} ({seconds})" for each in waiting))
        await clock.sleep(0.2)
        waiting = [each for each in waiting if not each.settled]
    progress.done()
