"""Series and snapshots in short, for tests of everything that reads them."""

import logging

import structlog

from tidegauge.docker.frames import Container, Engine
from tidegauge.journal import Journal
from tidegauge.metrics import Attributes, Metric, Number, Series, Snapshot


def a_series(
    metric: Metric,
    *samples: Number,
    attributes: Attributes = (),
    alias: str = "web",
    engine: str = "local",
    last: Number | None = None,
) -> Series:
    """A series of one container with these samples."""
    container = Container(Engine(engine), id=alias, name=alias, alias=alias)
    newest = samples[-1] if last is None and samples else last or 0
    return Series(container, metric, attributes, newest, samples)


def a_snapshot(*series: Series, at: float = 10.0, final: bool = False) -> Snapshot:
    """A snapshot with an empty journal."""
    return Snapshot(at, series, {}, final)


def a_journal() -> tuple[Journal, list[str]]:
    """A journal, and the list its sentences go to."""
    sentences: list[str] = []

    def keep(_: object, __: str, event: structlog.typing.EventDict) -> str:
        sentences.append(str(event["event"]))
        raise structlog.DropEvent

    log = structlog.wrap_logger(
        structlog.PrintLogger(),
        processors=[keep],
        wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG),
    )
    return Journal(log), sentences
