"""Where an engine listens, as the docker CLI writes it."""

from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from msgspec import Struct

DEFAULT_HOST = "unix:///var/run/docker.sock"
SCHEMES = "unix://, tcp://, http://, https:// or ssh://"

MOST_SIMULATED = 5000

_PORTS = {"tcp": 2375, "http": 2375, "https": 2376}
_EXAMPLES = {
    "unix": "a full path such as unix:///run/docker.sock",
    "ssh": "an address such as ssh://user@docker-host",
    "demo": "demo://, or demo://?containers=200 for up to 5000 of them",
}


class Tls(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """PEM files for TLS; an empty ``ca`` stands for the authorities this machine trusts."""

    ca: str = ""
    cert: str = ""
    key: str = ""
    verify: bool = True


class SshHost(Struct, frozen=True):
    """Where ssh goes, and the engine's socket there; empty: where its docker command looks."""

    host: str
    user: str = ""
    port: int | None = None
    socket: str = ""


class Simulated(Struct, frozen=True):
    """An engine that is only made up: how many containers, and which of all possible ones."""

    containers: int = 18
    seed: int = 1


class Endpoint(Struct, frozen=True):
    """``socket`` is a path or ``None``; ``base`` is the URL requests begin with."""

    text: str
    base: str
    socket: str | None = None
    tls: Tls | None = None
    ssh: SshHost | None = None
    simulated: Simulated | None = None


def parse_endpoint(text: str, tls: Tls | None = None) -> Endpoint:
    """Read an address; ``tls`` is for ``tcp://``, ``None`` to speak plainly, and for ``https://``.

    Raises `ValueError` with a clause fit for users, to follow the name of what was set.
    """
    scheme, separator, rest = text.partition("://")
    match scheme if separator else "":
        case "unix" if rest.startswith("/"):
            return Endpoint(text, "http://engine", rest)
        case "ssh":
            return Endpoint(text, "http://engine", ssh=_ssh_host(text))
        case "demo":
            return Endpoint(text, "", simulated=_simulated(text))
        case "tcp" | "http" | "https":
            return _parse_address(text, scheme, tls)
        case "unix":
            raise _unlike(text, scheme)
        case _:
            raise ValueError(f'must begin with {SCHEMES}, not "{text}"')


def _parse_address(text: str, scheme: str, tls: Tls | None) -> Endpoint:
    parts = _split(text)
    host, port = parts.hostname, parts.port or _PORTS[scheme]
    if not host or parts.path not in {"", "/"} or {*"@?# "} & {*text}:
        raise _unlike(text, scheme)
    secure = scheme == "https" or (scheme == "tcp" and tls is not None)
    name = f"[{host}]" if ":" in host else host
    base = f"{'https' if secure else 'http'}://{name}:{port}"
    return Endpoint(text, base, tls=(tls or Tls()) if secure else None)


def _ssh_host(text: str) -> SshHost:
    parts = _split(text)
    if parts.password is not None:
        raise ValueError("must not hold a password; ssh takes keys from its agent or configuration")
    # Capitals matter to ssh's own configuration; `hostname` is in lower case.
    host = parts.netloc.rpartition("@")[2].partition(":")[0]
    if parts.hostname and ":" in parts.hostname:
        host = parts.hostname
    # Neither would be a host to ssh, whose options begin so.
    if not host or host.startswith("-") or {*"?# "} & {*text}:
        raise _unlike(text, "ssh")
    socket = unquote(parts.path) if parts.path.strip("/") else ""
    return SshHost(host, unquote(parts.username or ""), parts.port, socket)


def _simulated(text: str) -> Simulated:
    parts = _split(text)
    given = parse_qsl(parts.query, keep_blank_values=True)
    try:
        known = Simulated(**{name: int(number) for name, number in given})
    except (TypeError, ValueError):
        raise _unlike(text, "demo") from None
    elsewhere = parts.netloc or parts.path or parts.fragment
    repeated = len({name for name, _ in given}) < len(given)
    if elsewhere or repeated or not 1 <= known.containers <= MOST_SIMULATED:
        raise _unlike(text, "demo")
    return known


def _split(text: str) -> SplitResult:
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), 0
    if port == 0:
        raise ValueError(f'must have a port from 1 to 65535, not "{text}"')
    return parts


def _unlike(text: str, scheme: str) -> ValueError:
    example = _EXAMPLES.get(scheme) or (
        f"an address such as {scheme}://127.0.0.1:{_PORTS.get(scheme)}"
    )
    return ValueError(f'must be {example}, not "{text}"')
