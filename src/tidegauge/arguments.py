"""What can be typed after ``tidegauge``, and the sentence for what cannot."""

import argparse
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn

from tidegauge import __version__
from tidegauge.config.places import suggestion
from tidegauge.docker.endpoint import MOST_SIMULATED, Simulated
from tidegauge.errors import ConfigError
from tidegauge.terminal.text import printable
from tidegauge.top.columns import SORTABLE

COMMANDS: Mapping[str, tuple[str, str]] = {
    "run": (
        "watch containers until stopped (the default)",
        "Watch all chosen containers and export what they use, until Ctrl-C or SIGTERM.",
    ),
    "demo": (
        "watch a made-up engine, without Docker",
        "Watch an engine that is made up, on which things happen, until Ctrl-C. Nothing stays.",
    ),
    "check": (
        "say what would be watched, and why",
        "Say which containers would be watched and why, and where metrics would go.",
    ),
    "doctor": (
        "try out everything that is needed",
        "Try out every endpoint, permission and option, and say what each missing one costs.",
    ),
    "once": (
        "print one sample of every container",
        "Print one sample of every chosen container in base units: a table, JSON or CSV.",
    ),
    "top": (
        "watch containers in the terminal",
        "Show what containers use, live: from an agent that runs, or straight from the engines.",
    ),
    "graph": (
        "print the pipeline, as text or Mermaid",
        "Print how samples flow from engines to exporters. No engine is asked.",
    ),
    "record": (
        "write down what the engines say",
        "Write down what is heard of all chosen containers, until Ctrl-C, SIGTERM or --seconds.",
    ),
    "replay": (
        "play a recording through the pipeline",
        "Play a recording as if its engines were there, to your exporters or to a table.",
    ),
    "health": (
        "ask the agent here whether it is alive",
        "Ask the agent on this machine whether it is alive; the exit code is 1 if it is not.",
    ),
    "dashboards": (
        "write dashboards for Grafana",
        "Write Grafana dashboards and the files that provision them. No engine is asked.",
    ),
    "sample-config": (
        "print every option, with its default",
        "Print a configuration with every option explained and commented out.",
    ),
}
"""Each command's line in the list of commands, and its description."""

EXAMPLES = """examples:
  tidegauge demo                             look around, without Docker
  tidegauge sample-config > tidegauge.toml   write down every option there is
  tidegauge check -c tidegauge.toml          what would be watched, and why
  tidegauge run -c tidegauge.toml            watch, until Ctrl-C
  tidegauge doctor                           what is missing, and what it costs
  tidegauge top --sort memory                watch in the terminal; ? for keys
  tidegauge once --json                      one sample of every container
  tidegauge record day.tape --seconds 600    ten minutes, to be looked at later:
  tidegauge replay day.tape --speed max      a table of what was used
"""


class Arguments(argparse.Namespace):
    """What was typed."""

    command: str
    config: Path | None = None
    form: str = "table"
    mermaid: bool = False
    file: Path
    seconds: float | None = None
    force: bool = False
    speed: float = 1.0
    listen: str | None = None
    containers: int
    connect: str | None = None
    sort: str = "cpu"
    filter: str = ""
    folder: Path
    wanted: str | None = None
    address: str | None = None


def parse(given: Sequence[str]) -> Arguments:
    """Read the arguments; raises `ConfigError`, or `SystemExit` when help was asked for."""
    completed = _with_default_command(given)
    first = completed[0]
    if not first.startswith("-") and first not in COMMANDS:
        raise ConfigError(f"unknown command {printable(first)}; {suggestion(first, COMMANDS)}")
    arguments, unknown = _parser().parse_known_args(completed, Arguments())
    if arguments.connect is not None and arguments.config is not None:
        raise ConfigError("--connect asks an agent and -c engines; keep one of them.")
    if unknown:
        raise ConfigError(
            f"unknown argument {printable(unknown[0])}; see tidegauge {arguments.command} --help."
        )
    return arguments


