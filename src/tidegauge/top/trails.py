"""The last minutes of each container, for sparks."""

from collections import deque

from msgspec import Struct

from tidegauge.top.source import BEAT, State
from tidegauge.web.views import ContainerView

POINTS = 300
"""Of each container: five minutes of an engine that sends each second."""


class Point(Struct, frozen=True):
    """One sample: Unix seconds, cores, bytes, bytes a second; ``None`` where it is not known."""

    at: float
    cpu: float | None = None
    memory: float | None = None
    rx: float | None = None
    tx: float | None = None


class Trail:
    """The newest points of one container, oldest first."""

    def __init__(self, container: ContainerView) -> None:
        self.points = deque(_past(container), maxlen=POINTS)
        self._sampled_at: float | None = None

    def take(self, container: ContainerView, now: float) -> None:
        """Add the newest sample, once, or a second's gap while there is none."""
        values, sampled_at = container.values, container.sampled_at
        if sampled_at is None or (values.cpu is None and values.memory is None):
            # The engine's clock may differ from ours.
            self.points.append(Point(self.points[-1].at + BEAT if self.points else now))
        elif sampled_at != self._sampled_at:
            point = Point(sampled_at, values.cpu, values.memory, values.rx, values.tx)
            self.points.append(point)
            self._sampled_at = sampled_at


class Trails:
    """Those of all containers there are."""

    def __init__(self) -> None:
        self._trails: dict[str, Trail] = {}

    def take(self, state: State) -> None:
        """Add what is new; what is gone is forgotten."""
        for key in self._trails.keys() - state.containers.keys():
            del self._trails[key]
        for key, container in state.containers.items():
            trail = self._trails.get(key)
            if trail is None:
                trail = self._trails[key] = Trail(container)
            trail.take(container, state.at)

    def of(self, key: str) -> list[Point]:
        """The points of a container; none of one that is not there."""
        trail = self._trails.get(key)
        return [*trail.points] if trail else []


def _past(container: ContainerView) -> list[Point]:
    """What came before, if it is told, a second apart; the newest is the present."""
    sparks, newest = container.sparks or {}, container.sampled_at
    if newest is None:
        return []
    columns = [sparks.get(name, []) for name in ("cpu", "memory", "rx")]
    points = list(zip(*columns, strict=False))[:-1]
    return [Point(newest - len(points) + n, *point) for n, point in enumerate(points)]
