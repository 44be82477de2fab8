"""All that is known now, as the API shows it: containers, engines, exporters, Tidegauge itself."""

from collections.abc import Collection, Iterable, Sequence
from functools import partial

from msgspec import Struct

from tidegauge import __version__
from tidegauge.clock import Clock
from tidegauge.errors import Unanswerable
from tidegauge.exporters.delivery import Delivery
from tidegauge.journal import Journal
from tidegauge.metrics import ContainerRecorders, Identity, Metric, Registry, identity
from tidegauge.metrics import surroundings as rows
from tidegauge.metrics.catalogue import MISSED, SAMPLES
from tidegauge.web.containers import DETAIL_SPARKS, Containers, key_of
from tidegauge.web.past import Past, extent
from tidegauge.web.recent import Recent
from tidegauge.web.surroundings import Watcher, engines, host_levels, hosts, level
from tidegauge.web.views import (
    ContainerView,
    EngineView,
    ExporterView,
    LiveContainer,
    LiveStatus,
    Overview,
    Status,
)


class Sources(Struct, frozen=True):
    """Where the API looks; ``past`` is the history, where there is one."""

    registry: Registry
    recent: Recent
    watchers: Sequence[Watcher]
    deliveries: Sequence[Delivery]
    journal: Journal
    clock: Clock
    hostname: str
    started_at: float
    past: Past | None = None
    fleet: bool = False


class Now:
    """Looks, each time it is asked. Costs 50 us for a container, 20 for what moves."""

    def __init__(self, sources: Sources) -> None:
        self._of = sources
        self._containers = Containers(sources.registry, sources.recent)

    def overview(self, sparks: int) -> Overview:
        """Everything there is, containers by key."""
        now = self._of.clock.monotonic()
        view = partial(self._containers.view, now=now, sparks=sparks)
        found = [view(each) for each in self._present(now)]
        return Overview(
            self._of.clock.now(),
            sorted(found, key=lambda each: each.key),
            self._engines(now),
            hosts(self._of.registry, now),
        )

    def container(self, engine: str, alias: str) -> ContainerView:
        """One container and how its values are made; raises `Unanswerable`."""
        found = self._containers.named(engine, alias)
        if found is None:
            raise Unanswerable(f'there is no container "{engine[:60]}/{alias[:200]}".', 404)
        self.looked_at(("container", engine, alias))
        now = self._of.clock.monotonic()
        return self._containers.view(found, now, DETAIL_SPARKS, explain=True)

    def containers(self) -> dict[str, LiveContainer]:
        """What moves, by key."""
        now = self._of.clock.monotonic()
        return {key_of(each): self._containers.live(each, now) for each in self._present(now)}

    def has(self, entity: Identity) -> bool:
        """Is there such an entity?"""
        return any(identity(each.entity) == entity for each in self._of.registry.live())

    def looked_at(self, entity: Identity) -> None:
        """Somebody looks at this; who follows a container may want to do so each second."""
        kind, engine, alias = entity
        for each in self._of.watchers:
            if kind == "container" and each.name == engine:
                each.interest.look(alias)

    def watched(self, keys: Collection[str]) -> None:
        """Somebody watches the containers of these keys, or without any, all."""
        for key in keys:
            engine, _, alias = key.partition("/")
            self.looked_at(("container", engine, alias))
        if not keys:
            for each in self._of.watchers:
                each.interest.look_at_all()

    def status(self, viewers: int) -> LiveStatus:
        """How we do, in short."""
        of, now = self._of, self._of.clock.monotonic()
        lag = level(host_levels(of.registry, now), rows.TIDEGAUGE_LAG)
        host = hosts(of.registry, now)
        return LiveStatus(of.clock.now(), self._engines(now), host, lag, viewers, of.fleet)

    async def full_status(self, viewers: int) -> Status:
        """How we do."""
        of, now = self._of, self._of.clock.monotonic()
        levels = host_levels(of.registry, now)
        series = level(levels, rows.TIDEGAUGE_SERIES)
        return Status(
            version=__version__,
            started_at=of.started_at,
            uptime=max(0.0, of.clock.now() - of.started_at),
            host=of.hostname,
            engines=self._engines(now),
            exporters=[_exporter(each) for each in of.deliveries],
            history=await extent(of.past),
            samples=int(self._total(SAMPLES)),
            missed_seconds=self._total(MISSED),
            dropped=dict(of.journal.counts),
            loop_lag=level(levels, rows.TIDEGAUGE_LAG),
            cpu_seconds=level(levels, rows.TIDEGAUGE_CPU_TIME),
            rss_bytes=level(levels, rows.TIDEGAUGE_MEMORY),
            series=None if series is None else int(series),
            viewers=viewers,
        )

    def _present(self, now: float) -> Iterable[ContainerRecorders]:
        lost = {each.name for each in self._of.watchers if each.engine is None}
        return self._containers.present(now, lost)

    def _engines(self, now: float) -> list[EngineView]:
        return engines(self._of.watchers, self._of.registry, now)

    def _total(self, metric: Metric) -> float:
        """Of all containers of the last day."""
        containers = [
            each for each in self._of.registry.live() if isinstance(each, ContainerRecorders)
        ]
        for each in containers:
            each.settle()
        return sum(
            instrument.last or 0
            for each in containers
            for row, _, instrument in each.life.series()
            if row is metric
        )


def _exporter(delivery: Delivery) -> ExporterView:
    exporter, state = delivery.exporter, delivery.state
    return ExporterView(
        exporter.name,
        exporter.destination,
        state.sent.records,
        state.retried,
        sum(state.dropped.values()),
        state.kept.size,
        state.trouble or None,
    )
