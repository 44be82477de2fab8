"""The API: each handler reads what is asked, looks, and answers in JSON."""

import asyncio
from collections.abc import Sequence

from aiohttp import web

from tidegauge.clock import Clock
from tidegauge.fleet.fleet import Fleet
from tidegauge.metrics import Identity
from tidegauge.web import answers, asking, fleet, past
from tidegauge.web.answers import as_json
from tidegauge.web.asking import Asked
from tidegauge.web.live import Live, Viewer
from tidegauge.web.now import Now
from tidegauge.web.openapi import document
from tidegauge.web.past import Asking, Past

LIVE = "/api/v1/live"

HOUR = 3600.0
"""Seconds of a range that nobody gave."""


class Api:
    """The routes below ``/api/v1`` and their description."""

    def __init__(
        self,
        now: Now,
        live: Live,
        history: Past | None,
        clock: Clock,
        everywhere: Fleet | None = None,
    ) -> None:
        self._now, self._live, self._past, self._clock = now, live, history, clock
        self._fleet = everywhere

    def add_to(self, application: web.Application) -> None:
        """Serve them there."""
        for path, handler in (
            ("/api/v1/containers", self.containers),
            ("/api/v1/containers/{engine}/{alias}", self.container),
            ("/api/v1/series", self.series),
            ("/api/v1/events", self.events),
            ("/api/v1/fleet", self.fleet),
            ("/api/v1/fleet/services", self.fleet_services),
            ("/api/v1/fleet/containers", self.fleet_containers),
            ("/api/v1/status", self.status),
            ("/api/v1/metrics", self.metrics),
            (LIVE, self.live),
            ("/openapi.json", self.openapi),
        ):
            application.router.add_get(path, handler)
        application.on_shutdown.append(self._let_go)

    async def containers(self, request: web.Request) -> web.Response:
        """Everything there is now."""
        asked = _asked(request, "sparks")
        return as_json(self._now.overview(asking.whole(asked, "sparks", 0, asking.MOST_SPARKS)))

    async def container(self, request: web.Request) -> web.Response:
        """One container, explained."""
        _asked(request)
        return as_json(self._now.container(**request.match_info))

    async def series(self, request: web.Request) -> web.Response:
        """Series in a range."""
        asked = _asked(request, "entity", "metric", "start", "stop", "step", "points", "host")
        span = asking.range_of(asked, self._clock.now(), HOUR)
        metrics = asking.several(asked, "metric", asking.MOST_METRICS)
        past.check_metrics(metrics)
        question = Asking(asking.entities(asked), metrics, span, asking.step_of(asked, span))
        if host := asking.one(asked, "host"):
            history = await self._history_of(host, question.entities)
            return as_json(await past.series(history, question, lambda _: False))
        for entity in question.entities:
            self._now.looked_at(entity)
        return as_json(await past.series(self._past, question, self._now.has))

    async def events(self, request: web.Request) -> web.Response:
        """What happened in a range."""
        asked = _asked(request, "start", "stop", "entity", "host")
        span = asking.range_of(asked, self._clock.now(), 24 * HOUR)
        entities = asking.entities(asked) if "entity" in asked else ()
        history = self._past
        if host := asking.one(asked, "host"):
            history = await self._history_of(host, entities)
        return as_json(await past.events(history, span, entities))

    async def fleet(self, request: web.Request) -> web.Response:
        """All hosts of the fleet."""
        _asked(request)
        return as_json(await fleet.hosts(self._fleet))

    async def fleet_services(self, request: web.Request) -> web.Response:
        """Services over hosts."""
        _asked(request)
        return as_json(await fleet.services(self._fleet))

    async def fleet_containers(self, request: web.Request) -> web.Response:
        """Containers of a host, of a service, or all."""
        asked = _asked(request, "host", "project", "service")
        host, *names = (asking.one(asked, each) for each in ("host", "project", "service"))
        project, service = (
            text if name in asked else None
            for name, text in zip(("project", "service"), names, strict=True)
        )
        return as_json(await fleet.containers(self._fleet, host, project, service))

    async def status(self, request: web.Request) -> web.Response:
        """How Tidegauge does."""
        _asked(request)
        return as_json(await self._now.full_status(self._live.viewers))

    async def metrics(self, request: web.Request) -> web.Response:
        """The catalogue."""
        _asked(request)
        return as_json(past.catalogue())

    async def openapi(self, request: web.Request) -> web.Response:
        """What this API is, for programs."""
        _asked(request)
        return as_json(document())

    async def live(self, request: web.Request) -> web.StreamResponse:
        """What moves, as server-sent events, until the client goes or reads no more."""
        asked = _asked(request, "container")
        headers = {
            "Content-Type": "text/event-stream",
            "Cache-Control": "no-store",
            "X-Accel-Buffering": "no",  # a proxy would keep what is sent until there is more
        }
        response = web.StreamResponse(headers=headers)
        if request.method == "HEAD":
            return web.Response(headers=headers)
        viewer = self._live.join(frozenset(asking.several(asked, "container", asking.MOST_KEYS)))
        try:
            await response.prepare(request)
            await self._send(viewer, response)
        except TimeoutError:
            answers.abort(request)
        except ConnectionError:
            pass  # it went away, which is its own affair
        finally:
            self._live.leave(viewer)
        return response

    async def _history_of(self, host: str, entities: Sequence[Identity]) -> Past:
        """The past of one host of the fleet."""
        engines = {name for kind, name, _ in entities if kind != "host"}
        history = await fleet.history(self._fleet, host, next(iter(engines), ""))
        return Past(history, host)

    async def _send(self, viewer: Viewer, response: web.StreamResponse) -> None:
        async for message in viewer.messages(self._clock):
            async with asyncio.timeout(answers.DEADLINE):
                await response.write(message)

    async def _let_go(self, _application: web.Application) -> None:
        self._live.end()


def _asked(request: web.Request, *names: str) -> Asked:
    asked = {name: request.query.getall(name) for name in request.query}
    asking.only(asked, *names)
    return asked
