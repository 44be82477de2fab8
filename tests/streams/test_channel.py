"""One conformance suite for every overflow policy, and the laws of each."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manual_clock import settle
from tidegauge.errors import EndOfStream, StreamClosed, WouldBlock
from tidegauge.streams import DROP_NEWEST, DROP_OLDEST, WAIT, Channel, Overflow

POLICIES = list(Overflow)


@pytest.fixture(params=POLICIES, ids=lambda policy: policy.value)
def overflow(request):
    return request.param


async def drain(channel):
    taken = []
    try:
        while True:
            taken.append(await channel.take())
    except EndOfStream:
        return taken


async def test_items_come_out_in_the_order_they_went_in(overflow):
    """While there is room every policy is a plain queue."""
    channel = Channel(3, overflow)
    for item in "abc":
        channel.put(item)
    channel.close()

    assert await drain(channel) == ["a", "b", "c"]


async def test_take_all_empties_the_buffer_at_once(overflow):
    """A receiver that takes all gets everything inside, oldest first."""
    channel = Channel(3, overflow)
    channel.put(1)
    channel.put(2)

    assert await channel.take_all() == [1, 2]
    assert channel.statistics().used == 0


async def test_a_waiting_receiver_wakes_for_the_next_item(overflow):
    """Taking from an empty buffer waits for a put."""
    channel = Channel(1, overflow)
    taking = asyncio.create_task(channel.take())
    await settle()
    assert not taking.done()

    channel.put("late")

    assert await taking == "late"


async def test_closing_ends_the_stream_after_the_last_item(overflow):
    """What is inside at the close can still be taken; then the end is told again and again."""
    channel = Channel(2, overflow)
    channel.put(1)
    channel.close()

    assert await channel.take() == 1
    for _ in range(2):
        with pytest.raises(EndOfStream):
            await channel.take()


async def test_closing_wakes_a_waiting_receiver(overflow):
    """Nobody waits for ever on a closed buffer."""
    channel = Channel(1, overflow)
    taking = asyncio.create_task(channel.take_all())
    await settle()

    channel.close()

    with pytest.raises(EndOfStream):
        await taking


async def test_a_put_after_the_close_is_refused(overflow):
    """A sender that goes on after the close has a bug, and hears of it."""
    channel = Channel(1, overflow)
    channel.close()

    with pytest.raises(StreamClosed):
        channel.put(1)


async def test_a_cancelled_receiver_loses_no_item(overflow):
    """An item put while a receiver is being cancelled is there for the next one."""
    channel = Channel(1, overflow)
    taking = asyncio.create_task(channel.take())
    await settle()
    channel.put("kept")
    taking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await taking

    assert await channel.take() == "kept"


def test_a_buffer_without_capacity_is_refused(overflow):
    """Zero or negative capacity is a mistake in the drawing."""
    with pytest.raises(ValueError, match="at least 1 item, not 0"):
        Channel(0, overflow)


async def test_wait_refuses_when_full_and_wakes_its_senders_when_there_is_room():
    """A full waiting buffer raises WouldBlock; room() returns once an item was taken."""
    channel = Channel(1, WAIT)
    channel.put(1)
    assert not channel.has_room
    with pytest.raises(WouldBlock):
        channel.put(2)
    waiting = asyncio.create_task(channel.room())
    await settle()
    assert not waiting.done()

    assert await channel.take() == 1
    await waiting
    channel.put(2)

    assert await channel.take() == 2


async def test_a_cancelled_sender_does_not_swallow_the_room_of_another():
    """Of two waiting senders, cancelling the first leaves the second to be woken."""
    channel = Channel(1, WAIT)
    channel.put(1)
    first, second = (asyncio.create_task(channel.room()) for _ in range(2))
    await settle()
    await channel.take()
    first.cancel()

    await asyncio.wait_for(second, 1)


async def test_drop_oldest_keeps_the_newest():
    """Of 20 items into a buffer of two, the last two stay."""
    channel = Channel(2, DROP_OLDEST)
    for item in range(20):
        channel.put(item)

    assert await channel.take_all() == [18, 19]
    assert channel.statistics().dropped == 18


async def test_drop_newest_keeps_what_was_accepted():
    """Of 20 items into a buffer of two, the first two stay."""
    channel = Channel(2, DROP_NEWEST)
    for item in range(20):
        channel.put(item)

    assert await channel.take_all() == [0, 1]
    assert channel.statistics().dropped == 18


MOVES = st.lists(st.sampled_from(["put", "take", "take all"]), max_size=60)


@given(capacity=st.integers(1, 5), overflow=st.sampled_from(POLICIES), moves=MOVES)
def test_received_and_dropped_and_used_are_what_was_sent(capacity, overflow, moves):
    """The counts balance after every move, and the buffer never holds more than it may."""

    async def play():
        channel = Channel(capacity, overflow)
        sent = received = 0
        for move in moves:
            if move == "put" and channel.has_room:
                channel.put(sent)
                sent += 1
            elif move == "take" and channel.statistics().used:
                await channel.take()
                received += 1
            elif move == "take all" and channel.statistics().used:
                received += len(await channel.take_all())
            counts = channel.statistics()
            assert (counts.sent, counts.received) == (sent, received)
            assert counts.received + counts.dropped + counts.used == counts.sent
            assert counts.used <= counts.peak <= capacity
            assert overflow is not WAIT or counts.dropped == 0

    asyncio.run(play())


@given(
    items=st.lists(st.integers(), max_size=50),
    capacity=st.integers(1, 4),
    senders=st.integers(1, 4),
)
def test_waiting_loses_nothing(items, capacity, senders):
    """Through a waiting buffer every item of every sender arrives, in each sender's order."""

    async def play():
        channel = Channel(capacity, WAIT)

        async def send(name):
            for item in items:
                await channel.room()
                channel.put((name, item))

        async def send_all():
            await asyncio.gather(*(send(name) for name in range(senders)))
            channel.close()

        sending = asyncio.create_task(send_all())
        received = await drain(channel)
        await sending
        for name in range(senders):
            assert [item for who, item in received if who == name] == items

    asyncio.run(play())
