"""Compose the program from its options, run both pipelines, stop in good order."""

import asyncio
import os
import platform
import random
import socket
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial

from msgspec import Struct
from msgspec.structs import replace

from tidegauge import __version__, pipeline
from tidegauge.buffers import BufferWatch
from tidegauge.clock import Clock, SystemClock
from tidegauge.config import EngineOptions, Options
from tidegauge.docker.absences import Absences
from tidegauge.docker.choice import Choice
from tidegauge.docker.client import EngineClient
from tidegauge.docker.effort import EffortMeter
from tidegauge.docker.endpoint import Endpoint
from tidegauge.docker.file_systems import FileSystemMeter
from tidegauge.docker.finding import find_endpoint
from tidegauge.docker.following import Follower, catch_up, read_streams
from tidegauge.docker.intervals import Intervals
from tidegauge.docker.pacing import STREAMS, Demand
from tidegauge.docker.processes import EngineProcesses
from tidegauge.docker.survey import Survey, SurveyTimes
from tidegauge.docker.transport import HttpTransport
from tidegauge.docker.wire import Transport
from tidegauge.exporters import EXPORTERS, Agent, Delivery, delivery_of
from tidegauge.exporters.options import Chosen
from tidegauge.fleet.agents import Place
from tidegauge.fleet.fleet import Fleet
from tidegauge.globs import Selection
from tidegauge.here import direct_of
from tidegauge.history.opening import Kept, open_history
from tidegauge.history.options import path_of
from tidegauge.history.prometheus import prometheus_history, prometheus_server
from tidegauge.history.remembering import Remembering
from tidegauge.host import Host, HostSample, Proc, looks
from tidegauge.journal import Journal
from tidegauge.metrics import Limits, Registry
from tidegauge.pipeline import Seen
from tidegauge.prometheus.cadvisor import CadvisorNames
from tidegauge.prometheus.own import OurNames
from tidegauge.prometheus.text import Page
from tidegauge.readiness import unready
from tidegauge.simulation.engine import SimulatedEngine
from tidegauge.simulation.transport import SimulatedTransport
from tidegauge.streams import Pipeline, Running, Sink, Source, Tick, merge, sink, ticks
from tidegauge.terminal.progress import Progress
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

FLUSH_SECONDS = 5.0
"""How long the last flush may take after a stop; then what is left is given up, and told."""


class Memory:
    """What outlives a change of the configuration: totals, and where each container stood."""

    def __init__(self, journal: Journal, clock: Clock) -> None:
        self.journal = journal
        self.registry = Registry(journal.counts, clock, self._refused)
        self.intervals = Intervals(journal.drop)
        self.recent = Recent()
        self.started_at = clock.now()

    def _refused(self, sentence: str, subject: str) -> None:
        self.journal.trouble("too many series", sentence, subject)


class Program(Struct, frozen=True):
    """Everything composed and nothing opened."""

    followers: tuple[Follower, ...]
    deliveries: tuple[Delivery, ...]
    collecting: Pipeline
    reporting: Pipeline
    web: WebServer | None = None
    history: Kept | None = None


def engine_client(
    engine: EngineOptions,
    environ: Mapping[str, str],
    wrapped: Callable[[str, Transport], Transport] = lambda _, transport: transport,
) -> EngineClient:
    """A client for a configured engine; raises `ConfigError` for an address nobody can use.

    ``wrapped`` may put something around the transport to the engine of this name.
    """
    endpoint = find_endpoint(engine.host, engine.context, engine.tls, environ)
    transport = _transport_to(endpoint, engine.read_interval)
    return EngineClient(engine.name, wrapped(engine.name, transport))


def _transport_to(endpoint: Endpoint, read_interval: float) -> Transport:
    if endpoint.simulated is None:
        return HttpTransport(endpoint, read_interval)
    clock = SystemClock()  # an engine's time is its own
    simulated = SimulatedEngine(endpoint.simulated, clock.now())
    return SimulatedTransport(simulated, endpoint.text, clock)


def choice_of(options: Options) -> Choice:
    """The containers the user chose."""
    filters = options.filters
    passed_on = options.web.metrics.labels
    return Choice(options.containers, filters.include, filters.exclude, options.labels, passed_on)


