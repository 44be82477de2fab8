"""Hold the stats streams of one engine's containers, or read them in turn, and ask about each."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, KeysView
from itertools import islice
from statistics import median

from msgspec import structs

from tidegauge.backoff import Backoff
from tidegauge.clock import Clock
from tidegauge.docker.attention import Notice, empty_sentence, late_sentence
from tidegauge.docker.client import EngineClient, InspectedContainer
from tidegauge.docker.direct import AT_ONCE, Direct, waits
from tidegauge.docker.frames import Container
from tidegauge.docker.held import Held, Joined
from tidegauge.docker.inspecting import UNTOLD, Inspector
from tidegauge.docker.lives import Condition, Observation, state_in
from tidegauge.docker.pacing import SHORTEST_SECONDS, Load
from tidegauge.docker.resources import Resources
from tidegauge.docker.rotation import Rotation
from tidegauge.errors import EngineError, NoSocketLeft, NoSuchContainer, OutOfReach
from tidegauge.journal import Journal
from tidegauge.streams import Outlet

STEADY_SECONDS = 60.0
"""A stream that lived so long before it broke is worth telling again."""

READ_SECONDS = SHORTEST_SECONDS
"""A read in turn that takes longer is given up."""

TELL_SECONDS = 1.0
"""A failed read is told so much later: if the engine is lost, that is told instead."""

MEASURED = 101
"""Streams, and newest reads, of which the median is taken."""

Streamed = Callable[[Container], bool]
"""Is a container to be streamed, or to be read in turn?"""

NOTICES_KEPT = 4
"""So many notices of one stream wait until the engine was asked; what is more is given up."""


class Holding:
    """How samples of one engine's containers come: each by a stream with a task, or read in turn.

    ``known`` are the chosen containers by id; whoever lists them replaces it. Between two reads of
    a container are ``interval`` seconds; ``reads`` is how many there were.
    """

    def __init__(
        self,
        client: EngineClient,
        journal: Journal,
        clock: Clock,
        random: Callable[[], float],
        interval: float,
        *,
        direct: Direct | None = None,
    ) -> None:
        self._client, self._journal, self._random = client, journal, random
        self._direct = direct
        self.clock, self.calm = clock, False
        self.rotation = Rotation(self._read, clock, interval)
        self._inspector = Inspector(client, journal, clock)
        self._held: dict[str, Held] = {}
        self._streams: dict[str, asyncio.Task[None]] = {}
        self._looks: dict[str, asyncio.Task[None]] = {}
        self._searches: dict[str, asyncio.Task[None]] = {}
        self._streamed: Streamed = _always
        self._read_seconds: deque[float] = deque(maxlen=MEASURED)
        self.reads = 0
        self.known: dict[str, Container] = {}

    @property
    def held(self) -> KeysView[str]:
        """The containers whose samples come, by id."""
        return self._held.keys()

    @property
    def read_directly(self) -> int:
        """How many of them do not come from the engine."""
        return 0 if self._direct is None else len(self._direct)

    def load(self) -> Load:
        """What this is for the engine, as far as it was measured."""
        first = islice(self._streams, MEASURED)
        cycles = [cycle for key in first if (cycle := self._held[key].attention.cycle)]
        reads = self._read_seconds
        return Load(
            len(self._held) - self.read_directly,
            median(cycles) if cycles else None,
            median(reads) if reads else None,
        )

    def open(self, container: Container, joined: Joined, streamed: Streamed) -> None:
        """Have a container's samples come from now on."""
        held = self._held[container.id] = Held(container, self, joined)
        self._streamed = streamed
        if self._direct is None:
            self._ask_engine(held)
        else:
            self._search(held)

    def arrange(self, streamed: Streamed) -> None:
        """Have all samples of the engine come in the way they should; counters go on."""
        self._streamed = streamed
        for key, held in self._held.items():
            if not self._comes_from_engine(key) or streamed(held.container) == (
                key in self._streams
            ):
                continue
            if key in self.rotation:
                self.rotation.remove(key)
                self._stream(held)
            else:
                self._streams.pop(key).cancel()
                self._take_turns(held, at_once=False)

    def tell_waiting(self, keys: Iterable[str]) -> None:
        """Tell samples of these that wait, before anything else is told of them."""
        for key in keys:
            if held := self._held.get(key):
                held.tell_waiting()
            if self._direct is not None:
                self._direct.tell_waiting(key)

    async def catch_up(self) -> None:
        """Tell all samples that wait, some at a time."""
        for number, key in enumerate([*self._held], 1):
            self.tell_waiting([key])
            if number % AT_ONCE == 0:
                await self.clock.sleep(0)

    def revive(self) -> None:
        """Look again for those of which no samples come."""
        if self._direct is not None:
            for key, held in self._held.items():
                if key not in self._direct and not self._comes_from_engine(key):
                    self._search(held)

    def close(self, ids: Iterable[str]) -> None:
        """Have samples of these come no longer."""
        for key in ids:
            if held := self._held.pop(key, None):
                held.tell_waiting()
            self.rotation.remove(key)
            if self._direct is not None:
                self._direct.close([key])
            for tasks in (self._streams, self._looks, self._searches):
                if task := tasks.pop(key, None):
                    task.cancel()

    def _comes_from_engine(self, key: str) -> bool:
        return key in self._streams or key in self.rotation

    def _ask_engine(self, held: Held) -> None:
        if self._streamed(held.container):
            self._stream(held)
        else:
            self._take_turns(held, at_once=True)

    def _search(self, held: Held) -> None:
        """Find out, beside all else, how samples of a container can come now."""
        key = held.container.id
        if self._held.get(key) is held and key not in self._searches:
            self._searches[key] = held.joined.tasks.create_task(self._find(held))

    async def _find(self, held: Held) -> None:
        """Read it directly if it runs and can be reached; else the engine is asked."""
        key, direct = held.container.id, self._direct
        found = await self._found(held)
        del self._searches[key]
        if direct is None or found is None or waits(found) or self._held.get(key) is not held:
            return
        try:
            direct.open(held, found)
        except OutOfReach:
            if direct.wanted == "auto" and not self._comes_from_engine(key):
                held.learned = True
                self._ask_engine(held)
            return
        self.rotation.remove(key)
        if task := self._streams.pop(key, None):
            task.cancel()

    async def _found(self, held: Held) -> InspectedContainer | None:
        """What the engine tells of it, sooner or later; ``None`` if it has it no more."""
        container = held.container
        while True:
            try:
                return await self._learn(container.id, held.joined.outlet)
            except NoSuchContainer:
                self._lose(held)
                return None
            except EngineError as error:
                sentence = str(error)  # not the error: its traceback would hold this frame
            await self.clock.sleep(self._pause(held))
            if not held.joined.lost():
                self._journal.trouble("inspect failed", sentence, container.alias)

    def run_over(self, held: Held, *, reached: bool) -> None:
        """A container that was read directly has ended, and may run again already."""
        if reached:
            self._search(held)
        elif self._direct is not None and self._direct.wanted == "auto":
            self._ask_engine(held)

    def _stream(self, held: Held) -> None:
        held.usual = 0.0
        self._streams[held.container.id] = held.joined.tasks.create_task(self._hold(held))

    def _take_turns(self, held: Held, *, at_once: bool) -> None:
        held.tell_waiting()
        held.usual = held.asked_every = self.rotation.interval
        self.rotation.add(held.container.id, at_once=at_once)

    def _lose(self, held: Held) -> None:
        """The engine has it no more; if the next list has it all the same, it is opened again."""
        key = held.container.id
        if self._held.get(key) is held:
            del self._held[key]
            held.tell_waiting()
            self._streams.pop(key, None)
            self.rotation.remove(key)
            if self._direct is not None:
                self._direct.close([key])

    async def relearn(self, container: Container, outlet: Outlet[Observation]) -> None:
        """Ask once more; a stream outlives a restart of its container."""
        held = self._held.get(container.id)
        if self._direct is not None and held is not None:
            self._search(held)
            return
        try:
            await self._learn(container.id, outlet)
        except NoSuchContainer:
            return  # an event has told, or will
        except EngineError as error:
            self._journal.trouble("inspect failed", str(error), container.alias)

    def garbage(self, subject: str, data: bytes, error: str) -> None:
        """Something came that is no message."""
        self._journal.trouble(
            "garbage received",
            f"engine {self._client.name} sent something that is no message ({subject}):"
            f" {error}. It is skipped.",
            subject,
            begins=data[:60].decode(errors="replace"),
        )

    def notice(self, notice: Notice, held: Held) -> None:
        """Something is remarkable in how the frames of a container come."""
        if notice == "late":
            engine, seconds = self._client.name, held.attention.seconds_late
            self._journal.trouble("late sample", late_sentence(engine, seconds), engine)
        elif len(held.notices) >= NOTICES_KEPT:
            self._journal.drop("notice given up")
        else:
            held.notices.append(notice)
            key = held.container.id
            if key in self._held and key not in self._looks:
                self._looks[key] = held.joined.tasks.create_task(self._look_into(held))

    async def _hold(self, held: Held) -> None:
        """Keep one container's stream open until told to stop, or until it is removed."""
        container = held.container
        while True:
            trouble: tuple[str, str, str] | None = None
            opened = self.clock.monotonic()
            try:
                if not held.learned:
                    await self._learn(container.id, held.joined.outlet)
                held.learned = False
                await self._client.stats(container.id, held.take, held.garbage, held.take_again)
            except NoSuchContainer:
                self._lose(held)
                return
            except NoSocketLeft as error:
                trouble = ("no socket left", str(error), self._client.name)
            except EngineError as error:
                # Not the error: its traceback would hold this frame.
                trouble = ("stream lost", str(error), container.alias)
            held.tell_waiting()
            # A lost engine ends this wait for good, and is told once, not once a container.
            await self.clock.sleep(self._pause(held))
            if trouble and not held.joined.lost():
                code, sentence, subject = trouble
                if self.clock.monotonic() - opened > STEADY_SECONDS:
                    self._journal.over(code, subject)
                self._journal.trouble(code, sentence, subject)

    async def _read(self, key: str) -> None:
        """One sample of a container whose turn it is."""
        held, began = self._held[key], self.clock.monotonic()
        self.reads += 1
        container = self.known.get(key, held.container)
        try:
            if container.started_at is None:
                await self._learn(key, held.joined.outlet)
            frame = await self._client.sample(key, READ_SECONDS)
        except NoSuchContainer:
            self._lose(held)
        except EngineError as error:
            sentence = str(error)  # not the error: its traceback would hold this frame
            await self.clock.sleep(TELL_SECONDS)
            if not held.joined.lost():
                self._journal.trouble("read failed", sentence, container.alias)
        else:
            self._read_seconds.append(self.clock.monotonic() - began)
            self._journal.over("read failed", container.alias)
            if self._held.get(key) is held:
                held.take(frame, b"")

    def _pause(self, held: Held) -> float:
        if held.backoff is None:
            held.backoff = Backoff(1.0, 30.0, self._random)
        return held.backoff.delay()

    async def _look_into(self, held: Held) -> None:
        """What was noticed, in its order: one request at a time, beside the samples."""
        container = held.container
        try:
            while held.notices:
                if held.notices.pop(0) == "empty":
                    await self._explain(container, held.joined.outlet)
                elif self._journal.over("empty samples", container.alias):
                    self._journal.told("samples come again", container=container.alias)
        finally:
            self._looks.pop(container.id, None)

    async def _explain(self, container: Container, outlet: Outlet[Observation]) -> None:
        """Stopped containers give empty samples too; so ask, and tell if this one runs."""
        try:
            found = await self._learn(container.id, outlet)
        except EngineError:
            return  # asked again soon, if it stays so
        if found.state.status == "running":
            key = found.host_config.network_of
            owner = self.known[key].alias if key in self.known else key[:12]
            sentence = empty_sentence(self._client.name, container.alias, owner)
            self._journal.trouble("empty samples", sentence, container.alias)

    async def _learn(self, key: str, outlet: Outlet[Observation]) -> InspectedContainer:
        """Ask when a container's present life began, its restarts, and what it may use."""
        found = await self._inspector.ask(key)
        state = found.state
        if found is not UNTOLD and (known := self.known.get(key)):
            self.known[key] = structs.replace(known, started_at=state.started_at)
        if self.calm:
            await self._client.catch_up()  # some may be of the life that began then
        self.tell_waiting([key])
        if found is not UNTOLD and (known := self.known.get(key)):
            health = state.health.status if state.health else None
            resources = Resources.of(found.host_config)
            seen = state_in(state.status)
            await outlet.send(Condition(known, seen, health, found.restarts, resources=resources))
        return found


def _always(_: Container) -> bool:
    return True
