"""Pages for Prometheus and for orchestrators."""

from collections.abc import Awaitable, Callable

from aiohttp import web

from tidegauge.prometheus.text import Page, accepted
from tidegauge.web.answers import Handler, refusal


async def _nothing() -> None:
    pass


class Pages:
    """``/metrics``, ``/healthz`` and their like.

    ``unready`` says in a sentence why there is nothing to show yet; empty when there is.
    ``catch_up`` has all that was read be recorded.
    """

    def __init__(
        self,
        metrics: Page,
        cadvisor: Page,
        unready: Callable[[], str],
        catch_up: Callable[[], Awaitable[None]] = _nothing,
    ) -> None:
        self._metrics, self._cadvisor = metrics, cadvisor
        self._unready, self._catch_up = unready, catch_up

    def add_to(self, application: web.Application) -> None:
        """Serve them there."""
        application.router.add_get("/metrics", self._page(self._metrics))
        application.router.add_get("/metrics/cadvisor", self._page(self._cadvisor))
        application.router.add_get("/healthz", self._healthz)
        application.router.add_get("/readyz", self._readyz)

    async def _healthz(self, _request: web.Request) -> web.Response:
        return web.Response(text="alive\n")

    async def _readyz(self, _request: web.Request) -> web.Response:
        if unready := self._unready():
            return refusal(503, unready)
        return web.Response(text="ready\n")

    def _page(self, page: Page) -> Handler:
        async def metrics(request: web.Request) -> web.Response:
            await self._catch_up()
            kind = accepted(request.headers.get("Accept", ""))
            headers = {"Content-Type": kind, "Vary": "Accept, Accept-Encoding"}
            return web.Response(body=await page.render(kind), headers=headers)

        return metrics
