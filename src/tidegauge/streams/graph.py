"""Source, Flow, Sink, Buffer, Pipeline: the typed values a graph is drawn with.

``source >> flow >> broadcast(flow >> sink, buffer >> sink)`` is a `Pipeline`. All are immutable
and hold no resource: channels and tasks are made when it is run (`Pipeline.run`), afresh for
each run. A miswired edge is refused by mypy and pyright at the ``>>``.

The idea is Akka's GraphDSL; its overflow strategies and the four lines about each operator too.
"""

from typing import Generic, TypeVar, overload

from tidegauge.streams.channel import Overflow
from tidegauge.streams.running import Produce, Push, Running, Segment, Stage

A = TypeVar("A")
B = TypeVar("B")
A_co = TypeVar("A_co", covariant=True)
B_co = TypeVar("B_co", covariant=True)
A_contra = TypeVar("A_contra", contravariant=True)


class Buffer:
    """A bounded queue at an edge; everything behind it runs in a task of its own.

    Not generic on purpose: it takes the type of what follows, so that a branch may start with it.

    Emits when: it holds an item and what follows is ready.
    Backpressures when: its policy is WAIT and it is full; the dropping policies never do.
    Completes when: the stream before it completes and it is empty.
    Fails when: never by itself.
    """

    __slots__ = ("stages",)

    def __init__(self, capacity: int, overflow: Overflow, name: str = "buffer") -> None:
        def compiled(rest: tuple[Stage, ...], segment: Segment) -> Push:
            return segment.add_buffer(name, capacity, overflow, rest)

        self.stages = (Stage(f"{name} ({capacity}, {overflow.value})", compiled),)

    @overload
    def __rshift__(self, other: "Sink[A]") -> "Sink[A]": ...
    @overload
    def __rshift__(self, other: "Flow[A, B]") -> "Flow[A, B]": ...
    def __rshift__(self, other: "Sink[A] | Flow[A, B]") -> "Sink[A] | Flow[A, B]":
        if isinstance(other, Sink):
            return Sink(self.stages + other.stages)
        return Flow(self.stages + other.stages)


class Sink(Generic[A_contra]):
    """The end of a branch: takes items, emits none."""

    __slots__ = ("stages",)

    def __init__(self, stages: tuple[Stage, ...]) -> None:
        self.stages = stages


class Flow(Generic[A_contra, B_co]):
    """A step in the middle: takes items of one type, emits items of another."""

    __slots__ = ("stages",)

    def __init__(self, stages: tuple[Stage, ...]) -> None:
        self.stages = stages

    @overload
    def __rshift__(self, other: "Flow[B_co, B]") -> "Flow[A_contra, B]": ...
    @overload
    def __rshift__(self, other: Sink[B_co]) -> Sink[A_contra]: ...
    @overload
    def __rshift__(self, other: Buffer) -> "Flow[A_contra, B_co]": ...
    def __rshift__(
        self, other: "Flow[B_co, B] | Sink[B_co] | Buffer"
    ) -> "Flow[A_contra, B] | Sink[A_contra] | Flow[A_contra, B_co]":
        stages = self.stages + other.stages
        return Sink[A_contra](stages) if isinstance(other, Sink) else Flow[A_contra, B](stages)


class Source(Generic[A_co]):
    """The beginning: a coroutine function that sends items to an outlet until it is done."""

    __slots__ = ("label", "produce", "stages")

    def __init__(
        self,
        label: str,
        produce: Produce,
        stages: tuple[Stage, ...] = (),
    ) -> None:
        self.label, self.produce, self.stages = label, produce, stages

    @overload
    def __rshift__(self, other: Flow[A_co, B]) -> "Source[B]": ...
    @overload
    def __rshift__(self, other: Sink[A_co]) -> "Pipeline": ...
    @overload
    def __rshift__(self, other: Buffer) -> "Source[A_co]": ...
    def __rshift__(
        self, other: Flow[A_co, B] | Sink[A_co] | Buffer
    ) -> "Source[B] | Pipeline | Source[A_co]":
        stages = self.stages + other.stages
        if isinstance(other, Sink):
            return Pipeline(self.label, self.produce, stages)
        return Source(self.label, self.produce, stages)


class Pipeline:
    """A closed graph, ready to run."""

    __slots__ = ("label", "produce", "stages")

    def __init__(
        self,
        label: str,
        produce: Produce,
        stages: tuple[Stage, ...],
    ) -> None:
        self.label, self.produce, self.stages = label, produce, stages

    def build(self) -> Running:
        """Make the channels of one run; nothing is opened before `Running.run`."""
        return Running(self.produce, self.stages)

    async def run(self) -> None:
        """Build and run once, to the end of the source."""
        await self.build().run()
