"""Which engine is meant, found as the docker CLI finds it.

In this order, as Docker's CLI 28.2 was seen to do: ``DOCKER_HOST``, ``DOCKER_CONTEXT``, the
current context of ``config.json``, the default socket. ``DOCKER_TLS_VERIFY`` and
``DOCKER_CERT_PATH`` are for hosts; a context brings its own certificates.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

import msgspec
from msgspec import Struct, field

from tidegauge.docker.endpoint import DEFAULT_HOST, Endpoint, Tls, parse_endpoint
from tidegauge.docker.tls import UnusableFile, client_context
from tidegauge.errors import ConfigError

DEFAULT_TLS_HOST = "tcp://localhost:2376"
DEFAULT_CONTEXT = "default"

_OF_ENVIRONMENT = "; DOCKER_CERT_PATH names the folder of ca.pem, cert.pem and key.pem"

Environ = Mapping[str, str]
T = TypeVar("T")


class _CliConfig(Struct):
    context: str = field(default="", name="currentContext")


class _Docker(Struct):
    host: str = field(default="", name="Host")
    skip_verify: bool = field(default=False, name="SkipTLSVerify")


class _Endpoints(Struct):
    docker: _Docker = field(default_factory=_Docker)


class _Context(Struct):
    endpoints: _Endpoints = field(default_factory=_Endpoints, name="Endpoints")


def find_endpoint(host: str, context: str, tls: Tls, environ: Environ) -> Endpoint:
    """The configured host or context, else what the docker CLI would take.

    Raises `ConfigError` for an address, a context or a certificate that nobody can use.
    """
    if host:
        wanted = tls if tls != Tls() else _tls_of(environ)
        return _usable(host, wanted, "engines.host", _OF_ENVIRONMENT)
    name = context or _chosen_context(environ)
    if name and name != DEFAULT_CONTEXT:
        return _of_context(name, environ)
    wanted = _tls_of(environ)
    text = environ.get("DOCKER_HOST", "").strip()
    if text and "://" not in text:
        text = f"tcp://{text}"
    default = DEFAULT_TLS_HOST if wanted else DEFAULT_HOST
    return _usable(text or default, wanted, "DOCKER_HOST", _OF_ENVIRONMENT)


def _chosen_context(environ: Environ) -> str:
    if environ.get("DOCKER_HOST"):
        return ""
    return environ.get("DOCKER_CONTEXT") or _current_context(environ)


def _current_context(environ: Environ) -> str:
    if (folder := _folder(environ)) is None:
        return ""
    path = folder / "config.json"
    content = _read(path)
    return _decoded(content, _CliConfig, path).context if content else ""


def _of_context(name: str, environ: Environ) -> Endpoint:
    folder, identity = _folder(environ), hashlib.sha256(name.encode()).hexdigest()
    path = (folder or Path()) / "contexts" / "meta" / identity / "meta.json"
    content = _read(path) if folder else None
    if folder is None or content is None:
        raise ConfigError(
            f'there is no Docker context "{name}" in {folder or "a home directory"};'
            ' "docker context ls" lists what there is.'
        )
    docker = _decoded(content, _Context, path).endpoints.docker
    tls = _tls_in(folder / "contexts" / "tls" / identity / "docker", verify=not docker.skip_verify)
    told = f'the host of Docker context "{name}"'
    return _usable(docker.host or DEFAULT_HOST, tls, told, f'; they are of Docker context "{name}"')


def _tls_of(environ: Environ) -> Tls | None:
    verify = bool(environ.get("DOCKER_TLS_VERIFY"))
    if not verify and not environ.get("DOCKER_TLS"):
        return None
    folder = environ.get("DOCKER_CERT_PATH") or _folder(environ)
    found = _tls_in(Path(folder), verify=verify) if folder else None
    # Unlike cert.pem and key.pem this one must be there: trusting more would be a surprise.
    return msgspec.structs.replace(
        found or Tls(verify=verify), ca=str(Path(folder or "") / "ca.pem")
    )


def _tls_in(folder: Path, *, verify: bool) -> Tls | None:
    """The certificates in a folder that are there; ``None`` if nothing asks for TLS."""
    ca, cert, key = (
        str(path) if path.exists() else ""
        for path in (folder / "ca.pem", folder / "cert.pem", folder / "key.pem")
    )
    return (
        Tls(ca=ca, cert=cert, key=key, verify=verify) if ca or cert or key or not verify else None
    )


def _usable(text: str, tls: Tls | None, told: str, origin: str) -> Endpoint:
    """The endpoint, with certificates that can be read."""
    try:
        endpoint = parse_endpoint(text, tls)
        if endpoint.tls is not None:
            client_context(endpoint.tls)
    except UnusableFile as error:
        raise ConfigError(f"no TLS to {text}: {error.part} {error}{origin}.") from error
    except ValueError as error:
        raise ConfigError(f"{told} {error}.") from error
    return endpoint


def _folder(environ: Environ) -> Path | None:
    """The docker CLI's own folder; ``None`` for a user who has no home."""
    if given := environ.get("DOCKER_CONFIG"):
        return Path(given)
    try:
        return Path(environ.get("HOME") or Path.home()) / ".docker"
    except RuntimeError:
        return None


def _read(path: Path) -> bytes | None:
    """The content; ``None`` where there is no such file."""
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        reason = (error.strerror or "unknown error").lower()
        raise ConfigError(
            f"cannot read {path}: {reason}. To go without it, set DOCKER_HOST."
        ) from error


def _decoded(content: bytes, kind: type[T], path: Path) -> T:
    try:
        return msgspec.json.decode(content, type=kind)
    except msgspec.DecodeError as error:
        raise ConfigError(
            f"{path} is not as Docker writes it: {error}. To go without it, set DOCKER_HOST."
        ) from error
