"""The tables of docs/api.md, from the description of the API; run to renew them."""

import re
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tidegauge.web.openapi import ROUTES, document

PAGE = Path(__file__).parent.parent.parent / "docs" / "api.md"

_BEGIN, _END = "<!-- generated: {} -->\n", "<!-- end -->\n"


def renewed(text: str) -> str:
    """The page with all its generated parts made anew."""
    for name, lines in (("routes", routes()), ("shapes", shapes())):
        begin = _BEGIN.format(name)
        part = "\n".join(lines)
        text = re.sub(
            f"{re.escape(begin)}.*?{re.escape(_END)}",
            lambda _, begin=begin, part=part: f"{begin}\n{part}\n\n{_END}",
            text,
            flags=re.DOTALL,
        )
    return text


def routes() -> Iterator[str]:
    """A section for each route, with a table of its parameters."""
    for n, route in enumerate(ROUTES):
        yield f"{'' if n == 0 else chr(10)}### `GET {route.path}`"
        answer = f" Answers `{route.answer.__name__}`." if route.answer else ""
        yield f"\n{textwrap.fill(f'{route.summary}.{answer}', 100)}"
        if route.parameters:
            yield "\n| parameter | | |\n|---|---|---|"
        for each in route.parameters:
            times = f"up to {each.repeated} times" if each.repeated else ""
            must = "required" if each.required or each.place == "path" else ""
            notes = ", ".join(note for note in (must, times) if note)
            yield f"| `{each.name}` | {each.help} | {notes} |"


def shapes() -> Iterator[str]:
    """A table for each shape of an answer."""
    for n, (name, schema) in enumerate(document()["components"]["schemas"].items()):
        yield f"{'' if n == 0 else chr(10)}### `{name}`"
        yield f"\n{_first_paragraph(schema.get('description', ''))}"
        yield "\n| key | |\n|---|---|"
        required = schema.get("required", ())
        for key, kind in schema["properties"].items():
            yield f"| `{key}` | {_kind(kind)}{'' if key in required else ', may be absent'} |"


def _first_paragraph(text: str) -> str:
    return textwrap.fill(text.partition("\n\n")[0].replace("``", "`"), 100)


def _kind(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        return f"`{schema['$ref'].rpartition('/')[2]}`"
    if "anyOf" in schema:
        kinds = dict.fromkeys(_kind(each) for each in schema["anyOf"])
        if "number" in kinds:
            kinds.pop("integer", None)
        return " or ".join(kinds)
    if schema.get("type") == "array":
        return f"list of {_kind(schema['items'])}"
    if schema.get("type") == "object":
        return f"object of {_kind(schema['additionalProperties'])}"
    return str(schema.get("type"))


if __name__ == "__main__":
    PAGE.write_text(renewed(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
