"""What moves, sent to all who watch: one look a second, and none when nobody watches.

Each viewer has a slot with the newest state. A second that a viewer has not taken yet is merged
into it, so one that reads slowly gets the newest and never a queue.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from functools import cached_property
from typing import Protocol

import msgspec

from tidegauge.clock import Clock
from tidegauge.errors import Unanswerable
from tidegauge.journal import Journal
from tidegauge.web.views import EventView, LiveContainer, LiveOverview, LiveStatus

BEAT = 1.0
STATUS_EVERY = 5
"""Beats between two words about how Tidegauge does."""

KEEP_ALIVE = 15.0
MOST_VIEWERS = 100
MOST_EVENTS = 100
"""That wait for one viewer; the oldest are dropped."""

DROPPED = "live event dropped"
FAILED = "live view failed"
GREETING = b"retry: 2000\n\n"
STILL_THERE = b": keep-alive\n\n"

Containers = Mapping[str, LiveContainer]
"""By key."""


class Sight(Protocol):
    """Where a look goes."""

    def containers(self) -> Containers:
        """All containers now."""
        ...

    def watched(self, keys: Collection[str]) -> None:
        """Somebody watches these, or without any, all."""
        ...

    def status(self, viewers: int) -> LiveStatus:
        """How Tidegauge does."""
        ...


class Beat:
    """What changed until ``at``; encoded once, for all viewers who get just this."""

    def __init__(self, at: float, containers: Containers, gone: Collection[str]) -> None:
        self.at, self.containers, self.gone = at, containers, gone

    @cached_property
    def encoded(self) -> bytes:
        """As it is sent."""
        view = LiveOverview(self.at, dict(self.containers), sorted(self.gone))
        return message("overview", view)

    def then(self, later: "Beat") -> "Beat":
        """Both in one, the later one wins."""
        kept = {key: each for key, each in self.containers.items() if key not in later.gone}
        gone = {key for key in self.gone if key not in later.containers}
        return Beat(later.at, {**kept, **later.containers}, gone | {*later.gone})

    def only(self, keys: Collection[str]) -> "Beat":
        """What of it is about these containers."""
        containers = {key: each for key, each in self.containers.items() if key in keys}
        return Beat(self.at, containers, [key for key in self.gone if key in keys])


class Viewer:
    """One who watches all containers, or those of the ``keys``."""

    def __init__(self, keys: frozenset[str], lost: Callable[[], None]) -> None:
        self.keys, self._lost = keys, lost
        self._beat: Beat | None = None
        self._events: deque[bytes] = deque()
        self._status: bytes | None = None
        self._wake = asyncio.Event()
        self._over = False

    def beat(self, beat: Beat) -> None:
        """The newest state, merged into what was not taken yet."""
        if self.keys:
            beat = beat.only(self.keys)
        self._beat = beat if self._beat is None else self._beat.then(beat)
        self._wake.set()

    def event(self, key: str, encoded: bytes) -> None:
        """Something happened to the container of this key."""
        if self.keys and key not in self.keys:
            return
        if len(self._events) >= MOST_EVENTS:
            self._events.popleft()
            self._lost()
        self._events.append(encoded)
        self._wake.set()

    def status(self, encoded: bytes) -> None:
        """The newest word about Tidegauge."""
        self._status = encoded
        self._wake.set()

    def end(self) -> None:
        """No more will come."""
        self._over = True
        self._wake.set()

    async def messages(self, clock: Clock) -> AsyncIterator[bytes]:
        """What waits, as often as there is something; a comment when there is nothing for long."""
        yield GREETING
        while not self._over:
            if await clock.wait(self._wake, KEEP_ALIVE):
                yield self._take()
            else:
                yield STILL_THERE

    def _take(self) -> bytes:
        self._wake.clear()
        beat, status, events = self._beat, self._status, tuple(self._events)
        self._beat = self._status = None
        self._events.clear()
        parts = [beat.encoded] if beat is not None else []
        return b"".join((*parts, *events, status or b""))


class Live:
    """Looks once a second while somebody watches. Must be run to do so."""

    def __init__(self, sight: Sight, clock: Clock, journal: Journal) -> None:
        self._sight, self._clock, self._journal = sight, clock, journal
        self._viewers: set[Viewer] = set()
        self._watched = asyncio.Event()
        self._known: Containers = {}

    @property
    def viewers(self) -> int:
        """How many watch."""
        return len(self._viewers)

    @property
    def at(self) -> float:
        """The Unix time now."""
        return self._clock.now()

    def join(self, keys: frozenset[str]) -> Viewer:
        """A new viewer, who first gets everything; raises `Unanswerable` when it is full."""
        if len(self._viewers) >= MOST_VIEWERS:
            sentence = f"{MOST_VIEWERS} viewers watch already, and more are not served; try later."
            raise Unanswerable(sentence, 503)
        if not self._viewers:
            self._known = self._sight.containers()
        viewer = Viewer(keys, lambda: self._journal.drop(DROPPED))
        viewer.beat(Beat(self._clock.now(), self._known, ()))
        viewer.status(self._told())
        self._viewers.add(viewer)
        self._tell_watched()
        self._watched.set()
        return viewer

    def leave(self, viewer: Viewer) -> None:
        """It watches no more."""
        self._viewers.discard(viewer)
        if not self._viewers:
            self._watched.clear()
            self._known = {}

    def happened(self, event: EventView) -> None:
        """Tell all viewers of an event."""
        if self._viewers:
            encoded = message("happened", event)
            for viewer in self._viewers:
                viewer.event(event.entity.removeprefix("container:"), encoded)

    async def run(self) -> None:
        """Look until cancelled."""
        beats = 0
        while True:
            await self._watched.wait()
            await self._clock.sleep(BEAT)
            beats += 1
            try:
                self._look(status=beats % STATUS_EVERY == 0)
            except Exception as error:  # noqa: BLE001 (a bug here costs the viewers a second)
                self._journal.trouble(FAILED, f"a look for viewers failed: {error!r}.")
                self._journal.traceback(error)

    def end(self) -> None:
        """Let all viewers go."""
        for viewer in self._viewers:
            viewer.end()

    def _look(self, *, status: bool) -> None:
        if not self._viewers:
            return
        self._tell_watched()
        seen = self._sight.containers()
        changed = {key: each for key, each in seen.items() if self._known.get(key) != each}
        gone = self._known.keys() - seen.keys()
        self._known = seen
        beat = Beat(self._clock.now(), changed, gone)
        told = self._told() if status else None
        for viewer in self._viewers:
            viewer.beat(beat)
            if told is not None:
                viewer.status(told)

    def _tell_watched(self) -> None:
        for keys in {viewer.keys for viewer in self._viewers}:
            self._sight.watched(keys)

    def _told(self) -> bytes:
        return message("status", self._sight.status(len(self._viewers)))


def message(kind: str, data: object) -> bytes:
    """A message of a stream of server-sent events; JSON has no line ends."""
    return b"event: %s\ndata: %s\n\n" % (kind.encode(), msgspec.json.encode(data))
