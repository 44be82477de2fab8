"""The history as a Prometheus-compatible server has it: what it scraped, or what was written to it.

Prometheus knows no events. Starts are told by the metric that has their time; ends, kills and
changes of health by metrics that changed from one minute to the next.
"""

import math
import re
from base64 import b64encode
from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

from msgspec import Struct

from tidegauge.clock import Clock
from tidegauge.errors import ConfigError
from tidegauge.history.options import HistoryOptions
from tidegauge.history.prometheus_series import (
    METRICS,
    SAMPLES,
    SeriesOf,
    Span,
    families_of,
    together,
)
from tidegauge.history.prometheus_server import PrometheusServer, Question
from tidegauge.history.rows import Event, Extent, Fact, Known, Points, Query
from tidegauge.metrics import Identity, Metric, catalogue, surroundings
from tidegauge.prometheus.names import LABELS, RESERVED, Labels, label_text, tag_label

MINUTE_MS = 60_000
LOOKS = 1000
"""How often a range is looked into for entities and events, if not each minute."""

LONGEST_MS = 366 * 86_400_000
"""Of a longer range, only the end is looked into."""

BEFORE_MS = 3_600_000
"""How far back the value is looked for that something had before it changed."""

SEEN = catalogue.INFO, surroundings.ENGINE_CONTAINERS, surroundings.HOST_MEMORY_LIMIT
"""Metrics that every container, engine and machine has."""

FACTS: Mapping[str, str] = {
    "container.id": "id",
    "container.name": "name",
    "container.image.name": "image",
    "container.image.id": "image_id",
}
ENGINE_FACTS: Mapping[str, str] = {
    "container.runtime.name": "kind",
    "container.runtime.version": "version",
}
"""What attributes of ``container.info`` are as facts, of the container and of its engine."""

FOREIGN = frozenset({"__name__", "instance", "job"})
"""Labels that Prometheus itself puts on series."""

_LABEL = re.compile(r"(?!__)[a-zA-Z_][a-zA-Z0-9_]*")


class Change(Struct, frozen=True):
    """An event that a metric tells by changing: ``promql`` of its values ``now`` and ``before``."""

    metric: Metric
    kind: str
    promql: str


CHANGES = (
    # There are no exits before the first; and where Tidegauge began anew, it counts from there.
    Change(catalogue.EXITS, "die", "{now} != ({before} or {now} * 0)"),
    Change(catalogue.OOMS, "oom", "{now} > ({before} or {now} * 0)"),
    Change(catalogue.HEALTH, "health_status", "{now} > {before}"),
)


class PrometheusHistory:
    """Implements `History`; ``labels`` are those that series must have beside our own.

    ``matchers`` choose further, in PromQL;
    ``samples`` is how many of a family are read before the server is to make the buckets.
    """

    def __init__(
        self,
        server: PrometheusServer,
        labels: Labels,
        clock: Clock,
        *,
        samples: int = SAMPLES,
        matchers: str = "",
    ) -> None:
        self._server, self._labels, self._clock = server, labels, clock
        self._matchers = ",".join(filter(None, (label_text(labels), matchers)))
        self._samples = samples

    async def entities(self, start: float, stop: float) -> list[Known]:
        """All entities with something in a range; raises `HistoryError`.

        It is looked each minute, or a thousand times: who was there for less may be missing, and
        ``first`` and ``last`` are no more exact than that.
        """
        span = self._looks(start, stop)
        async with self._server.question() as question:
            found = await together(self._seen(question, metric, span) for metric in SEEN)
        known: dict[Identity, Known] = {}
        for each in (one for part in found for one in part):
            known[each.identity] = _joined(known.get(each.identity, each), each)
        return sorted(known.values(), key=lambda each: each.identity)

    async def series(self, query: Query) -> list[Points]:
        """The series of a query; raises `HistoryError`."""
        stop = min(query.stop, self._clock.now() + 60)
        span = Span.of(query.start, stop, query.step)
        own = label_text(_labels_of(query.identity))
        matchers = ",".join(filter(None, (own, self._matchers)))
        known = (METRICS[name] for name in query.metrics if name in METRICS)
        wanted = [each for metric in known for each in families_of(metric)]
        async with self._server.question() as question:
            found = await together(
                SeriesOf(question, each, matchers, span, self._samples).points() for each in wanted
            )
        return [each for part in found for each in part]

    async def events(self, start: float, stop: float) -> list[Event]:
        """What metrics tell of, oldest first; raises `HistoryError`.

        Starts are at their time; all others at the begin of the minute in which they were, or of
        the thousandth of the range.
        """
        span = self._looks(start, stop)
        async with self._server.question() as question:
            changes = (self._changes(question, span, each) for each in CHANGES)
            found = await together((self._starts(question, span), *changes))
        events = (one for part in found for one in part)
        inside = (each for each in events if start * 1000 <= each.at < stop * 1000)
        return sorted(inside, key=lambda each: each.at)

    async def extent(self) -> Extent:
        """Nothing: a server does not tell how much it has. Raises `HistoryError`."""
        async with self._server.question() as question:
            await question.at("vector(1)", round(self._clock.now() * 1000))
        return Extent(None, None)

    def _looks(self, start: float, stop: float) -> Span:
        """When it is looked."""
        now = round(self._clock.now() * 1000)
        end = min(round(stop * 1000), now + MINUTE_MS)
        begin = max(round(start * 1000), end - LONGEST_MS)
        minutes = max(1, math.ceil((end - begin) / LOOKS / MINUTE_MS))
        return Span(begin, end, 0).by(minutes * MINUTE_MS)

    async def _seen(self, question: Question, metric: Metric, span: Span) -> list[Known]:
        """Whom a metric tells of, some more than once."""
        if span.stop <= span.start:
            return []
        looks = f"[{span.stop - span.start}ms:{span.step}ms]"
        first, last = await together(
            question.at(f"{which}_over_time(timestamp({self._selector(metric)}){looks})", span.stop)
            for which in ("min", "max")
        )
        ends = {frozenset(each.labels.items()): each.values for each in last}
        return [
            Known(who, facts, begin, end)
            for each in first
            for who, facts in self._told(metric, each.labels)
            for begin, end in zip(
                each.values, ends.get(frozenset(each.labels.items()), ()), strict=False
            )
        ]

    def _told(
        self, metric: Metric, labels: Mapping[str, str]
    ) -> Iterator[tuple[Identity, Mapping[str, str]]]:
        """Whom a series tells of, and what."""
        who = _identity(metric, labels)
        if who is None:
            return
        if metric is not catalogue.INFO:
            yield who, {}
            return
        ours = RESERVED | FOREIGN | dict(self._labels).keys()
        tags = {f"tag:{_tag(name)}": text for name, text in labels.items() if name not in ours}
        yield who, {**_facts(FACTS, labels), **tags}
        yield ("engine", who[1], ""), _facts(ENGINE_FACTS, labels)

    async def _starts(self, question: Question, span: Span) -> list[Event]:
        newest = f"last_over_time({self._selector(catalogue.STARTED)}{span.window})"
        found = await span.ask(question, f"{newest} >= (time() - {2 * span.step // 1000})")
        moments = {
            (who, round(1000 * at))
            for each in found
            if (who := _identity(catalogue.STARTED, each.labels)) is not None
            for at in each.values
        }
        return [Event(who, at, "start") for who, at in moments]

    async def _changes(self, question: Question, span: Span, change: Change) -> list[Event]:
        selector = self._selector(change.metric)
        now = f"last_over_time({selector}{span.window})"
        before = f"last_over_time({selector}[{BEFORE_MS}ms] offset {span.step + 1}ms)"
        found = await span.ask(question, change.promql.format(now=now, before=before))
        return [
            Event(who, at, change.kind, _event_facts(each.labels))
            for each in found
            if (who := _identity(change.metric, each.labels)) is not None
            for at in each.times
        ]

    def _selector(self, metric: Metric) -> str:
        return f"{families_of(metric)[0].name}{{{self._matchers}}}"


