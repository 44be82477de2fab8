"""What the drawing costs: a graph against the bare calls of its own functions."""

import asyncio

from pairs import Measurement, Stopwatch

from tidegauge.streams import WAIT, Buffer, Sink, broadcast, flow, from_iterable, sink

TARGET_US = 2.0


def measurements(quick: bool) -> list[Measurement]:
    """The graph in one segment, and with a buffer that makes it two."""
    events = 50_000 if quick else 300_000

    def bare() -> float:
        watch = Stopwatch()
        for event in range(events):
            take(step(event))
            take(step(event))
            take(step(event))
            take(step(event))
        return watch.per(events)

    def fused() -> float:
        pipeline = from_iterable(range(events)) >> four_branches()
        watch = Stopwatch()
        asyncio.run(pipeline.run())
        return watch.per(events)

    def buffered() -> float:
        pipeline = from_iterable(range(events)) >> Buffer(1024, WAIT) >> four_branches()
        watch = Stopwatch()
        asyncio.run(pipeline.run())
        return watch.per(events)

    name = "graph, four branches of flow and sink"
    return [
        Measurement(name, "us/event", fused, bare, "difference", TARGET_US),
        Measurement(f"{name}, WAIT buffer", "us/event", buffered, bare, "difference", TARGET_US),
    ]


def four_branches() -> Sink[int]:
    """As many as a small monitor has."""
    return broadcast(*(flow(step) >> sink(take) for _ in range(4)))


def step(event: int) -> int:
    """The least a flow can do."""
    return event + 1


def take(_event: int) -> None:
    """The least a sink can do."""
