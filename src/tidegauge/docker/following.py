"""Have samples of every chosen container of one engine, whatever happens to it.

Events are the doorbell, the list is the truth: any event of a container's life makes us ask which
containers there are, and a list once a minute finds what no event told. The streams themselves are
held in `tidegauge.docker.holding`.
"""

import asyncio
import math
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from functools import partial

from tidegauge.backoff import Backoff
from tidegauge.clock import Clock
from tidegauge.docker.absences import Absences
from tidegauge.docker.choice import Choice
from tidegauge.docker.client import EngineClient
from tidegauge.docker.direct import Direct
from tidegauge.docker.effort import EffortMeter
from tidegauge.docker.frames import Container, ContainerEvent, Engine, ListedContainer
from tidegauge.docker.held import WAIT_SECONDS, Joined
from tidegauge.docker.holding import Holding
from tidegauge.docker.interest import Interest
from tidegauge.docker.lives import Condition, Observation, life_event, time_of
from tidegauge.docker.pacing import STREAMS, Demand, Pace, can_turn
from tidegauge.docker.roster import Generations, plan, present
from tidegauge.docker.stock import EngineGone
from tidegauge.docker.survey import Survey
from tidegauge.errors import EngineError, RequestForbidden
from tidegauge.journal import Journal
from tidegauge.streams import Outlet, Source

RECONCILE_SECONDS = 60.0
RETRY_SECONDS = 2.0
PACE_SECONDS = 5.0
LOOK_SECONDS = 5.0
"""Between two lists where nobody may listen."""

SETTLE_SECONDS = 0.1
"""A start is several events within milliseconds; one list answers them all."""

LASTING_SECONDS = 15.0
"""An engine that is lost sooner, each time, is asked less and less often."""

REPLAYED_EVENTS = 256
"""An engine keeps so many past events; what was heard before is recognised among them."""


