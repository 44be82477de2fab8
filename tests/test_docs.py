"""The documents say what the program does: commands, files, tables, drawings and links in them."""

import ast
import re
import shlex
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from msgspec import inspect

import metric_table
from certificates import Authority
from test_architecture import MAY_IMPORT, MODULES, ROOT, TREES
from tidegauge.arguments import COMMANDS, parse
from tidegauge.cli import main
from tidegauge.config import ExportersOptions, Options, load
from tidegauge.config.environ import options_of, variable
from tidegauge.config.hocon import _OPTIONS as HOCON_OPTIONS
from tidegauge.exporters.naming import ORIGINALS
from tidegauge.exporters.statsd import StatsdOptions
from tidegauge.metrics import CATALOGUE
from tidegauge.once import as_text

PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])

BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"(?:\$ )?(?:\w+=\S+ )*(?:\S*/)?tidegauge((?: .*)?)")
MAKE_RUN = re.compile(r'make run ARGS="(.*?)"')
LINK = re.compile(r"\]\(([^)]+)\)")
ROW = re.compile(r"^\| (.+) \|$", re.MULTILINE)
QUOTED = re.compile(r"`([^`]+)`")

PLANNED: set[str] = set()

PACKAGES = "Packages, in the order of the data"

SUFFIXES = {"toml": "toml", "hocon": "conf"}


class Block(NamedTuple):
    """A code block of a page."""

    page: Path
    language: str
    text: str


def blocks(*languages: str) -> list[Block]:
    return [
        Block(page, language, text)
        for page in PAGES
        for language, text in BLOCK.findall(page.read_text(encoding="utf-8"))
        if language in languages
    ]


def commands() -> Iterator[tuple[str, str]]:
    """The arguments of each command line in a code block or in a line of text, and its page."""
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        shell = "".join(block.text for block in blocks("sh", "console") if block.page == page)
        typed = [line.partition(">")[0] for line in shell.splitlines()]
        spans = [span for span in QUOTED.findall(BLOCK.sub("", text)) if "..." not in span]
        for line in (*typed, *spans):
            if command := COMMAND.fullmatch(line.strip()):
                yield page.name, command[1].strip()
        yield from ((page.name, given) for given in MAKE_RUN.findall(text))


def rows(page: Path, heading: str) -> list[list[str]]:
    """The cells of the first table below a heading, without its head."""
    text = page.read_text(encoding="utf-8").partition(f"\n## {heading}\n")[2]
    table = text[text.index("\n|") :].partition("\n\n")[0]
    return [row.split(" | ") for row in ROW.findall(table)[1:]]


def after(page: Path, mark: str) -> str:
    """The code block that follows a comment."""
    found = BLOCK.match(page.read_text(encoding="utf-8").partition(f"<!-- {mark} -->\n")[2])
    assert found, f"{page.name} has no block marked {mark}"
    return found[2]


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize(("page", "given"), [*dict.fromkeys(commands())])
def test_every_command_can_be_typed(page: str, given: str) -> None:
    """Commands in documents have arguments that the program takes."""
    if given in PLANNED:
        assert given not in COMMANDS
    else:
        parse(shlex.split(given))


@pytest.mark.parametrize("block", blocks(*SUFFIXES), ids=lambda block: block.page.name)
def test_every_configuration_loads(block: Block, tmp_path: Path) -> None:
    """Examples can be copied, to where there are certificates."""
    pair = Authority(tmp_path / "certs").signed("tidegauge")
    pair.cert.rename(tmp_path / "certs/cert.pem")
    pair.key.rename(tmp_path / "certs/key.pem")
    path = tmp_path / f"tidegauge.{SUFFIXES[block.language]}"
    path.write_text(block.text, encoding="utf-8")

    assert load(path, {}).options != Options()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    """A relative link names a file that is there, and a heading in it."""
    for link in LINK.findall(page.read_text(encoding="utf-8")):
        if "://" not in link:
            path, _, anchor = link.partition("#")
            target = page.parent / path if path else page
            assert target.exists(), link
            assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_variables_exist(page: Path) -> None:
    """Every environment variable that is named sets an option."""
    known = {variable(key) for key, _ in options_of(inspect.type_info(Options))}

    for name in re.findall(r"TIDEGAUGE_[A-Z0-9_]*[A-Z0-9]", page.read_text(encoding="utf-8")):
        assert name.removesuffix("_FILE") in known


