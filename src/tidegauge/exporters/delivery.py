"""What every exporter gets for nothing: selection, a deadline, a backlog, retries, counts, words.

An exporter only encodes and sends. It never buffers, retries or times itself.
"""

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Protocol

from msgspec import Struct
from msgspec.structs import replace

from tidegauge.backoff import Backoff
from tidegauge.clock import Clock
from tidegauge.errors import BackendUnavailable, BatchTooLarge, ExportError
from tidegauge.exporters.backlog import FULL, Amount, Backlog, Losses
from tidegauge.exporters.options import BackendOptions, Chosen, ExporterOptions
from tidegauge.exporters.spool import Spool
from tidegauge.journal import Journal
from tidegauge.metrics import Snapshot, merge
from tidegauge.units import format_size

DEADLINE = 10.0
"""Seconds a delivery to a backend that does not answer may take."""

AT_ONCE = 2000
"""Series that are encoded on the event loop, in 10 ms; more are in a thread, where the 40,000 of
1000 containers take 0.03 to 0.3 s, for which no sample waits."""

FIRST_PAUSE, LONGEST_PAUSE = 2.0, 60.0
"""Between half and all of it, in seconds, before a backend is tried again."""

LONGEST_WISH = 3600.0
"""Seconds for which a backend is left alone at most, however long it asks for."""

FAILED = "export failed"
REFUSED = "export refused"
TOO_LARGE = "record too large"
BUG = "exporter bug"
NOT_DELIVERED = "not delivered"


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
        """A snapshot as records: whole pieces that may be sent apart, in this order.

        May be called in another thread than `send`, for one snapshot at a time.
        """
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
        if self._gathered:  # of what stands only the newest is merged
            self._gathered[-1] = replace(self._gathered[-1], standing=())
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


class DeliveryState(Struct, frozen=True):
    """What a delivery has done since its start, for those who watch it.

    ``retried`` counts sends that the backend could not take at the time; ``dropped`` counts
    records by reason; ``trouble`` says why the last send failed, empty if it did not.
    """

    sent: Amount
    retried: int
    dropped: Mapping[str, int]
    kept: Amount
    trouble: str


class Delivery:
    """Sends what an exporter encodes at once; what fails is given up, counted and told.

    For backends that do not answer. Nothing is ever raised: a bug of one exporter stops no other.
    """

    def __init__(
        self, exporter: Exporter, journal: Journal, options: ExporterOptions | None = None
    ) -> None:
        self.exporter = exporter
        self._journal = journal
        table = options or ExporterOptions()
        self._chosen = Chosen(table.containers, table.metrics)
        self._losses = Losses(journal, exporter.name)
        self._deadline = DEADLINE
        self._encoder = ThreadPoolExecutor(1, f"encode for {exporter.name}")
        self._sent = Amount()
        self._retried = 0
        self._trouble = ""

    @property
    def state(self) -> DeliveryState:
        """What it has done so far."""
        return DeliveryState(
            self._sent, self._retried, dict(self._losses.records), self._kept(), self._trouble
        )

    def flushes(self) -> FlushEvery:
        """Gathers the snapshots between two deliveries."""
        return FlushEvery(self.exporter.flush_interval)

    async def deliver(self, snapshot: Snapshot) -> None:
        """Send what is chosen of one snapshot."""
        records = await self._encoded(snapshot)
        if not records:
            return
        try:
            await self._send(records)
        except ExportError as error:
            self._trouble = str(error)
            self._losses.count(FAILED, len(records))
            self._journal.trouble(FAILED, self._trouble, self.exporter.name)
        except Exception as error:  # noqa: BLE001 (a bug of one exporter stops no other)
            self._bug(error, len(records))
        else:
            self._went_through(records)
            self._well_again(self._losses.over(BUG))

    async def run(self) -> None:
        """Work that goes on beside `deliver`, until `end`."""

    def end(self) -> None:
        """No snapshot comes any more: finish soon."""

    async def settled(self) -> None:
        """Return when nothing waits to be sent."""

    async def close(self) -> None:
        """Release what the exporter holds; called once, after the last `deliver`.

        What is wrong is told anew by the next delivery of that name, of a new configuration.
        """
        self._losses.over(FAILED, *self._losses.records)
        self._encoder.shutdown(wait=False, cancel_futures=True)
        with contextlib.suppress(OSError):  # the socket is gone either way
            await self.exporter.close()

    def _kept(self) -> Amount:
        return Amount()

    async def _encoded(self, snapshot: Snapshot) -> Sequence[bytes]:
        try:
            if len(snapshot.series) + len(snapshot.standing) <= AT_ONCE:
                return self._encode(snapshot)
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._encoder, self._encode, snapshot)
        except Exception as error:  # noqa: BLE001 (a bug of one exporter stops no other)
            self._bug(error, 1)
            return ()

    def _encode(self, snapshot: Snapshot) -> Sequence[bytes]:
        return self.exporter.encode(self._chosen(snapshot))

    async def _send(self, records: Sequence[bytes]) -> None:
        """Within the deadline; raises an `ExportError`, or whatever a bug raises."""
        try:
            async with asyncio.timeout(self._deadline):
                await self.exporter.send(records)
        except TimeoutError as error:
            late = f"{self.exporter.destination} took longer than {self._deadline:g} s."
            raise BackendUnavailable(late) from error

    def _went_through(self, records: Sequence[bytes]) -> None:
        sent = self._sent
        self._sent = Amount(
            sent.batches + 1, sent.records + len(records), sent.size + sum(map(len, records))
        )
        self._trouble = ""
        self._well_again(self._losses.over(FAILED))

    def _well_again(self, was_ill: bool) -> None:
        if was_ill:
            self._journal.told("exports go through again", exporter=self.exporter.name)

    def _failed(self, reason: str, sentence: str, records: int) -> None:
        """Give up records."""
        self._trouble = sentence
        self._losses.add(reason, records, sentence)

    def _bug(self, error: Exception, records: int) -> None:
        self._journal.traceback(error)
        what = f"{type(error).__name__}: {error}".rstrip(": ")
        sentence = (
            f"exporter {self.exporter.name} has a bug, and drops what it cannot send: {what}."
        )
        self._failed(BUG, sentence, records)


