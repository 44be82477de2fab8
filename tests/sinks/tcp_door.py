"""An engine's unix socket, opened on a TCP port of loopback, as the original program needs it."""

import contextlib
import selectors
import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def tcp_door(path: Path) -> Iterator[int]:
    """Forward connections, each in a thread of its own; yields the port."""

    class Forward(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with contextlib.suppress(ConnectionError), socket.socket(socket.AF_UNIX) as inner:
                inner.connect(str(path))
                _join(self.request, inner)

    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Forward)
    serving = threading.Thread(target=server.serve_forever)
    serving.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        serving.join()
        server.server_close()  # waits for the connections, which end with their clients


def _join(one: socket.socket, other: socket.socket) -> None:
    """Copy both ways until either side ends."""
    with selectors.DefaultSelector() as ready:
        ready.register(one, selectors.EVENT_READ, other)
        ready.register(other, selectors.EVENT_READ, one)
        while True:
            for key, _ in ready.select():
                data = key.fileobj.recv(65536)
                if not data:
                    return
                key.data.sendall(data)
