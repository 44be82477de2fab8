"""Signals to this process itself, which is asked to stop and has not ended."""

import asyncio
import os
import signal
import sys

from tidegauge.signals import TOGETHER, stop_at_signals
from tidegauge.terminal.progress import Progress
from waiting import wait_until_async


async def test_a_signal_that_comes_twice_at_once_is_one() -> None:
    """Ctrl-C reaches all of a terminal, and who started us may pass it on."""
    stop, heard, times = asyncio.Event(), [], iter([0.0, 1.0, 1.0 + TOGETHER / 2])
    stop_at_signals(stop, Progress(sys.stderr), lambda: heard.append(next(times)) or heard[-1])

    os.kill(os.getpid(), signal.SIGINT)
    await asyncio.wait_for(stop.wait(), 5)
    os.kill(os.getpid(), signal.SIGINT)

    await wait_until_async(lambda: len(heard) == 3, 5, "the second signal was heard")
