"""The sample configuration, which is the manual of options."""

import re
from pathlib import Path
from typing import get_args

import msgspec
import pytest
from msgspec import inspect, structs

from tidegauge.config import CategoryFilter, ExportersOptions, FilterOptions, Options, load, sample
from tidegauge.config.environ import options_of
from tidegauge.exporters.statsd import StatsdOptions

OPTION = re.compile(r'# ((?:\w+|"[^"]+") = .+)')
HEADER = re.compile(r"(?:# )?(\[.+\])")
EXAMPLES = ("container-1", "com.example.team")
"""Keys the user chooses: their lines show how, not a default."""


def uncommented() -> dict[str, tuple[str, str]]:
    """Each option line of the sample without its #, with the table header it stands under."""
    header, lines = "", dict[str, tuple[str, str]]()
    for line in sample().splitlines():
        if table := HEADER.fullmatch(line):
            header = table[1]
        elif option := OPTION.fullmatch(line):
            key = option[1].partition(" = ")[0].strip('"')
            lines[f"{header}.{key}"] = (header, option[1])
    return lines


def loaded(text: str, folder: Path) -> Options:
    path = folder / "tidegauge.toml"
    path.write_text(text, encoding="utf-8")
    return load(path, {}).options


def table(exporter: str) -> msgspec.Struct:
    """An exporter's options when nothing is set."""
    kind = {field.name: field.type for field in structs.fields(ExportersOptions)}[exporter]
    return next(one for one in get_args(kind) if one is not type(None))()


def test_the_sample_as_it_is_changes_nothing(tmp_path: Path) -> None:
    """A copied sample is as good as no configuration."""
    assert loaded(sample(), tmp_path) == Options()


@pytest.mark.parametrize(
    ("header", "line"),
    [pytest.param(*pair, id=key) for key, pair in uncommented().items()],
)
def test_a_commented_out_value_is_the_default(header: str, line: str, tmp_path: Path) -> None:
    """Taking the # from one line, and from its table, changes nothing but what the table says."""
    options = loaded(f"{header}\n{line}\n", tmp_path)

    if exporter := re.search(r"exporters\.(\w+)", header):
        assert options == Options(exporters=ExportersOptions(**{exporter[1]: table(exporter[1])}))
    elif "categories" in header:
        filters = FilterOptions(categories={"docker-cpu": CategoryFilter()})
        assert options == Options(filters=filters)
    elif line.startswith('"container-1"'):
        assert options.containers == {"container-1": "awesome-container-1"}
    elif line.startswith('"com.example.team"'):
        assert options.labels == {"com.example.team": "team"}
    else:
        assert options == Options()


def test_all_values_together_load(tmp_path: Path) -> None:
    """The whole sample uncommented is a valid configuration."""
    text = re.sub(r"^# ", "", sample(), flags=re.MULTILINE)

    options = loaded(text, tmp_path)

    assert options.exporters.statsd == StatsdOptions()
    assert options.filters.categories == {"docker-cpu": CategoryFilter()}


def test_every_option_is_in_the_sample() -> None:
    """No option without its line, and no line without its option."""
    shown = {
        key.replace("[", "").replace("]", "").strip(".")
        for key in uncommented()
        if not key.endswith(EXAMPLES)
    }
    known = {
        ".".join(key)
        for key, _ in options_of(inspect.type_info(Options))
        if key not in {("engines",), ("containers",), ("labels",)}
        and key[:2] != ("filters", "categories")
    }
    engine = {f"engines.{field.name}" for field in structs.fields(Options().engines[0])}
    category = {f"filters.categories.docker-cpu.{key}" for key in ("include", "exclude")}

    assert shown == known | engine | category


def test_every_value_has_a_word_on_it() -> None:
    """Each block of option lines stands under prose, in lines that fit a terminal."""
    blocks = re.split(r"\n\s*\n", sample())

    assert all(block.lstrip().startswith(("##", "[")) for block in blocks)
    assert all(len(line) <= 100 for line in sample().splitlines())