class KeptDelivery(Delivery):
    """Keeps what an exporter encodes until its backend takes it, in order.

    `deliver` only puts it into the backlog; `run` sends. A backend that cannot take it now is
    tried again, with growing pauses; one that takes less at once gets halves; what it refuses is
    given up, counted and told.
    """

    def __init__(
        self,
        exporter: Exporter,
        journal: Journal,
        options: BackendOptions,
        clock: Clock,
        random: Callable[[], float],
    ) -> None:
        super().__init__(exporter, journal, options)
        spool = Spool(Path(options.spool) / exporter.name) if options.spool else None
        self._backlog = Backlog(exporter.name, options.buffer_size, journal, self._losses, spool)
        self._deadline = options.timeout
        self._clock = clock
        self._backoff = Backoff(FIRST_PAUSE, LONGEST_PAUSE, random)
        self._ending = asyncio.Event()
        self._at_once: int | None = None
        self._clean = True

    async def deliver(self, snapshot: Snapshot) -> None:
        """Keep what is chosen of one snapshot, to be sent in its turn."""
        if records := await self._encoded(snapshot):
            await self._backlog.put(records)

    async def run(self) -> None:
        """Send what is kept; behind the end, until nothing is left or the backend fails."""
        while (records := await self._backlog.head()) is not None:
            pause = await self._try(records[: self._at_once])
            if pause is None:
                continue
            if self._ending.is_set():
                return
            await self._backlog.let_go()
            await self._clock.wait(self._ending, pause)

    def end(self) -> None:
        """Try once more what is kept, even in the middle of a pause."""
        self._ending.set()
        self._backlog.end()

    async def settled(self) -> None:
        """Return when nothing is kept."""
        await self._backlog.empty()

    async def close(self) -> None:
        """Tell what was not delivered; in a spool it waits for the next start."""
        name = self.exporter.name
        left, lost = await self._backlog.close()
        if left.batches:
            facts = {"batches": left.batches, "size": format_size(left.size)}
            self._journal.told("what was not delivered stays in the spool", exporter=name, **facts)
        if lost.batches:
            self._losses.add(
                NOT_DELIVERED,
                lost.records,
                f"exporter {name} ends, and {format_size(lost.size)} could not be delivered:"
                " they are lost.",
            )
        await super().close()

    def _kept(self) -> Amount:
        return self._backlog.kept

    async def _try(self, records: Sequence[bytes]) -> float | None:
        """Send the first records of the head; how long to wait before the next try, if at all."""
        try:
            await self._send(records)
        except BatchTooLarge as error:
            if len(records) > 1:
                self._at_once = len(records) // 2
                return None
            what = f"Exporter {self.exporter.name} drops {_described(records[0])}"
            self._failed(TOO_LARGE, f"{error} {what}", 1)
        except BackendUnavailable as error:
            return self._unavailable(error)
        except ExportError as error:
            sentence = f"{error} What exporter {self.exporter.name} sent is dropped."
            self._failed(REFUSED, sentence, len(records))
        except Exception as error:  # noqa: BLE001 (a bug of one exporter stops no other)
            self._bug(error, len(records))
        else:
            self._went_through(records)
            await self._done(records)
            return None
        self._clean, self._at_once = False, None
        await self._done(records)
        return None

    def _unavailable(self, error: BackendUnavailable) -> float:
        self._retried += 1
        self._trouble = str(error)
        size, where = format_size(self._backlog.kept.size), self._backlog.where
        self._journal.trouble(
            FAILED,
            f"{error} Exporter {self.exporter.name} tries again; until then what it sends waits"
            f" {where}, {size} so far.",
            self.exporter.name,
        )
        return max(self._backoff.delay(), min(error.after or 0.0, LONGEST_WISH))

    async def _done(self, records: Sequence[bytes]) -> None:
        self._backoff.reset()
        if not await self._backlog.done(len(records)):
            return
        if self._clean:
            self._well_again(self._losses.over(REFUSED, BUG))
            self._losses.over(TOO_LARGE)
        if not self._backlog.kept.batches:
            self._losses.over(FULL)
        self._clean, self._at_once = True, None


def delivery_of(
    exporter: Exporter, options: object, agent: Agent, random: Callable[[], float]
) -> Delivery:
    """The delivery that the table of an exporter asks for."""
    if isinstance(options, BackendOptions):
        return KeptDelivery(exporter, agent.journal, options, agent.clock, random)
    table = options if isinstance(options, ExporterOptions) else None
    return Delivery(exporter, agent.journal, table)


def _described(record: bytes) -> str:
    """A record that is dropped by itself, by how it begins."""
    begins = "".join(each if each.isprintable() else "." for each in record[:60].decode("latin-1"))
    return f'a record of {format_size(len(record))} that begins with "{begins}".'
