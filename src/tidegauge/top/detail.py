"""One container in words: what it is, what it uses, what it may use, what happened to it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from textwrap import wrap

from tidegauge.terminal.text import cut, printable
from tidegauge.top.columns import (
    age,
    condition,
    of_limit,
    percent,
    place,
    rounded,
    size,
    uptime,
)
from tidegauge.top.sparks import spark, squeezed
from tidegauge.top.trails import Point
from tidegauge.web.views import ContainerView, EventView, Values

LABEL = 10
"""Columns of what a line is about."""

MOST_EVENTS = 12

Part = tuple[str, Callable[[Values], float | None], Callable[[float], str]]
"""What is said of a value, the value, and how it is written."""

USE: Mapping[str, tuple[str, tuple[Part, ...]]] = {
    "cpu": (
        "cpu",
        (
            ("{} % of a core", lambda x: x.cpu, lambda cores: percent(cores * 100)),
            ("limit {} cores", lambda x: x.cpu_limit, lambda cores: f"{cores:g}"),
            ("{} % of it", lambda x: of_limit(x.cpu, x.cpu_limit), percent),
            ("held back {} of the time", lambda x: x.cpu_throttled or None, lambda x: f"{x:.0%}"),
        ),
    ),
    "memory": (
        "memory",
        (
            ("{}", lambda x: x.memory, size),
            ("limit {}", lambda x: x.memory_limit, size),
            ("{} % of it", lambda x: of_limit(x.memory, x.memory_limit), percent),
            ("cache {}", lambda x: x.memory_cache, size),
        ),
    ),
    "network": (
        "rx",
        (("received {}/s", lambda x: x.rx, size), ("sent {}/s", lambda x: x.tx, size)),
    ),
    "block io": (
        "read",
        (("read {}/s", lambda x: x.read, size), ("written {}/s", lambda x: x.write, size)),
    ),
    "pids": (
        "pids",
        (("{}", lambda x: x.pids, rounded), ("limit {}", lambda x: x.pids_limit, rounded)),
    ),
}
"""By label: the value whose absence is explained, and what is known."""

SPARKS: tuple[tuple[str, Callable[[Point], float | None], Callable[[float], str]], ...] = (
    ("cpu", lambda point: point.cpu, lambda cores: f"{percent(cores * 100)} %"),
    ("memory", lambda point: point.memory, size),
    ("rx/s", lambda point: point.rx, size),
    ("tx/s", lambda point: point.tx, size),
)


def described(
    container: ContainerView, points: Sequence[Point], events: Sequence[EventView], room: int
) -> list[tuple[str, str]]:
    """Lines of a label and a text that fits; without a label they belong to the one above."""
    lines = [
        *(("", ""), *_use(container), ("", "")),
        *(*_sparks(points, room), ("", "")),
        *(*_facts(container), ("", "")),
        *_happened(events),
    ]
    return [part for line in lines for part in _wrapped(*line, max(1, room - LABEL))]


def _wrapped(label: str, text: str, room: int) -> Iterator[tuple[str, str]]:
    for n, part in enumerate(wrap(printable(text), room) or [""]):
        yield "" if n else label, cut(part, room)


def _use(container: ContainerView) -> Iterator[tuple[str, str]]:
    """What is known, or why the first of it is not."""
    for label, (name, parts) in USE.items():
        texts = [said.format(text) for said, text in _known(container.values, parts)]
        absent = "" if getattr(container.values, name) is not None else container.absent.get(name)
        yield label, " · ".join(filter(None, (absent, *texts))) or "-"


def _known(values: Values, parts: Sequence[Part]) -> Iterator[tuple[str, str]]:
    for said, of, written in parts:
        if (value := of(values)) is not None:
            yield said, written(value)


def _facts(container: ContainerView) -> Iterator[tuple[str, str]]:
    """What does not move; what is not known has no line."""
    up, started = uptime(container), container.started_at
    exits = (f"{count} ended with {code}" for code, count in sorted(container.exits.items()))
    state = (
        condition(container),
        "" if up is None else f"up {age(up)}",
        "" if started is None else f"since {_moment(started)}",
        f"{container.restarts} restarts" if container.restarts else "",
        *exits,
        f"{container.oom_kills} killed for lack of memory" if container.oom_kills else "",
    )
    facts: Mapping[str, str | None] = {
        "state": " · ".join(filter(None, state)),
        "project": place(container),
        "name": container.name if container.name != container.alias else "",
        "image": container.image,
        "id": f"{container.id[:12]} on engine {container.engine}",
        "tags": ", ".join(f"{name}={value}" for name, value in container.tags.items()),
    }
    return ((label, fact) for label, fact in facts.items() if fact)


def _sparks(points: Sequence[Point], room: int) -> Iterator[tuple[str, str]]:
    """Of each the last minutes, and the greatest."""
    if len(points) < 2:
        return
    wide = max(1, room - LABEL - 16)
    yield "", f"the last {age(points[-1].at - points[0].at)}"
    for label, of, written in SPARKS:
        values = [of(point) for point in points]
        most = max((value for value in values if value is not None), default=None)
        if most is not None:
            yield label, f"{spark(squeezed(values, wide), wide)}  max {written(most)}"


def _happened(events: Sequence[EventView]) -> Iterator[tuple[str, str]]:
    for n, event in enumerate(reversed(events[-MOST_EVENTS:])):
        facts = " ".join(f"{name}={_fact(fact)}" for name, fact in event.facts.items())
        yield "" if n else "events", f"{_moment(event.at)}  {event.kind} {facts}".rstrip()


def _fact(fact: str | float | None) -> str:
    return f"{fact:.6g}" if isinstance(fact, float) else str(fact)[:12]


def _moment(at: float) -> str:
    """In this machine's time."""
    return f"{datetime.fromtimestamp(at).astimezone():%Y-%m-%d %H:%M:%S}"
