"""The top command: from an agent that runs, or from the engines, into the terminal."""

import random
import sys
from collections import deque
from collections.abc import Mapping

from msgspec import Struct
from msgspec.structs import replace

from tidegauge.clock import Clock, SystemClock
from tidegauge.config import LogOptions, Options
from tidegauge.errors import AgentError, ConfigError
from tidegauge.journal import Journal
from tidegauge.logs import open_log
from tidegauge.top.agent import Agent
from tidegauge.top.here import Here
from tidegauge.top.rows import Choice
from tidegauge.top.source import Source
from tidegauge.web.options import Address

PROBE_SECONDS = 0.5
"""How long is looked for an agent that nobody named."""

LINES_KEPT = 50
"""Of the log, for when the screen is free again; the oldest are dropped."""


class Wanted(Struct, frozen=True):
    """What was typed: an agent's address, or None; ``alone`` asks no agent that is not named."""

    connect: str | None = None
    alone: bool = False
    choice: Choice = Choice()


async def top(
    wanted: Wanted, options: Options, environ: Mapping[str, str]
) -> tuple[int, deque[str]]:
    """Show until it is ended; the exit code, and the log's last warnings.

    Raises `ConfigError` without textual, and where there is no terminal.
    """
    _check_terminal()
    try:
        from tidegauge.top.view import view  # noqa: PLC0415 (an optional part of the installation)
    except ImportError:
        raise ConfigError(
            "top needs the package textual; install it with pip install 'tidegauge[tui]'."
        ) from None
    clock, lines = SystemClock(), deque[str](maxlen=LINES_KEPT)
    journal = _journal(options.log, lines, colours=not environ.get("NO_COLOR"))
    source = await source_of(wanted, options, environ, journal, clock)
    return await view(source, clock, wanted.choice), lines


async def source_of(
    wanted: Wanted, options: Options, environ: Mapping[str, str], journal: Journal, clock: Clock
) -> Source:
    """The agent that is named, or one that answers; else the engines themselves."""
    token = options.web.token
    if wanted.connect is not None:
        return Agent(wanted.connect, token, clock, random.random)
    if not wanted.alone and options.web.listen:
        address = Address.parse(options.web.listen).from_here
        agent = Agent(f"http://{address}", token, clock, random.random)
        try:
            await agent.probe(PROBE_SECONDS)
        except AgentError as error:
            if not isinstance(error.__cause__, OSError):  # somebody is there
                journal.trouble("agent not asked", str(error))
        else:
            return agent
    return Here(options, environ, journal, clock)


def _check_terminal() -> None:
    if not all(each.isatty() for each in (sys.stdin, sys.stdout, sys.stderr)):
        raise ConfigError(
            "top needs a terminal, for input and output; tidegauge once prints one sample anywhere."
        )


def _journal(options: LogOptions, lines: deque[str], *, colours: bool) -> Journal:
    level = "error" if options.level == "error" else "warning"
    log = open_log(replace(options, level=level), lines.append, terminal=True, colours=colours)
    return Journal(log)
