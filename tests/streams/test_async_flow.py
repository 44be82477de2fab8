"""Work that has to be awaited, in the middle of a graph."""

import asyncio

from tidegauge.streams import WAIT, Buffer, async_flow, async_sink, broadcast, from_iterable, sink


async def test_results_go_on_in_order_and_the_next_item_waits() -> None:
    """To sinks of each kind behind it, and through buffers; one item is worked on at a time."""
    at_once, awaited, buffered, working = list[int](), list[int](), list[int](), 0

    async def double(item: int) -> int:
        nonlocal working
        working += 1
        assert working == 1
        await asyncio.sleep(0)
        working -= 1
        return item * 2

    async def keep(item: int) -> None:
        await asyncio.sleep(0)
        awaited.append(item)

    await (
        from_iterable(range(4))
        >> async_flow(double)
        >> broadcast(
            sink(at_once.append), async_sink(keep), Buffer(1, WAIT) >> sink(buffered.append)
        )
    ).run()

    assert at_once == awaited == buffered == [0, 2, 4, 6]
