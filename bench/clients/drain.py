"""Read streams and throw away what comes, the least a client can do: ``drain.py HOST [COUNT]``.

With COUNT only so many streams are opened. For each event of the first stream, and so for each
sweep of the engine, a line is written to standard output: the number of it, and the monotonic time.
"""

import http.client
import json
import select
import socket
import sys
import time

EVENT_END = b"\n\r\n"
"""An engine ends each event with a line feed, and each chunk with CR LF."""


def connected(host: str) -> socket.socket:
    """Connect to ``unix:///path`` or ``tcp://address:port``."""
    kind, _, where = host.partition("://")
    if kind == "unix":
        stream = socket.socket(socket.AF_UNIX)
        stream.connect(where)
        return stream
    address, _, port = where.rpartition(":")
    return socket.create_connection((address, int(port)))


def containers(host: str) -> list[str]:
    """Ids of all that run."""
    connection = http.client.HTTPConnection("docker")
    connection.sock = connected(host)
    connection.request("GET", "/containers/json")
    return [each["Id"] for each in json.loads(connection.getresponse().read())]


def opened(host: str, container: str) -> socket.socket:
    """Ask for a container's stream."""
    stream = connected(host)
    stream.sendall(f"GET /containers/{container}/stats HTTP/1.1\r\nHost: docker\r\n\r\n".encode())
    return stream


def main(host: str, count: int | None = None) -> None:
    """Read until an engine ends all streams."""
    every = [opened(host, container) for container in containers(host)[:count]]
    streams = {each.fileno(): each for each in every}
    first, sweeps = min(streams), 0
    ready, room = select.epoll(), bytearray(1 << 18)
    for number in streams:
        ready.register(number, select.EPOLLIN)
    while streams:
        for number, _ in ready.poll():
            size = streams[number].recv_into(room)
            if not size:
                streams.pop(number).close()
            elif number == first:
                sweeps += room.count(EVENT_END, 0, size)
                print(sweeps, time.monotonic(), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
