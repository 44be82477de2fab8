"""Hold the stats streams of one engine's containers, and ask about containers one by one."""

import asyncio
from collections.abc import Callable, Iterable, KeysView

from msgspec import Struct, structs

from tidegauge.backoff import Backoff
from tidegauge.clock import Clock
from tidegauge.docker.attention import Attention, Notice, empty_sentence, late_sentence
from tidegauge.docker.client import EngineClient, InspectedContainer
from tidegauge.docker.frames import Container, Sample, StatsFrame
from tidegauge.docker.lives import Condition, Observation, state_in
from tidegauge.docker.resources import Resources
from tidegauge.errors import EngineError, NoSocketLeft, NoSuchContainer
from tidegauge.journal import Journal
from tidegauge.streams import Outlet

STEADY_SECONDS = 60.0
"""A stream that lived so long before it broke is worth telling again."""

INSPECTIONS_AT_ONCE = 4

NOTICES_KEPT = 4
"""So many notices of one stream wait until the engine was asked; what is more is given up."""


class Joined(Struct, frozen=True):
    """What lasts from the first list of an engine's containers until the engine is lost."""

    outlet: Outlet[Observation]
    tasks: asyncio.TaskGroup
    lost: Callable[[], bool]


class Holding:
    """The open streams of one engine's containers, each held by a task of its own.

    ``known`` are the chosen containers by id; whoever lists them replaces it.
    """

    def __init__(
        self, client: EngineClient, journal: Journal, clock: Clock, random: Callable[[], float]
    ) -> None:
        self._client, self._journal, self._random = client, journal, random
        self.clock = clock
        self._inspections = asyncio.Semaphore(INSPECTIONS_AT_ONCE)
        self._streams: dict[str, asyncio.Task[None]] = {}
        self._looks: dict[str, asyncio.Task[None]] = {}
        self.known: dict[str, Container] = {}

    @property
    def streams(self) -> KeysView[str]:
        """The containers with a stream, by id."""
        return self._streams.keys()

    def open(self, container: Container, joined: Joined) -> None:
        """Hold a container's stream from now on."""
        holding = self._hold(_Stream(container, self, joined))
        self._streams[container.id] = joined.tasks.create_task(holding)

    def close(self, ids: Iterable[str]) -> None:
        """Hold these no longer."""
        for key in ids:
            for tasks in (self._streams, self._looks):
                if task := tasks.pop(key, None):
                    task.cancel()

    async def relearn(self, container: Container, outlet: Outlet[Observation]) -> None:
        """Ask once more; a stream outlives a restart of its container."""
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

    def notice(self, notice: Notice, stream: "_Stream") -> None:
        """Something is remarkable in how the frames of a stream come."""
        if notice == "late":
            engine, seconds = self._client.name, stream.attention.seconds_late
            self._journal.trouble("late sample", late_sentence(engine, seconds), engine)
        elif len(stream.notices) >= NOTICES_KEPT:
            self._journal.drop("notice given up")
        else:
            stream.notices.append(notice)
            key = stream.container.id
            if key in self._streams and key not in self._looks:
                self._looks[key] = stream.joined.tasks.create_task(self._look_into(stream))

    async def _hold(self, stream: "_Stream") -> None:
        """Keep one container's stream open until told to stop, or until it is removed."""
        container = stream.container
        while True:
            trouble: tuple[str, str, str] | None = None
            opened = self.clock.monotonic()
            try:
                await self._learn(container.id, stream.joined.outlet)
                await self._client.stats(container.id, stream.take, stream.garbage)
            except NoSuchContainer:
                # If the next list has it all the same, it is opened again.
                self._streams.pop(container.id, None)
                return
            except NoSocketLeft as error:
                trouble = ("no socket left", str(error), self._client.name)
            except EngineError as error:
                # Not the error: its traceback would hold this frame.
                trouble = ("stream lost", str(error), container.alias)
            # A lost engine ends this wait for good, and is told once, not once a container.
            await self.clock.sleep(self._pause(stream))
            if trouble and not stream.joined.lost():
                if self.clock.monotonic() - opened > STEADY_SECONDS:
                    self._journal.over(trouble[0], trouble[2])
                self._journal.trouble(*trouble)

    def _pause(self, stream: "_Stream") -> float:
        if stream.backoff is None:
            stream.backoff = Backoff(1.0, 30.0, self._random)
        return stream.backoff.delay()

    async def _look_into(self, stream: "_Stream") -> None:
        """What was noticed of a stream, in its order: one request at a time, beside the stream."""
        container = stream.container
        try:
            while stream.notices:
                if stream.notices.pop(0) == "empty":
                    await self._explain(container, stream.joined.outlet)
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
        async with self._inspections:
            found = await self._client.inspect(key)
        if known := self.known.get(key):
            state = found.state
            known = self.known[key] = structs.replace(known, started_at=state.started_at)
            health = state.health.status if state.health else None
            resources = Resources.of(found.host_config)
            seen = state_in(state.status)
            await outlet.send(Condition(known, seen, health, found.restarts, resources=resources))
        return found


class _Stream:
    """One container's stream, and how its frames come; a thousand of these are small."""

    __slots__ = ("attention", "backoff", "container", "holding", "joined", "notices")

    def __init__(self, container: Container, holding: Holding, joined: Joined) -> None:
        self.container, self.holding, self.joined = container, holding, joined
        self.attention = Attention()
        self.backoff: Backoff | None = None
        self.notices: list[Notice] = []

    def take(self, frame: StatsFrame) -> None:
        """A frame came; so the next pause is a short one."""
        container, holding = self.container, self.holding
        container = holding.known.get(container.id, container)
        self.joined.outlet.send_nowait(Sample(container, frame))
        self.backoff = None
        notice = self.attention.sees(frame, holding.clock.monotonic())
        if notice is not None:
            holding.notice(notice, self)

    def garbage(self, data: bytes, error: str) -> None:
        """Something came that is none."""
        self.holding.garbage(self.container.alias, data, error)
