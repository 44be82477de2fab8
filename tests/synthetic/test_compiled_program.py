"""The engine in C as a program: how it is built, what it refuses, when it ends."""

import json
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from synthetic.building import HERE, built
from synthetic.running import EngineFailed, SyntheticEngine
from synthetic.templates import template

pytestmark = pytest.mark.synthetic

BUILD = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from synthetic.building import CannotBuild, built
try:
    built(Path(sys.argv[2]))
except CannotBuild as error:
    print(error)
"""


@pytest.fixture(autouse=True)
def _compiler(require):
    require(SyntheticEngine)


def run(*words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [built(), *words], capture_output=True, text=True, timeout=20, check=False
    )


@pytest.fixture
def templates(tmp_path) -> Path:
    path = tmp_path / "template"
    path.write_text(template("v1"), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--tcp", "0.0.0.0:2375"], "--tcp takes an address of loopback, as 127.0.0.1:2375, not"),
        (["--tcp", "192.0.2.1:2375"], "--tcp takes an address of loopback"),
        (["--tcp", "127.0.0.1"], "--tcp takes an address of loopback"),
        (["--unix", "/" + "x" * 200], "longer than a socket's may be"),
        (["--unix", "/nowhere/docker.sock"], "cannot listen on /nowhere/docker.sock: No such file"),
        ([], "nothing to listen on"),
        (["--unix", "s", "--containers", "12001"], "--containers takes a number from 0 to 12000"),
        (["--unix", "s", "--seconds", "inf"], "--seconds takes a number from 0.1 to 86400"),
        (["--unix", "s", "--pace", "fast"], "--pace takes spread, burst, moby or flood, not fast"),
        (["--unix", "s", "fast"], "there is no such argument: fast"),
        (["--unix", "s", "--churn", "/nowhere"], "--churn /nowhere cannot be read"),
    ],
)
def test_a_mistake_is_one_sentence(templates: Path, words: list[str], said: str) -> None:
    """That names the option; nothing is served."""
    ended = run("--templates", templates, *words)

    assert ended.returncode == 2
    assert ended.stdout == ""
    assert ended.stderr.startswith("synthetic engine: ")
    assert said in ended.stderr
    assert ended.stderr.count("\n") == 1


def test_a_file_that_is_no_template_is_refused(tmp_path: Path) -> None:
    """With the slot that is wrong, or with what is missing."""
    path = tmp_path / "template"
    for text, said in (("running {@ever@}\n", "a slot that is none: @ever@"), ("", "lacks one of")):
        path.write_text(text, encoding="utf-8")
        assert said in run("--unix", tmp_path / "s", "--templates", path).stderr


def test_it_ends_by_itself(tmp_path: Path, templates: Path) -> None:
    """After its time, with the truth on standard output and its socket gone."""
    ended = run("--unix", tmp_path / "s", "--templates", templates, "--seconds", "0.2")

    assert (ended.returncode, ended.stderr) == (0, "")
    assert json.loads(ended.stdout)["streams_open"] == 0
    assert not (tmp_path / "s").exists()


def test_what_is_left_of_a_killed_one_is_replaced(tmp_path: Path, templates: Path) -> None:
    """A socket is; a file of somebody else's is not."""
    words = ("--templates", templates, "--seconds", "0.1", "--unix", tmp_path / "s")
    with SyntheticEngine(1) as engine:
        (tmp_path / "s").hardlink_to(engine.socket)
        assert run(*words).returncode == 0

    (tmp_path / "s").write_text("precious", encoding="utf-8")
    assert "Address already in use" in run(*words).stderr
    assert (tmp_path / "s").read_text(encoding="utf-8") == "precious"


def test_it_listens_on_a_port_too() -> None:
    """Of loopback."""
    with SyntheticEngine(1, tcp=True, api="1.45") as engine:
        url = f"http://127.0.0.1:{engine.port}/_ping"
        with urllib.request.urlopen(url, timeout=10) as reply:
            assert (reply.read(), reply.headers["Api-Version"]) == (b"OK", "1.45")


def test_the_truth_stays_after_its_end() -> None:
    """It can be stopped twice; one that broke says so."""
    with SyntheticEngine(1) as engine:
        assert engine.stop() == engine.stop()
    assert not engine.folder.exists()
    with pytest.raises(EngineFailed, match="--api|--queue takes a number"):
        SyntheticEngine(1, queue=0)


def test_it_is_compiled_once(tmp_path: Path) -> None:
    """The second time it is there."""
    program = built(tmp_path)
    made = program.stat()

    assert built(tmp_path).stat() == made
    assert [path.name for path in tmp_path.iterdir()] == [program.name]


def test_without_a_compiler_it_says_what_to_install(tmp_path: Path) -> None:
    """In one sentence."""
    command = [sys.executable, "-c", BUILD, str(HERE.parent), str(tmp_path)]
    ended = subprocess.run(
        command, capture_output=True, text=True, env={"PATH": ""}, timeout=20, check=True
    )

    assert ended.stdout == (
        "no C compiler (cc): install gcc and libc6-dev, or run make test as root.\n"
    )


def test_its_sources_are_clean() -> None:
    """The compiler has nothing to say; they keep to the size of all files here."""
    sources = sorted(HERE.glob("*.[ch]"))
    warnings = ("-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Wconversion", "-Werror")
    compiling = subprocess.run(
        ["cc", "-std=c11", "-fsyntax-only", *warnings, *(x for x in sources if x.suffix == ".c")],
        capture_output=True,
        text=True,
        check=False,
    )

    assert compiling.stderr == ""
    for path in sources:
        lines = path.read_text(encoding="utf-8").splitlines()
        assert len(lines) <= 400, path.name
        assert max(map(len, lines)) <= 100, path.name
