"""Where a value was written, so that every error names the file and key, or the variable."""

import json
import re
from collections.abc import Collection, Iterable, Mapping
from difflib import get_close_matches
from typing import TypeAlias

from msgspec import Struct, field

from tidegauge.errors import ConfigError

Key: TypeAlias = tuple[str, ...]
"""A path through the options; the element of a list is written ``[0]``."""

_BARE = re.compile(r"[A-Za-z0-9_-]+|\[\d+\]", re.ASCII)


_KINDS: dict[type, str] = {
    dict: "a table",
    list: "a list",
    int: "such a large number",
    type(None): "nothing",
}


class Places(Struct, frozen=True):
    """The file (empty: none), what it calls our keys where it differs, and what variables set."""

    file: str = ""
    names: Mapping[Key, str] = field(default_factory=dict[Key, str])
    variables: Mapping[Key, str] = field(default_factory=dict[Key, str])

    def name(self, key: Key) -> str:
        """What the user called it."""
        if variable := self._variable(key):
            return variable
        for end in range(len(key), 0, -1):
            if known := self.names.get(key[:end]):
                return _joined(known, key[end:])
        return dotted(key)

    def wrong(self, key: Key, clause: str) -> ConfigError:
        """The error that says so of this place; the clause has no full stop."""
        return ConfigError(f"{self._file(key)}{self.name(key)} {clause}.")

    def unknown(self, key: Key, known: Iterable[str]) -> ConfigError:
        """The error for a key that is none of its known neighbours."""
        return ConfigError(
            f"{self._file(key)}unknown key {self.name(key)}; {suggestion(key[-1], known)}"
        )

    def _variable(self, key: Key) -> str:
        ends = range(len(key), 0, -1)
        return next((self.variables[key[:end]] for end in ends if key[:end] in self.variables), "")

    def _file(self, key: Key) -> str:
        return f"{self.file}: " if self.file and not self._variable(key) else ""


def dotted(key: Key) -> str:
    """As TOML writes it: ``exporters.statsd.port``, ``containers."a.b"``, ``engines[0].host``."""
    return _joined("", key)


def suggestion(found: str, known: Iterable[str]) -> str:
    """The end of a sentence about a wrong name: the nearest right one, else all of them."""
    names = list(known)
    near = nearest(found, names)
    return f"did you mean {near}?" if near else f"known here: {', '.join(names)}."


def nearest(found: str, known: Collection[str]) -> str:
    """The known name most like the one found; empty if none is like it."""
    alike = {name.lower(): name for name in known}
    return next((alike[near] for near in get_close_matches(found.lower(), alike, n=1)), "")


def shown(value: object) -> str:
    """A wrong value as the user wrote it, or its kind where it is long."""
    if isinstance(value, str):
        return json.dumps(value if len(value) <= 80 else f"{value[:77]}...", ensure_ascii=False)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) or (isinstance(value, int) and abs(value) < 1e15):
        return str(value)
    return _KINDS.get(type(value), "a date")


def _joined(start: str, key: Key) -> str:
    for part in key:
        name = part if _BARE.fullmatch(part) else json.dumps(part, ensure_ascii=False)
        start += f".{name}" if start and not part.startswith("[") else name
    return start
