"""Sending bytes to backends. A socket opens at the first `send`, never before."""

import asyncio
import contextlib
import os
import socket
from collections.abc import Sequence
from typing import Protocol

from tidegauge.clock import Clock
from tidegauge.errors import BackendUnavailable, ExportError

BURST = 48
"""Datagrams sent without a pause; of 1 KiB they fill half of Linux's default receive buffer.

That is 208 KiB, and the kernel counts 2.3 KiB for each. With fewer the pauses cost more than what
is sent.
"""

PAUSE = 0.015
"""Seconds between bursts, for the receiver to read them: 3 MiB/s of datagrams of 1 KiB."""

RESOLVE_AFTER = 300.0
"""Seconds after which the host's name is resolved anew: addresses move."""


class DatagramSender(Protocol):
    """Where an exporter leaves its datagrams."""

    async def send(self, datagrams: Sequence[bytes]) -> None:
        """Send all, in order; raises `ExportError` when the backend does not take them."""
        ...

    def close(self) -> None:
        """Release the socket."""
        ...


def address(host: str, port: int) -> str:
    """Host and port as people write them; an IPv6 address is in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


class UdpSender:
    """Sends datagrams to one UDP port; IPv4 first where a name has both, as the original did.

    The socket is connected, so that a host's "nobody listens here" is heard. It may come after
    `send` has returned; then the next `send` raises it, when its own datagrams are on the way.
    After an error the name is resolved again and the next of its addresses is tried.
    """

    def __init__(self, host: str, port: int, clock: Clock) -> None:
        self._host, self._port, self._clock = host, port, clock
        self._socket: socket.socket | None = None
        self._resolved_at = 0.0
        self._failures = 0

    async def send(self, datagrams: Sequence[bytes]) -> None:
        """Send all, in order and paced; where the local buffer is full, wait for it."""
        earlier = self._answer()
        try:
            await self._send(await self._connected(), datagrams)
        except (OSError, UnicodeError) as error:
            self._give_up()
            raise ExportError(self._sentence(error)) from error
        answer = self._answer() or earlier
        if answer is not None:
            raise ExportError(self._sentence(answer)) from answer

    def close(self) -> None:
        """Close the socket."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    async def _send(self, connected: socket.socket, datagrams: Sequence[bytes]) -> None:
        loop = asyncio.get_running_loop()
        for start in range(0, len(datagrams), BURST):
            if start:
                await self._clock.sleep(PAUSE)
            for datagram in datagrams[start : start + BURST]:
                try:  # 2 us; by the loop it takes 5 more, and hardly ever it must wait
                    connected.send(datagram)
                except BlockingIOError:
                    await loop.sock_sendall(connected, datagram)

    def _answer(self) -> OSError | None:
        """What the network answered to earlier datagrams, if it did; the socket is then closed."""
        if self._socket is None:
            return None
        number = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if number == 0:
            return None
        self._give_up()
        return OSError(number, os.strerror(number))

    def _give_up(self) -> None:
        self.close()
        self._failures += 1

    async def _connected(self) -> socket.socket:
        now = self._clock.monotonic()
        if self._socket is not None and now - self._resolved_at < RESOLVE_AFTER:
            return self._socket
        self._resolved_at = now
        try:
            connected = await self._connect()
        except OSError:
            if self._socket is None:
                raise
            return self._socket  # while names do not resolve, the old address is the best one
        self.close()
        self._socket = connected
        return connected

    async def _connect(self) -> socket.socket:
        found = await asyncio.get_running_loop().getaddrinfo(
            self._host, self._port, type=socket.SOCK_DGRAM
        )
        found.sort(key=lambda one: one[0] != socket.AF_INET)
        turn = self._failures % len(found)
        failure: OSError | None = None
        for family, _, _, _, candidate in found[turn:] + found[:turn]:
            try:
                return _open(family, candidate)
            except OSError as error:
                failure = failure or error
        raise failure or OSError("no address")

    def _sentence(self, error: OSError | UnicodeError) -> str:
        where = address(self._host, self._port)
        if isinstance(error, ConnectionRefusedError):
            return f"Nothing listens on UDP port {where}; what was sent there is lost."
        if isinstance(error, (socket.gaierror, UnicodeError)):
            return f"The host name of UDP port {where} cannot be resolved: {_reason(error)}."
        return f"Nothing can be sent to UDP port {where}: {_reason(error)}."


class TcpSender:
    """Sends bytes to one TCP port over a connection that stays; nothing of it is acknowledged.

    The name is resolved at each connect. A connection that the other side has closed is opened
    anew before anything is sent. What was sent just before it broke may be lost, or come twice.
    ``timeout`` is in seconds, of connecting.
    """

    def __init__(self, host: str, port: int, timeout: float, who: str) -> None:
        self._host, self._port, self._timeout = host, port, timeout
        self._where = f"{who} at {address(host, port)}"
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def send(self, data: bytes) -> None:
        """Return once the system has it all; raises `BackendUnavailable`."""
        writer = await self._connected()
        try:
            writer.write(data)
            await writer.drain()
        except OSError as error:
            self._abort()
            sentence = f"{self._where} broke the connection off: {_cause(error)}."
            raise BackendUnavailable(sentence) from error
        except BaseException:  # in the middle of a line: a next one must not follow it
            self._abort()
            raise

    async def close(self) -> None:
        """Close the connection."""
        streams, self._streams = self._streams, None
        if streams is not None:
            streams[1].close()
            with contextlib.suppress(OSError):
                await streams[1].wait_closed()

    async def _connected(self) -> asyncio.StreamWriter:
        if self._streams is not None and self._streams[0].at_eof():
            await self.close()
        if self._streams is None:
            self._streams = await self._connect()
        return self._streams[1]

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        try:
            async with asyncio.timeout(self._timeout):
                reader, writer = await asyncio.open_connection(self._host, self._port)
        except TimeoutError as error:
            late = f"{self._where} cannot be reached within {self._timeout:g} s."
            raise BackendUnavailable(late) from error
        except (OSError, UnicodeError) as error:
            sentence = f"{self._where} cannot be reached: {_cause(error)}."
            raise BackendUnavailable(sentence) from error
        writer.transport.set_write_buffer_limits(high=0)  # so that `drain` waits for all of it
        return reader, writer

    def _abort(self) -> None:
        if self._streams is not None:
            self._streams[1].transport.abort()
            self._streams = None


def _cause(error: OSError | UnicodeError) -> str:
    """As the system says it: asyncio's own words repeat the address."""
    if isinstance(error, (socket.gaierror, UnicodeError)):
        return "its host name is not known"
    if error.errno and error.errno > 0:
        return os.strerror(error.errno).lower()
    return str(error).lower() or "it was closed"


def _reason(error: OSError | UnicodeError) -> str:
    return (isinstance(error, OSError) and error.strerror) or str(error)


def _open(family: int, peer: tuple[object, ...]) -> socket.socket:
    opened = socket.socket(family, socket.SOCK_DGRAM)
    try:
        opened.setblocking(False)
        opened.connect(peer)
    except OSError:
        opened.close()
        raise
    return opened