class Follower:
    """Follows the chosen containers of one engine and sends their samples.

    ``engine`` is ``None`` until the engine answered; ``trouble`` says in words why, and ``lost``
    how often one that answered was lost. Followers of several engines share the ``absences``. What
    samples are wanted for, the ``demand``, decides how they come; ``interest`` is to be told of
    looks at containers. What can be is read by ``direct``, without the engine.
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
        demand: Demand = STREAMS,
        effort: EffortMeter | None = None,
        direct: Direct | None = None,
    ) -> None:
        self._survey, self._effort, self._direct = survey, effort, direct
        self._absences = absences or Absences(choice, journal, [client.name])
        self._client, self._choice, self._journal, self._clock = client, choice, journal, clock
        self._random = random
        self._demand, self._pace, self._in_turn = demand, Pace(demand), False
        self._holding = Holding(client, journal, clock, random, demand.interval, direct=direct)
        self.interest = Interest(clock)
        self._started: set[str] = set()
        self._births: dict[str, datetime] = {}
        self._in_list: frozenset[str] = frozenset()
        self._heard: deque[tuple[int, str, str]] = deque(maxlen=REPLAYED_EVENTS)
        self._generations = Generations()
        self._caught_up_at = -math.inf
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
        """The containers whose samples come, by id."""
        known = self._holding.known
        return {key: known[key] for key in self._holding.held if key in known}

    @property
    def read_in_turn(self) -> int:
        """How many of them have no stream."""
        return len(self._holding.rotation)

    @property
    def read_directly(self) -> int:
        """How many of them are read without the engine."""
        return self._holding.read_directly

    @property
    def why_not_directly(self) -> Mapping[str, str]:
        """Why others are not, by alias."""
        return {} if self._direct is None else self._direct.why_not

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
        Backpressures when: never, for a stalled stream slows every client of an engine.
        Completes when: never; a lost engine is tried again for ever.
        Fails when: a sample cannot be put at once, because something waits; never for an engine's
        sake.
        """
        return Source(f"stats streams of {self._client.name}", self._follow)

    async def _follow(self, outlet: Outlet[Observation]) -> None:
        backoff = Backoff(0.5, 15.0, self._random)
        try:
            while True:
                began = math.inf
                try:
                    self.engine = await self._client.connect()
                    self._arrived(self.engine)
                    began = self._clock.monotonic()
                    await self._session(self.engine, outlet)
                except EngineError as error:
                    if self._clock.monotonic() - began > LASTING_SECONDS:
                        backoff.reset()
                    self.lost += self.engine is not None
                    self.engine, self.trouble = None, str(error)
                    self._journal.trouble("engine lost", str(error), self._client.name)
                    self._absences.away(self._client.name)
                await self._clock.sleep(backoff.delay())
        finally:
            self._holding.close(tuple(self._holding.held))
            if self._direct is not None:
                self._direct.close_all()
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
            self._keep_pace(engine)
            beside = [
                tasks.create_task(self._look_around(engine, outlet)),
                tasks.create_task(self._arrange(engine)),
                tasks.create_task(self._measure(engine, outlet)),
                tasks.create_task(self._read_directly()),
            ]
            joined = Joined(outlet, tasks, listening.done)
            # An engine that takes longer to let us listen is listed at once, and once more then.
            await self._clock.wait(doorbell, SETTLE_SECONDS)
            while not listening.done():
                doorbell.clear()
                listed = await self._reconcile(engine, joined)
                await self._clock.wait(doorbell, RECONCILE_SECONDS if listed else RETRY_SECONDS)
                await self._clock.sleep(SETTLE_SECONDS)
            self._holding.close(tuple(self._holding.held))
            for each in beside:
                each.cancel()
        await outlet.send(EngineGone(engine))
        for container in self._holding.known.values():  # nobody knows how they are meanwhile
            await outlet.send(Condition(container, ""))
        if lost := listening.result():
            raise lost

    async def _look_around(self, engine: Engine, outlet: Outlet[Observation]) -> None:
        if self._survey is not None:
            await self._survey.run(engine, lambda: self._holding.known, outlet)

    async def _measure(self, engine: Engine, outlet: Outlet[Observation]) -> None:
        if self._effort is not None:
            await self._effort.run(engine, self._holding, outlet)

    async def _read_directly(self) -> None:
        if self._direct is not None:
            await self._direct.run(self.hurried)

    def hurried(self) -> bool:
        """Does anybody want each sample as soon as it was read?"""
        return self._demand.at_once or self.interest.holds_any

    async def read_streams(self) -> None:
        """Send all that moved by now; samples in which nothing did may wait `WAIT_SECONDS`.

        A stream that falls silent does not tell them itself.
        """
        await self._client.catch_up()
        if self._clock.monotonic() - self._caught_up_at >= WAIT_SECONDS:
            await self.catch_up()

    async def catch_up(self) -> None:
        """Send all that has come by now."""
        self._caught_up_at = self._clock.monotonic()
        await self._client.catch_up()
        await self._holding.catch_up()

    async def _arrange(self, engine: Engine) -> None:
        """Read in turn while that is decided, and stream what is looked at.

        What is streamed is read less often while nobody looks.
        """
        async with asyncio.TaskGroup() as tasks:
            if can_turn(engine, self._demand):
                tasks.create_task(self._holding.rotation.run())
            while True:
                self.interest.news.clear()
                self._holding.calm = calm = not self.hurried()
                self._client.read_calmly(calm=calm)
                self._keep_pace(engine)
                if self._in_turn or len(self._holding.rotation):
                    self._holding.arrange(self._streamed)
                await self._clock.wait(self.interest.news, PACE_SECONDS)

    def _keep_pace(self, engine: Engine) -> None:
        before, load = self._in_turn, self._holding.load()
        if not load.containers and self._holding.read_directly:
            return  # the engine sends none
        turns = self._pace.turns(load, self._clock.monotonic())
        self._in_turn = turns and can_turn(engine, self._demand)
        if self._in_turn != before:
            self._holding.rotation.interval = self._pace.interval
            way = "reads in turn" if self._in_turn else "streams"
            self._journal.told("samples come another way", engine=engine.name, way=way)

    def _streamed(self, container: Container) -> bool:
        return not self._in_turn or self.interest.holds(container.alias)

    async def _listen(
        self, engine: Engine, outlet: Outlet[Observation], doorbell: asyncio.Event
    ) -> EngineError | None:
        """Ring when listening began and at each event; return when no more will come.

        Events since the last one heard are replayed by the engine; it keeps few, so the list
        that follows decides.
        """
        garbage, name = partial(self._holding.garbage, "events"), self._client.name
        try:
            while True:
                since = self._heard[-1][0] if self._heard else None
                try:
                    async with self._client.events(garbage, since) as events:
                        self._journal.over("events forbidden", name)
                        doorbell.set()
                        async for event in events:
                            await self._hear(event, engine, outlet)
                            doorbell.set()
                except RequestForbidden as refusal:
                    await self._look_often(refusal, doorbell)
                else:
                    return None
        except EngineError as error:
            return error
        finally:
            doorbell.set()

    async def _look_often(self, refusal: RequestForbidden, doorbell: asyncio.Event) -> None:
        """Ring now and then where no events are told; after a minute they are asked for again."""
        self._journal.trouble(
            "events forbidden",
            f"{refusal} Until then containers are looked for each {LOOK_SECONDS:g} s, and how and"
            " when they end is unknown.",
            self._client.name,
        )
        for _ in range(round(RECONCILE_SECONDS / LOOK_SECONDS)):
            doorbell.set()
            await self._clock.sleep(LOOK_SECONDS)

    async def _hear(
        self, event: ContainerEvent, engine: Engine, outlet: Outlet[Observation]
    ) -> None:
        key = event.actor.id
        heard = (event.time_ns, key, event.action)
        container = self._holding.known.get(key) or self._unlisted(event, engine)
        if heard in self._heard or container is None:
            return
        self._heard.append(heard)
        if event.action in {"start", "update"}:  # what it may use has changed with "update"
            self._started.add(key)
        if event.action == "start":
            self._births[key] = time_of(event)
        started = self._births.get(key) or container.started_at
        if self._holding.calm:
            await self._client.catch_up()
        self._holding.tell_waiting([key])
        await outlet.send(life_event(container, event, started))
        if event.action in {"die", "died", "destroy", "remove"}:
            self._births.pop(key, None)

    def _unlisted(self, event: ContainerEvent, engine: Engine) -> Container | None:
        """A container so young that no list had it yet; events carry its labels."""
        if event.actor.id in self._in_list:  # and is not watched
            return None
        told = event.actor.attributes
        one = ListedContainer(
            id=event.actor.id,
            names=[told.get("name", "")],
            image=told.get("image"),
            state="created",
            labels=told,
        )
        known = self._holding.known
        for condition in present(engine, self._choice, [one], known):
            return known.setdefault(one.id, condition.container)
        return None

    async def _reconcile(self, engine: Engine, joined: Joined) -> bool:
        """Follow whom the engine's list asks for; false if it could not be had."""
        try:
            listed = await self._client.containers(stopped=True)
        except EngineError as error:
            self._journal.trouble("list failed", str(error), self._client.name)
            self._absences.away(self._client.name)
            return False
        self.listed, self._in_list = True, frozenset(each.id for each in listed)
        self._journal.over("list failed", self._client.name)
        self._absences.listed(self._client.name, listed)
        held = self._holding
        if held.calm:
            await self._client.catch_up()  # before any stream is closed
        conditions = self._generations.link(present(engine, self._choice, listed, held.known))
        self._tell_taken(conditions)
        changes = plan(conditions, held.known, tuple(held.held))
        held.close(changes.close)
        listed_now = {each.container.id: each.container for each in conditions}
        held.tell_waiting(key for key, one in held.known.items() if listed_now.get(key) is not one)
        held.known = listed_now
        for restarted in self._started & held.held:
            # A stream outlives a restart of its container; only its time of birth is new.
            joined.tasks.create_task(held.relearn(held.known[restarted], joined.outlet))
        self._started.clear()
        for container in changes.open:
            held.open(container, joined, self._streamed)
        held.revive()
        for condition in (*changes.gone, *conditions):
            await joined.outlet.send(condition)
        return True

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


async def read_streams(followers: Iterable[Follower]) -> None:
    """Have all that moved by now be recorded; that nothing did may wait `WAIT_SECONDS`."""
    for each in followers:
        await each.read_streams()


async def catch_up(followers: Iterable[Follower]) -> None:
    """Have all that came by now be recorded."""
    for each in followers:
        await each.catch_up()
