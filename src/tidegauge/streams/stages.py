"""The operators: each says when it emits, backpressures, completes and fails.

All are fused: between two buffers a graph is one nested function call. Their cost above the bare
calls of the functions they are given is watched by ``make bench`` (streams/fused graph).
"""

from collections.abc import Awaitable, Callable
from typing import TypeVar

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


def _name(function: Callable[..., object]) -> str:
    return getattr(function, "__name__", type(function).__name__).replace("_", " ").strip()
