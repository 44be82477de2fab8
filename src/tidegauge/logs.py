"""Log lines on stderr: coloured for people on a terminal, logfmt or JSON for machines."""

import logging
from typing import TextIO

import structlog
from structlog.typing import FilteringBoundLogger, Processor

from tidegauge.config import LogOptions


def open_log(options: LogOptions, stream: TextIO) -> FilteringBoundLogger:
    """A logger of its own for this program; structlog's global configuration is not touched."""
    level = logging.getLevelNamesMapping()[options.level.upper()]
    logger: FilteringBoundLogger = structlog.wrap_logger(
        structlog.WriteLogger(stream),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _renderer(options.format, stream),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
    )
    return logger


def _renderer(form: str, stream: TextIO) -> Processor:
    if form == "auto":
        form = "console" if stream.isatty() else "logfmt"
    match form:
        case "json":
            return structlog.processors.JSONRenderer(ensure_ascii=False)
        case "logfmt":
            return structlog.processors.LogfmtRenderer(
                key_order=["timestamp", "level", "event"], bool_as_flag=False
            )
        case _:
            return structlog.dev.ConsoleRenderer(colors=stream.isatty())
