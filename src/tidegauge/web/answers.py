"""What every answer has: errors in JSON, headers that keep browsers in bounds, ETag and gzip."""

import asyncio
import gzip
import hashlib
import traceback
from collections.abc import Awaitable, Callable, Mapping

import msgspec
from aiohttp import web
from aiohttp.typedefs import Middleware

from tidegauge.errors import Unanswerable
from tidegauge.journal import Journal
from tidegauge.web.views import ErrorView

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

DEADLINE = 60.0
"""Seconds for one answer, until its last byte is taken: a client that hangs holds no memory."""

FAILED = "web page failed"

LONGEST_LINE = 8190
"""Bytes of a request's target, and of all its headers together."""

PACKED_FROM = 1024
ASIDE_FROM = 100_000
"""Bytes from which an answer is packed, and from which what looks at each is done in a thread."""

HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": (
        "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Server": "tidegauge",
}

_SENTENCES = {
    404: "there is nothing at this path; /openapi.json lists what there is.",
    405: "nothing here is changed; it is read with GET or HEAD.",
}


def as_json(view: object, status: int = 200, cache: str = "no-cache") -> web.Response:
    """A view as the body of an answer."""
    return web.Response(
        body=msgspec.json.encode(view),
        status=status,
        content_type="application/json",
        headers={"Cache-Control": cache},
    )


def refusal(status: int, sentence: str) -> web.Response:
    """An error, told in JSON."""
    return as_json(ErrorView(sentence), status, "no-store")


async def add_headers(_request: web.Request, response: web.StreamResponse) -> None:
    """What browsers are told with every answer."""
    response.headers.update(HEADERS)


def errors(journal: Journal, endless: tuple[str, ...]) -> Middleware:
    """Sends the answer before the deadline; what cannot be answered is told in JSON.

    Those at an ``endless`` path keep to deadlines of their own.
    """

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path in endless:
            return await _answer(request, handler, journal)
        response: web.StreamResponse = web.Response(status=503)
        try:
            async with asyncio.timeout(DEADLINE):
                response = await _answer(request, handler, journal)
                await response.prepare(request)
                await response.write_eof()
        except TimeoutError:
            abort(request)
        except ConnectionError:
            pass  # it went away, which is its own affair
        return response

    return middleware


def abort(request: web.Request) -> None:
    """Cut a client off."""
    if request.transport is not None:
        request.transport.abort()


async def _answer(request: web.Request, handler: Handler, journal: Journal) -> web.StreamResponse:
    try:
        _check_size(request)
        return await _finished(request, await handler(request))
    except Unanswerable as error:
        return refusal(error.status, str(error))
    except web.HTTPException as error:
        response = refusal(error.status, _SENTENCES.get(error.status, error.reason))
        for name in {"Allow", "WWW-Authenticate"} & error.headers.keys():
            response.headers[name] = error.headers[name]
        return response
    except ConnectionError:
        raise
    except Exception as error:  # noqa: BLE001 (a bug costs the page, and is told)
        trace = "".join(traceback.format_exception(error))
        journal.trouble(FAILED, f"a web page failed: {error!r}.", trace, trace=trace)
        if request.writer.output_size:  # half of an answer is out already
            abort(request)
        return refusal(500, "this page has a bug; the log of Tidegauge has its trace.")


def _check_size(request: web.Request) -> None:
    if len(request.raw_path) > LONGEST_LINE:
        raise Unanswerable(f"the address is longer than {LONGEST_LINE} bytes; ask for less.", 414)
    if sum(len(name) + len(value) for name, value in request.raw_headers) > LONGEST_LINE:
        raise Unanswerable(f"the headers are longer than {LONGEST_LINE} bytes; send fewer.", 431)
    if request.body_exists and request.content_length != 0 and request.method in {"GET", "HEAD"}:
        raise Unanswerable("no request here has a body; leave it out.", 413)


async def _finished(request: web.Request, response: web.StreamResponse) -> web.StreamResponse:
    """With an ETag, as 304 where the client has it already, and packed where that helps."""
    if not isinstance(response, web.Response) or response.status != 200:
        return response
    body = response.body
    if response.prepared or not isinstance(body, bytes):
        return response
    aside = len(body) > ASIDE_FROM
    tag = await asyncio.to_thread(tag_of, body) if aside else tag_of(body)
    tag = response.headers.setdefault("ETag", tag)
    response.headers.setdefault("Vary", "Accept-Encoding")
    if _has(request.headers.get("If-None-Match", ""), tag):
        kept = ("ETag", "Vary", "Cache-Control")
        headers = {name: response.headers[name] for name in kept if name in response.headers}
        return web.Response(status=304, headers=headers)
    if "Content-Encoding" in response.headers or len(body) <= PACKED_FROM:
        return response
    if takes_gzip(request.headers.get("Accept-Encoding", "")):
        response.body = await asyncio.to_thread(packed, body) if aside else packed(body)
        response.headers["Content-Encoding"] = "gzip"
    return response


def tag_of(body: bytes) -> str:
    """What tells a body from others; weak, because it may be packed."""
    return f'W/"{hashlib.blake2b(body, digest_size=16).hexdigest()}"'


def packed(body: bytes) -> bytes:
    """With gzip: level 1 takes a third of the time of the usual one."""
    return gzip.compress(body, 1, mtime=0)


def takes_gzip(accept_encoding: str) -> bool:
    """May an answer be packed with gzip?"""
    for part in accept_encoding.lower().split(","):
        name, _, weight = part.partition(";")
        if name.strip() == "gzip":
            return weight.replace(" ", "") not in {"q=0", "q=0.0", "q=0.00", "q=0.000"}
    return False


def _has(if_none_match: str, tag: str) -> bool:
    known = {each.strip().removeprefix("W/") for each in if_none_match.split(",")}
    return "*" in known or tag.removeprefix("W/") in known
