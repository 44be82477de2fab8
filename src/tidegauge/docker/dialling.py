"""Sockets of our own to an engine, each with one request on its way."""

import asyncio
import socket
import ssl
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import TypeVar
from urllib.parse import quote, urlencode, urlsplit

from tidegauge.docker.connectors import AddrInfo, kept_alive
from tidegauge.docker.descriptors import leaving_some
from tidegauge.docker.endpoint import Endpoint
from tidegauge.docker.troubles import Unreached
from tidegauge.docker.wire import Query

T = TypeVar("T")

Admit = Callable[[socket.socket], socket.socket]
"""Gives a new socket back, or refuses it with an `OSError`."""

CONNECT_SECONDS = 5.0
"""For a connection, for its TLS, and for the request to be taken, each."""

DIALS_AT_ONCE = 64
"""More would only fill the queue an engine accepts from; Go's holds 4096 at most, some hold 128."""

ADDRESS_SECONDS = 10.0
"""So long an address that was looked up is good: a thousand streams ask for it once."""


class Dialler:
    """Opens sockets to one endpoint, over a unix socket, TCP or TLS, `DIALS_AT_ONCE` at most.

    It leaves some descriptors to others unless it may go ``to_the_last``.
    """

    def __init__(self, endpoint: Endpoint, *, to_the_last: bool = False) -> None:
        self._admit: Admit = _any if to_the_last else leaving_some
        parts = urlsplit(endpoint.base)
        self._path, self._host, self._port = endpoint.socket, parts.hostname, parts.port
        self._dials = asyncio.Semaphore(DIALS_AT_ONCE)
        self._looking = asyncio.Lock()
        self._addresses: Sequence[AddrInfo] = ()
        self._good_until = 0.0

    async def dial(self, request: bytes, context: ssl.SSLContext | None) -> socket.socket:
        """A socket that does not block and over which this was sent.

        Raises:
            Unreached: there is no connection.
            OSError: there was one, and it broke off.
        """
        async with self._dials:
            try:
                made = await self._connected()
                if context is not None:
                    made = await _greeted(made, context, self._host)
            except UnicodeError as error:
                raise Unreached(OSError("that is no name of a host")) from error
            except OSError as error:
                raise Unreached(error) from error
            try:
                await send(made, request)
            except BaseException:
                made.close()
                raise
            return made

    async def _connected(self) -> socket.socket:
        if self._path is not None:
            return await _to_path(self._path, self._admit)
        *others, last = await self._resolved()
        for address in others:
            with suppress(OSError):  # the reason told is that of the last one
                return await _to_address(address, self._admit)
        return await _to_address(last, self._admit)

    async def _resolved(self) -> Sequence[AddrInfo]:
        loop = asyncio.get_running_loop()
        async with self._looking:
            if loop.time() >= self._good_until:
                self._addresses = await loop.getaddrinfo(
                    self._host, self._port, type=socket.SOCK_STREAM
                )
                self._good_until = loop.time() + ADDRESS_SECONDS
            return self._addresses


async def _to_path(path: str, admit: Admit) -> socket.socket:
    made = admit(socket.socket(socket.AF_UNIX))
    try:
        made.setblocking(False)
        try:
            made.connect(path)
        except BlockingIOError:
            async with asyncio.timeout(CONNECT_SECONDS):
                await _admitted(made, path)
    except BaseException:
        made.close()
        raise
    return made


async def _admitted(made: socket.socket, path: str) -> None:
    """Connect to an engine whose queue is full; no event tells when there is room in it again."""
    pause = 0.01
    while True:
        await asyncio.sleep(pause)
        try:
            made.connect(path)
        except BlockingIOError:
            pause = min(2 * pause, 0.5)
        else:
            return


async def _to_address(address: AddrInfo, admit: Admit) -> socket.socket:
    made = admit(kept_alive(address))
    try:
        made.setblocking(False)
        async with asyncio.timeout(CONNECT_SECONDS):
            await asyncio.get_running_loop().sock_connect(made, address[4])
    except BaseException:
        made.close()
        raise
    return made


async def _greeted(made: socket.socket, context: ssl.SSLContext, host: str | None) -> ssl.SSLSocket:
    try:
        secure = context.wrap_socket(made, server_hostname=host, do_handshake_on_connect=False)
    except BaseException:
        made.close()
        raise
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            await finished(secure.do_handshake, secure)
    except BaseException:
        secure.close()
        raise
    return secure


def host_of(endpoint: Endpoint) -> str:
    """What requests to it call it."""
    parts = urlsplit(endpoint.base).netloc.split(":")
    try:
        return ":".join(part.encode("idna").decode("ascii") for part in parts)
    except UnicodeError:  # no name of a host: nobody will be reached
        return "localhost"


def request_for(host: str, path: str, query: Query) -> bytes:
    """A question as it is sent."""
    asked = f"?{urlencode(query, doseq=True)}" if query else ""
    head = f"GET {quote(path)}{asked} HTTP/1.1\r\nHost: {host}\r\nAccept: */*\r\n\r\n"
    return head.encode("ascii")


async def send(made: socket.socket, request: bytes) -> None:
    """Send all of it; whoever does not take it in time is a `TimeoutError`."""
    sent = 0
    with suppress(BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
        sent = made.send(request)
    if sent < len(request):  # hardly ever: a request is shorter than any buffer
        async with asyncio.timeout(CONNECT_SECONDS):
            left = memoryview(request)[sent:]
            while left:
                left = left[await finished(partial(made.send, left), made) :]


async def finished(act: Callable[[], T], made: socket.socket, *, reads: bool = False) -> T:
    """What ``act``, which ``reads`` or writes, gives once it need not wait for the socket."""
    while True:
        try:
            return act()
        except ssl.SSLWantReadError:
            await _ready(made, reading=True)
        except ssl.SSLWantWriteError:
            await _ready(made, reading=False)
        except BlockingIOError:
            await _ready(made, reading=reads)


async def _ready(made: socket.socket, *, reading: bool) -> None:
    loop, fileno, ready = asyncio.get_running_loop(), made.fileno(), asyncio.Event()
    add, remove = (
        (loop.add_reader, loop.remove_reader) if reading else (loop.add_writer, loop.remove_writer)
    )
    add(fileno, ready.set)
    try:
        await ready.wait()
    finally:
        remove(fileno)


def _any(made: socket.socket) -> socket.socket:
    return made
