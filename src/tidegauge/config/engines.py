"""What must hold of ``[[engines]]``, and certificates found beside the configuration file."""

from collections import Counter
from contextlib import suppress
from pathlib import Path

from msgspec.structs import replace

from tidegauge.config.options import EngineOptions
from tidegauge.config.places import Key, Places, shown
from tidegauge.docker.endpoint import Tls, parse_endpoint
from tidegauge.docker.tls import UnusableFile, client_context

Engines = tuple[EngineOptions, ...]


def settle_engines(engines: Engines, places: Places) -> Engines:
    """The engines ready for use; raises `ConfigError`."""
    if not engines:
        raise places.wrong(("engines",), "must name at least one engine, or be left out")
    settled = tuple(
        _settle(engine, ("engines", f"[{at}]"), places) for at, engine in enumerate(engines)
    )
    name, count = Counter(engine.name for engine in engines).most_common(1)[0]
    if count > 1:
        raise places.wrong(
            ("engines",), f"has {count} engines called {shown(name)}; give each its own name"
        )
    return settled


def _settle(engine: EngineOptions, key: Key, places: Places) -> EngineOptions:
    if not engine.name:
        raise places.wrong((*key, "name"), 'must be a name, not ""')
    if engine.host and engine.context:
        raise places.wrong((*key, "context"), "cannot be set beside host; keep one of them")
    if engine.tls == Tls():
        _check_host(engine.host, (*key, "host"), places)
        return engine
    if not engine.host.startswith(("tcp://", "https://")):
        clause = "is only for an engine whose host begins with tcp:// or https://"
        raise places.wrong((*key, "tls"), clause)
    _check_host(engine.host, (*key, "host"), places)
    return replace(engine, tls=_checked(_beside(engine.tls, places.file), (*key, "tls"), places))


def _check_host(host: str, key: Key, places: Places) -> None:
    if host:
        try:
            parse_endpoint(host)
        except ValueError as error:
            raise places.wrong(key, str(error)) from None


def _beside(tls: Tls, file: str) -> Tls:
    """With the paths as the configuration file means them: from its own folder."""
    return replace(
        tls, ca=_path(tls.ca, file), cert=_path(tls.cert, file), key=_path(tls.key, file)
    )


def _path(text: str, file: str) -> str:
    path = Path(text)
    with suppress(RuntimeError):  # ~ of a user whom nobody knows
        path = path.expanduser()
    return str(Path(file).parent / path) if text else ""


def _checked(tls: Tls, key: Key, places: Places) -> Tls:
    try:
        client_context(tls)
    except UnusableFile as error:
        raise places.wrong((*key, error.part), str(error)) from None
    return tls
