"""The examples of docs/extend.md, put into a copy of the program as the page says."""

import re
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from command import running
from recorded import a_container, frames
from test_docs import ROOT, after
from tidegauge.docker.frames import Sample

PAGE = ROOT / "docs/extend.md"

TWENTY = 20


def lines_of_code(text: str) -> list[str]:
    """Without imports, docstrings and empty lines."""
    return [
        line for line in text.splitlines() if line and not re.match(r'\s*("""|import |from )', line)
    ]


@pytest.mark.parametrize("name", ["lines.py", "busy.py", "graph.py"])
def test_twenty_lines_are_twenty_lines(name: str) -> None:
    """What the page promises, give or take those that only end something."""
    assert len(lines_of_code(after(PAGE, name))) <= TWENTY


async def test_a_graph_of_ones_own_says_who_is_busy() -> None:
    """Once, when the samples in a row are as many as were asked for."""
    scope: dict = {}
    for name in ("busy.py", "graph.py"):
        exec(compile(after(PAGE, name), name, "exec"), scope)
    said: list[str] = []
    recorded = frames("docker-26.1.5-cgroup2/lifecycle-stream")

    await scope["alarms"]([Sample(a_container(), frame) for frame in recorded], said).run()

    assert said
    assert {*said} == {"web is busy"}


def changed(path: Path, mark: str) -> None:
    """Change a file as the block says; what it expects there must be there, once."""
    block = after(PAGE, mark).splitlines(keepends=True)
    before = "".join(line[1:] for line in block if line[0] != "+")
    now = "".join(line[1:] for line in block if line[0] != "-")
    text = path.read_text(encoding="utf-8")
    assert text.count(before) == 1, f"{path.name} has not once:\n{before}"
    path.write_text(text.replace(before, now), encoding="utf-8")


def importing(path: Path, line: str) -> None:
    """Put an import where the first one is."""
    text = path.read_text(encoding="utf-8")
    path.write_text(re.sub(r"^from ", f"{line}\nfrom ", text, count=1, flags=re.MULTILINE))


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """The folder of a program that has both."""
    package = tmp_path / "src/tidegauge"
    shutil.copytree(ROOT / "src/tidegauge", package, ignore=shutil.ignore_patterns("__pycache__"))
    (package / "exporters/lines.py").write_text(after(PAGE, "lines.py"))
    changed(package / "exporters/__init__.py", "exporters/__init__.py")
    importing(package / "exporters/__init__.py", "from tidegauge.exporters.lines import lines")
    changed(package / "config/options.py", "config/options.py")
    importing(package / "config/options.py", "from tidegauge.exporters.lines import LinesOptions")
    (package / "busy.py").write_text(after(PAGE, "busy.py"))
    changed(package / "pipeline.py", "pipeline.py")
    importing(package / "pipeline.py", "from tidegauge.busy import busy")
    return package.parent


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(20)
        yield receiver


@pytest.mark.program
async def test_the_program_has_both_by_a_file_and_some_lines_each(
    program: Path, listening: socket.socket, tmp_path: Path
) -> None:
    """It sends lines where its configuration says, and its log tells who is busy."""
    pipeline = program / "tidegauge/pipeline.py"
    pipeline.write_text(pipeline.read_text().replace("busy(1.0, 60)", "busy(0.01, 2)"))
    path = tmp_path / "tidegauge.toml"
    path.write_text(
        'tick_interval = "1s"\n[exporters.lines]\nmetrics = ["container.pids.count"]\n'
        f'flush_interval = "1s"\nport = {listening.getsockname()[1]}\n'
    )
    engine = {"TIDEGAUGE_ENGINES": "local=demo://", "PYTHONPATH": str(program)}

    async with running(tmp_path / "log", "run", "-c", str(path), **engine) as process:
        await process.says("is busy")
        received = listening.recv(1000).decode()
        assert await process.stop() == 0

    assert re.fullmatch(r"[\w-]+ container\.pids\.count \d+\n", received)
