"""What viewers are shown beside the registry: the newest samples, and what happens."""

from collections.abc import Mapping
from typing import Protocol

from tidegauge.docker.frames import Container
from tidegauge.docker.intervals import Interval
from tidegauge.docker.lives import Condition, LifeEvent
from tidegauge.readings.layout import Steady
from tidegauge.web.recent import Recent
from tidegauge.web.views import EventView

Facts = Mapping[str, str | int | float | None]


class Teller(Protocol):
    """Whom events are told to."""

    @property
    def at(self) -> float:
        """The Unix time now."""
        ...

    def happened(self, event: EventView) -> None:
        """Something happened."""
        ...


class Onlooker:
    """Implements `tidegauge.pipeline.Onlooker`."""

    name = "viewers"

    def __init__(self, recent: Recent, live: Teller) -> None:
        self._recent, self._live = recent, live

    def interval(self, interval: Interval) -> None:
        """A sample came."""
        self._recent.interval(interval)

    def steady(self, sample: Steady) -> None:
        """A sample came that goes on as the one before."""
        self._recent.steady(sample)

    def life(self, event: LifeEvent) -> None:
        """Something happened to a container."""
        facts = {"exit_code": event.exit_code, "lifetime": event.lifetime, "health": event.health}
        self._happened(event.container, event.at.timestamp(), event.kind, facts)

    def condition(self, seen: Condition) -> None:
        """A state was seen; told is only that an alias goes on with another container."""
        if seen.before:
            facts = {"before": seen.before, "now": seen.container.id}
            self._happened(seen.container, self._live.at, "recreated", facts)

    def _happened(self, container: Container, at: float, kind: str, facts: Facts) -> None:
        known = {name: fact for name, fact in facts.items() if fact is not None}
        entity = f"container:{container.engine.name}/{container.alias}"
        self._live.happened(EventView(at, entity, kind, known))
