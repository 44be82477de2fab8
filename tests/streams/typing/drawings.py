# pyright: reportUnusedExpression=false
"""Checked, never run: each line marked `refused` must be an error, every other must not."""

from tidegauge.clock import SystemClock
from tidegauge.metrics import Registry
from tidegauge.readings import cpu, memory
from tidegauge.streams import (
    DROP_OLDEST,
    WAIT,
    Buffer,
    Source,
    async_sink,
    broadcast,
    filter_map,
    flow,
    from_iterable,
    merge,
    sink,
)
from tidegauge.streams import sink as record


def length(text: str) -> int:
    return len(text)


def half(number: int) -> float:
    return number / 2


def keep_text(text: str) -> None: ...


def keep_number(number: float) -> None: ...


async def send(number: int) -> None: ...


words: Source[str] = from_iterable(["a"])

# well wired
words >> flow(length) >> flow(half) >> sink(keep_number)
words >> Buffer(1, WAIT) >> flow(length) >> Buffer(1, DROP_OLDEST) >> async_sink(send)
words >> broadcast(
    sink(keep_text), flow(length) >> sink(keep_number), Buffer(1, WAIT) >> sink(keep_text)
)
merge(words, words) >> sink(keep_text)
registry = Registry({}, SystemClock())
filter_map(cpu) >> record(registry.cpu)

# miswired
words >> sink(keep_number)  # refused
words >> flow(half) >> sink(keep_number)  # refused
words >> flow(length) >> flow(length) >> sink(keep_number)  # refused
words >> flow(length) >> sink(keep_text)  # refused
words >> Buffer(1, WAIT) >> async_sink(send)  # refused
words >> broadcast(sink(keep_text), flow(half) >> sink(keep_number))  # refused
words >> broadcast(sink(keep_text), Buffer(1, WAIT) >> sink(keep_number))  # refused
words >> sink(keep_text) >> sink(keep_text)  # refused
sink(keep_text) >> flow(length)  # refused
filter_map(cpu) >> record(registry.memory)  # refused
filter_map(memory) >> record(registry.cpu)  # refused