def open_deliveries(options: Options, journal: Journal, clock: Clock) -> tuple[Delivery, ...]:
    """One for each exporter that is switched on; none has opened a socket or a file yet."""
    agent = Agent(hostname_of(options), len(options.engines) > 1, clock, journal)
    return tuple(
        delivery_of(make(table, agent), table, agent, random.random)
        for name, make in EXPORTERS.items()
        if (table := getattr(options.exporters, name)) is not None
    )


def hostname_of(options: Options) -> str:
    """The name of this machine in all that is exported."""
    return options.agent.hostname or socket.gethostname()


def compose(
    options: Options,
    environ: Mapping[str, str],
    clock: Clock,
    stop: asyncio.Event,
    memory: Memory,
    *,
    history: Kept | None = None,
) -> Program:
    """The program of these options; ``stop`` ends it with a last flush.

    What it sees is remembered in ``history``, which `run` writes and who opened it closes.
    """
    journal = memory.journal
    clients = [engine_client(each, environ) for each in options.engines]
    out = open_deliveries(options, journal, clock)
    demand = Demand(options.tick_interval, each_second=bool(out or history), at_once=False)
    followers = followers_of(
        *(options, clients, journal, clock, random.random), here=True, demand=demand
    )
    every_tick = ticks(clock, options.tick_interval, stop)

    def nobody_waits() -> bool:
        return not out and not any(each.hurried() for each in followers)

    host = Host(hostname_of(options))
    machine = looks(host, Proc(), clock, version=__version__, calm=nobody_waits)
    web = web_of(options, followers, out, memory, clock, history=history)
    rows = [Remembering(memory.registry, history.recorder, clock)] if history else []
    onlookers: list[pipeline.Onlooker] = [web.onlooker] if web else []
    onlookers += rows
    drawn = draw(
        *(options, followers, out, memory, every_tick),
        machine=machine,
        onlookers=onlookers,
        machines=[sink(each.machine, each.name) for each in rows],
    )
    return replace(drawn, web=web.server if web else None, history=history)


def history_of(
    options: Options, environ: Mapping[str, str], journal: Journal, clock: Clock
) -> Kept | None:
    """The history that is kept here, if any; it has opened nothing. Raises `ConfigError`."""
    if not options.history.enabled or options.history.prometheus:
        return None
    path = path_of(options.history, environ, root=os.geteuid() == 0)
    return open_history(options.history, path, clock, journal)


def past_of(options: Options, clock: Clock, kept: Kept | None) -> Past | None:
    """What is known of the past: by a server if one is named, else what is ``kept`` here."""
    if options.history.enabled and options.history.prometheus:
        server = options.history.prometheus
        return Past(prometheus_history(options.history, clock), server)
    return Past(kept.history, kept.recorder.path) if kept else None


def fleet_of(options: Options, clock: Clock) -> Fleet | None:
    """All hosts whose series a server has, if one is named; raises `ConfigError`."""
    if not options.history.enabled or not options.history.prometheus:
        return None
    labels = {name: of for name, of in options.history.labels.items() if name not in Place._fields}
    return Fleet(prometheus_server(options.history), labels, clock)


class Web(Struct, frozen=True):
    """The web server, and what has to be told to it."""

    server: WebServer
    onlooker: Onlooker


def web_of(
    options: Options,
    followers: Sequence[Follower],
    out: Sequence[Delivery],
    memory: Memory,
    clock: Clock,
    *,
    history: Kept | None = None,
) -> Web | None:
    """The web server with all its pages, if it is switched on; it has opened nothing."""
    if not options.web.listen:
        return None
    registry, journal, recent = memory.registry, memory.journal, memory.recent
    recent.choose(kept_of(options))
    here, since = hostname_of(options), memory.started_at
    past, fleet = past_of(options, clock, history), fleet_of(options, clock)
    now = Now(
        Sources(
            registry, recent, followers, out, journal, clock, here, since, past, fleet is not None
        )
    )
    live = Live(now, clock, journal)
    shown = options.web.metrics
    chosen = Chosen(shown.containers, shown.metrics)
    pages = Pages(
        Page(OurNames(journal, chosen.takes), registry, clock),
        Page(CadvisorNames(shown.labels, clock, chosen.takes), registry, clock),
        partial(unready, followers, registry, clock),
    )
    address = Address.parse(options.web.listen)
    gate = Gate(options.web.token, address)
    parts = pages, Api(now, live, past, clock, fleet), Files()
    site = Site(parts, gate, journal, partial(catch_up, followers))
    server = WebServer(address, site.application, journal, clock, random.random, beside=live.run)
    return Web(server, Onlooker(recent, live))


