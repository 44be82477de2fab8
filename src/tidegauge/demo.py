"""The demo command: the program as it always is, on an engine that is made up and has a past."""

import asyncio
import math
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from threading import Event

from msgspec import Struct
from msgspec.structs import replace

from tidegauge.app import Memory, Program, draw, followers_of
from tidegauge.clock import Clock
from tidegauge.config import EngineOptions, Options
from tidegauge.config.places import Key, Places
from tidegauge.config.web import check_web
from tidegauge.docker.client import EngineClient
from tidegauge.docker.endpoint import Simulated
from tidegauge.history.opening import Kept, open_history
from tidegauge.history.remembering import Remembering
from tidegauge.history.rows import History
from tidegauge.journal import Journal
from tidegauge.playback import PlaybackClock
from tidegauge.repeated import Behind, Repeated
from tidegauge.signals import stop_at_signals
from tidegauge.simulation.engine import SimulatedEngine
from tidegauge.simulation.signal import ROUND
from tidegauge.simulation.transport import SimulatedTransport
from tidegauge.streams import ticks
from tidegauge.terminal.progress import Progress
from tidegauge.web.options import Address

PACES = ((300.0, 5.0), (1200.0, 10.0))
"""Made before the start: up to so many seconds ago, a sample of each container every so many."""

ROUND_PACE = 10.0
"""Of the two hours that are made meanwhile; the minutes of them have a spread then."""

LATER_SECONDS = 2.0
"""When those are begun: what is seen first comes first."""

DAY, WEEK = 86_400.0, 604_800.0
LONG_AGO = 30 * DAY
EVENTFUL = DAY
"""So far back the past goes, and so far what happened is told: each day has two thousand events."""

MOST_WITH_A_PAST = 30
"""Containers; of more it would take too long."""

LOOK_SECONDS = 10.0
"""Of the past: how often it is looked whether to go on with it."""

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


class _Making(Struct, frozen=True):
    """What it takes to make a part of the past, in a history of these options."""

    options: Options
    containers: int
    journal: Journal
    system: Clock

    def opened(self, clock: Clock) -> Kept:
        """The history."""
        kept = self.options.history
        return open_history(kept, Path(kept.path), clock, self.journal)

    def remember(
        self,
        span: tuple[float, float],
        pace: Callable[[float], float],
        stop: asyncio.Event | Event,
        begun: Callable[[], None] = lambda: None,
    ) -> None:
        """Follow the engine from one time to another, as fast as it goes."""
        begin, end = span
        clock = PlaybackClock(begin, math.inf, self.system)
        history = self.opened(clock)
        engine = SimulatedEngine(Simulated(self.containers), self.system.now())
        transport = SimulatedTransport(engine, self.options.engines[0].host, clock, pace)
        memory = Memory(self.journal, clock)
        program = _following(transport, self.options, history, memory, clock)

        async def follow() -> None:
            begun()
            await _follow(program, history, clock, end - begin, stop)

        with asyncio.Runner(loop_factory=clock.new_loop) as runner:
            runner.run(follow())


class DemoPast:
    """What so many containers did before the demo began: two files in a folder, and their like.

    The last twenty minutes are made at once; behind them two hours, in a thread while the program
    runs, which are repeated.
    """

    def __init__(
        self, options: Options, containers: int, journal: Journal, system: Clock, folder: Path
    ) -> None:
        def making(name: str) -> _Making:
            kept = replace(options.history, path=str(folder / name))
            return _Making(replace(options, history=kept), containers, journal, system)

        self._minutes, self._round = making("minutes.db"), making("round.db")
        self._wanted, self._system = containers <= MOST_WITH_A_PAST, system
        self._began = system.now()
        self._thread, self._stopped = ThreadPoolExecutor(1, "past"), Event()

    def remember(self, progress: Progress) -> bool:
        """Make the last minutes; false if SIGINT or SIGTERM ended that."""
        if not self._wanted:
            return True
        now, stop = self._began, asyncio.Event()

        def pace(time: float) -> float:
            return next((step for ago, step in PACES if now - time <= ago), PACES[-1][1])

        begun = partial(stop_at_signals, stop, progress)
        self._minutes.remember((now - PACES[-1][0], now), pace, stop, begun)
        return not stop.is_set()

    def behind(self, kept: Kept) -> Kept:
        """A history with all of it behind it; the two hours are begun to be made."""
        if not self._wanted:
            return kept
        now, minutes = self._began, Future[History]()
        minutes.set_result(self._minutes.opened(self._system).history)
        rounds = self._thread.submit(self._made, now)
        newest = Behind(minutes, kept.history, now)
        return replace(kept, history=Behind(rounds, newest, now - PACES[-1][0]))

    def close(self) -> None:
        """Stop making it."""
        self._stopped.set()
        self._thread.shutdown()

    def _made(self, now: float) -> History:
        self._stopped.wait(LATER_SECONDS)
        begin = (int(now) // ROUND - 1) * ROUND
        # A little before, so that its first rates are known.
        span = begin - 2 * ROUND_PACE, begin + ROUND
        self._round.remember(span, lambda _: ROUND_PACE, self._stopped)
        return Repeated(
            *(self._round.opened(self._system).history, begin, ROUND),
            oldest=now - LONG_AGO,
            eventful=now - EVENTFUL,
            tide=lambda time: tide(max(0.0, now - time)),
        )


def tide(ago: float) -> float:
    """How much there was to do so many seconds ago, as a part of what there is now.

    Now is the height of a working day, whatever the clock says: so what is live goes on from it.
    Nights and two days of each week have less, and each week had a little less than the next.
    """
    busy = 0.5 + 0.5 * math.cos(2 * math.pi * ago / DAY)
    free = 1.5 * DAY < ago % WEEK < 3.5 * DAY
    return (0.4 + 0.6 * busy) * (0.6 if free else 1.0) * (1 - 0.2 * ago / LONG_AGO)


def _following(
    transport: SimulatedTransport, options: Options, history: Kept, memory: Memory, clock: Clock
) -> Program:
    """The program without a way out but its history."""
    client = EngineClient(options.engines[0].name, transport)
    return draw(
        options,
        followers_of(options, [client], memory.journal, clock, lambda: 0.0),
        (),
        memory,
        ticks(clock, COLLECT_SECONDS, asyncio.Event()),
        onlookers=[Remembering(memory.registry, history.recorder, clock)],
    )


async def _follow(
    program: Program, history: Kept, clock: Clock, seconds: float, stop: asyncio.Event | Event
) -> None:
    end = clock.monotonic() + seconds
    async with asyncio.TaskGroup() as tasks:
        pipelines = (program.collecting, program.reporting)
        running = [tasks.create_task(each.run()) for each in pipelines]
        while clock.monotonic() < end and not stop.is_set():
            await clock.sleep(min(LOOK_SECONDS, end - clock.monotonic()))
        for each in running:
            each.cancel()
    await history.close()
