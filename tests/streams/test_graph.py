"""What a drawn graph does when it runs."""

import asyncio
import inspect
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manual_clock import ManualClock, settle
from tidegauge.errors import WouldBlock
from tidegauge.streams import (
    DROP_NEWEST,
    DROP_OLDEST,
    WAIT,
    Buffer,
    Source,
    Tick,
    async_sink,
    broadcast,
    filter_map,
    flow,
    from_async,
    from_iterable,
    merge,
    sink,
    sources,
    stages,
    stateful,
    ticks,
    where,
)


def others():
    """Tasks beside the test's own."""
    return asyncio.all_tasks() - {asyncio.current_task()}


async def test_flows_change_items_on_their_way():
    """flow, filter_map, where and stateful act in the order they are drawn."""
    seen = []
    running_sum = stateful(lambda: lambda x, total=count(1): x + next(total))

    await (
        from_iterable(range(6))
        >> flow(lambda x: x * 10)
        >> where(lambda x: x != 20)
        >> filter_map(lambda x: None if x == 30 else x)
        >> running_sum
        >> sink(seen.append)
    ).run()

    assert seen == [0 + 1, 10 + 2, 40 + 3, 50 + 4]


async def test_falsy_items_are_not_dropped():
    """Only None is no item: zero, false and empty ones pass."""
    seen = []

    await (
        from_iterable([0, "", False, None]) >> filter_map(lambda x: x) >> sink(seen.append)
    ).run()

    assert seen == [0, "", False]


async def test_a_broadcast_gives_every_item_to_every_branch_in_their_order():
    """Branches see the same items, each item through all branches before the next."""
    seen = []

    await (
        from_iterable([1, 2])
        >> broadcast(
            sink(lambda x: seen.append(("a", x))),
            flow(lambda x: x + 10) >> sink(lambda x: seen.append(("b", x))),
            broadcast(sink(lambda x: seen.append(("c", x)))),
        )
    ).run()

    assert seen == [("a", 1), ("b", 11), ("c", 1), ("a", 2), ("b", 12), ("c", 2)]


async def test_a_pipeline_can_be_run_again_with_fresh_state():
    """Drawing and running are two acts: a second run remembers nothing of the first."""
    seen = []
    pipeline = (
        from_iterable("ab")
        >> stateful(lambda: lambda item, n=count(): (next(n), item))
        >> Buffer(2, WAIT)
        >> sink(seen.append)
    )

    await pipeline.run()
    await pipeline.run()

    assert seen == [(0, "a"), (1, "b")] * 2


async def test_a_slow_branch_holds_the_fast_one_back_unless_there_is_a_buffer():
    """Without a buffer the whole broadcast waits for its slowest branch."""
    gate = asyncio.Event()
    fast = []

    async def slow(_):
        await gate.wait()

    pipeline = from_iterable(range(5)) >> broadcast(sink(fast.append), async_sink(slow))
    running = asyncio.create_task(pipeline.run())
    await settle()
    assert fast == [0]

    gate.set()
    await running
    assert fast == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("overflow", "before_the_gate", "slow_gets"),
    [
        # one item in the slow sink's hands, two in its buffer
        (WAIT, 3, list(range(20))),
        (DROP_OLDEST, 20, [0, 18, 19]),
        (DROP_NEWEST, 20, [0, 1, 2]),
    ],
    ids=lambda value: getattr(value, "value", None),
)
async def test_a_buffer_before_a_slow_branch_does_what_its_policy_says(
    overflow, before_the_gate, slow_gets
):
    """Twenty items, a stuck branch behind a buffer of two: an exact number passes each way."""
    gate = asyncio.Event()
    fast, slow = [], []

    async def work(item):
        slow.append(item)
        await gate.wait()

    async def one_by_one():
        for item in range(20):
            yield item
            await asyncio.sleep(0)
            await asyncio.sleep(0)

    pipeline = from_async(one_by_one()) >> broadcast(
        sink(fast.append), Buffer(2, overflow, "slow") >> async_sink(work)
    )
    running = pipeline.build()
    task = asyncio.create_task(running.run())
    for _ in range(10):
        await settle()
    assert len(fast) == before_the_gate

    gate.set()
    await task
    assert fast == list(range(20))
    assert slow == slow_gets
    counts = running.statistics()["slow"]
    assert (counts.sent, counts.received, counts.dropped) == (20, len(slow), 20 - len(slow))
    assert counts.peak == 2


