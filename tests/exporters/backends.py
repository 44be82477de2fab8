"""A backend that answers as a test says, and the exporter that sends to it."""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from manual_clock import ManualClock, settle
from snapshots import a_journal, a_snapshot
from tidegauge.errors import BackendUnavailable, BatchTooLarge, ExportError
from tidegauge.exporters.delivery import KeptDelivery
from tidegauge.exporters.options import BackendOptions
from tidegauge.metrics import Snapshot
from waiting import wait_until_async

Answer = Callable[[Sequence[bytes]], BaseException | None]


def fine(_records: Sequence[bytes]) -> None:
    """Takes all."""


def away(_records: Sequence[bytes]) -> ExportError:
    return BackendUnavailable("Influx at here cannot be reached: connection refused.")


def busy(after: float | None) -> Answer:
    return lambda _: BackendUnavailable("Influx at here answered 429 Too Many Requests.", after)


def refusing(_records: Sequence[bytes]) -> ExportError:
    return ExportError("Influx at here answered 400 Bad Request.")


def taking(most: int) -> Answer:
    """At most so many bytes at once."""

    def answer(records: Sequence[bytes]) -> ExportError | None:
        too_large = sum(map(len, records)) > most
        return BatchTooLarge("Influx at here answered 413 Too Large.") if too_large else None

    return answer


def broken(_records: Sequence[bytes]) -> BaseException:
    return KeyError("x")


class Scripted:
    """An exporter to a scripted backend: the answers in turn, then ``otherwise``.

    A snapshot is encoded as ``records`` records of its time and their number, of so many bytes
    at least. ``arrived`` are the records that were taken, in their order.
    """

    destination, flush_interval = "Influx at here", 10.0

    def __init__(
        self,
        answers: Iterable[Answer] = (),
        otherwise: Answer = fine,
        *,
        name: str = "influx",
        records: int = 1,
        width: int = 0,
    ) -> None:
        self._answers: Iterator[Answer] = iter(answers)
        self.name, self._records, self._width = name, records, width
        self.otherwise = otherwise
        self.arrived: list[bytes] = []
        self.sends: list[int] = []
        self.hanging = False
        self.closed = False

    def encode(self, snapshot: Snapshot) -> Sequence[bytes]:
        names = (f"{snapshot.at:.0f}.{number}" for number in range(self._records))
        return [name.ljust(self._width).encode() for name in names]

    async def send(self, records: Sequence[bytes]) -> None:
        await asyncio.sleep(0)
        self.sends.append(len(records))
        if self.hanging:
            await asyncio.Event().wait()
        if error := next(self._answers, self.otherwise)(records):
            raise error
        self.arrived += records

    async def close(self) -> None:
        self.closed = True


class Sending:
    """A kept delivery at work by a manual clock, its pauses the shortest possible."""

    def __init__(
        self, exporter: Scripted, spool: Path | str = "", clock: ManualClock | None = None, **more
    ) -> None:
        self.clock = clock or ManualClock()
        self.journal, self.sentences = a_journal()
        self.exporter = exporter
        options = BackendOptions(spool=str(spool), **more)
        self.delivery = KeptDelivery(exporter, self.journal, options, self.clock, lambda: 0.0)

    async def __aenter__(self):
        self._task = asyncio.create_task(self.delivery.run())
        await settle()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        await asyncio.wait([self._task])
        await self.delivery.close()

    async def snapshots(self, *ats: float) -> None:
        for at in ats:
            await self.delivery.deliver(a_snapshot(at=at))
        await self.rest()

    async def rest(self) -> None:
        """Until all that can be done now is done: nothing is kept, or time is waited for."""
        state = self.delivery.state
        await wait_until_async(
            lambda: self.delivery.state.kept.batches == 0 or self.clock.sleepers, 5, str(state)
        )

    async def stop(self) -> None:
        """As the program does at its end."""
        self.delivery.end()
        await self._task

    async def passed(self, seconds: float) -> None:
        """Let time go by."""
        await self.clock.advance(seconds)
        await self.rest()
