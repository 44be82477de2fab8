"""The commands. Exit codes: 0 fine, 1 a failure while running, 2 a mistake of the user's."""

import argparse
import asyncio
import os
import shutil
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from tidegauge import __version__
from tidegauge.app import choice_of, compose, engine_client, run
from tidegauge.check import check
from tidegauge.clock import SystemClock
from tidegauge.config import Loaded, load, sample
from tidegauge.errors import ConfigError, TidegaugeError
from tidegauge.journal import Journal
from tidegauge.logs import open_log
from tidegauge.once import COLUMNS, TABLE_COLUMNS, Row, sample_once
from tidegauge.streams.drawing import as_mermaid, as_text
from tidegauge.terminal.progress import Progress
from tidegauge.terminal.table import render

EXAMPLES = """examples:
  tidegauge sample-config > tidegauge.toml   write down every option there is
  tidegauge check -c tidegauge.toml          what would be watched, and why
  tidegauge run -c tidegauge.toml            watch, until Ctrl-C
  tidegauge once --json                      one sample of every container
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    options = _parser().parse_args(_with_default_command(given))
    try:
        return int(options.command(options, os.environ))
    except ConfigError as error:
        print(f"tidegauge: {error}", file=sys.stderr)
        return 2
    except TidegaugeError as error:
        print(f"tidegauge: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:  # the reader of our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 130


def _with_default_command(arguments: list[str]) -> list[str]:
    """``tidegauge -c FILE`` means ``tidegauge run -c FILE``."""
    own = {"-h", "--help", "--version"}
    if not arguments or (arguments[0].startswith("-") and arguments[0] not in own):
        return ["run", *arguments]
    return arguments


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="tidegauge",
        description="See what your Docker containers do: every container, every second, no gaps.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"tidegauge {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    configured = argparse.ArgumentParser(add_help=False)
    configured.add_argument(
        "-c",
        "--config",
        type=Path,
        metavar="FILE",
        help="configuration, TOML or the original program's HOCON (*.conf); default: none",
    )
    for name, command, says in (
        ("run", _run, "watch all chosen containers until stopped (the default command)"),
        ("check", _check, "say which containers would be watched and why, and where metrics go"),
        ("once", _once, "print one sample of every chosen container in base units"),
        ("graph", _graph, "print the pipeline as text or Mermaid"),
    ):
        sub = commands.add_parser(name, help=says, description=says, parents=[configured])
        sub.set_defaults(command=command)
        if command is _once:
            form = sub.add_mutually_exclusive_group()
            form.add_argument("--json", dest="form", action="store_const", const="json")
            form.add_argument("--csv", dest="form", action="store_const", const="csv")
            sub.set_defaults(form="table")
        if command is _graph:
            sub.add_argument("--mermaid", action="store_true", help="for Markdown documents")
    says = "print the commented sample configuration, the manual of options"
    commands.add_parser("sample-config", help=says, description=says).set_defaults(
        command=_sample_config
    )
    return parser


def _run(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    loaded = load(arguments.config, environ)
    journal = _journal(loaded)
    asyncio.run(_run_until_stopped(loaded, environ, journal))
    return 0


async def _run_until_stopped(loaded: Loaded, environ: Mapping[str, str], journal: Journal) -> None:
    stop, clock = asyncio.Event(), SystemClock()
    program = compose(loaded.options, environ, journal, clock, stop)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    if not program.deliveries:
        journal.told("metrics go nowhere: add a table such as [exporters.statsd]")
    progress = Progress(sys.stderr, shutil.get_terminal_size().columns)
    await run(program, journal, clock, stop, progress)
    journal.told("stopped", **journal.counts)


def _check(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    loaded = load(arguments.config, environ)
    report, troubles = asyncio.run(check(loaded.options, environ, _journal(loaded)))
    print(report, end="")
    for trouble in troubles:
        print(f"tidegauge: {trouble}", file=sys.stderr)
    return 1 if troubles else 0


def _once(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    loaded = load(arguments.config, environ)
    rows = asyncio.run(_sample_all(loaded, environ, _journal(loaded)))
    columns = TABLE_COLUMNS if arguments.form == "table" else COLUMNS
    print(render(columns, rows, arguments.form), end="")
    return 0


async def _sample_all(loaded: Loaded, environ: Mapping[str, str], journal: Journal) -> list[Row]:
    rows: list[Row] = []
    for engine in loaded.options.engines:
        client = engine_client(engine, environ)
        try:
            rows += await sample_once(client, choice_of(loaded.options), journal)
        finally:
            await client.close()
    return rows


def _graph(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    loaded = load(arguments.config, environ)
    program = compose(loaded.options, environ, _journal(loaded), SystemClock(), asyncio.Event())
    if arguments.mermaid:
        print(as_mermaid(program.collecting, program.reporting), end="")
    else:
        print(as_text(program.collecting), as_text(program.reporting), sep="\n", end="")
    return 0


def _sample_config(_arguments: argparse.Namespace, _environ: Mapping[str, str]) -> int:
    print(sample(), end="")
    return 0


def _journal(loaded: Loaded) -> Journal:
    journal = Journal(open_log(loaded.options.log, sys.stderr))
    for notice in loaded.notices:
        journal.told(notice)
    return journal
