"""The commands. Exit codes: 0 fine, 1 a failure while running, 2 a mistake of the user's."""

import asyncio
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from io import TextIOWrapper
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import cast

from msgspec.structs import replace

from tidegauge import health
from tidegauge.app import Memory, compose, history_of
from tidegauge.arguments import Arguments, parse
from tidegauge.check import check
from tidegauge.clock import SystemClock
from tidegauge.config import Loaded, load, sample
from tidegauge.dashboards.command import dashboards
from tidegauge.demo import DemoPast, demo_options, invitation
from tidegauge.docker.tape import TapeReader
from tidegauge.doctor.command import doctor
from tidegauge.errors import ConfigError, TidegaugeError
from tidegauge.journal import Journal
from tidegauge.logs import open_log
from tidegauge.once import as_text, once
from tidegauge.playback import PlaybackClock
from tidegauge.record import Recorder
from tidegauge.replay import Replay, garbage_teller
from tidegauge.session import Session
from tidegauge.streams import drawing
from tidegauge.terminal.progress import Progress
from tidegauge.top.agent import address_of
from tidegauge.top.command import Wanted, top
from tidegauge.top.rows import Choice

Environ = Mapping[str, str]


def main(given: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    if isinstance(out := cast("object", sys.stdout), TextIOWrapper):
        out.reconfigure(errors="replace")  # a terminal may not know the signs of a drawing
    try:
        return _obey(sys.argv[1:] if given is None else given)
    except ConfigError as error:
        return _told(error, 2)
    except TidegaugeError as error:
        return _told(error, 1)
    except BrokenPipeError:  # the reader of our output has seen enough
        return 0


def _obey(given: Sequence[str]) -> int:
    try:
        arguments = parse(given)
    except SystemExit:  # argparse has printed help or the version
        _print("")
        return 0
    return _COMMANDS[arguments.command](arguments, os.environ)


def _told(error: TidegaugeError, code: int) -> int:
    print(f"tidegauge: {error}", file=sys.stderr)
    return code


def _discard_output() -> None:
    """Python tries again at its end to write what could not be, and would complain."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _print(text: str) -> None:
    try:
        print(text, end="", flush=True)
    except OSError as error:
        _discard_output()
        if isinstance(error, BrokenPipeError):
            raise
        reason = (error.strerror or "unknown error").lower()
        raise TidegaugeError(f"cannot write the output: {reason}.") from error


def _run(arguments: Arguments, environ: Environ) -> int:
    loaded, progress = load(arguments.config, environ), Progress(sys.stderr)
    journal = _journal(loaded, progress, environ)
    session = Session(arguments.config, environ, journal, SystemClock(), progress)
    asyncio.run(session.run(loaded.options))
    return 0


def _demo(arguments: Arguments, environ: Environ) -> int:
    loaded, progress, clock = load(None, environ), Progress(sys.stderr), SystemClock()
    journal = _journal(loaded, progress, environ)
    with TemporaryDirectory(prefix="tidegauge-demo-") as folder:
        file = Path(folder, "history.db")
        count = arguments.containers
        options = demo_options(loaded.options, arguments.listen, count, file)
        journal.told(invitation(options), containers=count)
        progress.show("making up the last minutes")
        quiet = _quiet(loaded, progress, environ)
        kept = history_of(options, environ, journal, clock)
        with closing(DemoPast(options, count, quiet, clock, Path(folder))) as past:
            if kept is None or past.remember(progress):
                kept = kept and past.behind(kept)
                session = Session(None, environ, journal, clock, progress, kept=kept)
                asyncio.run(session.run(options))
        progress.done()
    return 0


def _quiet(loaded: Loaded, progress: Progress, environ: Environ) -> Journal:
    """For what happened before there was anybody to tell."""
    options = replace(loaded.options, log=replace(loaded.options.log, level="error"))
    return _journal(Loaded(options), progress, environ)


def _check(arguments: Arguments, environ: Environ) -> int:
    loaded = load(arguments.config, environ)
    journal = _journal(loaded, Progress(sys.stderr), environ)
    report, troubles = asyncio.run(check(loaded.options, environ, journal))
    return _reported(report, troubles)


def _doctor(arguments: Arguments, environ: Environ) -> int:
    loaded, colours = load(arguments.config, environ), _in_colours(environ)
    journal = _journal(loaded, Progress(sys.stderr), environ)
    trying = doctor(loaded.options, environ, SystemClock(), journal, colours=colours)
    text, whole = asyncio.run(trying)
    _print(text)
    return 0 if whole else 1


def _in_colours(environ: Environ) -> bool:
    return sys.stdout.isatty() and not environ.get("NO_COLOR")


def _once(arguments: Arguments, environ: Environ) -> int:
    loaded = load(arguments.config, environ)
    journal = _journal(loaded, Progress(sys.stderr), environ)
    rows, troubles = asyncio.run(once(loaded.options, environ, journal))
    if not rows and not troubles:
        journal.told("no chosen container is running; tidegauge check says which are chosen")
    several = len(loaded.options.engines) > 1
    text = as_text(rows, arguments.form, several_engines=several)
    return _reported(text if rows or not troubles else "", troubles)


def _reported(report: str, troubles: Sequence[str]) -> int:
    """Print what is known, then a line for each engine of which nothing is."""
    _print(report)
    for trouble in troubles:
        print(f"tidegauge: {trouble}", file=sys.stderr)
    return 1 if troubles else 0


def _top(arguments: Arguments, environ: Environ) -> int:
    loaded = load(arguments.config, environ)
    connect = None if arguments.connect is None else address_of(arguments.connect)
    choice = Choice(arguments.sort, wanted=arguments.filter)
    wanted = Wanted(connect, arguments.config is not None, choice)
    code, lines = asyncio.run(top(wanted, loaded.options, environ))
    try:
        sys.stdout.flush()
    except OSError:  # its terminal is gone
        _discard_output()
    for line in (*loaded.notices, *lines):
        print(line, file=sys.stderr)
    return code


def _graph(arguments: Arguments, environ: Environ) -> int:
    loaded = load(arguments.config, environ)
    journal = _journal(loaded, Progress(sys.stderr), environ)
    clock, end = SystemClock(), asyncio.Event()
    history, memory = history_of(loaded.options, environ, journal, clock), Memory(journal, clock)
    program = compose(loaded.options, environ, clock, end, memory, history=history)
    if arguments.mermaid:
        _print(drawing.as_mermaid(program.collecting, program.reporting))
    else:
        _print("\n".join(map(drawing.as_text, (program.collecting, program.reporting))))
    return 0


def _record(arguments: Arguments, environ: Environ) -> int:
    loaded, progress = load(arguments.config, environ), Progress(sys.stderr)
    journal = _journal(loaded, progress, environ)
    recorder = Recorder(loaded.options, environ, journal, SystemClock())
    seconds, force = arguments.seconds, arguments.force
    asyncio.run(recorder.to_file(arguments.file, progress, seconds=seconds, force=force))
    return 0


def _replay(arguments: Arguments, environ: Environ) -> int:
    loaded, progress, system = load(arguments.config, environ), Progress(sys.stderr), SystemClock()
    journal = _journal(loaded, progress, environ)
    with TapeReader(arguments.file, garbage_teller(journal)) as tape:
        clock = PlaybackClock(tape.header.time, arguments.speed, system)
        replay = Replay(clock, system, journal, progress)
        with asyncio.Runner(loop_factory=clock.new_loop) as runner:
            played = runner.run(replay.to_the_end(loaded.options, tape))
    table = "" if played.exported else played.tally.table()
    file = loaded.options.exporters.file
    if file is not None and file.to_standard_output:
        progress.write_line(played.summary.rstrip())
    else:
        _print(f"{table}\n{played.summary}" if table else played.summary)
    if tape.breaks_off:
        raise TidegaugeError(f"{tape.breaks_off} What is there was replayed.")
    return 0


def _dashboards(arguments: Arguments, _environ: Environ) -> int:
    _print(dashboards(arguments.folder, arguments.wanted, force=arguments.force))
    return 0


def _health(arguments: Arguments, environ: Environ) -> int:
    if said := health.trouble(arguments.address, environ):
        raise TidegaugeError(said)
    return 0


def _sample_config(_arguments: Arguments, _environ: Environ) -> int:
    _print(sample())
    return 0


def _journal(loaded: Loaded, progress: Progress, environ: Environ) -> Journal:
    log = open_log(
        loaded.options.log,
        progress.write_line,
        terminal=progress.terminal,
        colours=progress.terminal and not environ.get("NO_COLOR"),
    )
    journal = Journal(log)
    for notice in loaded.notices:
        journal.told(notice)
    return journal


_COMMANDS: Mapping[str, Callable[[Arguments, Environ], int]] = {
    "run": _run,
    "demo": _demo,
    "check": _check,
    "doctor": _doctor,
    "once": _once,
    "top": _top,
    "graph": _graph,
    "record": _record,
    "replay": _replay,
    "health": _health,
    "dashboards": _dashboards,
    "sample-config": _sample_config,
}
