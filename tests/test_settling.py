"""What stays as long as the program runs is not looked at by the garbage collector again."""

import asyncio
import gc

from manual_clock import ManualClock
from tidegauge.session import SETTLED_SECONDS, settle


async def test_what_is_there_a_minute_after_the_start_is_passed_over():
    """Full collections look at nothing of it; what comes later they look at."""
    clock, before = ManualClock(), gc.get_freeze_count()
    settling = asyncio.create_task(settle(clock))
    stays = [{}]
    await clock.advance(SETTLED_SECONDS - 1)
    assert gc.get_freeze_count() == before
    await clock.advance(1)
    try:
        assert settling.done()
        assert gc.get_freeze_count() > before
        later = [stays]
        seen = {id(each) for each in gc.get_objects()}
        assert id(stays) not in seen
        assert id(later) in seen
    finally:
        gc.unfreeze()
