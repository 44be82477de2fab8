"""Text files named by the user: configurations, and values kept apart such as secrets."""

import errno
from pathlib import Path

from tidegauge.errors import ConfigError

_REASONS = {
    errno.ENOENT: "no such file",
    errno.ENOTDIR: "no such file",
    errno.EISDIR: "it is a directory",
    errno.EACCES: "permission denied; let the user that runs Tidegauge read it",
}


def read_text(path: Path, told: str = "") -> str:
    """The file's text without a byte order mark; ``told`` is said after its name in errors."""
    try:
        content = path.read_bytes()
    except OSError as error:
        reason = _REASONS.get(error.errno or 0, (error.strerror or "unknown error").lower())
        raise ConfigError(f"cannot read {path}{told}: {reason}.") from error
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigError(
            f"{path}, line {line}: not UTF-8 text; save the file as UTF-8."
        ) from error


def syntax_error(where: str, language: str, what: str) -> ConfigError:
    """The error for a file that its parser refuses, in one printable line."""
    shown = "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in what)
    return ConfigError(f"{where}: not valid {language}: {shown[:1].lower()}{shown[1:]}.")
