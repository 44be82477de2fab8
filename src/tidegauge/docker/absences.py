"""What the user chose and no engine has: told once, by the followers of all engines together."""

from collections.abc import Iterable, Sequence

from tidegauge.docker.choice import Choice
from tidegauge.docker.frames import ListedContainer
from tidegauge.journal import Journal

MISSING, IDLE = "container missing", "filter matches nothing"


class Absences:
    """Sees the lists of all engines; tells of names and filters that no list meets.

    It waits until each engine was listed or could not be, so that nothing is called missing that
    the next engine has. What an engine had when it was lost counts as there.
    """

    def __init__(self, choice: Choice, journal: Journal, engines: Iterable[str]) -> None:
        self._choice, self._journal = choice, journal
        self._unasked = set(engines)
        self._only = len(self._unasked) == 1
        self._missing: dict[str, set[str]] = {}
        self._idle: dict[str, set[str]] = {}

    def listed(self, engine: str, containers: Sequence[ListedContainer]) -> None:
        """The engine has these containers and no others."""
        self._missing[engine] = missing = set(self._choice.missing(containers))
        self._idle[engine] = set(self._choice.idle_includes(containers))
        for key in self._choice.named:
            if key not in missing and self._journal.over(MISSING, key):
                self._journal.told("container appeared", engine=engine, container=key)
        self._unasked.discard(engine)
        self._tell(engine)

    def away(self, engine: str) -> None:
        """The engine cannot be asked at present."""
        if engine in self._unasked:
            self._unasked.discard(engine)
            self._tell(engine)

    def _tell(self, engine: str) -> None:
        if self._unasked or not self._missing:
            return
        none = f"engine {engine} has no" if self._only else "no engine has a"
        for key in _in_each(self._missing.values()):
            sentence = f'{none} container "{key}" yet; it is watched as soon as it appears.'
            self._journal.trouble(MISSING, sentence, key)
        whose = f"engine {engine}" if self._only else "any engine"
        for pattern in _in_each(self._idle.values()):
            sentence = f'the filter "{pattern}" matches no container of {whose} yet.'
            self._journal.trouble(IDLE, sentence, pattern)


def _in_each(sets: Iterable[set[str]]) -> list[str]:
    first, *others = sets
    return sorted(first.intersection(*others))
