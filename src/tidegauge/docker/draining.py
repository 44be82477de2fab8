"""Streams of one engine, read together at a pace instead of each as its bytes come.

A program that wakes up for each sample pays more for waking than for the sample. So the sockets of
these streams stand in an epoll of their own, which is asked a few times a second; what came
meanwhile has waited in the kernel, which has room for many times as much. Samples carry the
engine's own time, so no rate is the less exact.
"""

import asyncio
import select
import socket
import ssl
from collections import deque

from msgspec import Struct

from tidegauge.clock import next_beat
from tidegauge.docker import descriptors
from tidegauge.docker.answer import Answer, NotHttp
from tidegauge.docker.dialling import Dialler, host_of, request_for
from tidegauge.docker.endpoint import Endpoint
from tidegauge.docker.tls import TlsFiles
from tidegauge.docker.troubles import Unreached, translate, unanswered
from tidegauge.docker.wire import Into, Query, Refusal

TURN_SECONDS = 0.01
"""Longer than this the rest of the program does not wait while streams are read."""

GULP_BYTES = 64 * 1024
"""What is read of one socket before the others have their turn."""

CALM_SECONDS = 4.0
"""How often streams are read while nobody waits for what they have."""

CALM_BYTES = 16 * 1024
"""Where a stream has more than this at once all are read twice as often, whoever waits."""

LOOK_SECONDS = 2.0
"""How often it is looked which streams are silent for too long."""

_LATER = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class _Lost(Struct):
    """A connection that was no more, and how."""

    error: OSError


class _Stream:
    """One open socket and what is read from it; ``over`` is done when that is all.

    Its result is ``None`` at the proper end.
    """

    __slots__ = ("answer", "connection", "heard", "idle_seconds", "over")

    def __init__(self, made: socket.socket, answer: Answer, idle_seconds: float) -> None:
        loop = asyncio.get_running_loop()
        self.connection, self.answer, self.idle_seconds = made, answer, idle_seconds
        self.heard = loop.time()
        self.over: asyncio.Future[_Lost | Exception | None] = loop.create_future()


