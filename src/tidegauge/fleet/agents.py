"""Which agents there are, and which are silent: told by the times of their samples.

An agent is known by its series of its own time, ``tidegauge.clock``. That a series is there says
little, for Prometheus shows one for five minutes after its last sample, or hides it at once when a
scrape fails. Times are those of the server's clock, in milliseconds.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from operator import itemgetter
from typing import NamedTuple

from msgspec import Struct

from tidegauge.history.prometheus_server import Found

LEAST_SILENCE_MS = 15_000
"""Nobody is silent sooner: a scrape may be late."""

MISSING = 2.2
"""So many intervals without a sample are silence: two are missing, and the third is late."""

LEAST_INTERVAL_MS = 500
"""What comes sooner is of another agent under the same labels."""

USUAL_INTERVAL_MS = 10_000
"""Assumed of an agent that sent one sample only."""

OFF_MS = 2_000
"""A clock that is off by less may as well be the time that samples are under way."""


class Place(NamedTuple):
    """The labels that tell the series of an agent from those of others; empty where there is none.

    A scrape puts ``instance`` and ``job`` on all, remote write ``host``.
    """

    host: str
    instance: str
    job: str

    @classmethod
    def of(cls, labels: Mapping[str, str]) -> "Place":
        """That of a series."""
        return cls(*(labels.get(each, "") for each in cls._fields))


class Agent(Struct, frozen=True):
    """An agent; ``place`` is that of its machine's series, which have a ``host`` in any case.

    ``off`` is how many milliseconds its clock is ahead of the server's, as far as that can be told:
    of an agent that is scraped always, of one that writes if it is ahead, or far behind.
    """

    name: str
    place: Place
    first: int
    last: int
    interval: int
    silent: bool
    off: int | None
    late: int = 0
    """How old what it sends is when it comes: its clock is behind, or it catches up."""

    @property
    def patience(self) -> int:
        """Milliseconds after which it is silent."""
        return patience_of(self.interval)


class _Seen(Struct):
    """What is remembered of an agent: when its samples went on, by our clock in seconds."""

    last: int
    moved_at: float
    ahead: int
    interval: int


class Agents:
    """Tells from one look to the next who is silent."""

    def __init__(self) -> None:
        self._seen: dict[Place, _Seen] = {}

    def look(
        self, samples: Iterable[Found], older: Iterable[Found], now: int, moment: float
    ) -> list[Agent]:
        """All agents with any of the newest ``samples`` of their time, or with an ``older`` one.

        ``now`` is the server's time, ``moment`` ours by the monotonic clock.
        """
        found = {
            Place.of(each.labels): self._recent(each, now, moment) for each in samples if each.times
        }
        for each in older:
            place = Place.of(each.labels)
            if each.values and place not in found:
                found[place] = _gone(each, round(1000 * each.values[0]), now)
        self._seen = {place: seen for place, seen in self._seen.items() if place in found}
        return sorted(found.values(), key=lambda each: (each.name, each.place))

    def _recent(self, found: Found, now: int, moment: float) -> Agent:
        place, (last, value) = Place.of(found.labels), _newest(found)
        seen = self._seen.get(place)
        if seen is None:
            usual = interval_of(found.times) or USUAL_INTERVAL_MS
            seen = self._seen[place] = _Seen(last, moment, max(0, last - now), usual)
        elif last > seen.last:
            usual = interval_of(found.times) or seen.interval
            seen = self._seen[place] = _Seen(last, moment, last - now, usual)
        patience = patience_of(seen.interval)
        strange = seen.ahead > OFF_MS or -seen.ahead > patience  # its clock, or what it catches up
        age = 1000 * (moment - seen.moved_at) if strange else now - last
        return Agent(
            name_of(found.labels),
            place,
            min(found.times),
            last,
            seen.interval,
            age > patience,
            seen.ahead if strange else _off(place, last, value),
            max(0, -seen.ahead) if strange else 0,
        )


def patience_of(interval: int) -> int:
    """Milliseconds without a sample after which one is silent."""
    return max(LEAST_SILENCE_MS, round(MISSING * interval))


def interval_of(times: Sequence[int]) -> int:
    """The time that mostly passes between two samples; 0 of a single one."""
    passed = (later - earlier for earlier, later in pairwise(sorted(times)))
    between = sorted(each for each in passed if each > LEAST_INTERVAL_MS)
    return between[len(between) // 2] if between else 0


def name_of(labels: Mapping[str, str]) -> str:
    """What the machine is called; a scrape may have put a label of its own in place of that."""
    return labels.get("host") or labels.get("exported_host") or labels.get("instance") or "unknown"


def _newest(found: Found) -> tuple[int, float]:
    return max(zip(found.times, found.values, strict=True), key=itemgetter(0))


def _off(place: Place, last: int, value: float) -> int | None:
    """Of a scrape the server has the time, and the sample the agent's, up to a second old."""
    return round(1000 * value) - last if place.job else None


def _gone(found: Found, last: int, now: int) -> Agent:
    """One of which only the last time that it told is known."""
    name, place = name_of(found.labels), Place.of(found.labels)
    return Agent(name, place, last, min(last, now), USUAL_INTERVAL_MS, silent=True, off=None)
