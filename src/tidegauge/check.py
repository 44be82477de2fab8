"""What would be watched and where it would go: a rehearsal that asks the engines once."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress

from msgspec import Struct

from tidegauge.app import choice_of, engine_client, open_deliveries
from tidegauge.clock import SystemClock
from tidegauge.config import EngineOptions, Options
from tidegauge.docker.choice import Choice, Decision
from tidegauge.docker.client import EngineClient
from tidegauge.docker.direct import Reader
from tidegauge.docker.frames import Container, Engine, ListedContainer
from tidegauge.docker.roster import ALIVE, alive, present
from tidegauge.docker.tasks import replaced
from tidegauge.errors import EngineError, NoSuchContainer, OutOfReach
from tidegauge.exporters import Exporter
from tidegauge.here import reader_for
from tidegauge.journal import Journal
from tidegauge.terminal.table import Cell, render
from tidegauge.web.options import Address, WebOptions

COLUMNS = ("watched as", "container", "state", "why")


class Answer(Struct, frozen=True):
    """What one engine said, and what was found of where samples would come from."""

    engine: Engine
    listed: Sequence[ListedContainer]
    sources: str


async def check(
    options: Options, environ: Mapping[str, str], journal: Journal
) -> tuple[str, list[str]]:
    """The report, and one sentence for each engine that could not be asked."""
    exporters = [each.exporter for each in open_deliveries(options, journal, SystemClock())]
    clients = [engine_client(each, environ) for each in options.engines]
    choice = choice_of(options)
    asking = zip(options.engines, clients, strict=True)
    asked = await asyncio.gather(*(_ask(each, of, choice, journal) for each, of in asking))
    answers = [each for each in asked if isinstance(each, Answer)]
    parts = [
        *(_of_engine(each, choice) for each in answers),
        _of_missing(answers, choice),
        _of_web(options.web),
        _of_exporters(exporters, options.tick_interval, served=bool(options.web.listen)),
    ]
    return "\n".join(filter(None, parts)), [each for each in asked if isinstance(each, str)]


async def _ask(
    options: EngineOptions, client: EngineClient, choice: Choice, journal: Journal
) -> Answer | str:
    """The engine and its containers, or why there are none to tell of."""
    try:
        engine, listed = await client.connect(), await client.containers(stopped=True)
        watched = alive(present(engine, choice, listed, {}))
        return Answer(engine, listed, await sources(options, client, watched, journal))
    except EngineError as error:
        return str(error)
    finally:
        await client.close()


async def sources(
    options: EngineOptions, client: EngineClient, watched: Sequence[Container], journal: Journal
) -> str:
    """Whose samples would be read here, and why those of others would not."""
    reader = reader_for(options, client.address, SystemClock(), journal)
    if reader is None:
        return ""
    reasons: Counter[str] = Counter()
    for each in watched:
        with suppress(NoSuchContainer):  # removed this moment
            reasons[await _why_not(reader, each.id, client)] += 1
    reader.close()
    only_here = options.source == "cgroup"
    otherwise = "would not come at all" if only_here else "would come by its API"
    return "".join(
        f"Samples of {count} would be read from this machine's kernel.\n"
        if not why
        else f"Samples of {count} {otherwise}, because {why}.\n"
        for why, count in sorted(reasons.items())
    )


async def _why_not(reader: Reader, key: str, client: EngineClient) -> str:
    """Why a container cannot be read here; empty if it can."""
    try:
        told = await client.inspect(key)
        reader.open(key, told.state.pid, told.host_config.network_mode).close()
    except NoSuchContainer:
        raise
    except (OutOfReach, EngineError) as error:
        return str(error).rstrip(".")
    return ""


def _of_engine(answer: Answer, choice: Choice) -> str:
    engine, listed = answer.engine, sorted(answer.listed, key=lambda each: each.name)
    watched = {each.id: each for each in alive(present(engine, choice, answer.listed, {}))}
    names = {each.id: each.name for each in listed}
    past = replaced(listed, ALIVE)
    owners = {key: names[each.network_of] for key, each in watched.items() if each.network_of}
    count = f"{len(watched)} of {len(listed)} containers would be watched now"
    head = f"Engine {engine.name}: {engine.kind.capitalize()} {engine.version}, {count}.\n"
    rows = [
        _row(each, choice, watched.get(each.id), owners.get(each.id), replaced=each.id in past)
        for each in listed
    ]
    return head + (render(COLUMNS, rows, "table") if rows else "") + answer.sources


def _row(
    container: ListedContainer,
    choice: Choice,
    watched: Container | None,
    owner: str | None,
    *,
    replaced: bool,
) -> dict[str, Cell]:
    decision = choice.decide(container)
    if replaced and decision.alias is not None:
        decision = Decision(None, "another task of its Swarm has taken its place")
    why, planned = decision.why, watched.alias if watched else None
    if decision.alias is not None and container.state not in ALIVE:
        why += "; watched when it runs"
    elif planned != decision.alias:
        why += "; its id is added because another has that name"
    if owner is not None:
        why += f"; its traffic counts at {owner}, whose network it shares"
    return {
        "watched as": planned or decision.alias,
        "container": container.name,
        "state": container.state,
        "why": why,
    }


def _of_missing(answers: Sequence[Answer], choice: Choice) -> str:
    """The containers named in the configuration that no engine has."""
    if not answers:
        return ""
    missing = choice.missing(each for answer in answers for each in answer.listed)
    return "".join(
        f'There is no container "{key}" yet; it is watched as soon as it appears.\n'
        for key in missing
    )


def _of_web(web: WebOptions) -> str:
    if not web.listen:
        return ""
    return f"Metrics are served at http://{Address.parse(web.listen)}/metrics.\n"


def _of_exporters(exporters: Sequence[Exporter], tick: float, *, served: bool) -> str:
    if not exporters and not served:
        return "Metrics go nowhere: add a table such as [exporters.statsd].\n"
    return "".join(
        f"Metrics go to {each.destination}, every {max(tick, each.flush_interval):g} s.\n"
        for each in exporters
    )