def _with_default_command(given: Sequence[str]) -> list[str]:
    """``tidegauge -c FILE`` means ``tidegauge run -c FILE``."""
    own = {"-h", "--help", "--version"}
    if not given or (given[0].startswith("-") and given[0] not in own):
        return ["run", *given]
    return [*given]


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, without the usage."""

    def error(self, message: str) -> NoReturn:
        raise ConfigError(f"{message}; see {self.prog} --help.")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="tidegauge",
        description="See what your Docker containers do: every container, every second, no gaps.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
        add_help=False,
    )
    _add_help(parser)
    parser.add_argument(
        "--version",
        action="version",
        version=f"tidegauge {__version__}",
        help="show the version and exit",
    )
    commands = parser.add_subparsers(
        title="commands", metavar="COMMAND", dest="command", required=True
    )
    for name, (says, description) in COMMANDS.items():
        sub = commands.add_parser(
            name,
            help=says,
            description=description,
            allow_abbrev=False,
            add_help=False,
        )
        _add_help(sub)
        _add_options(sub, name)
    return parser


def _add_help(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-h", "--help", action="help", help="show this help and exit")


def _add_options(parser: argparse.ArgumentParser, command: str) -> None:
    if command not in {"sample-config", "demo", "dashboards", "health"}:
        parser.add_argument(
            "-c",
            "--config",
            type=Path,
            metavar="FILE",
            help="the configuration, in TOML; the original program's HOCON if named *.conf or"
            " *.hocon; without it every container of the local engine is watched",
        )
    if command == "once":
        form = parser.add_mutually_exclusive_group()
        for name, says in (
            ("json", "a list of objects"),
            ("csv", "comma-separated values"),
            ("human", "a table for people, 80 columns wide, with units that fit"),
        ):
            form.add_argument(
                f"--{name}",
                dest="form",
                action="store_const",
                const=name,
                default="table",
                help=f"print {says}",
            )
    if command == "graph":
        parser.add_argument(
            "--mermaid", action="store_true", help="print Mermaid, for Markdown documents"
        )
    if command == "demo":
        _add_demo_options(parser)
    if command == "top":
        _add_top_options(parser)
    if command == "dashboards":
        _add_dashboard_options(parser)
    if command == "health":
        _add_health_options(parser)
    if command in {"record", "replay"}:
        _add_recording_options(parser, command)


def _add_top_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--connect",
        metavar="URL",
        help="the agent to ask, such as http://127.0.0.1:8470, with the token in"
        " TIDEGAUGE_WEB_TOKEN; without it and -c, one on this machine is looked for",
    )
    parser.add_argument(
        "--sort",
        choices=SORTABLE,
        default="cpu",
        metavar="COLUMN",
        help=f"what to sort by (default: cpu): {', '.join(SORTABLE)}",
    )
    parser.add_argument(
        "--filter",
        default="",
        metavar="TEXT",
        help="only containers with these words in name, project, image or state",
    )


def _add_demo_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--listen",
        metavar="ADDRESS",
        help="where the dashboard is, such as 127.0.0.1:8000 (default: 127.0.0.1:8470)",
    )
    parser.add_argument(
        "--containers",
        type=_containers,
        default=Simulated().containers,
        metavar="N",
        help=f"so many containers (default: {Simulated().containers})",
    )


def _add_recording_options(parser: argparse.ArgumentParser, command: str) -> None:
    parser.add_argument("file", type=Path, metavar="FILE", help="the recording")
    if command == "record":
        parser.add_argument(
            "--seconds", type=_positive, metavar="N", help="stop by itself after so long"
        )
        parser.add_argument("--force", action="store_true", help="replace FILE if it is there")
    if command == "replay":
        parser.add_argument(
            "--speed",
            type=_speed,
            default=1.0,
            metavar="N",
            help="so many times as fast as it was (default: 1); max for as fast as possible",
        )


def _containers(text: str) -> int:
    if not (text.isdecimal() and 1 <= int(text) <= MOST_SIMULATED):
        raise argparse.ArgumentTypeError(
            f"must be a number from 1 to {MOST_SIMULATED}, not {printable(text)}"
        )
    return int(text)


def _add_dashboard_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, metavar="DIR", help="where to write them")
    parser.add_argument(
        "--for",
        dest="wanted",
        metavar="NAMES",
        help="only for these, such as prometheus,statsd; all are prometheus, cadvisor (its names in"
        " Prometheus), statsd, graphite, influxdb",
    )
    parser.add_argument("--force", action="store_true", help="replace files that are there")


def _add_health_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "address",
        nargs="?",
        metavar="ADDRESS",
        help="where it listens, as web.listen says (default: TIDEGAUGE_WEB_LISTEN, or else"
        " 127.0.0.1:8470); no configuration is read",
    )


def _positive(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError(f"must be a number above 0, not {printable(text)}")
    return number


def _speed(text: str) -> float:
    """A factor; ``max``, or 0 for short, is infinite."""
    return math.inf if text in {"max", "0"} else _positive(text)
