"""Series and events from the history, as the API answers them."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from msgspec import Struct

from tidegauge.errors import HistoryError, Unanswerable
from tidegauge.history.rows import Event, History, Points, Query
from tidegauge.history.taking import KEPT
from tidegauge.metrics import CATALOGUE, Identity, Kind, Metric
from tidegauge.web.asking import Range, entity_text
from tidegauge.web.values import exact
from tidegauge.web.views import (
    EventsAnswer,
    EventView,
    HistoryView,
    MetricsAnswer,
    MetricView,
    SeriesAnswer,
    SeriesView,
)

MOST_IN_ALL = 200_000
"""Points of one answer: 15 MB of JSON, which are encoded in 30 ms."""

MOST_EVENTS = 10_000

T = TypeVar("T")

ROWS: Mapping[str, Metric] = {metric.name: metric for metric in CATALOGUE}


class Past(Struct, frozen=True):
    """The history, where there is one, and the path of its file, or the URL of its server."""

    history: History
    path: Path | str


class Asking(Struct, frozen=True):
    """Some metrics of some entities in a range, in buckets of ``step`` seconds."""

    entities: tuple[Identity, ...]
    metrics: tuple[str, ...]
    span: Range
    step: float


def catalogue() -> MetricsAnswer:
    """All there is to know, and what of it is kept."""
    return MetricsAnswer(
        [
            MetricView(
                *(metric.name, metric.kind.value, metric.unit, metric.help),
                list(metric.attributes),
                list(metric.source),
                metric.name in KEPT,
            )
            for metric in CATALOGUE
        ]
    )


def check_metrics(names: Sequence[str]) -> None:
    """Raises `Unanswerable` for what is no metric, or is not kept."""
    if not names:
        raise Unanswerable("metric is missing: name one or more of those that /api/v1/metrics has.")
    for name in names:
        if name not in KEPT:
            why = "is not kept in the history" if name in ROWS else "does not exist"
            raise Unanswerable(
                f'metric "{name[:60]}" {why}; /api/v1/metrics has all, with kept: true or false.'
            )


async def series(
    past: Past | None, asking: Asking, live: Callable[[Identity], bool]
) -> SeriesAnswer:
    """The series of a question; ``live`` knows whether there is such an entity now."""
    history = _history(past)
    found: list[SeriesView] = []
    points = 0
    for identity in asking.entities:
        span = asking.span
        parts = await _asked(
            history.series(Query(identity, asking.metrics, span.start, span.stop, asking.step))
        )
        if not parts and not live(identity) and not await _was_there(history, identity):
            raise Unanswerable(f'there is no "{entity_text(identity)[:200]}", nor was there.', 404)
        points += sum(len(part.times) for part in parts)
        if points > MOST_IN_ALL:
            raise Unanswerable(
                f"the answer would have more than {MOST_IN_ALL} points; ask for fewer entities or"
                f" metrics, or with step={2 * asking.step:.0f} or more."
            )
        found += [_series(identity, part) for part in parts]
    entity = entity_text(asking.entities[0]) if len(asking.entities) == 1 else None
    return SeriesAnswer(entity, asking.span.start, asking.span.stop, asking.step, found)


async def events(past: Past | None, span: Range, entities: Sequence[Identity]) -> EventsAnswer:
    """What happened in a range, to these entities or to all."""
    found = await _asked(_history(past).events(span.start, span.stop))
    chosen = [each for each in found if not entities or each.identity in entities]
    if len(chosen) > MOST_EVENTS:
        raise Unanswerable(
            f"there are {len(chosen)} events in this range, more than {MOST_EVENTS}; ask for less."
        )
    return EventsAnswer([event_view(each) for each in chosen])


async def extent(past: Past | None) -> HistoryView | None:
    """How much there is."""
    if past is None:
        return None
    try:
        found = await past.history.extent()
    except HistoryError as error:
        return HistoryView(str(past.path), None, None, str(error))
    return HistoryView(str(past.path), found.size, found.oldest, None)


def event_view(event: Event) -> EventView:
    """An event as it is sent; facts that are not known are left out."""
    facts = {
        name: exact(fact) if isinstance(fact, int | float) else fact
        for name, fact in event.facts.items()
        if fact is not None
    }
    return EventView(event.at / 1000, entity_text(event.identity), event.kind, facts)


def _history(past: Past | None) -> History:
    if past is None:
        raise Unanswerable(
            "there is no history, because it is switched off; [history] enabled = true keeps one.",
            503,
        )
    return past.history


async def _asked(answer: Awaitable[T]) -> T:
    try:
        return await answer
    except HistoryError as error:
        raise Unanswerable(str(error), 503) from error


async def _was_there(history: History, identity: Identity) -> bool:
    known = await _asked(history.entities(0.0, 1e11))
    return any(each.identity == identity for each in known)


def _series(identity: Identity, part: Points) -> SeriesView:
    metric = ROWS[part.metric]
    return SeriesView(
        entity_text(identity),
        metric.name,
        dict(part.attributes),
        metric.unit,
        metric.kind is Kind.COUNTER,
        part.times,
        part.mean,
        part.least,
        part.greatest,
        part.p95,
    )
