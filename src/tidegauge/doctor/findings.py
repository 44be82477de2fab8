"""What was found of one thing, and how findings are shown."""

from collections.abc import Sequence
from typing import Literal

from msgspec import Struct

from tidegauge.terminal.text import printable

Verdict = Literal["ok", "note", "missing"]

_SIGNS = {"ok": "ok", "note": "note", "missing": "MISSING"}
_COLOURS = {"ok": "32", "note": "33", "missing": "31"}


class Finding(Struct, frozen=True):
    """``what`` was tried and what came of it; ``missing`` is what should be mended.

    ``says`` is what is known, or what its lack costs; ``remedy`` what to do.
    """

    what: str
    verdict: Verdict
    says: str = ""
    remedy: str = ""


class Part(Struct, frozen=True):
    """Findings that belong together."""

    title: str
    findings: Sequence[Finding]


def report(parts: Sequence[Part], *, colours: bool) -> str:
    """Lines for people, and a sentence at the end that sums up."""
    lines: list[str] = []
    for part in parts:
        lines.append(printable(part.title))
        lines += [_line(each, colours=colours) for each in part.findings]
    lines.append(_sum([each for part in parts for each in part.findings]))
    return "".join(f"{line}\n" for line in lines)


def _line(finding: Finding, *, colours: bool) -> str:
    sign = f"{_SIGNS[finding.verdict]:7}"
    if colours:
        sign = f"\x1b[{_COLOURS[finding.verdict]}m{sign}\x1b[0m"
    said = " ".join(filter(None, (finding.says, finding.remedy)))
    return f"  {sign}  {printable(finding.what)}{': ' if said else ''}{printable(said)}"


def _sum(findings: Sequence[Finding]) -> str:
    missing = sum(each.verdict == "missing" for each in findings)
    if not missing:
        return "Nothing is missing."
    return f"{missing} thing is missing." if missing == 1 else f"{missing} things are missing."
