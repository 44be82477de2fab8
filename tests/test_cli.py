"""Commands as they are typed: what each says, and one sentence for each mistake."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from command import TIDEGAUGE, ended, environment
from tidegauge import __main__ as entry
from tidegauge import __version__
from tidegauge.arguments import COMMANDS
from tidegauge.cli import main
from tidegauge.config import sample


@pytest.fixture(autouse=True)
def _nothing_around(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty folder, and no settings of the machine's own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    for name in [*os.environ]:
        if name.startswith("TIDEGAUGE_") or name == "DOCKER_HOST":
            monkeypatch.delenv(name)


def write(name: str, text: str) -> str:
    Path(name).write_text(text, encoding="utf-8")
    return name


MISTAKES = [
    (
        ("bogus",),
        {},
        "unknown command bogus; known here: run, demo, check, doctor,",
    ),
    (("chek",), {}, "unknown command chek; did you mean check?"),
    (("\x1b[2J",), {}, "unknown command \\x1b[2J; known here: run, demo, check, doctor,"),
    (("--bogus",), {}, "unknown argument --bogus; see tidegauge run --help."),
    (("check", "--bogus"), {}, "unknown argument --bogus; see tidegauge check --help."),
    (("once", "web"), {}, "unknown argument web; see tidegauge once --help."),
    (("once", "--js"), {}, "unknown argument --js; see tidegauge once --help."),
    (
        ("once", "--json", "--csv"),
        {},
        "argument --csv: not allowed with argument --json; see tidegauge once --help.",
    ),
    (("-c",), {}, "argument -c/--config: expected one argument; see tidegauge run --help."),
    (("-c", "none.toml"), {}, "cannot read none.toml: no such file."),
    (("check", "-c", "."), {}, "cannot read .: it is a directory."),
    (("graph",), {"DOCKER_HOST": "bogus://"}, "DOCKER_HOST "),
    (("run",), {"DOCKER_HOST": "tcp://h:99999"}, "DOCKER_HOST "),
    (("check",), {"DOCKER_HOST": "unix://docker.sock"}, "DOCKER_HOST "),
    (
        ("once",),
        {"TIDEGAUGE_TICK": "1s"},
        "unknown variable TIDEGAUGE_TICK; tidegauge sample-config ",
    ),
    (("once",), {"TIDEGAUGE_LOG_LEVEL": "loud"}, "TIDEGAUGE_LOG_LEVEL must be one of "),
]


@pytest.mark.parametrize(("typed", "environ", "sentence"), MISTAKES, ids=range(len(MISTAKES)))
def test_a_mistake_at_the_prompt_is_one_sentence(
    typed: tuple[str, ...],
    environ: dict[str, str],
    sentence: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Exit code 2, and one line on stderr that names the argument or variable."""
    for name, value in environ.items():
        monkeypatch.setenv(name, value)

    assert main(typed) == 2

    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"tidegauge: {sentence}")
    assert err.count("\n") == 1


IN_FILES = {
    "tick_interval = ": "x.toml, line 1: not valid TOML: invalid value.",
    "a = 1\n[log\n": "x.toml, line 2: not valid TOML: ",
    "tick_intervall = 1": "x.toml: unknown key tick_intervall; did you mean tick_interval?",
    "[exporters.statsd]\nprot = 1": "x.toml: unknown key exporters.statsd.prot; did you mean port?",
    "[exporters.statsd]\nport = '1'": (
        'x.toml: exporters.statsd.port must be a whole number, not "1".'
    ),
    "[exporters.statsd]\nport = 70000": (
        "x.toml: exporters.statsd.port must be at most 65535, not 70000."
    ),
    "tick_interval = -1": "x.toml: tick_interval must be more than 0s, not -1.",
    'tick_interval = "-1s"': ('x.toml: tick_interval must be a duration such as "10s", not "-1s".'),
    "[exporters.statsd]\nmax_packet_size = 0": (
        "x.toml: exporters.statsd.max_packet_size must be at least 64, not 0."
    ),
    "[exporters.statsd]\nrepeats = 'all'": (
        'x.toml: exporters.statsd.repeats must be one of "each", "rate", not "all".'
    ),
    "[containers]\na = 'x'\nb = 'x'": (
        'x.toml: containers gives the alias "x" to both "a" and "b"; give each its own.'
    ),
}


