"""What measurements need besides what they measure."""

import logging

import structlog

from tidegauge.clock import SystemClock
from tidegauge.docker.frames import Container, Engine
from tidegauge.journal import Journal


class StandingClock(SystemClock):
    """Nothing grows old while it is measured again and again."""

    def now(self) -> float:
        """A second of 2026."""
        return 1_795_357_373.0

    def monotonic(self) -> float:
        """A day after some point."""
        return 86_400.0


def a_container(number: int) -> Container:
    """One of many."""
    return Container(Engine("local"), f"{number:064x}", f"web-{number}", f"web-{number}")


def a_journal() -> Journal:
    """A journal that counts and writes nothing."""
    level = structlog.make_filtering_bound_logger(logging.CRITICAL)
    return Journal(structlog.wrap_logger(structlog.ReturnLogger(), wrapper_class=level))
