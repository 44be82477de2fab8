"""Listens as long as the program runs; a taken port costs the pages, and nothing else."""

import asyncio
import logging
import os
import traceback
from collections.abc import Callable, Coroutine
from contextlib import closing
from functools import partial

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from tidegauge.backoff import Backoff
from tidegauge.clock import Clock
from tidegauge.journal import Journal
from tidegauge.web.answers import FAILED
from tidegauge.web.options import Address

BUSY = "web address not available"
GARBAGE = "web request not understood"

LONGEST = 32 * 1024
"""Bytes of a line or header that is read at all; `answers.LONGEST_LINE` is what is answered."""

CROWDED = "web connection refused"

MOST = 200
"""Connections at once: engines need theirs of those that a process may have, often 1024."""

LONGEST_PAUSE = 30.0
IDLE_SECONDS = 75.0
"""How long a connection may be without a request, or take to its end of the headers."""

CLOSING_SECONDS = 1.0
"""How long answers under way may take after a stop."""


class WebServer:
    """Serves an application at one address; ``beside`` is what has to run as long as it does."""

    def __init__(
        self,
        address: Address,
        application: Callable[[], web.Application],
        journal: Journal,
        clock: Clock,
        random: Callable[[], float],
        *,
        beside: Callable[[], Coroutine[None, None, None]],
    ) -> None:
        self._address, self._application, self._beside = address, application, beside
        self._journal, self._clock, self._random = journal, clock, random

    @property
    def metrics(self) -> str:
        """Where Prometheus finds what there is to scrape."""
        return f"http://{self._address}/metrics"

    async def run(self) -> None:
        """Serve until cancelled; where the address cannot be had, tell it and try again."""
        runner = web.AppRunner(
            self._application(),
            access_log=None,
            logger=_logger(self._journal),
            keepalive_timeout=IDLE_SECONDS,
            shutdown_timeout=CLOSING_SECONDS,
            max_line_size=LONGEST,
            max_field_size=LONGEST,
        )
        await runner.setup()
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._beside())
                with closing(await self._listening(runner)):
                    await asyncio.Event().wait()
        finally:
            await runner.cleanup()

    async def _listening(self, runner: web.AppRunner) -> asyncio.Server:
        loop, backoff = asyncio.get_running_loop(), Backoff(1.0, LONGEST_PAUSE, self._random)
        connected = partial(self._connected, runner)
        while True:
            host, port = self._address.host or None, self._address.port
            try:
                listening = await loop.create_server(connected, host, port, backlog=128)
            except (OSError, UnicodeError) as error:
                self._journal.trouble(BUSY, self._sentence(error))
                await self._clock.sleep(backoff.delay())
            else:
                break
        self._journal.over(BUSY)
        self._address = Address(self._address.host, listening.sockets[0].getsockname()[1])
        self._journal.told(f"metrics at {self.metrics}")
        return listening

    def _connected(self, runner: web.AppRunner) -> asyncio.BaseProtocol:
        """What answers at a new connection."""
        answering = runner.server
        if answering is not None and len(answering.connections) < MOST:
            return answering()
        self._journal.trouble(
            CROWDED,
            f"more than {MOST} connections to the web server; further ones are closed at once.",
        )
        return _Closing()

    def _sentence(self, error: OSError | UnicodeError) -> str:
        reason = str(error)
        if isinstance(error, OSError) and error.errno is not None and error.errno > 0:
            reason = os.strerror(error.errno)
        return (
            f"no metrics at {self.metrics}: {reason}. Set web.listen to another address, or to"
            ' "" for none; this one is tried again.'
        )


class _Closing(asyncio.Protocol):
    """Answers nothing."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.close()


def _logger(journal: Journal) -> logging.Logger:
    """What aiohttp tells of requests it could not answer, into the journal."""
    logger = logging.Logger("tidegauge.web", logging.ERROR)  # noqa: LOG001 (ours alone)
    logger.addHandler(_IntoJournal(journal))
    return logger


class _IntoJournal(logging.Handler):
    """Requests that are no HTTP are counted; anything else is a bug, and told as one."""

    def __init__(self, journal: Journal) -> None:
        super().__init__()
        self._journal = journal

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, HttpProcessingError):
            self._journal.drop(GARBAGE)
        else:
            trace = "".join(traceback.format_exception(error))
            self._journal.trouble(FAILED, f"a web page failed: {error!r}.", trace, trace=trace)
