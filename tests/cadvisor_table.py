"""The table of ``docs/how-to/from-cadvisor.md``, made of the names that are served.

``python tests/cadvisor_table.py`` writes it into the page.
"""

from pathlib import Path

from tidegauge.metrics import CATALOGUE
from tidegauge.metrics.catalogue import CPU_TIME
from tidegauge.prometheus.cadvisor_names import MACHINE, ROWS
from tidegauge.prometheus.names import family

PAGE = Path(__file__).parent.parent / "docs/how-to/from-cadvisor.md"

MARK = "<!-- names of cadvisor -->\n"
METRICS = {metric.name: metric for metric in CATALOGUE}


def table() -> str:
    """A row for each of our series that has a name there."""
    lines = ["| cAdvisor | in the catalogue | on `/metrics` |", "|---|---|---|"]
    for (name, *levels), row in {**ROWS, **MACHINE}.items():
        label = "".join(f", `{part}`" for part in row.label.split(",") if part)
        of = f", `{'`, `'.join(levels)}`" if levels else ""
        modes = tuple(("cpu.mode", level) for level in levels)
        native = family(METRICS[name], modes if name == CPU_TIME.name else ())
        assert native is not None, name
        lines.append(f"| `{row.family.name}`{label} | `{name}`{of} | `{native.name}` |")
    return "\n".join(dict.fromkeys(lines))


def renewed(page: str) -> str:
    """The page with its table, which is its end, as the names are now."""
    return f"{page.partition(MARK)[0]}{MARK}\n{table()}\n"


if __name__ == "__main__":
    PAGE.write_text(renewed(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