async def test_buffers_are_counted_under_names_of_their_own():
    """Two buffers of one name stay apart in the statistics."""
    drop = sink(lambda _: None)
    pipeline = from_iterable(range(3)) >> broadcast(
        Buffer(4, WAIT, "out") >> drop, Buffer(9, DROP_OLDEST, "out") >> drop
    )
    running = pipeline.build()

    await running.run()

    counts = running.statistics()
    assert {name: (c.capacity, c.sent) for name, c in counts.items()} == {
        "out": (4, 3),
        "out 2": (9, 3),
    }


async def test_building_opens_nothing():
    """A built pipeline has no task and has called nobody until it is run."""
    calls = []

    async def produce(outlet):
        calls.append("opened")

    running = (Source("lazy", produce) >> Buffer(1, WAIT) >> sink(calls.append)).build()
    await settle()
    assert calls == []
    assert others() == set()

    await running.run()
    assert calls == ["opened"]


async def test_async_sinks_finish_their_last_item_before_the_end():
    """run() returns only when buffers are empty and the last work is done."""
    done = []

    async def work(item):
        await asyncio.sleep(0)
        done.append(item)

    await (from_iterable(range(7)) >> Buffer(3, WAIT) >> async_sink(work)).run()

    assert done == list(range(7))


async def test_all_tasks_of_a_source_may_send_at_once():
    """Items of concurrent senders go through an async sink one at a time; none is lost."""
    busy, most, seen = 0, 0, []

    async def work(item):
        nonlocal busy, most
        busy += 1
        most = max(most, busy)
        await asyncio.sleep(0)
        seen.append(item)
        busy -= 1

    await (merge(*(from_iterable([n] * 3) for n in range(4))) >> async_sink(work)).run()

    assert sorted(seen) == [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3]
    assert most == 1


def boom(_):
    raise RuntimeError("boom")


async def async_boom(item):
    boom(item)


async def endless():
    for item in count():
        yield item
        await asyncio.sleep(0)


FAILING = {
    "a flow": lambda: from_async(endless()) >> flow(boom) >> sink(print),
    "a sink": lambda: from_async(endless()) >> sink(boom),
    "a sink behind a buffer": lambda: from_async(endless()) >> Buffer(1, WAIT) >> sink(boom),
    "an async sink": lambda: from_async(endless()) >> async_sink(async_boom),
    "an async sink behind two buffers": lambda: (
        from_async(endless()) >> Buffer(1, WAIT) >> Buffer(1, WAIT) >> async_sink(async_boom)
    ),
    "one branch": lambda: (
        from_async(endless())
        >> broadcast(Buffer(2, WAIT) >> sink(boom), Buffer(2, DROP_OLDEST) >> sink(lambda _: None))
    ),
    "one of two merged sources": lambda: (
        merge(from_async(endless()), Source("bad", async_boom)) >> sink(lambda _: None)
    ),
}


@pytest.mark.parametrize("draw", FAILING.values(), ids=FAILING.keys())
async def test_a_failure_ends_the_run_as_itself_and_leaves_no_task(draw):
    """Whatever part fails, its own exception comes out and every task has ended."""
    with pytest.raises(RuntimeError, match="boom"):
        await draw().run()

    assert others() == set()


async def test_cancelling_a_run_leaves_no_task():
    """A cancelled pipeline ends all its tasks before the cancellation comes out."""
    pipeline = merge(from_async(endless()), from_async(endless())) >> broadcast(
        Buffer(2, WAIT) >> sink(lambda _: None), Buffer(2, WAIT) >> async_sink(asyncio.sleep)
    )
    running = asyncio.create_task(pipeline.run())
    await settle()
    assert len(others()) > 3

    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running

    assert others() == set()


