"""The whole monitor, drawn. Data flows left to right; nothing flows back.

``collecting`` has no buffer: recording is plain calls, so a socket never waits for an exporter.
``reporting`` has one before each exporter: a slow one delays no other, and loses its oldest.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from tidegauge.docker.frames import Sample
from tidegauge.docker.intervals import Interval, Intervals
from tidegauge.exporters import Delivery
from tidegauge.globs import Selection
from tidegauge.journal import Journal
from tidegauge.metrics import Registry, Snapshot
from tidegauge.readings import cpu, disk, memory, network, pids
from tidegauge.streams import (
    DROP_OLDEST,
    Buffer,
    Flow,
    Pipeline,
    Sink,
    Source,
    Tick,
    async_sink,
    broadcast,
    filter_map,
    flow,
    sink,
    stateful,
)

R = TypeVar("R")


def collecting(
    samples: Source[Sample], registry: Registry, journal: Journal, kept: Mapping[str, Selection]
) -> Pipeline:
    """Live samples of all containers, split into readings, recorded into instruments.

    ``kept`` selects by alias which containers a category records; without an entry, all.
    """
    return (
        samples
        >> stateful(lambda: Intervals(journal.drop), "intervals")
        >> broadcast(
            read(cpu, kept.get("docker-cpu")) >> record(registry.cpu),
            read(memory, kept.get("docker-memory")) >> record(registry.memory),
            read(network, kept.get("docker-network")) >> record(registry.network),
            read(disk, kept.get("docker-blkio")) >> record(registry.disk),
            read(pids, kept.get("docker-pids")) >> record(registry.pids),
        )
    )


def reporting(
    every_tick: Source[Tick], registry: Registry, deliveries: Sequence[Delivery]
) -> Pipeline:
    """Every tick, one snapshot of the instruments, given to all exporters."""

    def collect(tick: Tick) -> Snapshot:
        return registry.collect(tick.at, final=tick.final)

    exporters = [
        Buffer(8, DROP_OLDEST, to.exporter.name)
        >> stateful(to.flushes, "flush")
        >> async_sink(to.deliver)
        for to in deliveries
    ]
    return every_tick >> flow(collect) >> (broadcast(*exporters) if exporters else nowhere())


def record(instrument: Callable[[R], None]) -> Sink[R]:
    """Into the registry's instruments of one kind."""
    return sink(instrument, f"record {instrument.__name__}")


def nowhere() -> Sink[Snapshot]:
    """Where snapshots go without exporters; collecting them still keeps memory bounded."""

    def forget(_snapshot: Snapshot) -> None:
        pass

    return sink(forget, "nowhere")


def read(
    reading: Callable[[Interval], R | None], selection: Selection | None = None
) -> Flow[Interval, R]:
    """A reading as a step, of the selected containers only; the drawing says of which."""
    if selection is None:
        return filter_map(reading)

    def selected(interval: Interval) -> R | None:
        return reading(interval) if selection.takes(interval.container.alias) else None

    return filter_map(selected, f"{reading.__name__} of {selection}")
