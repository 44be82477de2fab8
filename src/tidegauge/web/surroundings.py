"""Engines and machines as the API shows them."""

from collections.abc import Iterable, Mapping
from typing import Protocol

from tidegauge.docker.frames import Engine
from tidegauge.metrics import Attributes, Metric, Number, Registry
from tidegauge.metrics import surroundings as rows
from tidegauge.metrics.engines import STATES, EngineRecorders
from tidegauge.metrics.entities import Recorders
from tidegauge.metrics.machine import HostRecorders
from tidegauge.web.containers import levels_of
from tidegauge.web.values import exact
from tidegauge.web.views import EngineView, FileSystemView, HostView

Levels = Mapping[tuple[str, Attributes], Number]


class Interest(Protocol):
    """Who follows an engine wants to know what of it is looked at."""

    def look(self, alias: str) -> None:
        """Somebody looks at this container."""
        ...

    def look_at_all(self) -> None:
        """Somebody looks at all containers."""
        ...


class Watcher(Protocol):
    """What is shown of who follows an engine."""

    engine: Engine | None
    trouble: str
    lost: int

    @property
    def name(self) -> str:
        """Our name for the engine."""
        ...

    @property
    def watched(self) -> Mapping[str, object]:
        """Containers whose samples come."""
        ...

    @property
    def read_in_turn(self) -> int:
        """How many of them have no stream."""
        ...

    @property
    def read_directly(self) -> int:
        """How many of them are read without the engine."""
        ...

    @property
    def why_not_directly(self) -> Mapping[str, str]:
        """Why others are not, by alias."""
        ...

    @property
    def interest(self) -> Interest:
        """To be told of looks."""
        ...


def engines(watchers: Iterable[Watcher], registry: Registry, now: float) -> list[EngineView]:
    """All engines that are configured."""
    known = {
        each.engine.name: each for each in registry.live() if isinstance(each, EngineRecorders)
    }
    return [_engine(each, known.get(each.name), now) for each in watchers]


def hosts(registry: Registry, now: float) -> list[HostView]:
    """The machines that are looked at."""
    return [_host(each, now) for each in registry.live() if isinstance(each, HostRecorders)]


def host_levels(registry: Registry, now: float) -> Levels:
    """What the looks at this machine, and at Tidegauge, told."""
    return {
        key: level
        for each in registry.live()
        if isinstance(each, HostRecorders)
        for key, level in levels_of(each, now).items()
    }


def level(levels: Levels, metric: Metric, attributes: Attributes = ()) -> Number | None:
    """The newest value that stands."""
    found = levels.get((metric.name, attributes))
    return None if found is None else exact(found)


def _engine(watcher: Watcher, recorders: EngineRecorders | None, now: float) -> EngineView:
    engine = watcher.engine or (recorders.engine if recorders else None)
    levels = _levels(recorders, now)
    counts = {
        state: level(levels, rows.ENGINE_CONTAINERS, (attribute,))
        for state, attribute in STATES.items()
    }
    return EngineView(
        name=watcher.name,
        kind=engine.kind if engine else None,
        version=engine.version if engine else None,
        host=recorders.host if recorders else None,
        connected=watcher.engine is not None,
        trouble=watcher.trouble or None,
        watched=len(watcher.watched),
        read_in_turn=watcher.read_in_turn,
        read_directly=watcher.read_directly,
        not_directly=sorted({*watcher.why_not_directly.values()}),
        lost=watcher.lost,
        containers={state: int(count) for state, count in counts.items() if count is not None},
        cycle=level(levels, rows.ENGINE_STATS_CYCLE),
        streamed=level(levels, rows.ENGINE_STATS_RATE, (rows.STREAM,)),
        read=level(levels, rows.ENGINE_STATS_RATE, (rows.READ,)),
        cpu_seconds=level(levels, rows.ENGINE_CPU_TIME),
        cpus=level(levels, rows.ENGINE_CPUS),
        memory=level(levels, rows.ENGINE_MEMORY),
        images=level(levels, rows.ENGINE_IMAGES),
        images_size=level(levels, rows.ENGINE_IMAGES_SIZE),
        volumes=level(levels, rows.ENGINE_VOLUMES),
        volumes_size=level(levels, rows.ENGINE_VOLUMES_SIZE),
        build_cache_size=level(levels, rows.ENGINE_BUILD_CACHE_SIZE),
        file_systems=[_file_system(levels, attributes) for attributes in _mountpoints(levels)],
    )


def _levels(recorders: Recorders | None, now: float) -> Levels:
    return levels_of(recorders, now) if recorders else {}


def _mountpoints(levels: Levels) -> list[Attributes]:
    return [at for metric, at in levels if metric == rows.ENGINE_DISK_CAPACITY.name]


def _file_system(levels: Levels, at: Attributes) -> FileSystemView:
    return FileSystemView(
        at[0][1],
        level(levels, rows.ENGINE_DISK_CAPACITY, at),
        level(levels, rows.ENGINE_DISK_USAGE, at),
        level(levels, rows.ENGINE_DISK_AVAILABLE, at),
    )


def _host(recorders: HostRecorders, now: float) -> HostView:
    levels = levels_of(recorders, now)
    cpus, share = level(levels, rows.HOST_CPUS), level(levels, rows.HOST_CPU_UTILIZATION)
    load = [at for metric in rows.HOST_LOADS if (at := level(levels, metric)) is not None]
    return HostView(
        recorders.host.name,
        cpus,
        None if cpus is None or share is None else cpus * share,
        level(levels, rows.HOST_MEMORY_LIMIT),
        level(levels, rows.HOST_MEMORY_AVAILABLE),
        load if len(load) == len(rows.HOST_LOADS) else None,
    )
