"""What documents tell to type is typed: each block of shell, page by page, from top to bottom.

Only programs that stand in for themselves (`stand_ins`) and a few real ones are found, so that a
command of another one fails here until somebody has said how it is to be tried.
"""

import contextlib
import os
import re
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

import stand_ins
from command import TIDEGAUGE, environment
from servers.compose import Compose
from servers.process import Process, free_ports
from test_docs import BLOCK, PAGES, ROOT, after
from waiting import wait_until

pytestmark = [pytest.mark.program, pytest.mark.timeout(180)]

REAL = ("cat", "gzip", "zcat")
CONFIGURATIONS = {"toml": "tidegauge.toml", "hocon": "application.conf"}

BASH = shutil.which("bash") or "bash"

COMMAND = re.compile(r"(?:^|[|(]|\$ )\s*(?:\w+=\S+ )*(?:\S*/)?([\w-]+)", re.MULTILINE)
"""The name of each program in a block, wherever one can stand."""


def shell(language: str, block: str) -> str:
    """What a reader would type of a block; nothing of what is no shell."""
    if language == "console":
        return "".join(f"{line[2:]}\n" for line in block.splitlines() if line.startswith("$ "))
    return block if language == "sh" else ""


def blocks_of(page: Path) -> list[tuple[str, str]]:
    return BLOCK.findall(page.read_text(encoding="utf-8"))


TYPED = [page for page in PAGES if any(shell(*block) for block in blocks_of(page))]


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The only folder in which programs are looked for."""
    folder = tmp_path_factory.mktemp("programs") / "bin"
    folder.mkdir()
    (folder.parent / "done").mkdir()
    for name in stand_ins.STAND_INS:
        program = folder / name
        command = f'exec {sys.executable} -S {stand_ins.__file__} {name} "$@"'
        program.write_text(f"#!/bin/sh\n{command}\n")
        program.chmod(0o755)
    for name in REAL:
        (folder / name).symlink_to(shutil.which(name) or name)
    return folder


def remembers(url: str) -> bool:
    """Has an agent something to tell of the past, or is it yet to begin?"""
    with contextlib.suppress(OSError):
        query = "?entity=container:local/web&metric=container.cpu.time&start=-15m"
        with urllib.request.urlopen(url + query, timeout=5) as answer:
            return answer.status == 200
    return False


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of one that watches a simulated engine, with a container that is called web."""
    (port,) = free_ports(1)
    address, folder = f"127.0.0.1:{port}", tmp_path_factory.mktemp("agent")
    variables = {
        "TIDEGAUGE_WEB_LISTEN": address,
        "TIDEGAUGE_ENGINES": "local=demo://",
        "TIDEGAUGE_CONTAINERS": "shop-web-1=web",
        "TIDEGAUGE_FILTERS_INCLUDE": "**",
        "TIDEGAUGE_HISTORY_ENABLED": "true",
        "TIDEGAUGE_HISTORY_PATH": str(folder / "history.db"),
    }
    process = Process([*TIDEGAUGE, "run"], environment(**variables), folder / "log")
    try:
        wait_until(lambda: remembers(f"http://{address}/api/v1/series"), 30, "it remembers")
        yield address
    finally:
        process.stop()


def checkout(page: Path, folder: Path, programs: Path) -> None:
    """What a reader of a page has there."""
    shutil.copytree(ROOT / "deploy", folder / "deploy")
    (folder / "deploy/.env").write_text("DOCKER_GID=997\nTIDEGAUGE_WEB_TOKEN=secret\n")
    (folder / ".venv").mkdir()
    (folder / ".venv/bin").symlink_to(programs)
    (folder / "tidegauge.toml").write_text(after(ROOT / "README.md", "tidegauge.toml"))
    known = [*blocks_of(page), *blocks_of(ROOT / "docs/configuration.md")]
    (folder / "application.conf").write_text(dict(reversed(known))["hocon"])


def typed(page: Path, folder: Path, programs: Path, agent: str) -> list[str]:
    """Type all blocks of a page; what went wrong, in words. A configuration holds from there on."""
    checkout(page, folder, programs)
    env = environment(
        PATH=str(programs),
        REAL_PATH=os.environ["PATH"],
        HOME=str(folder),
        XDG_RUNTIME_DIR=str(folder),
        TERM="xterm",
        AGENT=agent,
        DONE=str(programs.parent / "done"),
        TIDEGAUGE_ENGINES="local=demo://",
        TIDEGAUGE_WEB_LISTEN="127.0.0.1:0",
        PYTHONPATH=os.environ.get("PYTHONPATH", ""),
    )
    wrong = []
    for language, block in blocks_of(page):
        if language == "toml":
            (folder / "tidegauge.toml").write_text(block)
        if lines := shell(language, block):
            command = [BASH, "-euo", "pipefail", "-c", lines]
            done = subprocess.run(
                command, cwd=folder, env=env, check=False, capture_output=True, text=True
            )
            if done.returncode:
                wrong.append(f"{lines}ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return wrong


@pytest.fixture(scope="module")
def pages(
    programs: Path, agent: str, tmp_path_factory: pytest.TempPathFactory, require
) -> Iterator[dict[Path, Future[list[str]]]]:
    """All pages at once, for commands wait more than they work."""
    require(Compose)
    require(stand_ins.DockerCommand)
    with ThreadPoolExecutor(3) as pool:
        yield {
            page: pool.submit(typed, page, tmp_path_factory.mktemp(page.stem), programs, agent)
            for page in TYPED
        }


@pytest.mark.parametrize("page", TYPED, ids=lambda page: page.stem)
def test_what_a_page_tells_to_type_works(page: Path, pages) -> None:
    """Each block of shell ends well, from top to bottom."""
    wrong = pages[page].result()

    assert not wrong, "\n".join(wrong)


def test_who_stands_in_is_typed_somewhere() -> None:
    """A stand-in for a program that no page tells to type any more is to be taken away."""
    lines = "".join(shell(*block) for page in TYPED for block in blocks_of(page))

    assert {*stand_ins.STAND_INS} <= {*COMMAND.findall(lines)}
