"""The whole monitor, drawn. Data flows left to right; nothing flows back.

``collecting`` has no buffer: recording is plain calls, so a socket never waits for an exporter.
``reporting`` has one before each exporter: a slow one delays no other, and loses its oldest.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Protocol, TypeVar

from tidegauge.catching_up import CatchUp, nothing_waits
from tidegauge.docker.frames import Sample, Still
from tidegauge.docker.intervals import Interval, Intervals
from tidegauge.docker.lives import Condition, LifeEvent, Observation
from tidegauge.docker.stock import (
    ContainerSize,
    DiskUse,
    Effort,
    EngineGone,
    FileSystems,
    Stock,
    Surveyed,
)
from tidegauge.doubts import Doubts
from tidegauge.exporters import Delivery
from tidegauge.globs import Selection
from tidegauge.host import HostSample
from tidegauge.journal import Journal
from tidegauge.metrics import Registry, Snapshot
from tidegauge.readings import continuity, cpu, disk, kernel, memory, network, pids, uptime
from tidegauge.readings.layout import Steady
from tidegauge.readings.steady import Steadying
from tidegauge.streams import (
    DROP_OLDEST,
    Buffer,
    Flow,
    Pipeline,
    Sink,
    Sort,
    Source,
    Tick,
    async_flow,
    async_sink,
    broadcast,
    filter_map,
    flat_map,
    flow,
    into,
    sink,
    sort,
    stateful,
)

Seen = Observation | HostSample
"""All that comes in: of engines and their containers, and of the machine."""

R = TypeVar("R")


class Onlooker(Protocol):
    """Who sees what was recorded, besides; plain calls without I/O, as all that records."""

    name: str

    def interval(self, interval: Interval) -> None:
        """A sample was recorded."""
        ...

    def steady(self, sample: Steady) -> None:
        """A sample was recorded that goes on as the one before."""
        ...

    def condition(self, seen: Condition) -> None:
        """A state was seen."""
        ...

    def life(self, event: LifeEvent) -> None:
        """Something happened to a container."""
        ...


def collecting(
    seen: Source[Seen],
    intervals: Intervals,
    registry: Registry,
    journal: Journal,
    kept: Mapping[str, Selection],
    *,
    onlookers: Sequence[Onlooker] = (),
    machines: Sequence[Sink[HostSample]] = (),
) -> Pipeline:
    """All that is seen: samples into readings, and all into instruments.

    ``kept`` selects by alias which containers a category records; without an entry, all.
    ``onlookers`` come behind the instruments, and ``machines`` behind those of the machine.
    """
    steadying = Steadying(kept)
    doubts = Doubts(journal)
    onlooking = [sink(each.steady, each.name) for each in onlookers]
    going_on = broadcast(record(registry.steady), sink(doubts.steady, "doubts"), *onlooking)
    readings = intervals_read(registry, doubts, kept, onlookers, steadying)
    samples = sort(Sort(Steady, going_on), Sort(Interval, readings))
    return seen >> sort(
        Sort(
            Sample, filter_map(intervals, "intervals") >> flow(steadying, "as before?") >> samples
        ),
        Sort(Still, flat_map(standing(intervals, steadying)) >> into(samples, "as of a sample")),
        Sort(Condition, conditions(intervals, steadying, registry, journal, onlookers)),
        Sort(
            LifeEvent,
            broadcast(
                record(registry.life),
                sink(telling(journal), "tell"),
                *(sink(each.life, each.name) for each in onlookers),
            ),
        ),
        Sort(Surveyed, surveys(registry)),
        Sort(HostSample, broadcast(record(registry.host), *machines)),
    )


def standing(
    intervals: Intervals, steadying: Steadying
) -> Callable[[Still], Iterator[Steady | Interval]]:
    """Samples in which nothing moved: as rows at once if they go on, others as any sample."""

    def at_once(still: Still) -> Steady | None:
        interval = intervals.standing(still)
        steady = steadying.standing(interval, still) if interval else None
        if steady is not None:
            intervals.stood(steady.interval)
        return steady

    def alone(still: Still) -> Iterator[Steady | Interval]:
        for sample in still.samples():
            if interval := intervals(sample):
                yield steadying(interval)

    def stand_still(still: Still) -> Iterator[Steady | Interval]:
        if steady := at_once(still):
            yield steady
        elif len(still.reads) == 1:
            yield from alone(still)
        else:  # one is late, say: the others still go on
            for half in still.halves():
                yield from stand_still(half)

    return stand_still


def intervals_read(
    registry: Registry,
    doubts: Doubts,
    kept: Mapping[str, Selection],
    onlookers: Sequence[Onlooker],
    steadying: Steadying,
) -> Sink[Interval]:
    """Readings of a sample, into instruments; last it is learned what goes on from there."""

    def learn(interval: Interval) -> None:
        if registry.container(interval.container) is not None:
            steadying.learn(interval)

    return broadcast(
        read(cpu, kept.get("docker-cpu")) >> record(registry.cpu),
        read(memory, kept.get("docker-memory")) >> record(registry.memory),
        read(network, kept.get("docker-network")) >> record(registry.network),
        read(disk, kept.get("docker-blkio")) >> record(registry.disk),
        read(pids, kept.get("docker-pids")) >> record(registry.pids),
        read(uptime) >> record(registry.uptime),
        read(kernel) >> record(registry.kernel),
        read(continuity) >> record(registry.continuity),
        sink(registry.cycle, "record cycle"),
        sink(doubts, "doubts"),
        *(sink(each.interval, each.name) for each in onlookers),
        sink(learn),
    )


def conditions(
    intervals: Intervals,
    steadying: Steadying,
    registry: Registry,
    journal: Journal,
    onlookers: Sequence[Onlooker],
) -> Sink[Condition]:
    """States into instruments; what is gone is forgotten, what is made anew is told."""
    return broadcast(
        record(registry.condition),
        sink(intervals.forget),
        sink(steadying.forget, "forget rows"),
        sink(telling_recreation(journal), "tell"),
        *(sink(each.condition, each.name) for each in onlookers),
    )


def surveys(registry: Registry) -> Sink[Surveyed]:
    """What engines are asked now and then, into instruments."""
    return sort(
        Sort(ContainerSize, record(registry.size)),
        Sort(Stock, record(registry.stock)),
        Sort(DiskUse, record(registry.disk_use)),
        Sort(FileSystems, record(registry.file_systems)),
        Sort(Effort, record(registry.effort)),
        Sort(EngineGone, record(registry.gone)),
    )


def reporting(
    every_tick: Source[Tick],
    registry: Registry,
    deliveries: Sequence[Delivery],
    catch_up: CatchUp = nothing_waits,
) -> Pipeline:
    """Every tick, one snapshot of the instruments, given to all exporters.

    Before, ``catch_up`` has all that has come by then be recorded.
    """

    async def collect(tick: Tick) -> Snapshot:
        await catch_up()
        return await registry.collect_in_turns(tick.at, final=tick.final)

    exporters = [
        Buffer(8, DROP_OLDEST, to.exporter.name)
        >> stateful(to.flushes, "flush")
        >> async_sink(to.deliver)
        for to in deliveries
    ]
    if not exporters:
        return every_tick >> nowhere(registry)
    return every_tick >> async_flow(collect) >> broadcast(*exporters)


def telling(journal: Journal) -> Callable[[LifeEvent], None]:
    """Puts ends and kills of containers into the log; their starts are seen by their samples."""

    def tell(event: LifeEvent) -> None:
        if event.kind in {"die", "oom"}:
            facts = {"exit_code": event.exit_code, "lifetime_s": event.lifetime}
            known = {name: fact for name, fact in facts.items() if fact is not None}
            what = "container ended" if event.kind == "die" else "container ran out of memory"
            journal.told(what, container=event.container.alias, **known)

    return tell


def telling_recreation(journal: Journal) -> Callable[[Condition], None]:
    """Puts into the log that an alias goes on with another container, by their short ids."""

    def tell(seen: Condition) -> None:
        if seen.before:
            alias, before, now = seen.container.alias, seen.before[:12], seen.container.id[:12]
            journal.told("container recreated", container=alias, before=before, now=now)

    return tell


def record(instrument: Callable[[R], None]) -> Sink[R]:
    """Into the registry's instruments of one kind."""
    return sink(instrument, f"record {instrument.__name__}")


def nowhere(registry: Registry) -> Sink[Tick]:
    """Where ticks go without exporters: samples are let go, some containers at a time."""

    async def let_go(tick: Tick) -> None:
        await registry.let_go(tick.at)

    return async_sink(let_go)


def read(
    reading: Callable[[Interval], R | None], selection: Selection | None = None
) -> Flow[Interval, R]:
    """A reading as a step, of the selected containers only; the drawing says of which."""
    if selection is None:
        return filter_map(reading)

    def selected(interval: Interval) -> R | None:
        return reading(interval) if selection.takes(interval.container.alias) else None

    return filter_map(selected, f"{reading.__name__} of {selection}")
