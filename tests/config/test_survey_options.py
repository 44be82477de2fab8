"""``[survey]``: what is allowed, and how it is written."""

from pathlib import Path

import pytest

from tidegauge.config import SurveyOptions, load
from tidegauge.errors import ConfigError


def test_the_survey_is_on_and_can_be_set(tmp_path: Path) -> None:
    """In a file and by variables, with durations as people write them."""
    path = tmp_path / "x.toml"
    path.write_text('[survey]\ninterval = "1h"\n', encoding="utf-8")
    environ = {"TIDEGAUGE_SURVEY_TIMEOUT": "90s", "TIDEGAUGE_SURVEY_ENABLED": "false"}

    assert load(None, {}).options.survey == SurveyOptions(
        enabled=True, interval=300.0, timeout=120.0
    )
    assert load(path, environ).options.survey == SurveyOptions(
        enabled=False, interval=3600.0, timeout=90.0
    )


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ('interval = "5s"', 'survey.interval must be at least 10s, not "5s".'),
        ("timeout = 0", "survey.timeout must be at least 1s, not 0."),
        ("interval = nan", 'survey.interval must be a duration such as "10s", not nan.'),
    ],
)
def test_a_survey_that_cannot_be_is_refused(line: str, sentence: str, tmp_path: Path) -> None:
    """An engine that walks its disks without a pause does nothing else."""
    path = tmp_path / "x.toml"
    path.write_text(f"[survey]\n{line}\n", encoding="utf-8")

    with pytest.raises(ConfigError) as error:
        load(path, {})

    assert str(error.value) == f"{path}: {sentence}"
