"""The operators: each says when it emits, backpressures, completes and fails.

All are fused: between two buffers a graph is one nested function call. Their cost above the bare
calls of the functions they are given is watched by ``make bench`` (streams/fused graph).
"""

from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Generic, TypeVar

from tidegauge.streams.graph import Flow, Sink
from tidegauge.streams.running import Push, Segment, Stage, bind

A = TypeVar("A")
B = TypeVar("B")


def flow(function: Callable[[A], B], label: str = "") -> Flow[A, B]:
    """Apply a function to each item.

    Emits when: an item comes.
    Backpressures when: what follows does.
    Completes when: the stream before it completes.
    Fails when: the function raises.
    """

    def compiled(rest: tuple[Stage, ...], segment: Segment) -> Push:
        following = bind(rest, segment)

        def push(item: A) -> None:
            following(function(item))

        return push

    return Flow((Stage(label or _name(function), compiled),))


def filter_map(function: Callable[[A], B | None], label: str = "") -> Flow[A, B]:
    """Apply a function to each item and keep what is not ``None``.

    Emits when: the function gives something.
    Backpressures when: what follows does.
    Completes when: the stream before it completes.
    Fails when: the function raises.
    """
    return stateful(lambda: function, label or _name(function))


def stateful(make: Callable[[], Callable[[A], B | None]], label: str = "") -> Flow[A, B]:
    """As `filter_map`, with a function that remembers; ``make`` gives a new one to each run.

    Emits when: the function gives something.
    Backpressures when: what follows does.
    Completes when: the stream before it completes; what the function still holds is given up.
    Fails when: the function raises.
    """

    def compiled(rest: tuple[Stage, ...], segment: Segment) -> Push:
        function, following = make(), bind(rest, segment)

        def push(item: A) -> None:
            result = function(item)
            if result is not None:
                following(result)

        return push

    return Flow((Stage(label or _name(make), compiled),))


def where(predicate: Callable[[A], bool], label: str = "") -> Flow[A, A]:
    """Keep the items a predicate holds for.

    Emits when: the predicate holds.
    Backpressures when: what follows does.
    Completes when: the stream before it completes.
    Fails when: the predicate raises.
    """
    return filter_map(lambda item: item if predicate(item) else None, label or _name(predicate))


def flat_map(function: Callable[[A], Iterable[B]], label: str = "") -> Flow[A, B]:
    """Apply a function to each item and give on one by one what it finds.

    Emits when: the function finds something, which it does as it is taken.
    Backpressures when: what follows does.
    Completes when: the stream before it completes.
    Fails when: the function raises.
    """

    def compiled(rest: tuple[Stage, ...], segment: Segment) -> Push:
        following = bind(rest, segment)

        def push(item: A) -> None:
            for found in function(item):
                following(found)

        return push

    return Flow((Stage(label or _name(function), compiled),))


def into(other: Sink[A], label: str) -> Sink[A]:
    """Give each item to a sink that is drawn elsewhere already; here only its label is.

    Emits, backpressures, completes and fails as the other one does.
    """

    def compiled(_rest: tuple[Stage, ...], segment: Segment) -> Push:
        return bind(other.stages, segment)

    return Sink((Stage(label, compiled),))


def sink(function: Callable[[A], None], label: str = "") -> Sink[A]:
    """Give each item to a function that returns at once.

    Emits when: never.
    Backpressures when: never; the function has run when the next item comes.
    Completes when: the stream before it completes.
    Fails when: the function raises.
    """

    def compiled(_rest: tuple[Stage, ...], _segment: Segment) -> Push:
        return function

    return Sink((Stage(label or _name(function), compiled),))


def async_flow(work: Callable[[A], Awaitable[B]], label: str = "") -> Flow[A, B]:
    """Apply a coroutine function to each item, one at a time.

    Emits when: the work for an item is done.
    Backpressures when: it is not; put a buffer before it to decouple.
    Completes when: the stream before it completes and the last work is done.
    Fails when: the work raises.
    """

    def compiled(rest: tuple[Stage, ...], segment: Segment) -> Push:
        following: list[Push] = []

        async def through(item: A) -> None:
            following[0](await work(item))

        # Before those of the rest, which settle what comes out of it.
        push = segment.add_sink(through)
        following.append(bind(rest, segment))
        return push

    return Flow((Stage(label or _name(work), compiled),))


def async_sink(work: Callable[[A], Awaitable[None]], label: str = "") -> Sink[A]:
    """Give each item to a coroutine function, one at a time.

    Emits when: never.
    Backpressures when: the work for an item is not done; put a buffer before it to decouple.
    Completes when: the stream before it completes and the last work is done.
    Fails when: the work raises.
    """

    def compiled(_rest: tuple[Stage, ...], segment: Segment) -> Push:
        return segment.add_sink(work)

    return Sink((Stage(label or _name(work), compiled),))


def broadcast(*branches: Sink[A]) -> Sink[A]:
    """Give each item to every branch, in their order.

    Emits when: an item comes.
    Backpressures when: any branch does; a buffer at a branch's head is the only way out.
    Completes when: the stream before it completes.
    Fails when: a branch fails.
    """
    chains = tuple(branch.stages for branch in branches)

    def compiled(_rest: tuple[Stage, ...], segment: Segment) -> Push:
        pushes = tuple(bind(chain, segment) for chain in chains)

        def push(item: A) -> None:
            for branch in pushes:
                branch(item)

        return push

    return Sink((Stage("broadcast", compiled, chains),))


class Sort(Generic[A]):
    """One way out of `sort`: items of a class go to a sink, drawn under the name of the class."""

    __slots__ = ("kind", "stages")

    def __init__(self, kind: type[A], to: Sink[A]) -> None:
        self.kind, self.stages = kind, to.stages


def sort(*sorts: Sort[Any]) -> Sink[Any]:
    """Give each item to the first sort whose class it is of; it has no way to any other.

    One look into a table, whatever the number of sorts; subclasses enter it when they first come.

    Emits when: an item comes that is of one of the classes; others end here.
    Backpressures when: any branch does.
    Completes when: the stream before it completes.
    Fails when: a branch fails.
    """

    def passed(rest: tuple[Stage, ...], segment: Segment) -> Push:
        return bind(rest, segment)

    chains = tuple((Stage(each.kind.__name__, passed), *each.stages) for each in sorts)

    def compiled(_rest: tuple[Stage, ...], segment: Segment) -> Push:
        ways = [
            (each.kind, bind(chain, segment)) for each, chain in zip(sorts, chains, strict=True)
        ]
        known: dict[type, Push] = dict(ways)

        def push(item: object) -> None:
            way = known.get(type(item))
            if way is None:
                found = (way for kind, way in ways if isinstance(item, kind))
                way = known[type(item)] = next(found, _end)
            way(item)

        return push

    return Sink((Stage("sort", compiled, chains),))


def _end(_item: object) -> None:
    """Where items go that nobody takes."""


def _name(function: Callable[..., object]) -> str:
    return getattr(function, "__name__", type(function).__name__).replace("_", " ").strip()
