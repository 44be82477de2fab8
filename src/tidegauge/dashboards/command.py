"""``tidegauge dashboards``: which are asked for, and what is said of them."""

from collections.abc import Collection, Sequence
from pathlib import Path

from tidegauge.config.places import suggestion
from tidegauge.errors import ConfigError
from tidegauge.terminal.text import printable

NEXT = """
Import one in Grafana (Dashboards, New, Import), or have Grafana read them all at its start:
copy what is in {provisioning} to /etc/grafana/provisioning,
and set DASHBOARDS_DIR={dashboards} in its environment.
"""


def dashboards(folder: Path, wanted: str | None, *, force: bool) -> str:
    """Write dashboards and say which; ``wanted`` are names with commas between, ``None`` is all.

    Raises:
        ConfigError: a name is unknown, a file is there already, or Grafana's types are not.
        TidegaugeError: a file cannot be written.
    """
    try:
        from tidegauge.dashboards import writing  # noqa: PLC0415 (an extra has its library)
    except ImportError:
        raise ConfigError(
            "dashboards need the package grafana-foundation-sdk, which is not installed:"
            " pip install 'tidegauge[dashboards]'."
        ) from None
    known = writing.sources()
    names = [*known] if wanted is None else named(wanted, known)
    written = writing.write(folder, names, force=force)
    listed = "".join(f"  {path.relative_to(folder)}\n" for path in written)
    places = {name: (folder / name).absolute() for name in ("provisioning", "dashboards")}
    return f"{len(written)} files written to {folder}:\n{listed}{NEXT.format_map(places)}"


def named(wanted: str, known: Collection[str]) -> Sequence[str]:
    """The names in a list with commas; raises `ConfigError` for one that is unknown, or none."""
    names = [name.strip() for name in wanted.split(",") if name.strip()]
    for name in names:
        if name not in known:
            raise ConfigError(f"--for: unknown name {printable(name)}; {suggestion(name, known)}")
    if not names:
        raise ConfigError(f"--for names nothing; known here: {', '.join(known)}.")
    return names
