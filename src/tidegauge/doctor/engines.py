"""One engine: each question Tidegauge asks, and what it is without the answer."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from tidegauge.app import choice_of, engine_client
from tidegauge.check import sources
from tidegauge.clock import Clock
from tidegauge.config import EngineOptions, Options
from tidegauge.docker.client import EngineClient
from tidegauge.docker.endpoint import parse_endpoint
from tidegauge.docker.frames import Engine, ListedContainer, StatsFrame
from tidegauge.docker.roster import alive, present
from tidegauge.doctor.findings import Finding, Part, Verdict
from tidegauge.errors import EngineError, NoSuchContainer, RequestForbidden
from tidegauge.journal import Journal

PATIENCE = 10.0
"""Seconds a question may take; sizes take longer where there is much."""

CLOCK_SECONDS = 5.0
"""Less than this is the way of the answer, and the second that an engine's sample is old."""

JUST_GONE = "the container that was asked about has just gone."


class Question(Struct, frozen=True):
    """What is asked, what its lack costs, and what a socket proxy has to let through for it."""

    what: str
    ask: Callable[[EngineClient, str], Awaitable[object]]
    costs: str
    proxy: str
    essential: bool = True
    of_container: bool = False


async def _events(client: EngineClient, _key: str) -> None:
    async with client.events(lambda _data, _error: None):
        pass


QUESTIONS = (
    Question(
        "what happens to containers",
        _events,
        "new containers are found seconds later, and how and when they end is unknown",
        "EVENTS=1",
    ),
    Question(
        "details of a container",
        lambda client, key: client.inspect(key),
        "limits, health, restarts and times of start are unknown, and nothing is read directly",
        "CONTAINERS=1",
        of_container=True,
    ),
    Question(
        "facts of the engine",
        lambda client, _: client.info(),
        "its machine's name, CPUs and memory, and how many images it has, are unknown",
        "INFO=1",
        essential=False,
    ),
    Question(
        "use of its disk",
        lambda client, _: client.disk_use(),
        "sizes of images, volumes and build cache are unknown",
        "SYSTEM=1",
        essential=False,
    ),
    Question(
        "sizes of containers",
        lambda client, _: client.sizes(),
        "what containers write into their own layers is unknown",
        "CONTAINERS=1",
        essential=False,
    ),
)


async def of_engine(
    options: Options,
    engine: EngineOptions,
    environ: Mapping[str, str],
    clock: Clock,
    journal: Journal,
) -> Part:
    """Everything that is asked of one engine; raises `ConfigError` for an impossible address."""
    client = engine_client(engine, environ)
    title = f"Engine {engine.name} at {client.address}"
    try:
        found = await client.connect()
        listed = await client.containers(stopped=True)
    except EngineError as error:
        return Part(title, [Finding("connection", "missing", str(error))])
    else:
        watched = alive(present(found, choice_of(options), listed, {}))
        return Part(
            title,
            [
                _met(found, listed, len(watched)),
                *_mounted(client.address),
                *await _asked(client, watched[0].id if watched else ""),
                *(await _sampled(client, found, watched[0].id, clock) if watched else ()),
                *_directly(await sources(engine, client, watched, journal)),
            ],
        )
    finally:
        await client.close()


def _met(engine: Engine, listed: Sequence[ListedContainer], watched: int) -> Finding:
    kind = engine.kind.capitalize()
    says = f"{kind} {engine.version}, {watched} of {len(listed)} containers would be watched."
    return Finding("connection", "ok", says)


def _mounted(address: str) -> Sequence[Finding]:
    """A socket that is mounted for reading only is no less powerful."""
    socket = parse_endpoint(address).socket
    if socket is None:
        return ()
    real = os.path.realpath(socket)
    try:
        mounts = Path("/proc/self/mountinfo").read_text("utf-8", "surrogateescape")
    except OSError:
        return ()
    for line in mounts.splitlines():
        fields = line.split()
        if len(fields) > 5 and fields[4] == real and "ro" in fields[5].split(","):
            says = "it is mounted read-only, which keeps nobody from giving orders through it."
            remedy = "A proxy that lets GET requests through does; see docs/deploy.md."
            return (Finding("socket", "note", says, remedy),)
    return ()


async def _asked(client: EngineClient, key: str) -> list[Finding]:
    return [
        await _answered(each, client, key) for each in QUESTIONS if key or not each.of_container
    ]


async def _answered(question: Question, client: EngineClient, key: str) -> Finding:
    lacking: Verdict = "missing" if question.essential else "note"
    try:
        async with asyncio.timeout(PATIENCE):
            await question.ask(client, key)
    except NoSuchContainer:
        return Finding(question.what, "note", JUST_GONE)
    except TimeoutError:
        says = f"no answer within {PATIENCE:g} s; until it comes, {question.costs}."
        return Finding(question.what, "note", says)
    except RequestForbidden:
        says = f"forbidden on the way to the engine, so {question.costs}."
        return Finding(question.what, lacking, says, f"Let it through ({question.proxy}).")
    except EngineError as error:
        return Finding(question.what, lacking, f"{error} So {question.costs}.")
    return Finding(question.what, "ok")


async def _sampled(
    client: EngineClient, engine: Engine, key: str, clock: Clock
) -> Sequence[Finding]:
    """A sample of one container, and by it the engine's clock."""
    if client.address.startswith("demo:"):
        return ()
    try:
        async with asyncio.timeout(PATIENCE):
            frame: StatsFrame = await client.sample(key, PATIENCE)
    except NoSuchContainer:
        return (Finding("samples", "note", JUST_GONE),)
    except (EngineError, TimeoutError) as error:
        told = str(error) or "none came in time."
        forbidden = isinstance(error, RequestForbidden)
        remedy = "For a socket proxy: CONTAINERS=1." if forbidden else ""
        says = f"{told} So samples come only of what is read directly."
        return (Finding("samples", "missing", says, remedy),)
    ahead = frame.read.timestamp() - clock.now() if frame.running else 0.0
    if abs(ahead) <= CLOCK_SECONDS:
        return (Finding("samples", "ok"), Finding("clock", "ok"))
    side = "ahead of" if ahead > 0 else "behind"
    says = f"that of {engine.name} is {abs(ahead):.0f} s {side} this machine's."
    remedy = "Times are the engine's, so set both by NTP."
    return (Finding("samples", "ok"), Finding("clock", "missing", says, remedy))


def _directly(told: str) -> Sequence[Finding]:
    return [_of_source(line) for line in told.splitlines()]


def _of_source(line: str) -> Finding:
    lost = "would not come" in line
    verdict: Verdict = "missing" if lost else "note" if "because" in line else "ok"
    return Finding("source of samples", verdict, line)
