"""Everything that is served, put together: what pages there are, who is let in, how they answer."""

from collections.abc import Sequence
from typing import Protocol

from aiohttp import web

from tidegauge.catching_up import CatchUp, nothing_waits
from tidegauge.journal import Journal
from tidegauge.web.answers import Handler, add_headers, errors
from tidegauge.web.api import LIVE
from tidegauge.web.gate import Gate


class Part(Protocol):
    """Some of the pages."""

    def add_to(self, application: web.Application) -> None:
        """Serve them there."""
        ...


class Site:
    """Makes applications as aiohttp serves them; one for each time the server runs.

    Before anything is answered, ``catch_up`` has all that has come be recorded.
    """

    def __init__(
        self,
        parts: Sequence[Part],
        gate: Gate,
        journal: Journal,
        catch_up: CatchUp = nothing_waits,
    ) -> None:
        self._parts, self._gate, self._journal = parts, gate, journal
        self._catch_up = catch_up

    def application(self) -> web.Application:
        """All pages behind the gate."""
        application = web.Application(
            middlewares=[
                *(errors(self._journal, endless=(LIVE,)), self._gate.guard, self._after_catching_up)
            ]
        )
        application.on_response_prepare.append(add_headers)
        for part in self._parts:
            part.add_to(application)
        return application

    @web.middleware
    async def _after_catching_up(
        self, request: web.Request, handler: Handler
    ) -> web.StreamResponse:
        await self._catch_up()
        return await handler(request)
