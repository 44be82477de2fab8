"""``[limits]``: what is allowed, and how it is written."""

from pathlib import Path

import pytest

from tidegauge.config import LimitOptions, load
from tidegauge.errors import ConfigError


def test_limits_are_whole_numbers_of_a_file_or_of_variables(tmp_path: Path) -> None:
    """The variable wins."""
    path = tmp_path / "x.toml"
    path.write_text("[limits]\nseries_per_container = 200\nseries = 1000\n", encoding="utf-8")

    loaded = load(path, {"TIDEGAUGE_LIMITS_SERIES": "5000"}).options

    assert loaded.limits == LimitOptions(series_per_container=200, series=5000)


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("series = 99", "limits.series must be at least 100, not 99."),
        ("series_per_container = 0", "limits.series_per_container must be at least 100, not 0."),
        (
            "series = 300",
            "limits.series_per_container (500) must not be more than limits.series (300).",
        ),
    ],
)
def test_limits_that_cannot_be_are_refused(line: str, sentence: str, tmp_path: Path) -> None:
    """A container without interfaces already takes half a hundred."""
    path = tmp_path / "x.toml"
    path.write_text(f"[limits]\n{line}\n", encoding="utf-8")

    with pytest.raises(ConfigError) as error:
        load(path, {})

    assert str(error.value) == f"{path}: {sentence}"
