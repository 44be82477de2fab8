"""The page ``docs/options.md``, made of the sample configuration.

``python tests/option_page.py`` writes it.
"""

import re
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path

from msgspec import inspect

from tidegauge.config import Options
from tidegauge.config.environ import options_of, variable
from tidegauge.config.sample import sample

PAGE = Path(__file__).parent.parent / "docs/options.md"

HEAD = """# All options

Every option with its default, and the variable of the environment that sets it, too. What they are
good for is on the page about [configuration](configuration.md). This page is what
`tidegauge sample-config` prints, in another form (`python tests/option_page.py` writes it).
"""

TABLE = re.compile(r"(?:# )?\[+([\w.-]+)\]+")
OPTION = re.compile(r'(?:# )?("[^"]+"|[\w-]+) = (.+)')
MEANT = re.compile(r"[*<\[]")
"""What Markdown would take for its own."""

EXAMPLES = ("containers", "labels")
"""Tables whose keys are the user's; what stands in them is an example."""

VARIABLES = {key: variable(key) for key, _ in options_of(inspect.type_info(Options))}


def page() -> str:
    """The whole page."""
    return HEAD + "".join(pieces(sample()))


def pieces(text: str) -> Iterator[str]:
    """Headings, tables and prose, in the order of the sample; not how it is used as a file."""
    table = ""
    for block in re.split(r"\n\n+", text[text.index("## Durations") :].strip()):
        lines = block.splitlines()
        options = []
        for line in lines:
            if entered := TABLE.fullmatch(line):
                table = entered[1]
                yield heading(table)
            elif option := OPTION.fullmatch(line):
                options.append(option.groups())
        if options and table not in EXAMPLES:
            yield from options_with_defaults(table, options)
        yield from prose(lines)
        if options and table in EXAMPLES:
            yield "\n```toml\n" + "".join(f"[{table}]\n{key} = {is_}\n" for key, is_ in options)
            yield "```\n"


def heading(table: str) -> str:
    """Of a table; those within another are below it, but exporters stand side by side."""
    below = "." in table and not table.startswith("exporters.")
    return f"\n{'###' if below else '##'} {table}\n"


def options_with_defaults(table: str, options: Sequence[tuple[str, ...]]) -> Iterator[str]:
    """A heading with their names, and a row for each."""
    yield f"\n### {', '.join(f'{table}.{key}'.lstrip('.') for key, _ in options)}\n"
    yield "\n| option | default | variable |\n|---|---|---|\n"
    for key, default in options:
        named = VARIABLES.get((*table.split("."), key) if table else (key,))
        yield f"| `{key}` | `{default}` |{f' `{named}`' if named else ''} |\n"


def prose(lines: Sequence[str]) -> Iterator[str]:
    """Comments, paragraph by paragraph."""
    told = "\n".join(line[2:].strip() for line in lines if line.startswith("##"))
    for paragraph in filter(None, told.split("\n\n")):
        escaped = MEANT.sub(r"\\\g<0>", paragraph)
        yield "\n" + "\n".join(textwrap.wrap(escaped, 100, break_on_hyphens=False)) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
