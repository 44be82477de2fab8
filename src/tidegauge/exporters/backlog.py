"""What waits for a backend: batches in their order, bounded in bytes, in memory or in a spool."""

import asyncio
from collections import Counter, deque
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from typing import TypeVar

from msgspec import Struct

from tidegauge.exporters.spool import Spool, packed, unpacked
from tidegauge.journal import Journal
from tidegauge.units import format_size

FULL = "backlog full"
DAMAGED = "spool damaged"
SPOOL = "spool unusable"

T = TypeVar("T")


class Losses:
    """Counts the records that one exporter gave up, by reason; tells of each reason once."""

    def __init__(self, journal: Journal, exporter: str) -> None:
        self._journal, self._exporter = journal, exporter
        self._records: Counter[str] = Counter()

    @property
    def records(self) -> Mapping[str, int]:
        """How many so far."""
        return self._records

    def add(self, reason: str, records: int, sentence: str, about: str = "") -> None:
        """Count so many; what is ``about`` something of its own is told for each."""
        self.count(reason, records)
        self._journal.drop(reason, records - 1)
        self._journal.trouble(reason, sentence, self._exporter + about)

    def count(self, reason: str, records: int) -> None:
        """Count so many of which the journal knows."""
        self._records[reason] += records

    def over(self, *reasons: str) -> bool:
        """Tell the next loss for these reasons anew; true if there was one."""
        return sum(self._journal.over(reason, self._exporter) for reason in reasons) > 0


class Amount(Struct, frozen=True):
    """How much."""

    batches: int = 0
    records: int = 0
    size: int = 0


class _Batch(Struct):
    """``content`` while it is in memory, the ``number`` of its file while it is in the spool."""

    records: int
    size: int
    content: bytes | None
    number: int | None = None


