"""Recordings made and replayed: the whole program around a tape, with all it recorded kept."""

import asyncio
import gzip
import io
import json
import math
from collections.abc import Iterable, Sequence
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple, Self

from msgspec.json import encode
from msgspec.structs import replace

from snapshots import a_journal
from tidegauge.app import Memory, draw, followers_of, run
from tidegauge.clock import SystemClock
from tidegauge.config import Options
from tidegauge.docker.client import EngineClient
from tidegauge.docker.endpoint import parse_endpoint
from tidegauge.docker.recording import RecordingTransport
from tidegauge.docker.tape import Header, Message, RecordedEngine, TapeReader, TapeWriter
from tidegauge.docker.transport import HttpTransport
from tidegauge.exporters import Delivery
from tidegauge.metrics import Attributes, Number, Snapshot, identity, merge
from tidegauge.playback import PlaybackClock
from tidegauge.replay import Played, Replay
from tidegauge.streams import ticks
from tidegauge.terminal.progress import Progress

AT_THE_END = Options(tick_interval=3600.0)
"""One snapshot, the last one."""

Recorded = dict[tuple[str, str, str, Attributes], tuple[tuple[Number, ...], Number]]


class Keep:
    """An exporter that keeps what it is given."""

    name, destination, flush_interval = "keep", "memory", 0.0

    def __init__(self) -> None:
        self.snapshots: list[Snapshot] = []

    def encode(self, snapshot: Snapshot) -> Sequence[bytes]:
        self.snapshots.append(snapshot)
        return ()

    async def send(self, records: Sequence[bytes]) -> None:
        pass

    async def close(self) -> None:
        pass

    @property
    def recorded(self) -> Recorded:
        """All samples of each series, and its last value."""
        whole = merge(self.snapshots)
        return {
            (
                *identity(each.entity)[1:],
                each.metric.name,
                each.attributes,
            ): (each.samples, each.last)
            for each in whole.series
        }


class Replayed(NamedTuple):
    """What a replay gave."""

    keep: Keep
    played: Played
    sentences: list[str]
    counts: dict[str, int]
    breaks_off: str

    @property
    def recorded(self) -> Recorded:
        return self.keep.recorded


def quiet() -> Progress:
    return Progress(io.StringIO())


def replayed(path: Path, options: Options = AT_THE_END, speed: float = math.inf) -> Replayed:
    """Replay a recording to its end, on an event loop of its own."""
    (journal, sentences), keep = a_journal(), Keep()
    with TapeReader(path, lambda what: journal.trouble("garbage in recording", what, what)) as tape:
        clock = PlaybackClock(tape.header.time, speed, SystemClock())
        replay = Replay(clock, SystemClock(), journal, quiet())

        async def to_the_end() -> Played:
            return await replay.run(options, tape, asyncio.Event(), [keep])

        with asyncio.Runner(loop_factory=clock.new_loop) as runner:
            played = runner.run(to_the_end())
        return Replayed(keep, played, sentences, {**journal.counts}, tape.breaks_off)


class Live:
    """The whole program on engines, recorded on a tape from entry to exit."""

    def __init__(
        self, path: Path, options: Options = AT_THE_END, *, here: bool = False, **hosts: str
    ) -> None:
        self.journal, self.sentences = a_journal()
        self.keep, self.clock, self.stop = Keep(), SystemClock(), asyncio.Event()
        self.tape = TapeWriter(path, self.clock, self.stop.set, force=False)
        numbers = count(1)
        clients = [
            EngineClient(
                name,
                RecordingTransport(HttpTransport(parse_endpoint(host)), name, self.tape, numbers),
            )
            for name, host in hosts.items()
        ]
        self.tape.begin("0", [RecordedEngine(name, host) for name, host in hosts.items()])
        self.followers = followers_of(
            options, clients, self.journal, self.clock, lambda: 0.5, here=here
        )
        out = (Delivery(self.keep, self.journal),)
        every = ticks(self.clock, options.tick_interval, self.stop)
        self.program = draw(options, self.followers, out, Memory(self.journal, self.clock), every)

    async def __aenter__(self) -> Self:
        self._running = asyncio.create_task(
            run(self.program, self.journal, self.clock, self.stop, quiet())
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        self.stop.set()
        await self._running
        self.tape.close()


def lines(path: Path) -> list[dict[str, Any]]:
    """The lines of a recording."""
    return [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]


def write(path: Path, messages: Iterable[Message], *engines: str, time: float = 1e9) -> Path:
    """A recording with these messages and a last line, by other means than the product's."""
    listed = [*messages]
    end = max((message.t for message in listed), default=0.0)
    known = tuple(RecordedEngine(name) for name in engines or ("local",))
    header = Header(version="0", time=time, engines=known)
    return write_lines(path, [encode(line) for line in (header, *listed, Message(end, "finished"))])


def write_lines(path: Path, raw: Sequence[bytes]) -> Path:
    path.write_bytes(gzip.compress(b"".join(line + b"\n" for line in raw)))
    return path


def only(options: Options, *include: str) -> Options:
    """The same options for fewer containers."""
    return replace(options, filters=replace(options.filters, include=include))
