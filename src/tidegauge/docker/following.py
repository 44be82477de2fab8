"""Hold the live stats stream of every chosen container of one engine, whatever happens to it.

Events are the doorbell, the list is the truth: any event of a container's life makes us ask which
containers there are, and a list once a minute finds what no event told. Each container has a task
of its own, so a hung or broken stream delays no other.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from datetime import datetime

from msgspec import structs

from tidegauge.backoff import Backoff
from tidegauge.clock import Clock
from tidegauge.docker.absences import Absences
from tidegauge.docker.attention import Attention, Notice, empty_sentence, late_sentence
from tidegauge.docker.choice import Choice
from tidegauge.docker.client import EngineClient, InspectedContainer
from tidegauge.docker.frames import Container, ContainerEvent, Engine, ListedContainer, Sample
from tidegauge.docker.lives import Condition, Observation, life_event, state_in, time_of
from tidegauge.docker.resources import Resources
from tidegauge.docker.roster import Generations, plan, present
from tidegauge.docker.stock import EngineGone
from tidegauge.docker.survey import Survey
from tidegauge.errors import EngineError, NoSuchContainer
from tidegauge.journal import Journal
from tidegauge.streams import Outlet, Source

RECONCILE_SECONDS = 60.0
RETRY_SECONDS = 2.0
SETTLE_SECONDS = 0.1
"""A start is several events within milliseconds; one list answers them all."""

STEADY_SECONDS = 60.0
"""A stream that lived so long before it broke is worth telling again."""

INSPECTIONS_AT_ONCE = 4

REPLAYED_EVENTS = 256
"""An engine keeps so many past events; what was heard before is recognised among them."""


class Follower:
    """Follows the chosen containers of one engine and sends their samples.

    ``engine`` is ``None`` until the engine answered; ``trouble`` says in words why, and ``lost``
    how often one that answered was lost. Followers of several engines share the ``absences``.
    """

    def __init__(
        self,
        client: EngineClient,
        choice: Choice,
        journal: Journal,
        clock: Clock,
        random: Callable[[], float],
        *,
        survey: Survey | None = None,
        absences: Absences | None = None,
    ) -> None:
        self._survey = survey
        self._absences = absences or Absences(choice, journal, [client.name])
        self._client, self._choice, self._journal, self._clock = client, choice, journal, clock
        self._random = random
        self._inspections = asyncio.Semaphore(INSPECTIONS_AT_ONCE)
        self._streams: dict[str, asyncio.Task[None]] = {}
        self._started: set[str] = set()
        self._births: dict[str, datetime] = {}
        self._heard: deque[tuple[int, str, str]] = deque(maxlen=REPLAYED_EVENTS)
        self._known: dict[str, Container] = {}
        self._generations = Generations()
        self.engine: Engine | None = None
        self.listed = False
        self.trouble = ""
        self.lost = 0

    @property
    def name(self) -> str:
        """Our name for the engine."""
        return self._client.name

    @property
    def watched(self) -> dict[str, Container]:
        """The containers with an open stream, by id."""
        return {key: self._known[key] for key in self._streams if key in self._known}

    @property
    def settled(self) -> bool:
        """True when the engine answered and its containers were listed."""
        return self.engine is not None and self.listed

    def status(self) -> str:
        """What is being waited for, in a few words."""
        doing = "waiting for" if self.trouble else "connecting to"
        return f"{doing} engine {self._client.name}"

    def source(self) -> Source[Observation]:
        """Samples, events and states of all chosen containers, as they come.

        Emits when: a stream gives a sample, an event comes, a list tells a state.
        Backpressures when: what follows does; that stalls the sockets, so nothing slow follows.
        Completes when: never; a lost engine is tried again for ever.
        Fails when: never for an engine's sake.
        """
        return Source(f"stats streams of {self._client.name}", self._follow)

    async def _follow(self, outlet: Outlet[Observation]) -> None:
        backoff = Backoff(0.5, 15.0, self._random)
        try:
            while True:
                try:
                    self.engine = await self._client.connect()
                    self._arrived(self.engine)
                    backoff.reset()
                    await self._session(self.engine, outlet)
                except EngineError as error:
                    self.lost += self.engine is not None
                    self.engine, self.trouble = None, str(error)
                    self._journal.trouble("engine lost", str(error), self._client.name)
                    self._absences.away(self._client.name)
                await self._clock.sleep(backoff.delay())
        finally:
            await self._client.close()

    def _arrived(self, engine: Engine) -> None:
        self.trouble = ""
        self._journal.over("engine lost", engine.name)
        self._journal.told(
            "engine answers", engine=engine.name, kind=engine.kind, version=engine.version
        )

    async def _session(self, engine: Engine, outlet: Outlet[Observation]) -> None:
        """From the first list until the engine is lost; then raises `EngineError`."""
        doorbell = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            listening = tasks.create_task(self._listen(engine, outlet, doorbell))
            surveying = tasks.create_task(self._look_around(engine, outlet))
            while not listening.done():
                doorbell.clear()
                listed = await self._reconcile(engine, outlet, tasks)
                await self._clock.wait(doorbell, RECONCILE_SECONDS if listed else RETRY_SECONDS)
                await self._clock.sleep(SETTLE_SECONDS)
            self._close(tuple(self._streams))
            surveying.cancel()
        await outlet.send(EngineGone(engine))
        for container in self._known.values():  # nobody knows how they are meanwhile
            await outlet.send(Condition(container, ""))
        if lost := listening.result():
            raise lost

    async def _look_around(self, engine: Engine, outlet: Outlet[Observation]) -> None:
        if self._survey is not None:
            await self._survey.run(engine, lambda: self._known, outlet)

    async def _listen(
        self, engine: Engine, outlet: Outlet[Observation], doorbell: asyncio.Event
    ) -> EngineError | None:
        """Ring when listening began and at each event; return when no more will come.

        Events since the last one heard are replayed by the engine; it keeps few, so the list
        that follows decides.
        """
        since = self._heard[-1][0] if self._heard else None
        try:
            async with self._client.events(self._garbage_from("events"), since) as events:
                doorbell.set()
                async for event in events:
                    await self._hear(event, engine, outlet)
                    doorbell.set()
        except EngineError as error:
            return error
        finally:
            doorbell.set()
        return None

    async def _hear(
        self, event: ContainerEvent, engine: Engine, outlet: Outlet[Observation]
    ) -> None:
        key = event.actor.id
        heard = (event.time_ns, key, event.action)
        container = self._known.get(key) or self._unlisted(event, engine)
        if heard in self._heard or container is None:
            return
        self._heard.append(heard)
        if event.action in {"start", "update"}:  # what it may use has changed with "update"
            self._started.add(key)
        if event.action == "start":
            self._births[key] = time_of(event)
        started = self._births.get(key) or container.started_at
        await outlet.send(life_event(container, event, started))
        if event.action in {"die", "died", "destroy", "remove"}:
            self._births.pop(key, None)

    def _unlisted(self, event: ContainerEvent, engine: Engine) -> Container | None:
        """A container so young that no list had it yet; events carry its labels."""
        told = event.actor.attributes
        one = ListedContainer(
            id=event.actor.id,
            names=[told.get("name", "")],
            image=told.get("image"),
            state="created",
            labels=told,
        )
        for condition in present(engine, self._choice, [one], self._known):
            return self._known.setdefault(one.id, condition.container)
        return None

    async def _reconcile(
        self, engine: Engine, outlet: Outlet[Observation], tasks: asyncio.TaskGroup
    ) -> bool:
        """Open and close streams as the engine's list asks; false if it could not be had."""
        try:
            listed = await self._client.containers(stopped=True)
        except EngineError as error:
            self._journal.trouble("list failed", str(error), self._client.name)
            self._absences.away(self._client.name)
            return False
        self.listed = True
        self._journal.over("list failed", self._client.name)
        self._absences.listed(self._client.name, listed)
        conditions = self._generations.link(present(engine, self._choice, listed, self._known))
        self._tell_taken(conditions)
        changes = plan(conditions, self._known, tuple(self._streams))
        self._close(changes.close)
        self._known = {each.container.id: each.container for each in conditions}
        for restarted in self._started & self._streams.keys():
            # A stream outlives a restart of its container; only its time of birth is new.
            tasks.create_task(self._relearn_birth(self._known[restarted], outlet))
        self._started.clear()
        for container in changes.open:
            self._streams[container.id] = tasks.create_task(self._hold(container, outlet))
        for condition in (*changes.gone, *conditions):
            await outlet.send(condition)
        return True

    def _close(self, ids: Iterable[str]) -> None:
        for key in ids:
            if stream := self._streams.pop(key, None):
                stream.cancel()

    def _tell_taken(self, conditions: Iterable[Condition]) -> None:
        for one in conditions:
            if taken := one.alias_taken:
                name, alias = one.container.name, one.container.alias
                self._journal.trouble(
                    "alias taken",
                    f'container "{name}" of engine {self._client.name} is recorded as "{alias}",'
                    f' because another is called "{taken}" already.',
                    f"{self._client.name}: {alias}",
                )

    async def _hold(self, container: Container, outlet: Outlet[Observation]) -> None:
        """Keep one container's stream open until told to stop, or until it is removed."""
        backoff = Backoff(1.0, 30.0, self._random)
        while True:
            trouble = ""
            opened = self._clock.monotonic()
            try:
                await self._learn_birth(container.id, outlet)
                await self._stream(container, outlet, backoff)
            except NoSuchContainer:
                # If the next list has it all the same, it is opened again.
                self._streams.pop(container.id, None)
                return
            except EngineError as error:
                trouble = str(error)  # not the error: its traceback would hold this frame
            # A lost engine ends this wait for good, and is told once, not once a container.
            await self._clock.sleep(backoff.delay())
            if trouble:
                if self._clock.monotonic() - opened > STEADY_SECONDS:
                    self._journal.over("stream lost", container.alias)
                self._journal.trouble("stream lost", trouble, container.alias)

    async def _stream(
        self, container: Container, outlet: Outlet[Observation], backoff: Backoff
    ) -> None:
        garbage, attention = self._garbage_from(container.alias), Attention()
        async with self._client.stats(container.id, garbage) as frames:
            async for frame in frames:
                await outlet.send(Sample(self._known.get(container.id, container), frame))
                backoff.reset()
                notice = attention.sees(frame, self._clock.monotonic())
                if notice is not None:
                    await self._notice(notice, container, attention.seconds_late, outlet)

    async def _notice(
        self, notice: Notice, container: Container, late: float, outlet: Outlet[Observation]
    ) -> None:
        engine, alias = self._client.name, container.alias
        if notice == "empty":
            await self._look_into_emptiness(container, outlet)
        elif notice == "late":
            self._journal.trouble("late sample", late_sentence(engine, late), engine)
        elif self._journal.over("empty samples", alias):
            self._journal.told("samples come again", container=alias)

    async def _look_into_emptiness(self, container: Container, outlet: Outlet[Observation]) -> None:
        """Stopped containers give empty samples too; so ask, and tell if this one runs."""
        try:
            found = await self._learn_birth(container.id, outlet)
        except EngineError:
            return  # asked again soon, if it stays so
        if found.state.status == "running":
            key = found.host_config.network_of
            owner = self._known[key].alias if key in self._known else key[:12]
            sentence = empty_sentence(self._client.name, container.alias, owner)
            self._journal.trouble("empty samples", sentence, container.alias)

    async def _relearn_birth(self, container: Container, outlet: Outlet[Observation]) -> None:
        try:
            await self._learn_birth(container.id, outlet)
        except NoSuchContainer:
            return  # an event has told, or will
        except EngineError as error:
            self._journal.trouble("inspect failed", str(error), container.alias)

    async def _learn_birth(self, key: str, outlet: Outlet[Observation]) -> InspectedContainer:
        """Ask when a container's present life began, its restarts, and what it may use."""
        async with self._inspections:
            found = await self._client.inspect(key)
        if known := self._known.get(key):
            state = found.state
            known = self._known[key] = structs.replace(known, started_at=state.started_at)
            health = state.health.status if state.health else None
            resources = Resources.of(found.host_config)
            seen = state_in(state.status)
            await outlet.send(Condition(known, seen, health, found.restarts, resources=resources))
        return found

    def _garbage_from(self, subject: str) -> Callable[[bytes, str], None]:
        def garbage(data: bytes, error: str) -> None:
            self._journal.trouble(
                "garbage received",
                f"engine {self._client.name} sent something that is no message ({subject}):"
                f" {error}. It is skipped.",
                subject,
                begins=data[:60].decode(errors="replace"),
            )

        return garbage
