"""What happened, told once and counted always: one event, one sentence, one counter."""

import traceback
from collections import Counter
from collections.abc import Mapping
from threading import Lock

from structlog.typing import FilteringBoundLogger

TROUBLES_KEPT = 10_000
"""Known troubles; beyond these the oldest is forgotten, and would be told again."""


class Journal:
    """Log sentences and the counts behind them.

    A repeated trouble (the same ``code`` about the same ``subject``) is logged the first
    time only; after that its counter alone moves, until `over` says it is past. A code is a few
    plain words; in the log it is one word, ``engine_lost``, so that machines can take it as a key.
    Any thread may tell it something.
    """

    def __init__(self, log: FilteringBoundLogger) -> None:
        self._log = log
        self._counts: Counter[str] = Counter()
        self._told: dict[tuple[str, str], None] = {}
        self._lock = Lock()

    @property
    def counts(self) -> Mapping[str, int]:
        """How often each code was seen since the start."""
        return self._counts

    def told(self, sentence: str, **facts: object) -> None:
        """Log what went as it should."""
        self._log.info(sentence, **facts)

    def trouble(self, code: str, sentence: str, subject: str = "", **facts: object) -> None:
        """Count a trouble; log it unless it is already known about this subject."""
        with self._lock:
            self._counts[code] += 1
            if (code, subject) in self._told:
                return
            self._told[code, subject] = None
            if len(self._told) > TROUBLES_KEPT:
                del self._told[next(iter(self._told))]
        self._log.warning(sentence, code=_key(code), **facts)

    def drop(self, reason: str, amount: int = 1) -> None:
        """Count items that were given up on purpose; drops are never silent."""
        with self._lock:
            self._counts[reason] += amount

    def over(self, code: str, subject: str = "") -> bool:
        """Forget a trouble, so that its return is told again; true if it was known."""
        with self._lock:
            known = (code, subject) in self._told
            self._told.pop((code, subject), None)
        return known

    def traceback(self, error: BaseException) -> None:
        """Log where a bug showed itself, for those who want every detail."""
        self._log.debug("traceback", of="".join(traceback.format_exception(error)))

    def stopped(self) -> None:
        """Log the end, with all counts, most frequent first."""
        self.told("stopped", **{_key(code): count for code, count in self._counts.most_common()})


def _key(code: str) -> str:
    return code.replace(" ", "_")
