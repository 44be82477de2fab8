"""Hold the live stats stream of every chosen container of one engine, whatever happens to it.

Events are the doorbell, the list is the truth: any event of a container's life makes us ask which
containers there are, and a list once a minute finds what no event told. Each container has a task
of its own, so a hung or broken stream delays no other.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping

from msgspec import Struct, structs

from tidegauge.clock import Clock
from tidegauge.docker.backoff import Backoff
from tidegauge.docker.choice import Choice
from tidegauge.docker.client import EngineClient
from tidegauge.docker.frames import Container, Engine, ListedContainer, Sample
from tidegauge.errors import EngineError, NoSuchContainer
from tidegauge.journal import Journal
from tidegauge.streams import Outlet, Source

RECONCILE_SECONDS = 60.0
RETRY_SECONDS = 2.0
SETTLE_SECONDS = 0.1
"""A start is several events within milliseconds; one list answers them all."""

STEADY_SECONDS = 60.0
"""A stream that lived so long before it broke is worth telling again."""

ALIVE = frozenset({"running", "paused", "restarting"})

INSPECTIONS_AT_ONCE = 4


class Changes(Struct, frozen=True):
    """What a new list asks for."""

    open: tuple[Container, ...]
    close: tuple[str, ...]


def plan(
    engine: Engine,
    choice: Choice,
    listed: Iterable[ListedContainer],
    watched: Mapping[str, Container],
) -> Changes:
    """Compare the containers there are with those watched, by id.

    A rename closes and opens again. Of two containers with one alias the one not
    watched before gets its id added: their values never mix.
    """
    wanted: dict[str, Container] = {}
    aliases: set[str] = set()
    for container in sorted(listed, key=lambda one: one.id not in watched):
        alias = choice.decide(container).alias
        if alias is None or container.state not in ALIVE:
            continue
        if alias in aliases:
            alias = f"{alias}-{container.id[:12]}"
        aliases.add(alias)
        wanted[container.id] = Container(
            engine, container.id, container.name, alias, container.image or ""
        )
    unchanged = {key for key, was in watched.items() if _same(was, wanted.get(key))}
    return Changes(
        open=tuple(container for key, container in wanted.items() if key not in unchanged),
        close=tuple(key for key in watched if key not in unchanged),
    )


def _same(was: Container, now: Container | None) -> bool:
    return now is not None and structs.replace(was, started_at=None) == now


class Follower:
    """Follows the chosen containers of one engine and sends their samples.

    ``engine`` is ``None`` until the engine answered; ``watched`` are the open streams by id;
    ``trouble`` says in words why there is no engine.
    """

    def __init__(
        self,
        client: EngineClient,
        choice: Choice,
        journal: Journal,
        clock: Clock,
        random: Callable[[], float],
    ) -> None:
        self._client, self._choice, self._journal, self._clock = client, choice, journal, clock
        self._random = random
        self._inspections = asyncio.Semaphore(INSPECTIONS_AT_ONCE)
        self._streams: dict[str, asyncio.Task[None]] = {}
        self._started: set[str] = set()
        self.watched: dict[str, Container] = {}
        self.engine: Engine | None = None
        self.listed = False
        self.trouble = ""

    @property
    def settled(self) -> bool:
        """True when the engine answered and its containers were listed."""
        return self.engine is not None and self.listed

    def status(self) -> str:
        """What is being waited for, in a few words."""
        doing = "waiting for" if self.trouble else "connecting to"
        return f"{doing} engine {self._client.name}"

    def source(self) -> Source[Sample]:
        """Samples of all chosen containers, as they come.

        Emits when: a stream gives a sample.
        Backpressures when: what follows does; that stalls the sockets, so nothing slow follows.
        Completes when: never; a lost engine is tried again for ever.
        Fails when: never for an engine's sake.
        """
        return Source(f"stats streams of {self._client.name}", self._follow)

    async def _follow(self, outlet: Outlet[Sample]) -> None:
        backoff = Backoff(0.5, 15.0, self._random)
        try:
            while True:
                try:
                    self.engine = await self._client.connect()
                    self._arrived(self.engine)
                    backoff.reset()
                    await self._session(self.engine, outlet)
                except EngineError as error:
                    self.engine, self.trouble = None, str(error)
                    self._journal.trouble("engine lost", str(error), self._client.name)
                await self._clock.sleep(backoff.delay())
        finally:
            await self._client.close()

    def _arrived(self, engine: Engine) -> None:
        self.trouble = ""
        self._journal.over("engine lost", engine.name)
        self._journal.told(
            "engine answers", engine=engine.name, kind=engine.kind, version=engine.version
        )

    async def _session(self, engine: Engine, outlet: Outlet[Sample]) -> None:
        """From the first list until the engine is lost; then raises `EngineError`."""
        doorbell = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            listening = tasks.create_task(self._listen(doorbell))
            while not listening.done():
                doorbell.clear()
                listed = await self._reconcile(engine, outlet, tasks)
                await self._clock.wait(doorbell, RECONCILE_SECONDS if listed else RETRY_SECONDS)
                await self._clock.sleep(SETTLE_SECONDS)
            self._close(tuple(self.watched))
        if lost := listening.result():
            raise lost

    async def _listen(self, doorbell: asyncio.Event) -> EngineError | None:
        """Ring when listening began and at each event; return when no more will come."""
        try:
            async with self._client.events(self._garbage_from("events")) as events:
                doorbell.set()
                async for event in events:
                    if event.action == "start":
                        self._started.add(event.actor.id)
                    doorbell.set()
        except EngineError as error:
            return error
        finally:
            doorbell.set()
        return None

    async def _reconcile(
        self, engine: Engine, outlet: Outlet[Sample], tasks: asyncio.TaskGroup
    ) -> bool:
        """Open and close streams as the engine's list asks; false if it could not be had."""
        try:
            listed = await self._client.containers(stopped=True)
        except EngineError as error:
            self._journal.trouble("list failed", str(error), self._client.name)
            return False
        self.listed = True
        self._journal.over("list failed", self._client.name)
        self._tell_missing(listed)
        changes = plan(engine, self._choice, listed, self.watched)
        self._close(changes.close)
        # A stream outlives a restart of its container; only its time of birth is new.
        for restarted in self._started & self.watched.keys():
            tasks.create_task(self._relearn_birth(self.watched[restarted]))
        self._started.clear()
        for container in changes.open:
            self.watched[container.id] = container
            self._streams[container.id] = tasks.create_task(self._hold(container, outlet))
        return True

    def _close(self, ids: Iterable[str]) -> None:
        for key in ids:
            self.watched.pop(key, None)
            if stream := self._streams.pop(key, None):
                stream.cancel()

    def _tell_missing(self, listed: list[ListedContainer]) -> None:
        missing = self._choice.missing(listed)
        for key in missing:
            self._journal.trouble(
                "container missing",
                f'engine {self._client.name} has no container "{key}" yet; it is watched as soon'
                " as it appears.",
                f"{self._client.name}: {key}",
            )
        for key in self._choice.named:
            subject = f"{self._client.name}: {key}"
            if key not in missing and self._journal.over("container missing", subject):
                self._journal.told("container appeared", engine=self._client.name, container=key)

    async def _hold(self, container: Container, outlet: Outlet[Sample]) -> None:
        """Keep one container's stream open until told to stop, or until it is removed."""
        backoff = Backoff(1.0, 30.0, self._random)
        while True:
            trouble: EngineError | None = None
            opened = self._clock.monotonic()
            try:
                await self._learn_birth(container.id)
                await self._stream(container, outlet, backoff)
            except NoSuchContainer:
                return
            except EngineError as error:
                trouble = error
            # A lost engine ends this wait for good, and is told once, not once a container.
            await self._clock.sleep(backoff.delay())
            if trouble is not None:
                if self._clock.monotonic() - opened > STEADY_SECONDS:
                    self._journal.over("stream lost", container.alias)
                self._journal.trouble("stream lost", str(trouble), container.alias)

    async def _stream(self, container: Container, outlet: Outlet[Sample], backoff: Backoff) -> None:
        garbage = self._garbage_from(container.alias)
        async with self._client.stats(container.id, garbage) as frames:
            async for frame in frames:
                await outlet.send(Sample(self.watched.get(container.id, container), frame))
                backoff.reset()

    async def _relearn_birth(self, container: Container) -> None:
        try:
            await self._learn_birth(container.id)
        except EngineError as error:
            self._journal.trouble("inspect failed", str(error), container.alias)

    async def _learn_birth(self, key: str) -> None:
        """Ask when a watched container's present life began."""
        async with self._inspections:
            born = (await self._client.inspect(key)).state.started_at
        if watched := self.watched.get(key):
            self.watched[key] = structs.replace(watched, started_at=born)

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
