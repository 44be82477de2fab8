"""Pages for Prometheus and for orchestrators."""

from collections.abc import Callable

from aiohttp import web

from tidegauge.prometheus.text import Page, accepted
from tidegauge.web.answers import Handler, refusal


class Pages:
    """``/metrics``, ``/healthz`` and their like.

    ``unready`` says in a sentence why there is nothing to show yet; empty when there is.
    """

    def __init__(self, metrics: Page, cadvisor: Page, unready: Callable[[], str]) -> None:
        self._metrics, self._cadvisor, self._unready = metrics, cadvisor, unready

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
            kind = accepted(request.headers.get("Accept", ""))
            headers = {"Content-Type": kind, "Vary": "Accept, Accept-Encoding"}
            return web.Response(body=await page.render(kind), headers=headers)

        return metrics