class Drain:
    """Reads all its streams each ``interval`` seconds; with 0, whatever comes at once.

    While nobody waits for what they have, it is read each `CALM_SECONDS`, or as often as it takes
    that none has much.

    Every socket is read to its end, `GULP_BYTES` at a time: none waits for one that floods, and
    none is left unread, which would slow every client of the engine.
    """

    def __init__(self, endpoint: Endpoint, tls: TlsFiles | None, interval: float) -> None:
        self._endpoint, self._tls = endpoint, tls
        self._dialler, self._host = Dialler(endpoint), host_of(endpoint)
        self._at_once, self._every = not interval, interval or LOOK_SECONDS
        self._epoll: select.epoll | None = None
        self._streams: dict[int, _Stream] = {}
        self._ready: deque[int] = deque()
        self._unfinished: set[int] = set()
        self._gulp = memoryview(bytearray(GULP_BYTES))
        self._next: asyncio.Handle | None = None
        self._looked = 0.0
        self._calm = self._on_its_own = False
        self._pause, self._most = max(self._every, CALM_SECONDS), 0
        """Seconds between two sweeps while it is calm, and the most that a stream had in one."""
        self._sweeps = 0

    async def pour(
        self, path: str, query: Query, idle_seconds: float, into: Into
    ) -> Refusal | None:
        """Implements `Transport.pour`."""
        answer, context = Answer(into), self._tls.context() if self._tls else None
        try:
            made = await self._dialler.dial(request_for(self._host, path, query), context)
        except (Unreached, OSError) as error:
            raise await unanswered(error, self._endpoint, context) from error
        stream = _Stream(made, answer, idle_seconds)
        try:
            self._begin(stream)
            end = await stream.over
        except OSError as error:  # no room in the system for one more to be watched
            raise await unanswered(error, self._endpoint, context) from error
        finally:
            self._end(stream)
        match end:
            case None:
                return answer.refusal
            case _Lost(error=lost) if not answer.status:
                raise await unanswered(lost, self._endpoint, context) from lost
            case _Lost(error=lost):
                raise translate(lost, self._endpoint.text) from lost
            case NotHttp():
                raise translate(end, self._endpoint.text) from end
            case _:
                raise end

    def read_calmly(self, *, calm: bool) -> None:
        """Is nobody waiting for what streams have?"""
        if self._calm and not calm and self._next is not None:
            self._next.cancel()
            self._next = None
        self._calm = calm
        self._schedule(soon=bool(self._ready or self._unfinished))

    async def catch_up(self) -> None:
        """Return when what has come by now was read; what comes meanwhile is for later."""
        whole = self._sweeps + 1  # the one that goes on may have been at some streams already
        while True:
            self._turn()
            if self._sweeps > whole or (self._sweeps == whole and not self._ready):
                return
            await asyncio.sleep(0)

    def close(self) -> None:
        """End what is open."""
        for stream in tuple(self._streams.values()):
            self._end(stream, _Lost(ConnectionAbortedError()))
        if self._next is not None:
            self._next.cancel()
            self._next = None
        if self._epoll is not None:
            asyncio.get_running_loop().remove_reader(self._epoll.fileno())
            self._epoll.close()
            self._epoll = None

    def _begin(self, stream: _Stream) -> None:
        if self._epoll is None:
            descriptors.allow_all()
            self._epoll = select.epoll()
            if self._at_once:
                asyncio.get_running_loop().add_reader(self._epoll.fileno(), self._turn)
        fileno = stream.connection.fileno()
        self._streams[fileno] = stream
        self._epoll.register(fileno, select.EPOLLIN)
        if self._next is None:
            self._schedule()

    def _end(self, stream: _Stream, end: _Lost | Exception | None = None) -> None:
        """Close its socket, if that was not done yet, and wake who waits for it."""
        fileno = stream.connection.fileno()
        if fileno >= 0:
            self._streams.pop(fileno, None)
            stream.connection.close()  # which takes it out of the epoll, too
        if not stream.over.done():
            stream.over.set_result(end)

    def _schedule(self, *, soon: bool = False) -> None:
        """The next turn, sooner than it was if need be; none without a stream."""
        if soon and self._next is not None:
            self._next.cancel()
            self._next = None
        if self._next is not None or not self._streams:
            return
        loop = asyncio.get_running_loop()
        if soon:
            self._next = loop.call_soon(self._on_time)
        else:  # on a grid, so that several engines are read in one waking
            every = self._pause if self._calm else self._every
            self._next = loop.call_at(next_beat(loop.time(), every), self._on_time)

    def _on_time(self) -> None:
        self._next, self._on_its_own = None, True
        self._turn()

    def _turn(self) -> None:
        """Read what has come, for `TURN_SECONDS`; what is left is for a turn soon."""
        time = asyncio.get_running_loop().time
        began = time()
        if not self._ready:
            self._ready.extend(self._waiting())
            self._sweeps += 1
        while self._ready and time() - began < TURN_SECONDS:
            stream = self._streams.get(self._ready.popleft())
            if stream is not None and not stream.over.done():
                stream.heard = began
                self._read(stream)
        if not self._ready:
            self._adapt()
            if began - self._looked >= LOOK_SECONDS:
                self._looked = began
                self._end_silent(began)
        self._schedule(soon=bool(self._ready or self._unfinished))

    def _adapt(self) -> None:
        """Wait longer or shorter for the next sweep, by what this one found.

        One for which somebody asked came too soon to tell.
        """
        most, self._most = self._most, 0
        on_its_own, self._on_its_own = self._on_its_own, False
        if most > CALM_BYTES:
            self._pause = max(self._every, self._pause / 2)
        elif on_its_own and 2 * most <= CALM_BYTES:
            self._pause = max(self._every, min(CALM_SECONDS, 2 * self._pause))

    def _waiting(self) -> set[int]:
        """Streams of which something has come, or was not read to its end.

        TLS may hold bytes that it has read and nobody took, of which an epoll knows nothing.
        """
        waiting, self._unfinished = self._unfinished, set()
        if self._epoll is not None:
            told = self._epoll.poll(0, len(self._streams) or 1)
            waiting.update(fileno for fileno, _ in told)
        return waiting

    def _read(self, stream: _Stream) -> None:
        """Take in what one socket has, `GULP_BYTES` at most."""
        room = GULP_BYTES
        while room > 0:
            try:
                count = stream.connection.recv_into(self._gulp)
            except _LATER:
                return
            except OSError as error:
                self._end(stream, _Lost(error))
                return
            if not count:
                proper = stream.answer.closed()
                self._end(stream, None if proper else _Lost(ConnectionResetError()))
                return
            if self._take(stream, bytes(self._gulp[:count])):
                return
            room -= count
            self._most = max(self._most, GULP_BYTES - room)
            if room > 0 and self._tls is None:
                return  # less came than there was room for, so that was all
        self._unfinished.add(stream.connection.fileno())

    def _take(self, stream: _Stream, data: bytes) -> bool:
        """Give what was read away; true if that was the end."""
        try:
            over = stream.answer.feed(data)
        except Exception as error:  # noqa: BLE001 (whoever made it awaits this stream)
            self._end(stream, error)
            return True
        if over:
            self._end(stream)
        return over

    def _end_silent(self, now: float) -> None:
        for stream in tuple(self._streams.values()):
            if now - stream.heard > stream.idle_seconds:
                self._end(stream, _Lost(TimeoutError()))
