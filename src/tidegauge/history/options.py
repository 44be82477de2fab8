"""The options of the history, and where its file is when nobody says."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from tidegauge.errors import ConfigError

_LONG = Meta(ge=3600, extra={"unit": "s"})
"""An hour at least: it is rolled up from its samples when it is over."""


class Retention(Struct, frozen=True):
    """Milliseconds for which each tier is kept, by its name; and the most bytes of the file."""

    kept: Mapping[str, int]
    size: int


class RetentionOptions(
    Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    rename={"ten_seconds": "10s", "minute": "1m", "ten_minutes": "10m"},
):
    """``[history.retention]``: how long samples are kept, and buckets of each size."""

    raw: Annotated[float, _LONG] = 6 * 3600.0
    ten_seconds: Annotated[float, _LONG] = 7 * 86400.0
    minute: Annotated[float, _LONG] = 90 * 86400.0
    ten_minutes: Annotated[float, _LONG] = 730 * 86400.0


class HistoryOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[history]``: samples remembered on this machine. An empty ``path`` is `path_of`'s choice.

    With ``prometheus``, the URL of a server, nothing is written and the server is asked; all behind
    it is of it. Credentials are a user's, or a bearer token; series must have the ``labels``.
    """

    enabled: bool = True
    path: str = ""
    retention: RetentionOptions = RetentionOptions()
    size: Annotated[int, Meta(ge=2**24, extra={"unit": "By"})] = 2**30
    codec: Literal["standard", "fast"] = "standard"
    prometheus: str = ""
    username: str = ""
    password: str = ""
    token: str = ""
    labels: dict[str, str] = field(default_factory=dict[str, str])
    timeout: Annotated[float, Meta(gt=0, extra={"unit": "s"})] = 10.0

    @property
    def kept(self) -> Retention:
        """The same in the history's words."""
        of = self.retention
        seconds = {"raw": of.raw, "10s": of.ten_seconds, "1m": of.minute, "10m": of.ten_minutes}
        return Retention({name: round(1000 * each) for name, each in seconds.items()}, self.size)


def path_of(options: HistoryOptions, environ: Mapping[str, str], *, root: bool) -> Path:
    """The history's file; raises `ConfigError` where there is no place for it."""
    if options.path:
        return Path(options.path)
    if folder := environ.get("STATE_DIRECTORY", "").partition(":")[0]:  # systemd made it for us
        return Path(folder, "history.db")
    state = environ.get("XDG_STATE_HOME", "")
    if Path(state).is_absolute():
        return Path(state, "tidegauge", "history.db")
    if root:
        return Path("/var/lib/tidegauge/history.db")
    if home := environ.get("HOME"):
        return Path(home, ".local/state/tidegauge/history.db")
    raise ConfigError(
        "there is no folder to keep history in, because HOME is not set; set history.path, or"
        " history.enabled = false."
    )
