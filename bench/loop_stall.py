"""How long the event loop does nothing else while a page of many containers is made and packed."""

import asyncio
import gc
import selectors
import threading
import time
import urllib.request

from aiohttp import web
from made_up import StandingClock, a_journal
from pairs import Measurement
from recorded_registry import recorded

from tidegauge.prometheus.cadvisor import CadvisorNames
from tidegauge.prometheus.own import OurNames
from tidegauge.prometheus.text import Page
from tidegauge.web.gate import Gate
from tidegauge.web.options import Address
from tidegauge.web.pages import Pages
from tidegauge.web.site import Site

LONGEST_MS = 25.0


def measurements(quick: bool) -> list[Measurement]:
    """The longest piece of work of the loop, while the page is fetched compressed."""
    containers = 100 if quick else 1000
    name = f"T11 /metrics: longest stall of the loop, {containers} containers, compressed"
    return [
        Measurement(
            name, *("ms", lambda: _longest(containers), lambda: 0.0, "difference", LONGEST_MS)
        )
    ]


class Timing(selectors.DefaultSelector):
    """Knows how long the loop went without looking at its sockets: CPU time of its thread."""

    def __init__(self) -> None:
        super().__init__()
        self._since = time.thread_time()
        self.longest = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self.longest = max(self.longest, time.thread_time() - self._since)
        ready = super().select(timeout)
        self._since = time.thread_time()
        return ready


def _longest(containers: int) -> float:
    """Milliseconds, of the first page and of the next ones."""
    timing = Timing()
    with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(timing)) as runner:
        runner.run(_served(containers, timing))
    return timing.longest * 1000


async def _served(containers: int, timing: Timing) -> None:
    registry, journal, clock = await recorded(containers), a_journal(), StandingClock()
    registry.collect(0.0)
    pages = Pages(
        Page(OurNames(journal), registry, clock),
        Page(CadvisorNames((), clock), registry, clock),
        str,
    )
    gate = Gate("", Address.parse("127.0.0.1:0"))
    runner = web.AppRunner(Site((pages,), gate, journal).application())
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    gc.collect()
    gc.freeze()  # as the program does, a minute after its start
    await asyncio.sleep(0)
    timing.longest = 0.0
    await _fetched(port)
    gc.unfreeze()
    await runner.cleanup()


async def _fetched(port: int) -> None:
    """Three times, by a thread: what it does is not the loop's work."""
    done, loop = asyncio.Event(), asyncio.get_running_loop()

    def fetch() -> None:
        for _ in range(3):
            headers = {"Accept-Encoding": "gzip"}
            request = urllib.request.Request(f"http://127.0.0.1:{port}/metrics", headers=headers)
            with urllib.request.urlopen(request) as answer:
                answer.read()
        loop.call_soon_threadsafe(done.set)

    thread = threading.Thread(target=fetch)
    thread.start()
    await done.wait()
    thread.join()
