"""What happens to containers besides using resources: their events, and the state they are in."""

import re
from datetime import UTC, datetime, timedelta
from typing import Literal

from msgspec import Struct

from tidegauge.docker.frames import Container, ContainerEvent, ListedContainer, Sample, Still
from tidegauge.docker.resources import Resources
from tidegauge.docker.stock import Surveyed

Health = Literal["starting", "healthy", "unhealthy"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PODMAN_STATES = {
    "configured": "created",
    "initialized": "created",
    "stopping": "running",
    "stopped": "exited",
}
_HEALTH = re.compile(r"\((?:health: )?(starting|healthy|unhealthy)\)")


RENAMED = "renamed"
"""The state in which an alias is left behind by a container that lives on."""


class LifeEvent(Struct, frozen=True):
    """Something that happened to a container, at the engine's time.

    ``exit_code`` and ``lifetime`` (seconds since its start, if that was seen) come with ``die``;
    ``health`` with ``health_status``.
    """

    container: Container
    kind: str
    at: datetime
    exit_code: int | None = None
    lifetime: float | None = None
    health: str | None = None


class Condition(Struct, frozen=True):
    """The state a container is in; ``gone`` when the engine has none of this alias any more.

    An empty state is an unknown one. ``health`` is ``None`` without a health check; ``restarts``
    is the engine's own count, and ``resources`` what it may use, where the engine was asked.
    ``alias_taken`` is the alias it would have if another container had not. ``before`` is told
    once, by the list that shows it: the id of the container that had this alias before.
    """

    container: Container
    state: str
    health: str | None = None
    restarts: int | None = None
    gone: bool = False
    alias_taken: str = ""
    resources: Resources | None = None
    before: str = ""


Observation = Sample | Still | LifeEvent | Condition | Surveyed
"""All that is seen of an engine and its containers, in one stream."""


def state_in(word: str) -> str:
    """The word of an engine for a state, in those of Docker."""
    return _PODMAN_STATES.get(word, word)


def health_in(listed: ListedContainer) -> str | None:
    """The health a list tells in its status text, such as ``Up 5 minutes (healthy)``."""
    match = _HEALTH.search(listed.status)
    return match[1] if match else None


def life_event(container: Container, event: ContainerEvent, started: datetime | None) -> LifeEvent:
    """An engine's event in our words; ``started`` is when its present life began, if known."""
    kind, _, detail = event.action.partition(": ")
    at = time_of(event)
    died = kind == "die"
    code = event.actor.attributes.get("exitCode", "") if died else ""
    return LifeEvent(
        container,
        # Podman says "remove" at the end of a life, and "stop" before the "died" of old versions.
        {"remove": "destroy", "died": "die"}.get(kind, kind),
        at,
        exit_code=int(code) if code.isdecimal() else None,
        lifetime=max(0.0, (at - started).total_seconds()) if died and started else None,
        health=detail if kind == "health_status" else None,
    )


def time_of(event: ContainerEvent) -> datetime:
    """The engine's time of an event, to the microsecond."""
    return _EPOCH + timedelta(microseconds=event.time_ns // 1000)