@pytest.mark.parametrize("command", ["run", "check", "once", "graph"])
@pytest.mark.parametrize(("text", "sentence"), IN_FILES.items(), ids=range(len(IN_FILES)))
def test_a_mistake_in_a_file_is_one_sentence(
    command: str, text: str, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every command refuses it alike before anything starts: exit code 2, file, line or key."""
    assert main([command, "-c", write("x.toml", text)]) == 2

    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"tidegauge: {sentence}")
    assert err.count("\n") == 1


def test_a_mistake_in_hocon_names_file_and_line(capsys: pytest.CaptureFixture[str]) -> None:
    """The original program's format is refused as clearly."""
    assert main(["-c", write("app.conf", "kamon {\n  statsd {\n")]) == 2
    assert capsys.readouterr().err.startswith("tidegauge: app.conf")


async def test_a_mistake_leaves_no_traceback() -> None:
    """As a process too: one line, exit code 2."""
    result = await ended("-c", write("x.toml", "xyz = 1"))

    assert result.code == 2
    assert result.out == ""
    assert result.err.startswith("tidegauge: x.toml: unknown key xyz; known here: tick_interval")
    assert result.err.count("\n") == 1


@pytest.mark.parametrize("command", [(), *((name,) for name in COMMANDS)])
def test_help_fits_a_terminal(command: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    """Each command has help of its own, in lines of at most 80 columns."""
    assert main([*command, "--help"]) == 0

    out = capsys.readouterr().out
    assert out.startswith(f"usage: {' '.join(('tidegauge', *command))} [-h]")
    assert max(map(len, out.splitlines())) <= 80
    for name, (says, description) in COMMANDS.items():
        assert (f"{name} " in out and says in out) if not command else True
        assert description in " ".join(out.split()) if command == (name,) else True


def test_every_option_has_a_word_of_help(capsys: pytest.CaptureFixture[str]) -> None:
    """No bare option, which a user would have to try."""
    for command, option in (("once", "--json"), ("once", "--csv"), ("graph", "--mermaid")):
        main([command, "--help"])
        (line,) = [
            line for line in capsys.readouterr().out.splitlines() if line.startswith(f"  {option}")
        ]
        assert len(line.split()) > 2


def test_the_version_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    """One line, for people who report a bug."""
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"tidegauge {__version__}\n"


def test_the_sample_that_is_printed_loads(capsys: pytest.CaptureFixture[str]) -> None:
    """What sample-config prints is a configuration that works."""
    assert main(["sample-config"]) == 0
    printed = capsys.readouterr().out
    assert printed == sample()
    assert main(["graph", "-c", write("tidegauge.toml", printed)]) == 0


FILTERED = """
tick_interval = "5s"
[filters.categories.docker-cpu]
include = ["shop-*"]
exclude = ["shop-x"]
[filters.categories.docker-pids]
include = []
[exporters.statsd]
"""


def test_the_graph_is_the_pipeline_that_would_run(capsys: pytest.CaptureFixture[str]) -> None:
    """With the category filters, the tick, and a branch for each exporter."""
    assert main(["graph", "-c", write("x.toml", FILTERED)]) == 0
    collecting, reporting = capsys.readouterr().out.split("\n\n")
    assert collecting.startswith("stats streams of local + host ─")
    branches = re.findall(r"[├└]─▶ (.+ ─▶ record .+)", collecting)
    for branch in (
        "cpu of shop-* but not shop-x ─▶ record cpu",
        "memory ─▶ record memory",
        "network ─▶ record network",
        "disk ─▶ record disk",
        "pids of none ─▶ record pids",
    ):
        assert branch in branches
    assert reporting == (
        "ticks of 5 s ─▶ collect ─┐\n"
        "                         └─▶ statsd (8, drop oldest) ─▶ flush ─▶ deliver\n"
    )


def test_the_graph_without_exporters_ends_nowhere(capsys: pytest.CaptureFixture[str]) -> None:
    """No branch is drawn that is not there."""
    assert main(["graph"]) == 0
    assert capsys.readouterr().out.endswith("\nticks of 10 s ─▶ let go\n")


def test_the_graph_as_mermaid(capsys: pytest.CaptureFixture[str]) -> None:
    """The same for documents: every label, every edge."""
    assert main(["graph", "--mermaid", "-c", write("x.toml", FILTERED)]) == 0
    out = capsys.readouterr().out
    assert out.startswith('flowchart LR\n    p0n1["stats streams of local + host"]\n')
    assert re.search(r'p0n\d+ --> p0n\d+\["cpu of shop-\* but not shop-x"\]\n', out)
    assert out.endswith(
        '    p1n2 --> p1n3["statsd (8, drop oldest)"]\n'
        '    p1n3 --> p1n4["flush"]\n'
        '    p1n4 --> p1n5["deliver"]\n'
    )


@pytest.mark.parametrize("command", ["sample-config", "graph", "--help"])
def test_a_reader_that_has_seen_enough_is_no_failure(command: str) -> None:
    """``| head -1``: the pipe is closed, and nobody hears of it."""
    read, write_end = os.pipe()
    os.close(read)
    done = subprocess.run(
        [*TIDEGAUGE, command],
        stdout=write_end,
        stderr=subprocess.PIPE,
        env=environment(),
        check=False,
    )
    os.close(write_end)
    assert (done.returncode, done.stderr) == (0, b"")


def test_an_output_that_takes_nothing_is_said() -> None:
    """A full disk is one sentence and exit code 1."""
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [*TIDEGAUGE, "sample-config"],
            stdout=full,
            stderr=subprocess.PIPE,
            env=environment(),
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr == b"tidegauge: cannot write the output: no space left on device.\n"


async def test_a_terminal_without_the_signs_still_gets_the_drawing() -> None:
    """What the encoding lacks is a question mark, not a traceback."""
    result = await ended("graph", PYTHONIOENCODING="ascii")
    assert result.code == 0
    assert "ticks of 10 s ?? let go" in result.out
    assert result.err == ""


@pytest.mark.parametrize("module", ["msgspec", "asyncio"])
async def test_an_interrupt_during_the_start_ends_a_command_quietly(module: str) -> None:
    """Ctrl-C while the program is still being imported: the usual code, no traceback."""
    write(f"{module}.py", "raise KeyboardInterrupt")
    assert await ended("check") == (130, "", "")


def test_an_interrupt_ends_a_command_quietly(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ctrl-C during a short command: the shell's usual code, no traceback."""

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("tidegauge.cli.load", interrupted)
    monkeypatch.setattr("sys.argv", ["tidegauge", "check"])
    assert entry.main() == 130
    assert capsys.readouterr() == ("", "")