async def test_a_normal_end_leaves_no_task():
    """After the last item nothing of a pipeline lives on."""
    await (from_iterable(range(3)) >> Buffer(1, WAIT) >> Buffer(1, WAIT) >> sink(print)).run()

    assert others() == set()


def test_merge_refuses_sources_that_were_drawn_further():
    """merge takes bare sources: what follows belongs behind it."""
    with pytest.raises(ValueError, match="bare sources"):
        merge(from_iterable([1]) >> flow(str), from_iterable(["a"]))


@given(items=st.lists(st.integers()), capacities=st.lists(st.integers(1, 4), max_size=3))
def test_a_chain_of_waiting_buffers_is_an_identity(items, capacities):
    """However many waiting buffers lie between, every item arrives once, in order."""
    seen = []
    source = from_iterable(items)
    for capacity in capacities:
        source = source >> Buffer(capacity, WAIT)

    asyncio.run((source >> sink(seen.append)).run())

    assert seen == items


async def test_ticks_come_at_their_times_and_once_more_at_the_end():
    """A tick each ten seconds, and a final one when stopped in between."""
    clock, stop, seen = ManualClock(), asyncio.Event(), []
    running = asyncio.create_task((ticks(clock, 10, stop) >> sink(seen.append)).run())
    await clock.advance(25)
    assert seen == [Tick(1010, final=False), Tick(1020, final=False)]

    stop.set()
    await running

    assert seen[2:] == [Tick(1025, final=True)]


async def test_a_late_tick_does_not_shift_the_later_ones():
    """Ticks missed while a sink was busy are not made up for, and the rhythm stays."""
    clock, stop, seen = ManualClock(), asyncio.Event(), []

    async def slow(tick):
        seen.append(tick.at)
        await clock.sleep(25 if len(seen) == 1 else 0)

    running = asyncio.create_task((ticks(clock, 10, stop) >> async_sink(slow)).run())
    await clock.advance(61)
    stop.set()
    await running

    assert seen == [1010, 1040, 1050, 1060, 1061]


@pytest.mark.parametrize(
    "operator",
    [
        *(getattr(stages, name) for name in ("flow", "filter_map", "stateful", "where")),
        *(getattr(stages, name) for name in ("sink", "async_sink", "broadcast")),
        *(getattr(sources, name) for name in ("from_iterable", "from_async", "merge", "ticks")),
        Buffer,
    ],
    ids=lambda operator: operator.__name__,
)
def test_every_operator_says_how_it_behaves(operator):
    """Its docstring tells when it emits, backpressures, completes and fails."""
    text = inspect.getdoc(operator)

    for line in ("Emits when:", "Backpressures when:", "Completes when:", "Fails when:"):
        assert line in text


async def test_a_put_without_room_is_a_bug_that_shows():
    """A source that pushes past its outlet meets WouldBlock instead of an unbounded queue."""
    running = (from_iterable([]) >> Buffer(1, WAIT) >> sink(print)).build()
    running._push(1)

    with pytest.raises(WouldBlock):
        running._push(2)


@pytest.mark.parametrize(
    ("end", "blocks"),
    [
        (sink(print), False),
        (broadcast(Buffer(1, DROP_OLDEST) >> sink(print), sink(print)), False),
        (broadcast(Buffer(1, WAIT) >> sink(print), sink(print)), True),
        (async_sink(lambda _: asyncio.sleep(0)), True),
    ],
    ids=["plain", "dropping", "waiting", "awaited"],
)
async def test_an_item_is_put_at_once_only_where_nothing_is_waited_for(end, blocks):
    """A source that cannot wait learns so, instead of losing items."""
    put = []

    async def produce(outlet):
        outlet.send_nowait("item")
        put.append("item")

    running = (Source("items", produce) >> end).run()
    if blocks:
        with pytest.raises(WouldBlock):
            await running
    else:
        await running
    assert len(put) == (not blocks)
