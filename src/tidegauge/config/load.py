"""The configuration, from nothing, a file (TOML or HOCON) and environment variables."""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

from tidegauge.config.check import convert
from tidegauge.config.environ import Written, overlay
from tidegauge.config.files import read_text, syntax_error
from tidegauge.config.options import Options
from tidegauge.config.places import Places
from tidegauge.config.rules import settle

_HOCON_SUFFIXES = (".conf", ".hocon")
_POSITION = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)$")


class Loaded(Struct, frozen=True):
    """Checked options, and sentences about what in the file was passed over."""

    options: Options
    notices: tuple[str, ...] = ()


def load(path: Path | None, environ: Mapping[str, str]) -> Loaded:
    """Read the file if there is one, lay the environment over it, check it all.

    Raises `ConfigError` with one sentence that names the file and line, the key or the variable.
    """
    written = Written() if path is None else _read(path, environ)
    variables = overlay(written.raw, environ, Options)
    places = Places(str(path or ""), written.names, variables)
    options = convert(written.raw, Options, places)
    return Loaded(settle(options, written.raw, places), written.notices)


def _read(path: Path, environ: Mapping[str, str]) -> Written:
    text = read_text(path)
    if path.suffix.lower() in _HOCON_SUFFIXES:
        from tidegauge.config.hocon import parse_hocon  # noqa: PLC0415 (few files need its parser)

        return parse_hocon(text, path, environ)
    return Written(_parse_toml(text, path))


def _parse_toml(text: str, path: Path) -> dict[str, object]:
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise syntax_error(str(path), "TOML", "nested too deeply") from None
    except ValueError as error:  # a number of thousands of digits is a plain ValueError
        position = _POSITION.search(str(error))
        line = position[1] if position and position[1] else str(text.count("\n") + 1)
        what = _POSITION.sub("", str(error)) if position else "a number is too long"
        where = f"{path}, line {line}" if position else str(path)
        raise syntax_error(where, "TOML", what) from error