class Backlog:
    """Batches, oldest first; when there are more than ``limit`` bytes the oldest are dropped.

    The newest batch is kept whatever its size, and so is the one that is being sent. With a spool
    a batch is a file from the first; while files cannot be written, it stays in memory. Files are
    read and written in a thread, one operation at a time; who is cancelled in the middle of one is
    so behind it.
    """

    def __init__(
        self, exporter: str, limit: int, journal: Journal, losses: Losses, spool: Spool | None
    ) -> None:
        self._exporter, self._limit = exporter, limit
        self._journal, self._losses, self._spool = journal, losses, spool
        self._batches: deque[_Batch] = deque()
        self._head: Sequence[bytes] | None = None
        self._opened = False
        self._turn = asyncio.Lock()
        self._changed, self._emptied = asyncio.Event(), asyncio.Event()
        self._ended = False

    @property
    def kept(self) -> Amount:
        """What waits, the batch that is being sent included."""
        return _amount(self._batches)

    @property
    def where(self) -> str:
        """Where it waits, for people."""
        return f"in {self._spool.folder}" if self._spool else "in memory"

    async def put(self, records: Sequence[bytes]) -> None:
        """Add a batch of one or more records behind all others."""
        await self._to_the_end(self._put(records))

    async def head(self) -> Sequence[bytes] | None:
        """The records of the oldest batch, as soon as there is one; ``None`` behind the end.

        It is kept until `done` with them, or dropped for lack of room behind `let_go`.
        """
        while not await self._to_the_end(self._look()):
            await self._changed.wait()
        return self._head

    async def done(self, records: int) -> bool:
        """The first records of the head were taken, or given up; true if these were all of it."""
        return await self._to_the_end(self._done(records))

    async def let_go(self) -> None:
        """The head is not being sent just now, and may be dropped for newer ones."""
        await self._to_the_end(self._let_go())

    def end(self) -> None:
        """Nothing more will be put."""
        self._ended = True
        self._changed.set()

    async def empty(self) -> None:
        """Return when nothing is kept."""
        while self._batches:
            self._emptied.clear()
            await self._emptied.wait()

    async def close(self) -> tuple[Amount, Amount]:
        """Leave what is in the spool to the next program, and forget the rest: so much of each."""
        return await self._to_the_end(self._close())

    async def _to_the_end(self, work: Coroutine[None, None, T]) -> T:
        """Be cancelled only behind it, for no thread can be stopped; in memory nothing waits.

        Nobody would give back a lock that it takes late, or count a file that it writes or
        removes; what the backend took would stay in the spool, and come again.
        """
        if self._spool is None:
            return await work
        doing = asyncio.ensure_future(work)
        cancelled: asyncio.CancelledError | None = None
        while not doing.done():
            try:
                await asyncio.wait([doing])
            except asyncio.CancelledError as error:
                cancelled = error
        if cancelled is not None:
            raise cancelled
        return doing.result()

    async def _put(self, records: Sequence[bytes]) -> None:
        async with self._turn:
            await self._open()
            content = packed(records)
            batch = _Batch(len(records), len(content), content)
            self._batches.append(batch)
            await self._store(batch)
            await self._make_room()
            self._changed.set()

    async def _look(self) -> bool:
        """Read the oldest batch; false if there is none yet."""
        async with self._turn:
            await self._open()
            while self._head is None and self._batches:
                self._head = await self._read(self._batches[0])
                if self._head is None:
                    self._batches.popleft()
            if self._head is not None:
                return True
            self._changed.clear()
            self._emptied.set()
            return self._ended

    async def _done(self, records: int) -> bool:
        async with self._turn:
            batch, rest = self._batches[0], (self._head or ())[records:]
            if rest:
                self._head, content = rest, packed(rest)
                batch.records, batch.size, batch.content = len(rest), len(content), content
                await self._store(batch)
                return False
            self._head = None
            self._batches.popleft()
            await self._remove(batch)
            return True

    async def _let_go(self) -> None:
        async with self._turn:
            self._head = None
            await self._make_room()

    async def _close(self) -> tuple[Amount, Amount]:
        async with self._turn:
            lost = _amount(batch for batch in self._batches if batch.number is None)
            self._batches = deque(batch for batch in self._batches if batch.number is not None)
            if self._spool is not None:
                await asyncio.to_thread(self._spool.close)
            self._journal.over(SPOOL, self._exporter)
            return self.kept, lost

    async def _open(self) -> None:
        if self._opened:
            return
        self._opened = True
        if self._spool is None:
            return
        try:
            found = await asyncio.to_thread(self._spool.open)
        except OSError as error:
            self._unusable(error)
            self._spool = None
            return
        self._batches.extend(_Batch(b.records, b.size, None, b.number) for b in found.batches)
        for name in found.set_aside:
            self._damaged(name, 1)
        await self._make_room()
        kept = self.kept
        if kept.batches:
            size = format_size(kept.size)
            facts = {"exporter": self._exporter, "batches": kept.batches, "size": size}
            self._journal.told("what an earlier run could not deliver goes first", **facts)

    async def _store(self, batch: _Batch) -> None:
        """Put a batch into the spool, in the place of what it was there."""
        if self._spool is None or batch.content is None:
            return
        try:
            if batch.number is None:
                batch.number = await asyncio.to_thread(self._spool.add, batch.content)
            else:
                await asyncio.to_thread(self._spool.replace, batch.number, batch.content)
        except OSError as error:
            self._unusable(error)
            return
        batch.content = None
        if self._journal.over(SPOOL, self._exporter):
            self._journal.told("the spool can be used again", exporter=self._exporter)

    async def _read(self, batch: _Batch) -> Sequence[bytes] | None:
        """The records of a batch; ``None`` if its file is not what was written."""
        if batch.content is not None:
            return unpacked(batch.content)
        if self._spool is None or batch.number is None:
            return None
        try:
            return unpacked(await asyncio.to_thread(self._spool.read, batch.number))
        except ValueError:
            name = await self._set_aside(self._spool, batch.number)
        except OSError as error:
            name = f"{batch.number} ({error.strerror})"
        self._damaged(name, batch.records)
        return None

    async def _set_aside(self, spool: Spool, number: int) -> str:
        try:
            return await asyncio.to_thread(spool.set_aside, number)
        except OSError as error:
            return f"{number} ({error.strerror})"

    async def _remove(self, batch: _Batch) -> None:
        if self._spool is not None and batch.number is not None:
            try:
                await asyncio.to_thread(self._spool.remove, batch.number)
            except OSError as error:
                self._unusable(error)

    async def _make_room(self) -> None:
        size = self.kept.size
        first = 0 if self._head is None else 1
        while size > self._limit and len(self._batches) > first + 1:
            oldest = self._batches[first]
            del self._batches[first]
            size -= oldest.size
            await self._remove(oldest)
            self._losses.add(
                FULL,
                oldest.records,
                f"exporter {self._exporter} keeps {format_size(self._limit)} and no more: the"
                " oldest is dropped.",
            )

    def _damaged(self, name: str, records: int) -> None:
        self._losses.add(
            DAMAGED,
            records,
            f"exporter {self._exporter} finds a damaged batch in its spool, which is not sent:"
            f" {name}.",
            name,
        )

    def _unusable(self, error: OSError) -> None:
        folder = self._spool.folder if self._spool else ""
        why = (error.strerror or str(error)).lower()
        if isinstance(error, BlockingIOError):
            why = "another program is using it"
        self._journal.trouble(
            SPOOL,
            f"exporter {self._exporter} cannot use its spool {folder}: {why}. What it keeps is in"
            " memory, and ends with the program.",
            self._exporter,
        )


def _amount(batches: Iterable[_Batch]) -> Amount:
    amounts = [(batch.records, batch.size) for batch in batches]
    return Amount(len(amounts), sum(one for one, _ in amounts), sum(size for _, size in amounts))
