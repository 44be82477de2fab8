"""A pipeline at work: fused segments of plain calls, one task for each, joined by channels.

This is the one place where a drawing becomes calls. From the source, and again from each buffer,
runs one *segment*: nested function calls through flows and broadcasts down to sinks and to the
next buffers. A task drives it: it waits until every waiting buffer below has room, takes one item
and pushes it through, then lets asynchronous sinks finish. So a broadcast waits for its slowest
branch, and nothing else costs a turn of the event loop.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any, Generic, TypeVar, cast

from msgspec import Struct

from tidegauge.errors import EndOfStream, WouldBlock
from tidegauge.streams.channel import WAIT, BufferStatistics, Channel, Overflow

A_contra = TypeVar("A_contra", contravariant=True)

Push = Callable[[Any], None]
"""A compiled segment, or the rest of one: takes an item, has run when it returns."""


class Stage(Struct, frozen=True):
    """A node of the drawing; immutable, so that one drawing can be run many times.

    ``compile`` turns it and the stages behind it into one call with fresh state. ``branches``
    are the stages behind each way out of a broadcast, for the drawing.
    """

    label: str
    compile: "Callable[[tuple[Stage, ...], Segment], Push]"
    branches: tuple[tuple["Stage", ...], ...] = ()


def bind(stages: tuple[Stage, ...], segment: "Segment") -> Push:
    """Compile a chain of stages, of which the last is a sink."""
    return stages[0].compile(stages[1:], segment)


class AsyncSink:
    """The end of a segment whose work has to be awaited: it holds one item until settled."""

    def __init__(self, work: Callable[[Any], Awaitable[None]]) -> None:
        self._work = work
        self._items: list[Any] = []

    def push(self, item: object) -> None:
        """Keep the item for `settle`."""
        self._items.append(item)

    async def settle(self) -> None:
        """Do the work for what was pushed."""
        while self._items:
            await self._work(self._items.pop(0))


class Segment:
    """What the driver of one segment has to wait for, and must close at the end."""

    def __init__(self, running: "Running") -> None:
        self._running = running
        self._channels: list[Channel[Any]] = []
        self._waiting: list[Channel[Any]] = []
        self._sinks: list[AsyncSink] = []

    @property
    def instant(self) -> bool:
        """True when an item can be pushed at any time, without waiting before or after."""
        return not self._waiting and not self._sinks

    def add_buffer(
        self, name: str, capacity: int, overflow: Overflow, rest: tuple[Stage, ...]
    ) -> Push:
        """End this segment in a channel; the rest becomes a segment with a task of its own."""
        channel: Channel[Any] = Channel(capacity, overflow)
        self._channels.append(channel)
        if overflow is WAIT:
            self._waiting.append(channel)
        self._running.add_consumer(name, channel, rest)
        return channel.put

    def add_sink(self, work: Callable[[Any], Awaitable[None]]) -> Push:
        """End this segment in work that has to be awaited."""
        sink = AsyncSink(work)
        self._sinks.append(sink)
        return sink.push

    async def room(self) -> None:
        """Return when every waiting buffer can take one item."""
        for channel in self._waiting:
            await channel.room()

    async def settle(self) -> None:
        """Return when the asynchronous sinks have done what was pushed."""
        for sink in self._sinks:
            await sink.settle()

    def close(self) -> None:
        """Pass the end of the stream on."""
        for channel in self._channels:
            channel.close()


class Outlet(Generic[A_contra]):
    """Where a source puts its items; safe to use from all tasks of the source."""

    def __init__(self, push: Push, segment: Segment) -> None:
        self._push, self._segment = push, segment
        self._instant = segment.instant
        self._turn = asyncio.Lock()

    async def send(self, item: A_contra) -> None:
        """Push one item through the segment; waits while a waiting buffer below is full."""
        if self._instant:
            self._push(item)
            return
        async with self._turn:
            await self._segment.room()
            self._push(item)
            await self._segment.settle()

    def send_nowait(self, item: A_contra) -> None:
        """Push one item through the segment at once.

        Raises `WouldBlock` where there is a buffer that waits, or a sink that has to be awaited.
        """
        if not self._instant:
            raise WouldBlock("what follows has to be waited for")
        self._push(item)


Produce = Callable[[Outlet[Any]], Coroutine[Any, Any, None]]
"""What a source does in one run: send its items, return when there are no more."""


class Running:
    """One run of a pipeline: its channels and what its tasks will do. `run` once."""

    def __init__(
        self,
        produce: Produce,
        stages: tuple[Stage, ...],
    ) -> None:
        self._buffers: dict[str, Channel[Any]] = {}
        self._consumers: list[Callable[[], Coroutine[Any, Any, None]]] = []
        self._produce = produce
        self._head = Segment(self)
        self._push = bind(stages, self._head)

    def add_consumer(self, name: str, channel: Channel[Any], rest: tuple[Stage, ...]) -> None:
        """Register the segment behind a buffer."""
        key, n = name, 1
        while key in self._buffers:
            n += 1
            key = f"{name} {n}"
        self._buffers[key] = channel
        segment = Segment(self)
        push = bind(rest, segment)
        self._consumers.append(lambda: _consume(channel, push, segment))

    def statistics(self) -> Mapping[str, BufferStatistics]:
        """The counts of every buffer, by its name in the drawing."""
        return {name: channel.statistics() for name, channel in self._buffers.items()}

    async def run(self) -> None:
        """Run to the end of the source and until all buffers are empty.

        A failure of any stage cancels the rest and comes out as itself, without the exception
        groups around it; so does a cancellation. No task is left behind.
        """
        try:
            async with asyncio.TaskGroup() as tasks:
                for consumer in self._consumers:
                    tasks.create_task(consumer())
                tasks.create_task(self._source())
        except BaseExceptionGroup as group:
            raise _single_cause(group) from None

    async def _source(self) -> None:
        await self._produce(Outlet(self._push, self._head))
        self._head.close()


async def _consume(channel: Channel[Any], push: Push, segment: Segment) -> None:
    try:
        if segment.instant:
            while True:
                for item in await channel.take_all():
                    push(item)
        while True:
            await segment.room()
            push(await channel.take())
            await segment.settle()
    except EndOfStream:
        segment.close()


def _single_cause(group: BaseExceptionGroup[BaseException]) -> BaseException:
    first, *others = group.exceptions
    if others:
        return group
    if isinstance(first, BaseExceptionGroup):
        return _single_cause(cast("BaseExceptionGroup[BaseException]", first))
    return first
