"""The dashboard's files, as they come with the package: read once, packed once."""

import asyncio
from importlib.resources import files
from importlib.resources.abc import Traversable

from aiohttp import web
from msgspec import Struct

from tidegauge.web.answers import PACKED_FROM, packed, tag_of, takes_gzip

KINDS = {
    "html": "text/html; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "json": "application/json",
    "svg": "image/svg+xml",
    "png": "image/png",
    "ico": "image/x-icon",
    "woff2": "font/woff2",
    "txt": "text/plain; charset=utf-8",
}
"""Media types by the end of a name; a file of another end is not served."""


class File(Struct, frozen=True):
    """A file as it is sent."""

    body: bytes
    packed: bytes | None
    kind: str
    tag: str


class Files:
    """What is below a folder. Only names that were found there are answered."""

    def __init__(self, folder: Traversable | None = None) -> None:
        self._folder = folder or files("tidegauge.web") / "static"
        self._found: dict[str, File] | None = None
        self._reading = asyncio.Lock()

    def add_to(self, application: web.Application) -> None:
        """Serve them there: the dashboard at ``/``, what it is made of below ``/static/``."""
        application.router.add_get("/", self.serve)
        application.router.add_get("/static/{name:.+}", self.serve)

    async def get(self, name: str) -> File | None:
        """The file of this name, such as ``parts/chart.js``."""
        async with self._reading:
            if self._found is None:
                self._found = await asyncio.to_thread(_read, self._folder)
        return self._found.get(name)

    async def serve(self, request: web.Request) -> web.Response:
        """The file that a request names, packed for those who take it."""
        found = await self.get(request.match_info.get("name", "index.html"))
        if found is None:
            raise web.HTTPNotFound
        headers = {
            "Content-Type": found.kind,
            "ETag": found.tag,
            "Cache-Control": "no-cache",  # asked for anew each time, and answered with 304
        }
        if found.packed and takes_gzip(request.headers.get("Accept-Encoding", "")):
            return web.Response(body=found.packed, headers=headers | {"Content-Encoding": "gzip"})
        return web.Response(body=found.body, headers=headers)


def _read(folder: Traversable, below: str = "") -> dict[str, File]:
    """All files of known kinds; none where there is no such folder."""
    found: dict[str, File] = {}
    for each in folder.iterdir() if folder.is_dir() else ():
        name = f"{below}{each.name}"
        kind = KINDS.get(each.name.rpartition(".")[2])
        if each.is_dir():
            found |= _read(each, f"{name}/")
        elif kind is not None:
            body = each.read_bytes()
            small = packed(body) if len(body) > PACKED_FROM else None
            found[name] = File(body, small, kind, tag_of(body))
    return found
