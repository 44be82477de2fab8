"""A recording through the whole pipeline: its engines, its times; your choice and exporters."""

import asyncio
from collections.abc import Callable, Sequence

from msgspec import Struct
from msgspec.structs import replace

from tidegauge.app import Memory, draw, followers_of, open_exporters, run
from tidegauge.clock import Clock
from tidegauge.config import EngineOptions, Options
from tidegauge.docker.client import EngineClient
from tidegauge.docker.replaying import Player
from tidegauge.docker.tape import TapeReader
from tidegauge.exporters import Delivery, Exporter
from tidegauge.journal import Journal
from tidegauge.metrics import Snapshot
from tidegauge.playback import PlaybackClock
from tidegauge.signals import stop_at_signals
from tidegauge.streams import ticks
from tidegauge.tally import Tally
from tidegauge.terminal.progress import Progress

REDRAW_SECONDS = 0.2

GARBAGE = "garbage in recording"


class Played(Struct, frozen=True):
    """What a replay leaves: ``exported`` when it went to exporters of the configuration."""

    tally: Tally
    summary: str
    exported: bool


class Replay(Struct, frozen=True):
    """What a replay needs of the world: two clocks, and where to tell what happens."""

    clock: PlaybackClock
    system: Clock
    journal: Journal
    progress: Progress

    async def to_the_end(self, options: Options, tape: TapeReader) -> Played:
        """Play a recording to its end, or until SIGINT or SIGTERM."""
        stop = asyncio.Event()
        stop_at_signals(stop, self.progress)
        return await self.run(options, tape, stop)

    async def run(
        self, options: Options, tape: TapeReader, stop: asyncio.Event, also: Sequence[Exporter] = ()
    ) -> Played:
        """Play a recording to its end, or until ``stop`` is set; ``also`` are more exporters."""
        engines = tape.header.engines
        options = replace(
            options,
            engines=tuple(EngineOptions(name=each.name, host=each.address) for each in engines),
        )
        player, tally = Player(tape.messages(), self.clock), Tally()
        clients = [EngineClient(each.name, player.transport(each)) for each in engines]
        # The shortest pauses: nothing is asked for later than it was when it was recorded.
        followers = followers_of(options, clients, self.journal, self.clock, lambda: 0.0)
        exporters = self._exporters(options)
        program = draw(
            options,
            followers,
            tuple(Delivery(each, self.journal) for each in (*exporters, *also, tally)),
            Memory(self.journal, self.clock),
            ticks(self.clock, options.tick_interval, stop),
        )
        async with asyncio.TaskGroup() as tasks:
            playing = tasks.create_task(_play(player, stop))
            showing = tasks.create_task(self._show(player))
            await run(program, self.journal, self.clock, stop, self.progress)
            playing.cancel()
            showing.cancel()
        return Played(tally, _summary(player, tally, len(engines)), exported=bool(exporters))

    def _exporters(self, options: Options) -> list[Exporter]:
        opened = open_exporters(options, self.journal, self.system)
        for each in opened:
            self.journal.told("metrics go out", exporter=each.name, to=each.destination)
        return [_Unhurried(each, self.clock) for each in opened]

    async def _show(self, player: Player) -> None:
        while True:
            await self.system.sleep(REDRAW_SECONDS)
            self.progress.show(f"replaying, {player.seconds:.0f} s · {player.played} messages")


async def _play(player: Player, stop: asyncio.Event) -> None:
    await player.play()
    stop.set()


def garbage_teller(journal: Journal) -> Callable[[str], None]:
    """Counts and tells lines of a recording that cannot be read."""
    return lambda what: journal.trouble(GARBAGE, f"{what} It is skipped.", what)


def _summary(player: Player, tally: Tally, engines: int) -> str:
    return (
        f"Replayed {player.seconds:.1f} s of {_counted(engines, 'engine')}:"
        f" {_counted(tally.containers, 'container')}, {_counted(tally.samples, 'sample')}.\n"
    )


def _counted(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


class _Unhurried:
    """An exporter that is waited for, however fast the recording is played."""

    def __init__(self, exporter: Exporter, clock: PlaybackClock) -> None:
        self._exporter, self._clock = exporter, clock

    @property
    def name(self) -> str:
        return self._exporter.name

    @property
    def destination(self) -> str:
        return self._exporter.destination

    @property
    def flush_interval(self) -> float:
        return self._exporter.flush_interval

    def encode(self, snapshot: Snapshot) -> Sequence[bytes]:
        return self._exporter.encode(snapshot)

    async def send(self, records: Sequence[bytes]) -> None:
        with self._clock.held():
            await self._exporter.send(records)

    async def close(self) -> None:
        await self._exporter.close()
