"""docs/benchmarks.md: a section for each part, of which those that were not measured now stay."""

import os
import platform
import re
import shutil
import subprocess
import time
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from textwrap import fill

from rows import HEADS, Section, aligned, cells

PAGE = Path(__file__).parent.parent / "docs/benchmarks.md"
PARTS = ("real", "direct", "synthetic", "matrix", "kernels", "history", "fleet", "profile")
LIBRARIES = ("msgspec", "aiohttp", "prometheus_client")

INTRODUCTION = """\
# Benchmarks

What Tidegauge costs, beside what else shows containers. `make bench` writes this page, on any
machine; `make bench ARGS=PART` measures one part and leaves the other sections as they are.

Where something must be met, the median of all rounds must meet it. Ratios are of the same round,
so that what a machine does meanwhile meets both sides. CPU time is user and system time. Times
without a ratio are of one machine; read the ratios.
"""

SECTION = re.compile(r"<!-- begin (\w+) -->\n.*?<!-- end \1 -->\n", re.DOTALL)


def machine(began: str) -> str:
    """What numbers depend on, in a few words; neither names of hosts nor of folders."""
    libraries = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    parts = [
        cpu_model(Path("/proc/cpuinfo").read_text(encoding="utf-8")),
        f"{len(os.sched_getaffinity(0))} cores",
        f"{platform.system()} {platform.release()}",
        f"{platform.python_implementation()} {platform.python_version()}",
        libraries,
        *docker_version(),
        f"load average {began} before, {load_average()} after",
        time.strftime("%Y-%m-%d", time.gmtime()),
    ]
    return "; ".join(parts)


def load_average() -> str:
    """Of the last minute."""
    return f"{os.getloadavg()[0]:.2f}"


def cpu_model(cpuinfo: str) -> str:
    """Look into the text of /proc/cpuinfo."""
    found = re.search(r"^model name\s*:\s*(.+)$", cpuinfo, re.MULTILINE)
    return found[1].strip() if found else platform.machine()


def docker_version() -> Sequence[str]:
    """Version of the client that is compared, if there is one."""
    if not shutil.which("docker"):
        return ()
    said = subprocess.run(["docker", "--version"], capture_output=True, text=True, check=False)
    found = re.search(r"version ([\d.]+)", said.stdout)
    return (f"docker command {found[1]}",) if found else ()


def rendered(section: Section, facts: str) -> str:
    """A section in Markdown, between its marks."""
    prose = [section.method, f"Measured on: {facts}."]
    parts = [f"## {section.title}", *map(paragraph, prose)]
    if section.rows:
        parts.append(aligned([HEADS, *map(cells, section.rows)]))
    parts += [section.text] if section.text else []
    parts += [paragraph(f"Not measured: {reason}.") for reason in section.skipped]
    body = "\n\n".join(filter(None, parts))
    return f"<!-- begin {section.part} -->\n{body}\n<!-- end {section.part} -->\n"


def paragraph(text: str) -> str:
    """Lines of at most a hundred characters; names with hyphens stay whole."""
    return fill(text, 100, break_on_hyphens=False, break_long_words=False)


def merged(page: str, sections: Mapping[str, str]) -> str:
    """The page with these sections new, and others as they were."""
    kept = {found[1]: found[0] for found in SECTION.finditer(page)}
    every = kept | dict(sections)
    return "\n".join([INTRODUCTION, *(every[part] for part in PARTS if part in every)])


def write(sections: Mapping[str, str], path: Path = PAGE) -> None:
    """Bring the page up to date."""
    page = path.read_text(encoding="utf-8") if path.exists() else ""
    path.write_text(merged(page, sections), encoding="utf-8")
