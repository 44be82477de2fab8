"""Log lines: coloured for people on a terminal, logfmt or JSON for machines."""

import logging
from collections.abc import Callable

import structlog
from structlog.typing import EventDict, FilteringBoundLogger, Processor, WrappedLogger

from tidegauge.config import LogOptions
from tidegauge.terminal.text import printable

WriteLine = Callable[[str], None]


class _Lines:
    """What structlog calls with each finished line."""

    def __init__(self, write_line: WriteLine) -> None:
        self.debug = self.info = self.warning = self.error = self.critical = write_line


def open_log(
    options: LogOptions, write_line: WriteLine, *, terminal: bool, colours: bool
) -> FilteringBoundLogger:
    """A logger of its own for this program; structlog's global configuration is not touched.

    ``terminal`` decides for ``format = "auto"``.
    """
    level = logging.getLevelNamesMapping()[options.level.upper()]
    form = options.format
    if form == "auto":
        form = "console" if terminal else "logfmt"
    logger: FilteringBoundLogger = structlog.wrap_logger(
        _Lines(write_line),
        processors=[structlog.processors.add_log_level, *_renderers(form, colours)],
        wrapper_class=structlog.make_filtering_bound_logger(level),
    )
    return logger


def _renderers(form: str, colours: bool) -> list[Processor]:
    universal = structlog.processors.TimeStamper(fmt="iso", utc=True)
    local = structlog.processors.TimeStamper(fmt="%Y-%m-%d %H:%M:%S", utc=False)
    match form:
        case "json":
            return [universal, structlog.processors.JSONRenderer(ensure_ascii=False)]
        case "logfmt":
            order = ["timestamp", "level", "event"]
            return [
                universal,
                _on_one_line,
                structlog.processors.LogfmtRenderer(key_order=order, bool_as_flag=False),
            ]
        case _:
            console = structlog.dev.ConsoleRenderer(
                colors=colours, pad_event_to=0, pad_level=False, sort_keys=False
            )
            return [local, _on_one_line, console]


def _on_one_line(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    return {
        key: printable(value) if isinstance(value, str) else value for key, value in event.items()
    }
