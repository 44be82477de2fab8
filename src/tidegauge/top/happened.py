"""What happened to containers while it was watched."""

from collections import deque

from tidegauge.clock import Clock
from tidegauge.web.views import EventView

MOST_EVENTS = 1000
"""Of all containers; the oldest are forgotten."""


class Happened:
    """The newest events; implements `tidegauge.web.onlooker.Teller`."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._events: deque[EventView] = deque(maxlen=MOST_EVENTS)

    @property
    def at(self) -> float:
        """Unix time."""
        return self._clock.now()

    def happened(self, event: EventView) -> None:
        """Keep it."""
        self._events.append(event)

    def of(self, key: str) -> list[EventView]:
        """Of one container."""
        return [each for each in self._events if each.entity == f"container:{key}"]
