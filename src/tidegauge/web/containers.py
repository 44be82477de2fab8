"""Containers as the API shows them, from what the registry holds and the newest samples."""

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime

from msgspec import UNSET

from tidegauge.metrics import Attributes, ContainerRecorders, Number, Registry
from tidegauge.metrics.catalogue import EXITS, OOMS, RESTARTS, UPTIME
from tidegauge.metrics.entities import Recorders
from tidegauge.web.explaining import explained
from tidegauge.web.recent import Newest, Recent
from tidegauge.web.values import told
from tidegauge.web.views import ContainerView, LiveContainer, Values

PROJECT = ("com.docker.compose.project", "com.docker.stack.namespace")
SERVICE = ("com.docker.compose.service", "com.docker.swarm.service.name")

DETAIL_SPARKS = 120
"""Points of each spark of a single container."""


class Containers:
    """What there is of containers now; ``now`` is always the monotonic clock's."""

    def __init__(self, registry: Registry, recent: Recent) -> None:
        self._registry, self._recent = registry, recent

    def present(self, now: float, lost: Collection[str]) -> Iterator[ContainerRecorders]:
        """All that an engine has, or had when it was last seen, if it is among the ``lost``."""
        for each in self._registry.live():
            if isinstance(each, ContainerRecorders) and not each.gone:
                known = each.life.known or each.in_use(now)
                if known or each.container.engine.name in lost:
                    yield each

    def named(self, engine: str, alias: str) -> ContainerRecorders | None:
        """One of them, if it was there within the last day."""
        for each in self._registry.live():
            if isinstance(each, ContainerRecorders):
                container = each.container
                if (container.engine.name, container.alias) == (engine, alias):
                    return each
        return None

    def view(
        self, recorders: ContainerRecorders, now: float, sparks: int = 0, *, explain: bool = False
    ) -> ContainerView:
        """One container, with so many points of its sparks."""
        container, life = recorders.container, recorders.life
        newest = self._recent.of(container)
        found = told(recorders, newest, now)
        levels = levels_of(recorders, now)
        labels = dict(container.labels)
        return ContainerView(
            key=key_of(recorders),
            engine=container.engine.name,
            alias=container.alias,
            name=container.name,
            id=container.id,
            image=container.image,
            tags=dict(container.tags),
            project=next((labels[name] for name in PROJECT if name in labels), None),
            service=next((labels[name] for name in SERVICE if name in labels), None),
            state=life.state or "unknown",
            health=life.health,
            started_at=_moment(container.started_at),
            uptime=levels.get((UPTIME.name, ())),
            restarts=_whole(levels.get((RESTARTS.name, ()))),
            exits={
                attributes[0][1]: int(count)
                for (metric, attributes), count in levels.items()
                if metric == EXITS.name
            },
            oom_kills=int(levels.get((OOMS.name, ()), 0)),
            sampled_at=_moment(newest.read) if newest else None,
            values=values_of(found),
            absent={name: why for name, why in found.items() if isinstance(why, str)},
            sparks=_sparks(newest, sparks) if sparks else UNSET,
            explain=explained(newest, recorders, found) if explain else UNSET,
        )

    def live(self, recorders: ContainerRecorders, now: float) -> LiveContainer:
        """What moves of a container."""
        newest, life = self._recent.of(recorders.container), recorders.life
        return LiveContainer(
            life.state or "unknown",
            life.health,
            _moment(newest.read) if newest else None,
            values_of(told(recorders, newest, now)),
        )


def key_of(recorders: ContainerRecorders) -> str:
    """What names a container to users of the API."""
    return f"{recorders.container.engine.name}/{recorders.container.alias}"


def levels_of(recorders: Recorders, now: float) -> dict[tuple[str, Attributes], Number]:
    """All newest values that stand, in the catalogue's units."""
    return {
        (metric.name, attributes): metric.in_unit(last)
        for metric, attributes, instrument in recorders.holding(now)
        if (last := instrument.last) is not None
    }


def values_of(found: Mapping[str, Number | str]) -> Values:
    """Those that are there."""
    return Values(**{name: each for name, each in found.items() if not isinstance(each, str)})


def _sparks(newest: Newest | None, count: int) -> dict[str, list[float | None]]:
    return newest.sparks(count) if newest else {"cpu": [], "memory": [], "rx": []}


def _moment(at: datetime | None) -> float | None:
    """Unix seconds; engines say the year 1 for never."""
    return None if at is None or at.year == 1 else at.timestamp()


def _whole(number: Number | None) -> int | None:
    return None if number is None else int(number)
