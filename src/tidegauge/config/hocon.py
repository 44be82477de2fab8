"""The original program's HOCON file, as raw options of ours.

``docker`` is the engine and its containers, ``kamon.statsd`` the StatsD exporter, ``kamon.metric``
ticks and filters. Mistyped keys of these three are errors; what belongs to the Scala runtime
around them (``akka``, ``kamon.modules`` ...) is passed over with a notice.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import get_args

import hocon
from msgspec import inspect

from tidegauge.config.check import checked, is_duration
from tidegauge.config.environ import Raw, Written, options_of, put
from tidegauge.config.files import syntax_error
from tidegauge.config.options import Category, Options
from tidegauge.config.places import Key, Places, nearest, shown
from tidegauge.config.spelling import from_text
from tidegauge.errors import ConfigError
from tidegauge.units import Port

_NUMBER = re.compile(r"\d+(\.\d+)?", re.ASCII)
_STATSD: Key = ("exporters", "statsd")
_GENERATOR = "kamon.statsd.simple-metric-key-generator"

_FILTERS = "kamon.metric.filters"

_OPTIONS: dict[str, Key] = {
    "kamon.metric.tick-interval": ("tick_interval",),
    "kamon.statsd.hostname": (*_STATSD, "host"),
    "kamon.statsd.port": (*_STATSD, "port"),
    "kamon.statsd.flush-interval": (*_STATSD, "flush_interval"),
    "kamon.statsd.max-packet-size": (*_STATSD, "max_packet_size"),
    "kamon.statsd.subscriptions": (*_STATSD, "subscriptions"),
    f"{_GENERATOR}.application": (*_STATSD, "application"),
    f"{_GENERATOR}.include-hostname": (*_STATSD, "include_hostname"),
    f"{_GENERATOR}.hostname-override": (*_STATSD, "hostname_override"),
    f"{_GENERATOR}.metric-name-normalization-strategy": (*_STATSD, "name_normalization"),
    **{
        f"{_FILTERS}.{category}.{theirs}": ("filters", "categories", category, ours)
        for category in get_args(Category)
        for theirs, ours in (("includes", "include"), ("excludes", "exclude"))
    },
}

_IGNORED = (
    "kamon.metric.default-collection-context-buffer-size",
    "kamon.metric.default-instrument-settings",
    "kamon.metric.disable-aspectj-weaver-missing-error",
    "kamon.metric.instrument-settings",
    "kamon.metric.track-unmatched-entities",
    "kamon.statsd.metric-key-generator",
    "kamon.statsd.report-system-metrics",
)

_KNOWN = (*_OPTIONS, "docker.host", "docker.port", "docker.containers", *_IGNORED)

_OPEN = ("", "kamon", _FILTERS)
"""Blocks the original shares with others: an unknown name there is a mistake only when it looks
like a known one."""


def parse_hocon(text: str, path: Path, environ: Mapping[str, str]) -> Written:
    """The options in the file; ``environ`` answers its ``${NAME}``. Raises `ConfigError`."""
    try:
        config = hocon.parse_string(text, base_dir=str(path.parent), env=dict(environ))
    except (hocon.ParseError, hocon.ResolveError) as error:
        line = f", line {error.line}" if error.line else ""
        what = re.sub(r" (\(|for this interp).*", "", str(error), flags=re.DOTALL)
        raise syntax_error(f"{error.file or path}{line}", "HOCON", what) from error
    except hocon.ConfigError as error:
        raise syntax_error(str(path), "HOCON", "must hold settings, not a list") from error
    except (OSError, UnicodeError) as error:
        raise ConfigError(f"{path}: cannot read a file it includes: {error}.") from error
    return _Translation(path, config).written()


class _Translation:
    """One pass over the blocks that are known; everything else gets a notice."""

    def __init__(self, path: Path, config: hocon.Config) -> None:
        self._config = config
        self._places = Places(str(path))
        self._kinds = dict(options_of(inspect.type_info(Options)))
        self._address: dict[str, object] = {}
        # StatsD is on without being asked for, as in the original.
        self._raw: Raw = {"exporters": {"statsd": {}}}
        self._names = {key: path for path, key in _OPTIONS.items()}
        self._names["containers",] = "docker.containers"
        self._names["engines", "[0]", "host"] = "docker.host"
        self._notices: list[str] = []

    def written(self) -> Written:
        """Everything translated."""
        nothing = hocon.HoconScalar("null", "null")
        roots = {name: self._config.get_value(json.dumps(name)) or nothing for name in self._config}
        self._block("", hocon.HoconObject(roots))
        if self._address:
            self._put_engine()
        return Written(self._raw, self._names, tuple(self._notices))

    def _block(self, at: str, block: hocon.HoconObject) -> None:
        prefix = f"{at}." if at else ""
        known = sorted(
            {
                path.removeprefix(prefix).partition(".")[0]
                for path in _KNOWN
                if path.startswith(prefix)
            }
        )
        for name, value in block.fields.items():
            if name in known:
                self._entry(prefix + name, value)
            elif at in _OPEN and not nearest(name, known):
                self._pass_over(prefix + name)
            else:
                useful = [one for one in known if prefix + one not in _IGNORED]
                raise self._places.unknown((*_key(at), name), useful)

    def _entry(self, path: str, value: hocon.HoconValue) -> None:
        if path in _IGNORED:
            self._pass_over(path)
        elif hocon.is_null(value):
            pass
        elif path in _OPTIONS:
            put(self._raw, _OPTIONS[path], self._spelled(path, value))
        elif path == "docker.containers":
            self._raw["containers"] = self._containers(value)
        elif path in ("docker.host", "docker.port"):
            self._address[path] = _plain(value)
        elif isinstance(value, hocon.HoconObject):
            self._block(path, value)
        else:
            raise self._places.wrong(_key(path), f"must be a block, not {shown(_plain(value))}")

    def _pass_over(self, path: str) -> None:
        file = self._places.file
        self._notices.append(f"{file}: {path} is ignored; Tidegauge has no such setting.")

    def _spelled(self, path: str, value: hocon.HoconValue) -> object:
        """As our own file would have it."""
        if not isinstance(value, hocon.HoconScalar):
            return _plain(value)
        kind = self._kinds[_OPTIONS[path]]
        if path.endswith(".max-packet-size"):
            return self._size(path, value.raw)
        if path.endswith(".hostname-override") and value.raw == "none":
            return ""
        if is_duration(kind) and _NUMBER.fullmatch(value.raw):
            return f"{value.raw}ms"  # what a bare number means in HOCON
        if isinstance(kind, inspect.IntType | inspect.BoolType):
            return from_text(value.raw, kind)
        return value.raw

    def _size(self, path: str, raw: str) -> int:
        try:
            return int(self._config.get_bytes(path))
        except hocon.ConfigError:
            clause = f'must be a size such as "1024 bytes", not {shown(raw)}'
            raise self._places.wrong(_key(path), clause) from None

    def _containers(self, value: hocon.HoconValue) -> dict[str, object]:
        """A list of blocks, each one ``id = alias``, as one table; a single block will do."""
        blocks = value.items if isinstance(value, hocon.HoconArray) else [value]
        aliases: dict[str, object] = {}
        for block in blocks:
            if not isinstance(block, hocon.HoconObject):
                clause = f'must be a list such as [{{"id": "alias"}}], not {shown(_plain(value))}'
                raise self._places.wrong(("docker", "containers"), clause)
            for name, alias in block.fields.items():
                if name in aliases:
                    clause = f"names {shown(name)} twice; keep one of them"
                    raise self._places.wrong(("docker", "containers"), clause)
                aliases[name] = _plain(alias)
        return aliases

    def _put_engine(self) -> None:
        text, number = inspect.type_info(str), inspect.type_info(Port)
        host = self._address.get("docker.host", "127.0.0.1")
        host = str(checked(host, text, ("docker", "host"), self._places))
        port = from_text(str(self._address.get("docker.port", 2375)), number)
        port = checked(port, number, ("docker", "port"), self._places)
        if "://" not in host:
            host = f"tcp://[{host}]:{port}" if ":" in host else f"tcp://{host}:{port}"
        self._raw["engines"] = [{"host": host}]


def _key(path: str) -> Key:
    return tuple(path.split(".")) if path else ()


def _plain(value: hocon.HoconValue) -> object:
    """Python's own values; scalars stay text, ``null`` is `None`."""
    match value:
        case hocon.HoconObject():
            return {name: _plain(item) for name, item in value.fields.items()}
        case hocon.HoconArray():
            return [_plain(item) for item in value.items]
        case _:
            return None if value.value_type == "null" else value.raw
