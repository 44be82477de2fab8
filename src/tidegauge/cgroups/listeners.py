"""Which process listens on a unix socket, as its kernel tells whoever connects. Source: unix(7)."""

import socket
import struct

_CREDENTIALS = struct.Struct("=3i")


def listener_of(path: str) -> int | None:
    """Its number here; ``None`` where nobody listens, or it is not to be seen from here."""
    try:
        with socket.socket(socket.AF_UNIX) as asking:
            asking.setblocking(False)  # one that is too busy is asked another time
            asking.connect(path)
            told = asking.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    except (OSError, ValueError):
        return None
    pid: int = _CREDENTIALS.unpack(told)[0]
    return pid if pid > 0 else None
