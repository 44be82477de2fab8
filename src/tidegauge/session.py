"""The run command: the program from its first configuration to the signal that stops it.

Each configuration is a turn of its own: both pipelines are drawn anew, the old ones flush and
stop, and what they remembered of containers goes on.
"""

import asyncio
import gc
import signal
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

from tidegauge.app import Memory, Program, compose, history_of, run
from tidegauge.clock import Clock
from tidegauge.config import FileWatch, Options
from tidegauge.history.opening import Kept
from tidegauge.journal import Journal
from tidegauge.signals import stop_at_signals
from tidegauge.terminal.progress import Progress

SETTLED_SECONDS = 60.0
"""After so long there is what stays until the configuration changes."""


class Turn(Struct, frozen=True):
    """The program as one configuration draws it; setting ``end`` stops it in good order."""

    options: Options
    program: Program
    end: asyncio.Event


class Session:
    """Runs turns until SIGINT or SIGTERM; a changed file, or SIGHUP, begins the next one.

    ``kept`` is the history of the first one, if there is one already.
    """

    def __init__(
        self,
        file: Path | None,
        environ: Mapping[str, str],
        journal: Journal,
        clock: Clock,
        progress: Progress,
        *,
        kept: Kept | None = None,
    ) -> None:
        self._file, self._environ, self._journal = file, environ, journal
        self._clock, self._progress = clock, progress
        self._memory = Memory(journal, clock)
        self._kept = kept

    async def run(self, options: Options) -> None:
        """Run to the end; raises `ConfigError` for what can only be seen when drawing."""
        stop, nudge = asyncio.Event(), asyncio.Event()
        turn: Turn | None = self._draw(options)
        self._listen_to_signals(stop, nudge)
        watch = None
        if self._file is not None:
            watch = FileWatch(self._file, self._environ, self._journal, self._clock, nudge)
        while turn is not None:
            following = await self._run_turn(turn, watch, stop)
            await self._hand_over(turn, following)
            turn = following
        self._journal.stopped()

    def _draw(self, options: Options) -> Turn:
        end = asyncio.Event()
        if self._kept is None or self._kept.options != options.history:
            kept = history_of(options, self._environ, self._journal, self._clock)
        else:
            kept = self._kept
        program = compose(options, self._environ, self._clock, end, self._memory, history=kept)
        return Turn(options, program, end)

    async def _hand_over(self, turn: Turn, following: Turn | None) -> None:
        """Close the history, unless the next turn goes on with it; nothing stays of this one."""
        gc.unfreeze()
        kept = turn.program.history
        if kept is not None and (following is None or following.program.history is not kept):
            await kept.close()

    async def _run_turn(
        self, turn: Turn, watch: FileWatch | None, stop: asyncio.Event
    ) -> Turn | None:
        """Run until stopped, or until the file asks for another turn, which is returned."""
        self._tell_destinations(turn.program)
        self._kept = turn.program.history
        self._memory.registry.forget_states()
        async with asyncio.TaskGroup() as tasks:
            stopping = tasks.create_task(self._stop(turn, stop))
            changing = tasks.create_task(self._change(turn, watch))
            settling = tasks.create_task(settle(self._clock))
            await run(turn.program, self._journal, self._clock, turn.end, self._progress)
            stopping.cancel()
            changing.cancel()
            settling.cancel()
        return None if stop.is_set() else changing.result()

    @staticmethod
    async def _stop(turn: Turn, stop: asyncio.Event) -> None:
        await stop.wait()
        turn.end.set()

    async def _change(self, turn: Turn, watch: FileWatch | None) -> Turn | None:
        """End this turn when the file asks for another, which is returned."""
        if watch is None:
            return None
        following = await watch.changed(turn.options, self._draw)
        turn.end.set()
        return following

    def _tell_destinations(self, program: Program) -> None:
        for each in program.deliveries:
            exporter = each.exporter
            self._journal.told("metrics go out", exporter=exporter.name, to=exporter.destination)
        if program.history is not None:
            self._journal.told("history is kept", file=str(program.history.recorder.path))
        if not program.deliveries and program.web is None:
            self._journal.told("metrics go nowhere: add a table such as [exporters.statsd]")

    def _listen_to_signals(self, stop: asyncio.Event, nudge: asyncio.Event) -> None:
        """The first SIGINT or SIGTERM stops in good order, a second one at once.

        SIGHUP reads the configuration file again; without a file it ends the program, as ever.
        """
        stop_at_signals(stop, self._progress)
        if self._file is not None:
            asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, nudge.set)


async def settle(clock: Clock) -> None:
    """Have full collections pass over what is there by then.

    A look at all that 1000 containers have would hold the event loop up for 50 ms, now and then.
    What of it goes later is freed as ever; only cycles among it stay until the next turn.
    """
    await clock.sleep(SETTLED_SECONDS)
    gc.freeze()
