"""What is released: a wheel for an empty environment, a source archive, one program file."""

import contextlib
import shutil
import subprocess
import sys
import tarfile
import urllib.request
import venv
from pathlib import Path

import pytest

from command import environment
from servers.compose import ROOT
from servers.process import Process, free_ports
from tidegauge import __version__
from waiting import wait_until

pytestmark = [pytest.mark.program, pytest.mark.timeout(300)]

COPIED = (
    *("src", "docs", "deploy", "scripts", "*.md", "LICENSE", "Makefile"),
    *("mkdocs.yml", "pyproject.toml"),
)


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with all that ``make dist`` makes, from a copy of the sources."""
    tree = tmp_path_factory.mktemp("tree")
    for path in (path for pattern in COPIED for path in ROOT.glob(pattern)):
        copy = shutil.copytree if path.is_dir() else shutil.copy
        copy(path, tree / path.name)
    (ROOT / ".cache").mkdir(exist_ok=True)
    (tree / ".cache").symlink_to(ROOT / ".cache")
    subprocess.run(["make", "dist"], cwd=tree, check=True, capture_output=True)
    return tree / "dist"


def ready(port: int) -> bool:
    with contextlib.suppress(OSError):
        page = urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5)
        with page as reply:
            return reply.read() == b"ready\n"
    return False


def shows(program: Path, log: Path) -> bool:
    """``demo`` of this program is ready, and its dashboard and the sample are in it."""
    (port,) = free_ports(1)
    demo = [str(program), "demo", "--listen", f"127.0.0.1:{port}"]
    process = Process(demo, environment(), log)
    try:
        wait_until(lambda: ready(port), 60, f"ready: {process.log()}")
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/static/main.js", timeout=5) as page:
            script = page.read()
    finally:
        process.stop()
    sample = subprocess.run([program, "sample-config"], capture_output=True, check=True).stdout
    return b"import" in script and b"tick_interval" in sample


def test_the_wheel_works_in_an_empty_environment(released: Path, tmp_path: Path) -> None:
    """With what it asks for and no more; its version is the one in the code."""
    (wheel,) = released.glob(f"tidegauge-{__version__}-py3-none-any.whl")
    venv.create(tmp_path / "venv")
    pip = [sys.executable, "-m", "pip", "--python", tmp_path / "venv", "install", "--no-compile"]
    subprocess.run([*pip, "--disable-pip-version-check", wheel], check=True, capture_output=True)

    assert shows(tmp_path / "venv/bin/tidegauge", tmp_path / "log")


def test_the_archive_has_what_it_takes_to_build(released: Path) -> None:
    """Sources, documents with what they link to, and nothing of this machine."""
    (archive,) = released.glob("*.tar.gz")
    with tarfile.open(archive) as opened:
        top = {name.split("/")[1] for name in opened.getnames()}

    assert {"src", "docs", "deploy", "scripts", "LICENSE", "README.md", "pyproject.toml"} <= top
    assert not top & {".cache", ".venv", "dist", "tests"}


def test_the_program_is_one_file(tmp_path: Path) -> None:
    """It needs no Python, finds nothing of this environment, and works."""
    subprocess.run([ROOT / "scripts/build-binary"], check=True, capture_output=True)
    program = shutil.copy(ROOT / "dist/tidegauge", tmp_path / "tidegauge")

    said = subprocess.run([program, "--version"], env={}, capture_output=True, check=True).stdout

    assert said.decode() == f"tidegauge {__version__}\n"
    assert Path(program).stat().st_size < 40e6
    assert shows(Path(program), tmp_path / "log")


def test_programs_that_the_one_file_starts_keep_their_libraries(tmp_path: Path) -> None:
    """ssh is that of the machine, and must not be given libraries that came with us."""
    subprocess.run([ROOT / "scripts/build-binary"], check=True, capture_output=True)
    ssh = tmp_path / "ssh"
    ssh.write_text(f'#!/bin/sh\necho "[$LD_LIBRARY_PATH]" >{tmp_path}/told\nexit 1\n')
    ssh.chmod(0o755)
    once = [ROOT / "dist/tidegauge", "once"]

    for given in ({}, {"LD_LIBRARY_PATH": "/somewhere"}):
        env = environment(DOCKER_HOST="ssh://far", **given)
        env["PATH"] = f"{tmp_path}:{env['PATH']}"
        subprocess.run(once, env=env, capture_output=True, check=False)
        assert (tmp_path / "told").read_text() == f"[{given.get('LD_LIBRARY_PATH', '')}]\n"
