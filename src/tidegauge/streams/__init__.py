"""The stream graph: typed values to draw with, fused calls to run. Knows nothing of Docker."""

from tidegauge.streams.channel import (
    DROP_NEWEST,
    DROP_OLDEST,
    WAIT,
    BufferStatistics,
    Channel,
    Overflow,
)
from tidegauge.streams.graph import Buffer, Flow, Pipeline, Sink, Source
from tidegauge.streams.running import Outlet, Running
from tidegauge.streams.sources import Tick, from_async, from_iterable, merge, ticks
from tidegauge.streams.stages import (
    Sort,
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
    where,
)

__all__ = [
    "DROP_NEWEST",
    "DROP_OLDEST",
    "WAIT",
    "Buffer",
    "BufferStatistics",
    "Channel",
    "Flow",
    "Outlet",
    "Overflow",
    "Pipeline",
    "Running",
    "Sink",
    "Sort",
    "Source",
    "Tick",
    "async_flow",
    "async_sink",
    "broadcast",
    "filter_map",
    "flat_map",
    "flow",
    "from_async",
    "from_iterable",
    "into",
    "merge",
    "sink",
    "sort",
    "stateful",
    "ticks",
    "where",
]
