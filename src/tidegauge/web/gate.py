"""Who is let in: those who know the token or, without one, those of this machine."""

import hmac
import re

from aiohttp import web

from tidegauge.errors import Unanswerable
from tidegauge.web.answers import Handler
from tidegauge.web.options import Address

OPEN = ("/healthz",)
"""What anybody may ask: whether the process is alive."""

PAGES = ("/", "/static/")
"""What the token is not asked for: a browser asks for these by itself, and no data is in them."""

LOCAL = ("localhost", "127.0.0.1", "[::1]")

_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^:\[\]]+)(?::\d+)?")


class Gate:
    """Guards one address.

    Without a token a page in the user's browser could reach us under a name of its own that leads
    to this machine (DNS rebinding), so only names of this machine are answered to.
    """

    def __init__(self, token: str, address: Address) -> None:
        self._token = token.encode(errors="surrogatepass")
        host = f"[{address.host}]" if ":" in address.host else address.host
        self._names = {*LOCAL, host.lower()} if address.is_loopback and not token else set[str]()

    @web.middleware
    async def guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Let a request pass, or raise."""
        if request.path not in OPEN:
            self._check_name(request.headers.get("Host", ""))
            if self._token and not _is_page(request.path):
                self._check_token(request)
        return await handler(request)

    def _check_name(self, host: str) -> None:
        found = _HOST.fullmatch(host.lower())
        if self._names and host and (found is None or found[1] not in self._names):
            raise Unanswerable(
                f"without web.token only {', '.join(sorted(self._names))} are answered to, not"
                f' "{host[:100]}".',
                403,
            )

    def _check_token(self, request: web.Request) -> None:
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        known = given.strip() if scheme.lower() == "bearer" else request.query.get("token", "")
        if not hmac.compare_digest(known.encode(errors="surrogatepass"), self._token):
            raise web.HTTPUnauthorized(
                reason="the token is missing or wrong", headers={"WWW-Authenticate": "Bearer"}
            )


def _is_page(path: str) -> bool:
    return path in PAGES or path.startswith(PAGES[-1])
