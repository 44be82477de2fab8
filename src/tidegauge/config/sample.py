"""The sample configuration, which is the manual of options."""

from importlib.resources import files


def sample() -> str:
    """The text of ``sample.toml``; a commented-out value in it is the default."""
    return files("tidegauge.config").joinpath("sample.toml").read_text("utf-8")