def followers_of(
    options: Options,
    clients: Iterable[EngineClient],
    journal: Journal,
    clock: Clock,
    random: Callable[[], float],
    *,
    here: bool = False,
    demand: Demand = STREAMS,
) -> tuple[Follower, ...]:
    """One follower for each engine; ``here`` if engines on unix sockets are on this machine.

    Without a ``demand`` all that comes by an API is streamed, as is that of an engine set to it.
    """
    choice, times = choice_of(options), SurveyTimes(options.survey.interval, options.survey.timeout)
    absences = Absences(choice, journal, [each.name for each in options.engines])

    def local(client: EngineClient) -> bool:
        return here and client.address.startswith("unix://")

    def survey(client: EngineClient) -> Survey | None:
        measure = FileSystemMeter(clock, platform.release()).measure if local(client) else None
        return Survey(client, times, journal, clock, measure) if options.survey.enabled else None

    named = {each.name: each for each in options.engines}
    # Nothing is saved on an engine that is made up.
    real = {name for name, each in named.items() if not each.host.startswith("demo:")}
    demands = {name: demand for name in real if named[name].sampling == "auto"}
    return tuple(
        Follower(
            *(each, choice, journal, clock, random),
            survey=survey(each),
            absences=absences,
            demand=demands.get(each.name, replace(STREAMS, at_once=demand.at_once)),
            effort=EffortMeter(clock, EngineProcesses() if local(each) else None) if here else None,
            direct=direct_of(named[each.name], each.address, clock, journal) if here else None,
        )
        for each in clients
    )


def draw(
    options: Options,
    followers: tuple[Follower, ...],
    out: tuple[Delivery, ...],
    memory: Memory,
    every_tick: Source[Tick],
    *,
    machine: Source[HostSample] | None = None,
    onlookers: Sequence[pipeline.Onlooker] = (),
    machines: Sequence[Sink[HostSample]] = (),
) -> Program:
    """Both; without ``machine`` nothing of this one."""
    registry = memory.registry
    sources: list[Source[Seen]] = [each.source() for each in followers]
    if machine is not None:
        sources.append(machine)
    registry.limit(Limits(options.limits.series_per_container, options.limits.series))
    kept, journal, seen = kept_of(options), memory.journal, merge(*sources)
    return Program(
        followers,
        out,
        pipeline.collecting(
            *(seen, memory.intervals, registry, journal, kept),
            onlookers=onlookers,
            machines=machines,
        ),
        pipeline.reporting(every_tick, registry, out, partial(catch_up, followers)),
    )


def kept_of(options: Options) -> dict[str, Selection]:
    """Which containers each category records."""
    return {
        category: Selection(each.include, each.exclude)
        for category, each in options.filters.categories.items()
    }


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
            sending = [tasks.create_task(each.run()) for each in program.deliveries]
            flushing = tasks.create_task(_flush(reporting, program.deliveries))
            beside = [tasks.create_task(buffers.run(clock))] if program.deliveries else []
            beside += [tasks.create_task(program.web.run())] if program.web else []
            if program.history is not None:
                recorder = program.history.recorder
                tasks.create_task(recorder.run(partial(read_streams, program.followers)))
            await stop.wait()
            await catch_up(program.followers)
            collecting.cancel()
            waiting.cancel()
            await _last_flush([flushing, *sending], journal)
            for each in beside:
                each.cancel()
            if program.history is not None:
                program.history.recorder.end()
            buffers.tell()
    finally:
        progress.done()
        await _close(program.deliveries)


async def _flush(reporting: Running, out: Iterable[Delivery]) -> None:
    """Report until the last tick, then let the deliveries finish."""
    await reporting.run()
    for each in out:
        each.end()


async def _last_flush(flushing: Iterable["asyncio.Task[None]"], journal: Journal) -> None:
    _, late = await asyncio.wait(flushing, timeout=FLUSH_SECONDS)
    for each in late:
        each.cancel()
    if late:
        journal.trouble(
            "last flush",
            f"the last flush took longer than {FLUSH_SECONDS:g} s and was given up.",
        )


async def _close(out: Sequence[Delivery]) -> None:
    for each in out:
        await each.close()


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
