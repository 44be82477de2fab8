"""SIGINT and SIGTERM: the first stops in good order, a second one at once."""

import asyncio
import os
import signal
import time
from collections.abc import Callable

from tidegauge.terminal.progress import Progress

TOGETHER = 0.2
"""Seconds in which signals are one: of Ctrl-C also who started us hears, and passes it on."""


def stop_at_signals(
    stop: asyncio.Event, progress: Progress, now: Callable[[], float] = time.monotonic
) -> None:
    """Set ``stop`` at the first signal; at the second leave behind whatever still hangs."""
    first = now()

    def hear(number: int) -> None:
        nonlocal first
        if not stop.is_set():
            first = now()
            stop.set()
        elif now() - first > TOGETHER:
            progress.done()
            os._exit(128 + number)  # a thread that hangs is left behind too

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, hear, number)
