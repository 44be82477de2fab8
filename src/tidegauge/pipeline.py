"""The whole monitor, drawn. Data flows left to right; nothing flows back.

``collecting`` has no buffer: recording is plain calls, so a socket never waits for an exporter.
``reporting`` has one before each exporter: a slow one delays no other, and loses its oldest.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import wraps
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
            filter_map(within(kept.get("docker-cpu"), cpu)) >> record(registry.cpu),
            filter_map(within(kept.get("docker-memory"), memory)) >> record(registry.memory),
            filter_map(within(kept.get("docker-network"), network)) >> record(registry.network),
            filter_map(within(kept.get("docker-blkio"), disk)) >> record(registry.disk),
            filter_map(within(kept.get("docker-pids"), pids)) >> record(registry.pids),
        )
    )


def reporting(
    every_tick: Source[Tick], registry: Registry, deliveries: Sequence[Delivery]
) -> Pipeline:
    """Every tick, one snapshot of the instruments, given to all exporters."""

    def collect(tick: Tick) -> Snapshot:
        return registry.collect(tick.at, final=tick.final)

    return (
        every_tick
        >> flow(collect)
        >> broadcast(
            *(
                Buffer(8, DROP_OLDEST, to.exporter.name)
                >> stateful(to.flushes, "flush")
                >> async_sink(to.deliver)
                for to in deliveries
            )
        )
    )


def record(instrument: Callable[[R], None]) -> Sink[R]:
    """Into the registry's instruments of one kind."""
    return sink(instrument, f"record {instrument.__name__}")


def within(
    selection: Selection | None, reading: Callable[[Interval], R | None]
) -> Callable[[Interval], R | None]:
    """The same reading, of the selected containers only."""
    if selection is None:
        return reading

    @wraps(reading)
    def selected(interval: Interval) -> R | None:
        return reading(interval) if selection.takes(interval.container.alias) else None

    return selected
