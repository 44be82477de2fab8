"""Which containers of one engine somebody looks at: those are streamed, whatever the others are."""

import asyncio

from tidegauge.clock import Clock

LOOK_SECONDS = 60.0
"""Whoever looked once may look again."""

MOST_LOOKED_AT = 1000
"""Of more that are looked at one by one, those named first are streamed no longer."""


class Interest:
    """Remembers looks for a minute; ``news`` is set by one at what nobody looked at."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._until: dict[str, float] = {}
        self._all_until = -LOOK_SECONDS
        self.news = asyncio.Event()

    def look(self, alias: str) -> None:
        """Somebody looks at one container, by its alias."""
        if not self.holds(alias):
            self.news.set()
        self._until.pop(alias, None)
        self._until[alias] = self._clock.monotonic() + LOOK_SECONDS
        if len(self._until) > MOST_LOOKED_AT:
            del self._until[next(iter(self._until))]

    def look_at_all(self) -> None:
        """Somebody looks at all containers."""
        now = self._clock.monotonic()
        if self._all_until <= now:
            self.news.set()
        self._all_until = now + LOOK_SECONDS

    @property
    def holds_any(self) -> bool:
        """Did anybody look at any within the last minute?"""
        now = self._clock.monotonic()
        return self._all_until > now or any(until > now for until in self._until.values())

    def holds(self, alias: str) -> bool:
        """Did anybody look within the last minute?"""
        now = self._clock.monotonic()
        return self._all_until > now or self._until.get(alias, now) > now
