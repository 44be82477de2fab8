"""The run command: the program from its first configuration to the signal that stops it.

Each configuration is a turn of its own: both pipelines are drawn anew, the old ones flush and
stop, and what they remembered of containers goes on.
"""

import asyncio
import signal
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

from tidegauge.app import Memory, Program, compose, run
from tidegauge.clock import Clock
from tidegauge.config import FileWatch, Options
from tidegauge.journal import Journal
from tidegauge.signals import stop_at_signals
from tidegauge.terminal.progress import Progress


class Turn(Struct, frozen=True):
    """The program as one configuration draws it; setting ``end`` stops it in good order."""

    options: Options
    program: Program
    end: asyncio.Event


class Session:
    """Runs turns until SIGINT or SIGTERM; a changed file, or SIGHUP, begins the next one."""

    def __init__(
        self,
        file: Path | None,
        environ: Mapping[str, str],
        journal: Journal,
        clock: Clock,
        progress: Progress,
    ) -> None:
        self._file, self._environ, self._journal = file, environ, journal
        self._clock, self._progress = clock, progress
        self._memory = Memory(journal, clock)

    async def run(self, options: Options) -> None:
        """Run to the end; raises `ConfigError` for what can only be seen when drawing."""
        stop, nudge = asyncio.Event(), asyncio.Event()
        turn: Turn | None = self._draw(options)
        self._listen_to_signals(stop, nudge)
        watch = None
        if self._file is not None:
            watch = FileWatch(self._file, self._environ, self._journal, self._clock, nudge)
        while turn is not None:
            turn = await self._run_turn(turn, watch, stop)
        self._journal.stopped()

    def _draw(self, options: Options) -> Turn:
        end = asyncio.Event()
        program = compose(options, self._environ, self._clock, end, self._memory)
        return Turn(options, program, end)

    async def _run_turn(
        self, turn: Turn, watch: FileWatch | None, stop: asyncio.Event
    ) -> Turn | None:
        """Run until stopped, or until the file asks for another turn, which is returned."""
        self._tell_destinations(turn.program)
        self._memory.registry.forget_states()
        async with asyncio.TaskGroup() as tasks:
            waiting = tasks.create_task(self._next_turn(turn, watch, stop))
            await run(turn.program, self._journal, self._clock, turn.end, self._progress)
        return waiting.result()

    async def _next_turn(
        self, turn: Turn, watch: FileWatch | None, stop: asyncio.Event
    ) -> Turn | None:
        """End this turn when it is time; the next one, or ``None`` at a stop."""
        stopping = asyncio.create_task(stop.wait())
        changing = (
            asyncio.create_task(watch.changed(turn.options, self._draw)) if watch else stopping
        )
        try:
            await asyncio.wait((stopping, changing), return_when=asyncio.FIRST_COMPLETED)
            following = changing.result() if changing.done() and not stop.is_set() else None
        finally:
            stopping.cancel()
            changing.cancel()
            turn.end.set()
        return following if isinstance(following, Turn) else None

    def _tell_destinations(self, program: Program) -> None:
        for each in program.deliveries:
            exporter = each.exporter
            self._journal.told("metrics go out", exporter=exporter.name, to=exporter.destination)
        if not program.deliveries:
            self._journal.told("metrics go nowhere: add a table such as [exporters.statsd]")

    def _listen_to_signals(self, stop: asyncio.Event, nudge: asyncio.Event) -> None:
        """The first SIGINT or SIGTERM stops in good order, a second one at once.

        SIGHUP reads the configuration file again; without a file it ends the program, as ever.
        """
        stop_at_signals(stop, self._progress)
        if self._file is not None:
            asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, nudge.set)
