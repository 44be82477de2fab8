"""What the collecting pipeline has just recorded, into the history."""

from collections.abc import Sequence
from datetime import datetime

from tidegauge.clock import Clock
from tidegauge.docker.frames import Container, Engine
from tidegauge.docker.intervals import Interval
from tidegauge.docker.lives import Condition, LifeEvent
from tidegauge.history.recording import Recorder
from tidegauge.history.rows import Event, Fact, Row
from tidegauge.history.taking import Taker
from tidegauge.host import HostSample
from tidegauge.metrics import ContainerRecorders, Entity, Identity, Registry, identity
from tidegauge.metrics.entities import Recorders
from tidegauge.readings.layout import Steady

SURROUNDINGS_SECONDS = 10.0
"""How often rows of the engines and of the machine are taken."""


class Remembering:
    """Implements `tidegauge.pipeline.Onlooker`: takes rows of what the registry has."""

    name = "remember"

    def __init__(self, registry: Registry, recorder: Recorder, clock: Clock) -> None:
        self._registry, self._recorder, self._clock = registry, recorder, clock
        self._taker = Taker()
        self._known: dict[Identity, Entity] = {}
        self._due = clock.monotonic()

    def interval(self, interval: Interval) -> None:
        """The newest values of a container, at the time of its sample."""
        recorders = self._registry.container(interval.container)
        if recorders is not None:
            self._take(recorders, _milliseconds(interval.now.read))

    def steady(self, sample: Steady) -> None:
        """The same of a sample that goes on as the one before."""
        recorders = self._registry.container(sample.layout.container)
        if recorders is not None:
            now, times = self._clock.monotonic(), [*map(_milliseconds, sample.reads)]
            self._keep(
                recorders, self._taker.steady(recorders, sample.layout, sample.rows, times, now)
            )

    def machine(self, _seen: HostSample) -> None:
        """Now and then, the engines and the machine."""
        if self._clock.monotonic() < self._due:
            return
        self._due = self._clock.monotonic() + SURROUNDINGS_SECONDS
        at = round(self._clock.now() * 1000)
        for recorders in self._registry.live():
            if not isinstance(recorders, ContainerRecorders):
                self._take(recorders, at)

    def life(self, event: LifeEvent) -> None:
        """What happened to a container, with what is known of it."""
        facts = {"exit_code": event.exit_code, "lifetime": event.lifetime, "health": event.health}
        known: dict[str, Fact] = {name: fact for name, fact in facts.items() if fact is not None}
        who = identity(event.container)
        self._recorder.event(Event(who, _milliseconds(event.at), event.kind, known))

    def condition(self, seen: Condition) -> None:
        """That a container was made anew; what is gone is forgotten."""
        who = identity(seen.container)
        if seen.before:
            at = seen.container.created or self._clock.now()
            facts: dict[str, Fact] = {"before": seen.before[:12], "now": seen.container.id[:12]}
            self._recorder.event(Event(who, round(at * 1000), "recreated", facts))
        if seen.gone:
            self._taker.forget(who)
            self._known.pop(who, None)

    def _take(self, recorders: Recorders, at: int) -> None:
        row = self._taker.row(recorders, at, self._clock.monotonic())
        self._keep(recorders, [row] if row else [])

    def _keep(self, recorders: Recorders, rows: Sequence[Row]) -> None:
        if not rows:
            return
        entity, who = recorders.entity, rows[0].identity
        if self._known.get(who) is not entity:
            self._known[who] = entity
            self._recorder.know(who, facts_of(entity))
        self._recorder.several(rows)


def facts_of(entity: Entity) -> dict[str, str]:
    """What is remembered of an entity beside its samples: see `Known`."""
    if isinstance(entity, Container):
        tags = {f"tag:{name}": value for name, value in entity.tags}
        named = {name: getattr(entity, name) for name in ("id", "name", "image", "image_id")}
        return {name: fact for name, fact in {**named, **tags}.items() if fact}
    if isinstance(entity, Engine):
        return {name: fact for name in ("kind", "version") if (fact := getattr(entity, name))}
    return {}


def _milliseconds(at: datetime) -> int:
    return round(at.timestamp() * 1000)
