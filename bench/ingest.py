"""From a received line to recorded instruments, against msgspec's decoding of the same line.

Receiving from the network is not part of it. The lines are recorded ones of real engines; each of
many containers gets all of them in turn, so that every event meets another container's state.
"""

import asyncio
from pathlib import Path
from typing import Any

import floor
import msgspec
from made_up import a_container, a_journal
from pairs import Measurement, Stopwatch

from tidegauge.clock import SystemClock
from tidegauge.docker.frames import Container, Sample, StatsFrame
from tidegauge.docker.framing import Framing
from tidegauge.docker.intervals import Intervals
from tidegauge.docker.lives import Condition
from tidegauge.docker.resources import Resources
from tidegauge.metrics import Registry
from tidegauge.pipeline import collecting
from tidegauge.streams import Outlet, Source

RECORDINGS = Path(__file__).parent.parent / "tests/recordings"

SHAPES = {
    "cgroup v1": "docker-26.1.5-cgroup1/stats-stream-two",
    "cgroup v2": "docker-26.1.5-cgroup2/stats-stream-burn",
}

ALLOWED = Resources(cpus=2.0, memory=2**30)
"""Each container has limits: what they leave is recorded with each sample."""

UNMEASURED = 3
"""Lines of each container that make its instruments: afterwards it goes on as nearly all do."""

TARGET_RATIO = 4.5
"""Of the whole way, receiving included, at 1000 containers."""


def measurements(quick: bool) -> list[Measurement]:
    """The whole kernel, and framing alone, for both shapes of frames."""
    containers = [a_container(number) for number in range(100 if quick else 1000)]
    rows: list[Measurement] = []
    for shape, recording in SHAPES.items():
        lines = (RECORDINGS / f"{recording}.ndjson").read_bytes().splitlines()
        work = _Work(lines, containers)
        what = f"{shape}, {sum(map(len, lines)) // len(lines)} B"
        rows += [
            Measurement(
                f"T5 ingest without receive: {what}",
                *("us/event", work.whole, work.floor, "ratio", TARGET_RATIO),
            ),
            Measurement(
                f"framing and decode: {what}", "us/event", work.framing, work.decoding, "ratio"
            ),
        ]
    return rows


class _Work:
    """All lines but the first ones, which make instruments, for all containers."""

    def __init__(self, lines: list[bytes], containers: list[Container]) -> None:
        self._first, self._lines = lines[:UNMEASURED], lines[UNMEASURED:]
        self._containers = containers
        self._events = len(self._lines) * len(containers)
        self._decoder = msgspec.json.Decoder(StatsFrame)

    def floor(self) -> float:
        """Decoding into what is needed at least."""
        return self._decoded(msgspec.json.Decoder(floor.Event))

    def decoding(self) -> float:
        """Decoding into our own structs."""
        return self._decoded(self._decoder)

    def _decoded(self, decoder: msgspec.json.Decoder[Any]) -> float:
        decode = decoder.decode
        watch = Stopwatch()
        for line in self._lines:
            for _ in self._containers:
                decode(line)
        return watch.per(self._events)

    def framing(self) -> float:
        feed = Framing(self._decoder, _refuse).feed
        chunks = [line + b"\n" for line in self._lines]
        watch = Stopwatch()
        for chunk in chunks:
            for _ in self._containers:
                feed(chunk)
        return watch.per(self._events)

    def whole(self) -> float:
        """Decoding, and all there is behind it, up to the end of the tick."""
        decode, spent = self._decoder.decode, list[float]()

        async def produce(outlet: Outlet[Any]) -> None:
            for container in self._containers:
                await outlet.send(Condition(container, "running", resources=ALLOWED))
                for line in self._first:
                    await outlet.send(Sample(container, decode(line), line))
            await registry.let_go(0.0)
            watch = Stopwatch()
            for line in self._lines:
                for container in self._containers:
                    await outlet.send(Sample(container, decode(line), line))
            await registry.let_go(0.0)
            spent.append(watch.per(self._events))

        source: Source[Sample] = Source("recorded lines", produce)
        journal = a_journal()
        registry = Registry({}, SystemClock())
        asyncio.run(collecting(source, Intervals(journal.drop), registry, journal, {}).run())
        if journal.counts:
            raise ValueError(f"not everything was recorded: {journal.counts}")
        return spent[0]


def _refuse(_data: bytes, error: str) -> None:
    raise ValueError(error)
