"""Every option by an environment variable.

``exporters.statsd.host`` is ``TIDEGAUGE_EXPORTERS_STATSD_HOST``, or ``..._HOST_FILE`` for the name
of a file that holds the value. The names follow from the option classes.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TypeAlias, cast

from msgspec import Struct, inspect

from tidegauge.config.check import bare
from tidegauge.config.files import read_text
from tidegauge.config.places import Key, nearest
from tidegauge.config.spelling import from_text
from tidegauge.errors import ConfigError

PREFIX = "TIDEGAUGE_"

Raw: TypeAlias = dict[str, object]
"""Options as a file spells them, before they are checked."""


class Written(Struct, frozen=True):
    """A file's options, its own names for them, and sentences about what was passed over."""

    raw: Raw = {}
    names: dict[Key, str] = {}
    notices: tuple[str, ...] = ()


# Kubernetes gives every pod these for each Service, so for one called "tidegauge" or "tidegauge-x".
_SERVICE_LINK = re.compile(
    rf"{PREFIX}(\w+_)?(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_(TCP|UDP|SCTP)(_\w+)?)"
)
_SERVICE_URL = re.compile(r"(tcp|udp|sctp)://\S+")


def options_of(kind: inspect.Type, key: Key = ()) -> Iterator[tuple[Key, inspect.Type]]:
    """Every option with its type; a dictionary with fixed keys counts as a table."""
    kind = bare(kind)
    if isinstance(kind, inspect.StructType):
        for field in kind.fields:
            yield from options_of(field.type, (*key, field.encode_name))
    elif isinstance(kind, inspect.DictType) and isinstance(kind.key_type, inspect.LiteralType):
        for name in kind.key_type.values:
            yield from options_of(kind.value_type, (*key, str(name)))
    else:
        yield key, kind


def variable(key: Key) -> str:
    """The name of the variable that sets the option."""
    return PREFIX + "_".join(key).upper().replace("-", "_")


def overlay(raw: Raw, environ: Mapping[str, str], into: type[Struct]) -> dict[Key, str]:
    """Put the variables' values over the file's; returns which variable set which option."""
    known = {variable(key): (key, kind) for key, kind in options_of(inspect.type_info(into))}
    used: dict[Key, str] = {}
    for name in sorted(environ):
        if not name.startswith(PREFIX) or _is_service_link(name, environ[name], known):
            continue
        option = name if name in known else name.removesuffix("_FILE")
        if option not in known:
            raise _unknown(name, option, known)
        key, kind = known[option]
        if key in used:
            raise ConfigError(f"{option} and {name} are both set; keep one of them.")
        used[key] = name
        put(raw, key, _value(name, option, environ[name], kind))
    return used


def put(raw: Raw, key: Key, value: object) -> None:
    """Set a value in nested tables, making those that are missing."""
    for part in key[:-1]:
        inner = raw.setdefault(part, {})
        if not isinstance(inner, dict):
            return  # the file is wrong here, and the check will say so
        raw = cast("Raw", inner)
    raw[key[-1]] = value


def _unknown(name: str, option: str, known: Iterable[str]) -> ConfigError:
    # Compared without the prefix, which would make every name look alike.
    near = nearest(option.removeprefix(PREFIX), [one.removeprefix(PREFIX) for one in known])
    suffix = name.removeprefix(option)
    remedy = "tidegauge sample-config lists what can be set."
    if near:
        remedy = f"did you mean {PREFIX}{near}{suffix}?"
    return ConfigError(f"unknown variable {name}; {remedy}")


def _is_service_link(name: str, value: str, known: Mapping[str, object]) -> bool:
    if name in known:
        return False
    port = name.endswith("_PORT") and _SERVICE_URL.fullmatch(value)
    return bool(port or _SERVICE_LINK.fullmatch(name))


def _value(name: str, option: str, value: str, kind: inspect.Type) -> object:
    text = value if name == option else read_text(Path(value), f" ({name})").rstrip("\r\n")
    try:
        return from_text(text, kind)
    except ValueError as error:
        raise ConfigError(f"{name} {error}.") from None
