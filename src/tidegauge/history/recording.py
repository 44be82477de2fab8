"""From the event loop to the file: what gathers here is written once a second, in a thread."""

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from tidegauge.catching_up import CatchUp, nothing_waits
from tidegauge.clock import Clock, next_beat
from tidegauge.errors import HistoryDamaged, HistoryError, HistoryRefused
from tidegauge.history.gathering import Gathering, done
from tidegauge.history.rows import Event, Row, Rows
from tidegauge.history.store import Seen
from tidegauge.history.writing import Batch, Outcome, Writer
from tidegauge.journal import Journal
from tidegauge.metrics import Identity

WAITING_EVENTS = 10_000
COMMIT_SECONDS = 1.0
RETRY_SECONDS = 5.0
"""How long a disk that takes nothing is left alone."""

UPKEEP_SECONDS = 60.0
"""How often it is looked what is to be sealed, rolled up and deleted."""

TROUBLE = "history not written"
DAMAGED = "history damaged"
OUT_OF_TIME = "history sample out of time"
ROWS_DROPPED = "history sample dropped"
EVENT_DROPPED = "history event dropped"


class Recorder:
    """The history's writer: `run` for as long as the program does, then `close`."""

    def __init__(self, writer: Writer, clock: Clock, journal: Journal) -> None:
        self.path = writer.path
        self.trouble: str | None = None
        """Why nothing is written just now."""
        self._writer, self._clock, self._journal = writer, clock, journal
        self._thread = ThreadPoolExecutor(1, "history")
        self._gathering = Gathering(clock, self._refuse, self._drop)
        self._events: deque[Event] = deque()
        self._facts: dict[Identity, Mapping[str, str]] = {}
        self._news: set[Identity] = set()
        self._late: set[Identity] = set()
        self._upkeep_at = self._retry_at = clock.monotonic()
        self._writing: tuple[Batch, asyncio.Future[Outcome]] | None = None
        self._ending = asyncio.Event()
        self._off = False
        self._due = 0
        """How many entities wait to be rolled up, one or some with each batch."""

    def several(self, rows: Sequence[Row]) -> None:
        """Keep rows of an entity, which come in order of time."""
        if self._off:
            return
        who = rows[0].identity
        if self._gathering.several(rows) and who in self._late:
            self._late.discard(who)
            self._journal.over(OUT_OF_TIME, who[2] or who[1])

    def event(self, event: Event) -> None:
        """Keep one event."""
        if self._off:
            return
        if len(self._events) == WAITING_EVENTS:
            self._events.popleft()
            self._journal.drop(EVENT_DROPPED)
        self._events.append(event)

    def know(self, identity: Identity, facts: Mapping[str, str]) -> None:
        """What is to be remembered of an entity beside its samples: see `Known`."""
        if not self._off:
            self._facts[identity] = facts
            self._news.add(identity)

    def unsealed(self, identity: Identity) -> list[Rows] | None:
        """An entity's rows that are in no block yet; ``None`` if others write the file."""
        return None if self._off else self._gathering.unsealed(identity)

    async def run(self, catch_up: CatchUp = nothing_waits) -> None:
        """Write once a second until `end`; then what is left. Before, others ``catch_up``.

        So what moved is lost for a second at most by a kill. That nothing did may come later.
        """
        self._ending.clear()
        ended = False
        while not ended:
            now = self._clock.monotonic()
            ended = await self._clock.wait(self._ending, next_beat(now, COMMIT_SECONDS) - now)
            if not ended:
                await catch_up()
            if ended or (self._anything and self._clock.monotonic() >= self._retry_at):
                await self._write()

    def end(self) -> None:
        """Let `run` end. Whatever comes later waits for another run, or for `close`."""
        self._ending.set()

    async def close(self) -> None:
        """Seal and write everything, and let go of the file."""
        if self._writing is not None:
            await self._write()
        self._gathering.seal_old(all_of_them=True)
        await self._write()
        await asyncio.get_running_loop().run_in_executor(self._thread, self._writer.close)
        self._thread.shutdown(wait=False)

    @property
    def _anything(self) -> bool:
        """Is there anything to do? The thread is not woken for nothing."""
        gathering = self._gathering
        waits = gathering.rows or gathering.sealed or self._events or self._news or self._writing
        late = self._clock.monotonic() >= self._upkeep_at
        return bool(waits) or late or self._due > 0 or self.trouble is not None

    async def _write(self) -> None:
        """One batch. If this is cancelled, the next call waits for the same one."""
        if self._off:
            return
        if self._writing is None:
            batch = self._batch()
            loop = asyncio.get_running_loop()
            self._writing = batch, loop.run_in_executor(self._thread, self._writer.write, batch)
        batch, written = self._writing
        outcome = await asyncio.shield(written)
        self._writing = None
        self._due = outcome.due
        self._settle(batch, outcome)
        self._tell(outcome)

    def _batch(self) -> Batch:
        """Everything that is to be written. It stays here until that is done."""
        upkeep = self._clock.monotonic() >= self._upkeep_at
        now = round(self._clock.now() * 1000)
        seen = {who: Seen(now, self._facts[who]) for who in self._news}
        gathering = self._gathering
        if upkeep:
            self._upkeep_at = self._clock.monotonic() + UPKEEP_SECONDS
            for idle in gathering.seal_old():
                self._facts.pop(idle, None)
                self._late.discard(idle)
            for who, at in gathering.newest():
                facts = self._facts.get(who) if who in self._news else None
                seen[who] = Seen(at, facts)
        return Batch(
            number=gathering.commit,
            rows=tuple(gathering.rows),
            events=tuple(self._events),
            sealed=tuple(gathering.sealed),
            seen=seen,
            keep_from=gathering.keep_from,
            now=now,
            upkeep=upkeep,
        )

    def _settle(self, batch: Batch, outcome: Outcome) -> None:
        """Give up what is in the file."""
        if outcome.committed:
            self._gathering.written(batch.rows)
            done(self._events, batch.events)
            self._news -= {who for who, seen in batch.seen.items() if seen.facts is not None}
        self._gathering.stored(batch.sealed[: outcome.sealed])
        if outcome.anew:
            self._news.update(self._facts)
        if outcome.late:
            self._journal.drop(OUT_OF_TIME, outcome.late)

    def _tell(self, outcome: Outcome) -> None:
        """What happened, as sentences of the journal; and what follows from it."""
        for sentence in outcome.damaged:
            self._journal.trouble(DAMAGED, sentence, sentence)
        self.trouble = None if outcome.error is None else str(outcome.error)
        if outcome.error is None:
            if self._journal.over(TROUBLE):
                self._journal.told("history is written again", file=str(self.path))
        elif isinstance(outcome.error, HistoryRefused):
            self._switch_off(outcome.error)
        elif isinstance(outcome.error, HistoryDamaged):
            said = f"{outcome.error} It is kept as {outcome.aside}, and a new one is begun."
            self._journal.trouble(DAMAGED, said, said)
        else:
            self._retry_at = self._clock.monotonic() + RETRY_SECONDS
            said = f"{outcome.error} What comes meanwhile waits in memory."
            self._journal.trouble(TROUBLE, said)

    def _switch_off(self, error: HistoryError) -> None:
        self._off = True
        self._gathering.clear()
        self._events.clear()
        self._facts.clear()
        self._news.clear()
        self._journal.trouble(TROUBLE, f"{error} Nothing is remembered.")

    def _refuse(self, identity: Identity) -> None:
        _, engine, alias = identity
        name = alias or engine
        self._late.add(identity)
        self._journal.trouble(
            OUT_OF_TIME,
            f"a sample of {name} is not newer than the one before it, or is of tomorrow: the clock"
            f" of {engine} was set. Until it has passed that time again, nothing of it is"
            " remembered.",
            name,
        )

    def _drop(self, rows: int) -> None:
        self._journal.drop(ROWS_DROPPED, rows)