@pytest.mark.parametrize(
    ("page", "mark", "given"),
    [
        ("README.md", "tidegauge graph", ["graph"]),
        ("docs/architecture.md", "tidegauge graph", ["graph"]),
        ("docs/architecture.md", "tidegauge graph --mermaid", ["graph", "--mermaid"]),
    ],
)
def test_drawings_are_those_of_the_program(
    page: str, mark: str, given: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A drawing that has changed is to be copied anew: ``tidegauge graph -c FILE``."""
    path = tmp_path / "tidegauge.toml"
    path.write_text(after(ROOT / "README.md", "tidegauge.toml"), encoding="utf-8")

    assert main([*given, "-c", str(path)]) == 0

    drawn = re.sub(r"\A\$ .*\n", "", after(ROOT / page, mark))
    assert drawn == capsys.readouterr().out


@pytest.mark.parametrize(
    ("page", "heading"),
    [("README.md", "Coming from Kamon's Docker monitor"), ("docs/exporters/statsd.md", "Metrics")],
)
def test_metrics_are_listed(page: str, heading: str) -> None:
    """The tables of StatsD names have all that are sent, and no other."""
    listed = [
        (category.strip("`"), metric)
        for category, metrics, *_ in rows(ROOT / page, heading)
        for metric in QUOTED.findall(metrics)
    ]

    assert listed == [(original.category, original.metric) for original in ORIGINALS.values()]


def test_the_page_of_metrics_is_the_catalogue() -> None:
    """Its tables have every metric as it is now: ``python tests/metric_table.py`` renews them."""
    page = metric_table.PAGE.read_text(encoding="utf-8")

    assert page == metric_table.renewed(page)
    for metric in CATALOGUE:
        assert page.count(f"\n| `{metric.name}` |") == 1


def test_keys_of_the_original_file_are_listed() -> None:
    """The table of HOCON keys is the one the program translates by."""
    ours = ("includes", "include"), ("excludes", "exclude")
    filters = {
        f"kamon.metric.filters.<category>.{theirs}": f"filters.categories.<category>.{name}"
        for theirs, name in ours
    }
    plain = {path: ".".join(key) for path, key in HOCON_OPTIONS.items() if ".filters." not in path}

    table = rows(ROOT / "docs/configuration.md", "The original program's file")
    listed = {key.strip("`"): option.strip("`") for key, option in table}

    kamon = {key: option for key, option in listed.items() if key.startswith("kamon.")}
    assert kamon == plain | filters


def test_imports_are_listed() -> None:
    """The table of packages allows what the test of imports allows, small modules left out."""
    packages = {path.parent.name for path in MODULES.values()} & MAY_IMPORT.keys()
    listed = {
        QUOTED.findall(package)[0]: {*QUOTED.findall(allowed)}
        for package, _, allowed in rows(ROOT / "docs/architecture.md", PACKAGES)
    }

    assert packages <= listed.keys()
    for package in packages:
        named = {name for name in MAY_IMPORT[package].split() if name.partition(".")[0] in packages}
        assert listed[package] == named


def test_errors_are_drawn_as_in_the_code() -> None:
    """The tree of errors is a copy of the one in ``errors.py``."""
    drawn = (ast.get_docstring(TREES["errors"]) or "").partition("::\n\n")[2]

    assert textwrap.dedent(drawn) in (ROOT / "docs/architecture.md").read_text(encoding="utf-8")


def test_the_sample_configuration_of_the_readme_means_what_it_says(tmp_path: Path) -> None:
    """StatsD where it says, and one container under another name."""
    path = tmp_path / "tidegauge.toml"
    path.write_text(after(ROOT / "README.md", "tidegauge.toml"), encoding="utf-8")

    options = load(path, {}).options

    assert options.exporters == ExportersOptions(statsd=StatsdOptions())
    assert options.containers == {"burn": "worker"}


def test_the_table_of_once_has_its_columns() -> None:
    """The example in the README has the headings of today."""
    (shown,) = (
        x.text for x in blocks("console") if x.text.startswith("$ tidegauge once --human\n")
    )

    headings = as_text([], "human", several_engines=False)
    assert re.split(r"  +", shown.splitlines()[1]) == re.split(r"  +", headings.strip())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_prose_is_not_wider_than_the_code(page: Path) -> None:
    """At most 100 characters, tables and blocks apart."""
    prose = BLOCK.sub("", page.read_text(encoding="utf-8"))

    assert [x for x in prose.splitlines() if len(x) > 100 and not x.startswith("|")] == []
