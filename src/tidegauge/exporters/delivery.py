"""What every exporter gets for nothing: a deadline, a count of failures, one sentence in the log.

An exporter only encodes and sends. It never buffers, retries or times itself.
"""

import asyncio
from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct

from tidegauge.clock import Clock
from tidegauge.errors import ExportError
from tidegauge.journal import Journal
from tidegauge.metrics import Snapshot, merge

DEADLINE = 10.0
"""Seconds one delivery may take."""


class Exporter(Protocol):
    """One way out for snapshots."""

    @property
    def name(self) -> str:
        """As in the configuration, ``exporters.<name>``."""
        ...

    @property
    def destination(self) -> str:
        """Where it sends to, for people."""
        ...

    @property
    def flush_interval(self) -> float:
        """Seconds between two calls of `send`, at least; never less than the tick."""
        ...

    def encode(self, snapshot: Snapshot) -> Sequence[bytes]:
        """A snapshot as records: whole pieces that may be sent apart, in this order."""
        ...

    async def send(self, records: Sequence[bytes]) -> None:
        """Send records together; raises an `ExportError` when the backend does not take them."""
        ...

    async def close(self) -> None:
        """Release sockets; called once, after the last `send`."""
        ...


class Agent(Struct, frozen=True):
    """The program around an exporter; ``several_engines`` when more than one is watched."""

    hostname: str
    several_engines: bool
    clock: Clock
    journal: Journal


class FlushEvery:
    """Gathers snapshots for an exporter whose backend is written to more seldom than the tick.

    Call it with each snapshot in order of time: it answers all gathered ones merged when about
    ``seconds`` have passed since it last did, else ``None``. The first snapshot, a final one and
    one of a clock set back are due at once. A tick may come early by a quarter of a tick.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._gathered: list[Snapshot] = []
        self._flushed_at = self._newest_at = float("-inf")

    def __call__(self, snapshot: Snapshot) -> Snapshot | None:
        """The merged snapshots, if a flush is due."""
        self._gathered.append(snapshot)
        due = snapshot.final or self._due(snapshot.at)
        self._newest_at = snapshot.at
        if not due:
            return None
        gathered, self._gathered = self._gathered, []
        self._flushed_at = snapshot.at
        return merge(gathered)

    def _due(self, at: float) -> bool:
        tick = at - self._newest_at
        return tick < 0 or at - self._flushed_at + tick / 4 >= self._seconds


class Delivery:
    """Sends snapshots with an exporter; its failures are counted and told, never raised."""

    def __init__(self, exporter: Exporter, journal: Journal) -> None:
        self.exporter = exporter
        self._journal = journal

    def flushes(self) -> FlushEvery:
        """Gathers the snapshots between two deliveries."""
        return FlushEvery(self.exporter.flush_interval)

    async def deliver(self, snapshot: Snapshot) -> None:
        """Send one snapshot within `DEADLINE` seconds; one that fails is given up."""
        exporter = self.exporter
        try:
            async with asyncio.timeout(DEADLINE):
                await exporter.send(exporter.encode(snapshot))
        except ExportError as error:
            self._failed(str(error))
        except TimeoutError:
            self._failed(f"{exporter.destination} took longer than {DEADLINE:g} s.")
        else:
            if self._journal.over("export failed", exporter.name):
                self._journal.told("exports go through again", exporter=exporter.name)

    def _failed(self, sentence: str) -> None:
        self._journal.trouble("export failed", sentence, self.exporter.name)
