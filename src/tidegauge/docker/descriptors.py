"""How many sockets this process may have open: each stream is one, and a shell allows 1024."""

import errno
import os
import resource
import socket
from contextlib import suppress

SPARE = 64
"""Streams leave these to all else that opens something: lists, exporters, the web server.

Where there are few it is a quarter of them, so that some streams open at any limit.
"""


def allow_all() -> None:
    """Let this process open as many as the system lets it have; if it does not, as many as now."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def leaving_some(made: socket.socket) -> socket.socket:
    """The socket for a stream; raises `OSError` for one of the last there are."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if limit != resource.RLIM_INFINITY and made.fileno() >= limit - min(SPARE, limit // 4):
        made.close()
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
    return made


def exhausted(address: str) -> str:
    """What to do when there are no more."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return (
        f"this process may open {limit} files and sockets, which is too few for all streams of the"
        f' engine at {address}; raise that limit ("ulimit -n", LimitNOFILE= of systemd, --ulimit'
        " nofile= of docker run)."
    )
