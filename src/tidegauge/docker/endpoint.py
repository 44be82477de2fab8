"""Where an engine listens, as the docker CLI writes it."""

from collections.abc import Mapping
from urllib.parse import urlsplit

from msgspec import Struct

DEFAULT_HOST = "unix:///var/run/docker.sock"
DEFAULT_PORT = 2375

_LATER = ("https", "ssh")


class Endpoint(Struct, frozen=True):
    """``socket`` is a path, or ``None`` for TCP; ``base`` is the URL requests begin with."""

    text: str
    base: str
    socket: str | None = None


def find_host(configured: str, environ: Mapping[str, str]) -> str:
    """The configured address, else ``DOCKER_HOST``, else the default socket."""
    return configured or environ.get("DOCKER_HOST", "") or DEFAULT_HOST


def parse_endpoint(text: str) -> Endpoint:
    """Read ``unix:///path`` or ``tcp://host:port``; without a port it is 2375.

    Raises `ValueError` with a clause fit for users, to follow the name of what was set.
    """
    scheme, separator, rest = text.partition("://")
    if not separator or scheme not in {"unix", "tcp", "http"}:
        later = f"; {scheme}:// is not supported yet" if separator and scheme in _LATER else ""
        raise ValueError(f'must begin with unix://, tcp:// or http://{later}, not "{text}"')
    if scheme == "unix":
        if not rest.startswith("/"):
            example = "unix:///run/docker.sock"
            raise ValueError(f'must be a full path such as {example}, not "{text}"')
        return Endpoint(text, "http://engine", rest)
    return _parse_address(text, scheme)


def _parse_address(text: str, scheme: str) -> Endpoint:
    try:
        parts = urlsplit(text)
        port = DEFAULT_PORT if parts.port is None else parts.port
    except ValueError:
        parts, port = urlsplit(""), 0
    if port == 0:
        raise ValueError(f'must have a port from 1 to 65535, not "{text}"')
    host = parts.hostname
    if not host or parts.path not in {"", "/"} or {*"@?# "} & {*text}:
        raise ValueError(f'must be an address such as {scheme}://127.0.0.1:2375, not "{text}"')
    return Endpoint(text, f"http://{f'[{host}]' if ':' in host else host}:{port}")
