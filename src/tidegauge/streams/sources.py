"""Where streams begin."""

import asyncio
import math
from collections.abc import AsyncIterable, Iterable
from typing import Any, TypeVar

from msgspec import Struct

from tidegauge.clock import Clock
from tidegauge.streams.graph import Source
from tidegauge.streams.running import Outlet

A = TypeVar("A")


class Tick(Struct, frozen=True):
    """The end of a stretch of time; ``at`` is Unix seconds, ``final`` true for the last one."""

    at: float
    final: bool


def from_iterable(items: Iterable[A], label: str = "items") -> Source[A]:
    """The items of a collection.

    Emits when: the next stage is ready.
    Backpressures when: never by itself; it takes its next item only when there is room.
    Completes when: the collection ends.
    Fails when: iterating raises.
    """

    async def produce(outlet: Outlet[A]) -> None:
        for item in items:
            await outlet.send(item)

    return Source(label, produce)


def from_async(items: AsyncIterable[A], label: str = "items") -> Source[A]:
    """The items of an asynchronous iterable.

    Emits when: the iterable gives an item.
    Backpressures when: never by itself; it takes its next item only when there is room.
    Completes when: the iterable ends.
    Fails when: iterating raises.
    """

    async def produce(outlet: Outlet[A]) -> None:
        async for item in items:
            await outlet.send(item)

    return Source(label, produce)


def merge(*sources: Source[A]) -> Source[A]:
    """All items of several sources, in the order they come.

    Emits when: any of the sources does.
    Backpressures when: what follows does; every source then waits.
    Completes when: all sources have completed.
    Fails when: one of them fails; the others are cancelled.
    """
    if any(source.stages for source in sources):
        raise ValueError("merge takes bare sources; put flows behind it")

    async def produce(outlet: Outlet[Any]) -> None:
        async with asyncio.TaskGroup() as tasks:
            for source in sources:
                tasks.create_task(source.produce(outlet))

    return Source(" + ".join(source.label for source in sources), produce)


def ticks(clock: Clock, seconds: float, stop: asyncio.Event) -> Source[Tick]:
    """A tick each so many seconds of monotonic time, and a final one when stopped.

    Late ticks do not shift the later ones; ticks missed by a stalled program are not made up for.

    Emits when: the time has come, and once more when ``stop`` is set.
    Backpressures when: never; what follows a slow stage is the next tick due.
    Completes when: ``stop`` is set, after the final tick.
    Fails when: never.
    """

    async def produce(outlet: Outlet[Tick]) -> None:
        due = clock.monotonic() + seconds
        while not await clock.wait(stop, max(0.0, due - clock.monotonic())):
            await outlet.send(Tick(clock.now(), final=False))
            missed = math.ceil((clock.monotonic() - due) / seconds)
            due += seconds * max(1, missed)
        await outlet.send(Tick(clock.now(), final=True))

    return Source(f"ticks of {seconds:g} s", produce)
