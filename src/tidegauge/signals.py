"""SIGINT and SIGTERM: the first stops in good order, a second one at once."""

import asyncio
import os
import signal

from tidegauge.terminal.progress import Progress


def stop_at_signals(stop: asyncio.Event, progress: Progress) -> None:
    """Set ``stop`` at the first signal; at the second leave behind whatever still hangs."""

    def hear(number: int) -> None:
        if stop.is_set():
            progress.done()
            os._exit(128 + number)  # a thread that hangs is left behind too
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, hear, number)
