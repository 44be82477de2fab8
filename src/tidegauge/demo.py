"""The demo command: the program as it always is, on an engine that is made up and has a past."""

import asyncio
import math
from collections.abc import Mapping
from pathlib import Path

from msgspec.structs import replace

from tidegauge.app import Memory, Program, draw, followers_of, history_of
from tidegauge.clock import Clock
from tidegauge.config import EngineOptions, Options
from tidegauge.config.places import Key, Places
from tidegauge.config.web import check_web
from tidegauge.docker.client import EngineClient
from tidegauge.docker.endpoint import Simulated
from tidegauge.history.opening import Kept
from tidegauge.history.remembering import Remembering
from tidegauge.journal import Journal
from tidegauge.playback import PlaybackClock
from tidegauge.signals import stop_at_signals
from tidegauge.simulation.engine import SimulatedEngine
from tidegauge.simulation.transport import SimulatedTransport
from tidegauge.streams import ticks
from tidegauge.terminal.progress import Progress
from tidegauge.web.options import Address

PACES = ((300.0, 5.0), (3600.0, 25.0))
"""Up to so many seconds ago, a sample of each container every so many seconds.

A longer past would take longer to make than anybody waits; after 30 seconds without a sample
there would be a gap.
"""

MOST_WITH_A_PAST = 30
"""Containers; of more it would take too long."""

COLLECT_SECONDS = 600.0

_NAMES: Mapping[Key, str] = {
    ("web", "listen"): "--listen",
    ("web", "token"): "TIDEGAUGE_WEB_TOKEN",
}


def demo_options(options: Options, listen: str | None, containers: int, history: Path) -> Options:
    """The same on a simulated engine; raises `ConfigError` for an address that cannot be."""
    web = options.web if listen is None else replace(options.web, listen=listen)
    check_web(web, Places(names=_NAMES))
    engine = EngineOptions(name="demo", host=f"demo://?containers={containers}")
    kept = replace(options.history, path=str(history))
    return replace(options, engines=(engine,), web=web, history=kept)


def invitation(options: Options) -> str:
    """What is there, and where to look; the web server tells which port it got, if any will do."""
    listen = options.web.listen
    address = Address.parse(listen) if listen else None
    where = f"; look at http://{address}/" if address and address.port else ""
    return f"a made-up engine{where}; Ctrl-C ends the demo"


def remember_past(
    options: Options, containers: int, journal: Journal, system: Clock, progress: Progress
) -> bool:
    """Write into the history what so many containers did in the last hour.

    The program follows the simulated engine through it, as fast as it can; false if SIGINT or
    SIGTERM ended that.
    """
    now = system.now()
    clock = PlaybackClock(now - PACES[-1][0], math.inf, system)
    history = history_of(options, {}, journal, clock) if containers <= MOST_WITH_A_PAST else None
    if history is None:
        return True
    engine = SimulatedEngine(Simulated(containers), now)

    def pace(time: float) -> float:
        return next((step for ago, step in PACES if now - time <= ago), PACES[-1][1])

    transport = SimulatedTransport(engine, options.engines[0].host, clock, pace)
    program = _following(transport, options, history, Memory(journal, clock), clock)
    with asyncio.Runner(loop_factory=clock.new_loop) as runner:
        return runner.run(_follow(program, history, clock, progress))


def _following(
    transport: SimulatedTransport, options: Options, history: Kept, memory: Memory, clock: Clock
) -> Program:
    """The program without a way out but its history."""
    options = replace(options, survey=replace(options.survey, enabled=False))
    client = EngineClient(options.engines[0].name, transport)
    return draw(
        options,
        followers_of(options, [client], memory.journal, clock, lambda: 0.0),
        (),
        memory,
        ticks(clock, COLLECT_SECONDS, asyncio.Event()),
        onlookers=[Remembering(memory.registry, history.recorder, clock)],
    )


async def _follow(program: Program, history: Kept, clock: Clock, progress: Progress) -> bool:
    stop = asyncio.Event()
    stop_at_signals(stop, progress)
    async with asyncio.TaskGroup() as tasks:
        pipelines = (program.collecting, program.reporting)
        running = [tasks.create_task(each.run()) for each in pipelines]
        stopped = await clock.wait(stop, PACES[-1][0])
        for each in running:
            each.cancel()
    await history.recorder.close()
    return not stopped