def prometheus_history(options: HistoryOptions, clock: Clock) -> PrometheusHistory:
    """The history of these options; raises `ConfigError` for options that cannot be."""
    server = prometheus_server(options)
    return PrometheusHistory(server, tuple(options.labels.items()), clock)


def prometheus_server(options: HistoryOptions) -> PrometheusServer:
    """The server that these options name; raises `ConfigError` for options that cannot be."""
    if not _is_url(options.prometheus):
        raise ConfigError(
            "history.prometheus must be like http://HOST:PORT or https://HOST/PATH; credentials go"
            " into history.username and history.password, or history.token."
        )
    for label in options.labels:
        if not _LABEL.fullmatch(label):
            raise ConfigError(
                f'history.labels: "{label}" is no name of a Prometheus label; take letters, digits'
                " and _, no digit first and no __."
            )
    return PrometheusServer(options.prometheus, _authorization(options), options.timeout)


def _is_url(text: str) -> bool:
    """Can questions be sent there, and is nothing secret in it?"""
    try:
        parts = urlsplit(text)
        fine = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is no number, half an IPv6 address
        return False
    return fine and not parts.query and "@" not in parts.netloc


def _authorization(options: HistoryOptions) -> Mapping[str, str]:
    if options.username and options.token:
        raise ConfigError("history has a username and a token; keep the one that is asked for.")
    if options.password and not options.username:
        raise ConfigError("history.password needs history.username as well.")
    if not options.token.isprintable():
        raise ConfigError("history.token must be one line.")
    if options.token:
        return {"Authorization": f"Bearer {options.token}"}
    if options.username:
        pair = f"{options.username}:{options.password}"
        return {"Authorization": f"Basic {b64encode(pair.encode()).decode()}"}
    return {}


def _labels_of(identity: Identity) -> Labels:
    kind, name, alias = identity
    if kind == "container":
        return ("engine", name), ("container", alias)
    return ((kind, name),)


def _identity(metric: Metric, labels: Mapping[str, str]) -> Identity | None:
    """Whom a series of a metric tells of; ``None`` if it is none of ours."""
    kind = metric.name.partition(".")[0]
    name = labels.get("host" if kind == "system" else "engine")
    if name is None:
        return None
    if kind == "container":
        alias = labels.get("container")
        return None if alias is None else (kind, name, alias)
    return ("host" if kind == "system" else kind), name, ""


def _facts(facts: Mapping[str, str], labels: Mapping[str, str]) -> Mapping[str, str]:
    """Those that some labels have."""
    return {
        fact: text for name, fact in facts.items() if (text := labels.get(LABELS[name])) is not None
    }


def _tag(label: str) -> str:
    """The tag of a label, as far as the label tells: see `tag_label`."""
    tag = label.removeprefix("tag_")
    return tag if tag_label(tag) == label else label


def _event_facts(labels: Mapping[str, str]) -> dict[str, Fact]:
    if code := labels.get("exit_code"):
        return {"exit_code": int(code)} if code.isdecimal() else {}
    return {"health": labels["health"]} if "health" in labels else {}


def _joined(one: Known, other: Known) -> Known:
    """What two series tell of the same entity; facts are those of the newer."""
    older, newer = sorted((one, other), key=lambda each: each.last)
    first = min(one.first, other.first)
    return Known(newer.identity, newer.facts or older.facts, first, newer.last)
