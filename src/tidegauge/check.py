"""What would be watched and where it would go: a rehearsal that asks the engines once."""

from collections.abc import Mapping

from tidegauge.app import choice_of, engine_client, open_exporters
from tidegauge.clock import SystemClock
from tidegauge.config import EngineOptions, Options
from tidegauge.docker.choice import Choice
from tidegauge.docker.following import ALIVE
from tidegauge.docker.frames import ListedContainer
from tidegauge.errors import EngineError
from tidegauge.exporters import Exporter
from tidegauge.journal import Journal
from tidegauge.terminal.table import render

COLUMNS = ("watched as", "container", "state", "why")


async def check(
    options: Options, environ: Mapping[str, str], journal: Journal
) -> tuple[str, list[str]]:
    """The report, and one sentence for each engine that could not be asked."""
    parts: list[str] = []
    troubles: list[str] = []
    for engine in options.engines:
        try:
            parts.append(await _check_engine(engine, options, environ))
        except EngineError as error:
            troubles.append(str(error))
    parts.append(_ways_out(open_exporters(options, journal, SystemClock())))
    return "\n".join(parts), troubles


async def _check_engine(engine: EngineOptions, options: Options, environ: Mapping[str, str]) -> str:
    client, choice = engine_client(engine, environ), choice_of(options)
    try:
        found = await client.connect()
        listed = await client.containers(stopped=True)
    finally:
        await client.close()
    kind = found.kind.capitalize()
    lines = [f"Engine {engine.name}: {kind} {found.version}, {len(listed)} containers\n"]
    if listed:
        lines.append(render(COLUMNS, [_row(each, choice) for each in listed], "table"))
    lines += (
        f'"{key}" is not there yet; it is watched when it appears.\n'
        for key in choice.missing(listed)
    )
    return "".join(lines)


def _row(container: ListedContainer, choice: Choice) -> dict[str, str | int | float | None]:
    decision = choice.decide(container)
    return {
        "watched as": decision.alias,
        "container": container.name,
        "state": container.state,
        "why": decision.why
        if decision.alias is None or container.state in ALIVE
        else f"{decision.why}; watched when it runs",
    }


def _ways_out(exporters: list[Exporter]) -> str:
    if not exporters:
        return "Metrics go nowhere: add a table such as [exporters.statsd].\n"
    return "".join(
        f"Metrics go to {each.destination}, every {each.flush_interval:g} s.\n"
        for each in exporters
    )
