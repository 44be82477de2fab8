"""Write down what the engines say, so that it can be replayed."""

import asyncio
import random
from collections.abc import Mapping, Sequence
from itertools import count
from pathlib import Path

from tidegauge import __version__
from tidegauge.app import engine_client, followers_of
from tidegauge.clock import Clock
from tidegauge.config import Options
from tidegauge.docker.following import Follower
from tidegauge.docker.frames import Sample
from tidegauge.docker.lives import Observation
from tidegauge.docker.recording import RecordingTransport
from tidegauge.docker.tape import RecordedEngine, TapeWriter
from tidegauge.docker.wire import Transport
from tidegauge.errors import TidegaugeError
from tidegauge.journal import Journal
from tidegauge.signals import stop_at_signals
from tidegauge.streams import Pipeline, merge, sink
from tidegauge.terminal.progress import Progress
from tidegauge.terminal.table import in_units

FLUSH_SECONDS = 0.5
"""A kill loses no more than this."""


class Recorder:
    """Follows the containers as ``tidegauge run`` does, for the sake of what is asked."""

    def __init__(
        self, options: Options, environ: Mapping[str, str], journal: Journal, clock: Clock
    ) -> None:
        self._options, self._environ = options, environ
        self._journal, self._clock = journal, clock
        self._samples = 0

    async def to_file(
        self, path: Path, progress: Progress, *, seconds: float | None = None, force: bool = False
    ) -> None:
        """Record until SIGINT or SIGTERM, or so long.

        Raises:
            ConfigError: the file is there already, or an engine's address is wrong.
            TidegaugeError: the file cannot be written.
        """
        for each in self._options.engines:
            engine_client(each, self._environ)  # so that a wrong address leaves no file behind
        stop = asyncio.Event()
        tape = TapeWriter(path, self._clock, stop.set, force=force)
        stop_at_signals(stop, progress)
        try:
            await self._run(tape, stop, progress, seconds)
        finally:
            progress.done()
            tape.close()
        if tape.failure:
            raise TidegaugeError(tape.failure)
        self._tell(tape)

    def _tell(self, tape: TapeWriter) -> None:
        self._journal.told(
            "recorded",
            file=str(tape.path),
            seconds=round(tape.seconds, 1),
            samples=self._samples,
            messages=tape.messages,
            bytes=tape.bytes,
        )

    async def _run(
        self, tape: TapeWriter, stop: asyncio.Event, progress: Progress, seconds: float | None
    ) -> None:
        followers = self._followers(tape)
        async with asyncio.TaskGroup() as tasks:
            working = (
                tasks.create_task(self._pipeline(followers).run()),
                tasks.create_task(self._show(tape, followers, progress)),
            )
            if seconds is None:
                await stop.wait()
            else:
                await self._clock.wait(stop, seconds)
            for each in working:
                each.cancel()

    def _followers(self, tape: TapeWriter) -> tuple[Follower, ...]:
        numbers, engines = count(1), list[RecordedEngine]()

        def taped(engine: str, inner: Transport) -> Transport:
            engines.append(RecordedEngine(engine, inner.address))
            return RecordingTransport(inner, engine, tape, numbers)

        clients = [engine_client(each, self._environ, taped) for each in self._options.engines]
        tape.begin(__version__, engines)
        return followers_of(self._options, clients, self._journal, self._clock, random.random)

    def _pipeline(self, followers: Sequence[Follower]) -> Pipeline:
        def count_samples(seen: Observation) -> None:
            self._samples += isinstance(seen, Sample)

        return merge(*(each.source() for each in followers)) >> sink(count_samples)

    async def _show(
        self, tape: TapeWriter, followers: Sequence[Follower], progress: Progress
    ) -> None:
        while True:
            tape.flush()
            waiting = [each.status() for each in followers if not each.settled]
            known = f"{tape.messages} messages · {in_units(tape.bytes)}"
            progress.show(" · ".join([f"recording, {tape.seconds:.0f} s", known, *waiting]))
            await self._clock.sleep(FLUSH_SECONDS)
