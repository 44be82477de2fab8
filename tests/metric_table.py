"""The tables of ``docs/metrics.md``, made of the catalogue.

``python tests/metric_table.py`` writes them into the page.
"""

import re
from pathlib import Path

from tidegauge.metrics import CATALOGUE, Metric
from tidegauge.prometheus.names import families

PAGE = Path(__file__).parent.parent / "docs/metrics.md"

HEAD = ("name", "kind", "unit", "attributes", "what it is", "made of", "in Prometheus")

TABLE = re.compile(r"(<!-- metrics of (\w+) -->\n)(?:\n*\|[^\n]*)*\n*")


def cells(metric: Metric) -> tuple[str, ...]:
    """The row of one metric."""
    kind = metric.kind.value + (", with a histogram" if metric.bounds else "")
    return (
        f"`{metric.name}`",
        kind,
        f"`{metric.unit}`",
        _quoted(metric.attributes),
        metric.help,
        _quoted(metric.source),
        _quoted(tuple(family.name for family in families([metric]))),
    )


def table(whose: str) -> str:
    """The table of all metrics whose names begin so."""
    rows = [cells(metric) for metric in CATALOGUE if metric.name.startswith(f"{whose}.")]
    lines = ("| " + " | ".join(row) + " |" for row in (HEAD, *rows))
    head, *rest = (line.replace("|  |", "| |") for line in lines)
    return "\n".join([head, "|---" * len(HEAD) + "|", *rest])


def renewed(page: str) -> str:
    """The page with all its tables as the catalogue has them now."""
    written = TABLE.sub(lambda found: f"{found[1]}\n{table(found[2])}\n\n", page)
    return written.rstrip("\n") + "\n"


def _quoted(words: tuple[str, ...]) -> str:
    return ", ".join(f"`{word}`" for word in words)


if __name__ == "__main__":
    PAGE.write_text(renewed(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
