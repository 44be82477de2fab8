"""A recording through the whole pipeline: its engines, its times; your choice and exporters."""

import asyncio
from collections.abc import Callable, Iterable, Sequence

from msgspec import Struct
from msgspec.structs import replace

from tidegauge.app import Memory, draw, followers_of, open_deliveries, run
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
        out = self._deliveries(options)
        program = draw(
            options,
            followers,
            (*out, *self._unhurried(Delivery(each, self.journal) for each in (*also, tally))),
            Memory(self.journal, self.clock),
            ticks(self.clock, options.tick_interval, stop),
        )
        async with asyncio.TaskGroup() as tasks:
            playing = tasks.create_task(_play(player, stop))
            showing = tasks.create_task(self._show(player))
            await run(program, self.journal, self.clock, stop, self.progress)
            playing.cancel()
            showing.cancel()
        return Played(tally, _summary(player, tally, len(engines)), exported=bool(out))

    def _deliveries(self, options: Options) -> list[Delivery]:
        opened = open_deliveries(options, self.journal, self.system)
        for each in opened:
            exporter = each.exporter
            self.journal.told("metrics go out", exporter=exporter.name, to=exporter.destination)
        return self._unhurried(opened)

    def _unhurried(self, deliveries: Iterable[Delivery]) -> list[Delivery]:
        return [_Unhurried(each, self.journal, self.clock) for each in deliveries]

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


class _Unhurried(Delivery):
    """A delivery that is waited for, however fast the recording is played."""

    def __init__(self, delivery: Delivery, journal: Journal, clock: PlaybackClock) -> None:
        super().__init__(delivery.exporter, journal)
        self._delivery, self._clock = delivery, clock

    async def deliver(self, snapshot: Snapshot) -> None:
        with self._clock.held():
            await self._delivery.deliver(snapshot)
            await self._delivery.settled()

    async def run(self) -> None:
        await self._delivery.run()

    def end(self) -> None:
        self._delivery.end()

    async def close(self) -> None:
        await self._delivery.close()
