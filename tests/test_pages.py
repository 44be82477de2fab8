"""Pages that tell what is in the code, sentence by sentence and name by name, do so."""

import ast
import configparser
import contextlib
import re
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import yaml

import cadvisor_table
import option_page
from test_architecture import TREES
from test_docs import PAGES, ROOT, Block, blocks, rows
from tidegauge.history.schema import open_to_write
from tidegauge.prometheus.names import families

TELEGRAF = ROOT / "docs/how-to/from-telegraf.md"
TROUBLES = ROOT / "docs/troubleshooting.md"

QUOTE = re.compile(r"(?:^> .*\n)+", re.MULTILINE)
FIXED = 0.5
"""So much of a quoted sentence, at least, must be the program's own letters."""

SHORTEST, LONGEST = 20, 400
"""Letters of a quote; what the program has that is shorter or longer need not be looked at."""


def test_the_page_of_options_is_the_sample() -> None:
    """Every option with default and variable: ``python tests/option_page.py`` renews it."""
    written = option_page.PAGE.read_text(encoding="utf-8")

    assert written == option_page.page()
    named = set(re.findall(r"^\|.* `(TIDEGAUGE_\w+)` \|$", written, re.MULTILINE))
    assert named >= {
        name
        for key, name in option_page.VARIABLES.items()
        if key[0] not in {"containers", "labels", "engines"} and "categories" not in key
    }


def test_names_of_cadvisor_are_those_served() -> None:
    """``python tests/cadvisor_table.py`` renews the table."""
    written = cadvisor_table.PAGE.read_text(encoding="utf-8")

    assert written == cadvisor_table.renewed(written)


def fields_in_influxdb() -> set[str]:
    """Measurements with their fields, of the page that a test holds to the exporter."""
    return {
        f"{measurement.strip('`')} {field}"
        for measurement, _, fields in rows(ROOT / "docs/exporters/influxdb.md", "Measurements")
        for field in re.findall(r"`([^`]+)`", fields)
    }


def test_fields_for_users_of_telegraf_are_there() -> None:
    """Each is one that the exporter for InfluxDB writes."""
    known = [re.sub(r"<\w+>", r"\\w+", field) for field in fields_in_influxdb()]

    for row in rows(TELEGRAF, "Fields"):
        for field in re.findall(r"`([^`]+)`", row[-1]):
            assert any(re.fullmatch(one, field) for one in known), field


@cache
def sentences() -> tuple[tuple[re.Pattern[str], int], ...]:
    """What the program can say, as patterns, and how many letters of each are its own."""
    return tuple(
        (re.compile("(?:… )?" + ".+?".join(map(re.escape, pieces))), sum(map(len, pieces)))
        for tree in TREES.values()
        for pieces in map(written, ast.walk(tree))
        if FIXED * SHORTEST <= sum(map(len, pieces)) <= LONGEST
    )


def written(node: ast.AST) -> list[str]:
    """The pieces of a text between the values that are put into it."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [node.value]
    if not isinstance(node, ast.JoinedStr):
        return []
    pieces = [""]
    for part in node.values:
        if isinstance(part, ast.Constant):
            pieces[-1] += part.value
        else:
            pieces.append("")
    return pieces


def quotes() -> Iterator[str]:
    for quote in QUOTE.findall(TROUBLES.read_text(encoding="utf-8")):
        yield " ".join(line[2:].strip() for line in quote.splitlines())


@pytest.mark.parametrize("quote", [*quotes()])
def test_what_is_quoted_is_what_the_program_says(quote: str) -> None:
    """A sentence whose words were changed is to be changed on the page, too."""
    found = [
        own
        for pattern, own in sentences()
        if FIXED * len(quote) <= own <= len(quote) and pattern.fullmatch(quote)
    ]

    assert found


@pytest.mark.parametrize("block", blocks("yaml"), ids=lambda block: block.page.stem)
def test_yaml_is_read(block: Block) -> None:
    """As a mapping, as all who are configured by it want it."""
    assert isinstance(yaml.safe_load(block.text), dict)


@pytest.mark.parametrize("block", blocks("ini"), ids=lambda block: block.page.stem)
def test_settings_of_others_are_read(block: Block) -> None:
    """Carbon's are those of Python, Telegraf's are TOML."""
    if block.page == TELEGRAF:
        assert tomllib.loads(block.text)
    else:
        read = configparser.ConfigParser()
        read.read_string(block.text)
        assert all("pattern" in read[section] for section in read.sections())


@pytest.mark.parametrize("block", blocks("sql"), ids=lambda block: block.page.stem)
def test_questions_to_the_history_are_answered(block: Block, tmp_path: Path) -> None:
    """By a file as it is begun; SQLite refuses what it does not have."""
    with contextlib.closing(open_to_write(tmp_path / "history.db")) as history:
        for question in filter(str.strip, block.text.split(";")):
            assert history.execute(question).fetchall() == []


@pytest.mark.parametrize("block", blocks("promql"), ids=lambda block: block.page.stem)
def test_queries_ask_for_what_there_is(block: Block) -> None:
    """Names in PromQL are those of /metrics, and of buckets of its histograms."""
    names = re.findall(r"\b(?:container|engine|system)_\w+", block.text)

    assert names
    assert {name.removesuffix("_bucket") for name in names} <= {each.name for each in families()}


def test_every_page_is_in_the_site() -> None:
    """A page that the navigation does not name would not be found."""
    navigation = (ROOT / "mkdocs.yml").read_text(encoding="utf-8").partition("\nnav:\n")[2]
    listed = re.findall(r": (\S+\.md)$", navigation, re.MULTILINE)
    pages = [page.relative_to(ROOT / "docs") for page in PAGES if ROOT / "docs" in page.parents]
    beside = [Path(name) for name in ("CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md")]

    assert sorted(map(Path, listed)) == sorted([*pages, *beside])
