"""Instruments of what happens to a container besides its use of resources."""

from collections.abc import Iterator

from tidegauge.docker.lives import Condition, LifeEvent
from tidegauge.metrics import catalogue
from tidegauge.metrics.catalogue import EXIT_CODE, EXIT_CODES
from tidegauge.metrics.instruments import Counter, Gauge, Instrument
from tidegauge.metrics.metric import Metric
from tidegauge.metrics.snapshot import Attributes

STATES = ("created", "running", "paused", "restarting", "exited", "dead")
USING = ("running", "paused", "restarting")
HEALTHS = ("starting", "healthy", "unhealthy")


class LifeRecorder:
    """State, health, restarts, exits, out-of-memory kills, and gaps in the samples."""

    def __init__(self) -> None:
        self._state: str | None = None
        self._health: str | None = None
        self._states = {state: Gauge() for state in STATES}
        self._healths = {health: Gauge() for health in HEALTHS}
        self._restarts = Gauge()
        self._by_engine = self._by_hand = 0
        self._exits: dict[str, Counter] = {}
        self._ooms, self._samples, self._missed = Counter(), Counter(), Counter()

    @property
    def state(self) -> str | None:
        """What the engine says; empty when it is unknown, ``None`` when nobody said so far."""
        return self._state

    @property
    def health(self) -> str | None:
        """Of a container with a health check."""
        return self._health

    @property
    def known(self) -> bool:
        """Does the engine have it?"""
        return bool(self._state)

    @property
    def running(self) -> bool:
        """Does it use resources, as far as is known?"""
        return self._state is None or self._state in USING

    @property
    def using(self) -> bool:
        """Is it known to use resources?"""
        return self._state in USING

    @property
    def shape(self) -> tuple[int, str | None, str | None]:
        """Differs when `series` does, and when it would tell another state."""
        return len(self._exits), self._state, self._health

    def condition(self, seen: Condition) -> None:
        """Take a state; it holds until the next one, or until the container is gone."""
        was_known = self.known
        self._state, self._health = seen.state, seen.health
        if seen.gone or not seen.state:
            self._state, self._health = "", None
        elif not was_known:  # whoever it is now was not asked yet
            self._by_engine = 0
            self._restarts.put(None)
        if self.known and seen.restarts is not None:
            self._by_engine = seen.restarts
            self._restarts.set(self._by_engine + self._by_hand)

    def life(self, event: LifeEvent) -> None:
        """Count an event."""
        match event.kind:
            case "die" if event.exit_code is not None:
                code = str(event.exit_code)
                name = code if code in EXIT_CODES else "other"
                self._exits.setdefault(name, Counter()).add(1)
            case "oom":
                self._ooms.add(1)
            case "restart":  # the engine's own count has only those of a restart policy
                self._by_hand += 1
                self._restarts.set(self._by_engine + self._by_hand)
            case "health_status":
                self._health = event.health
            case _:
                pass

    def repeat(self) -> None:
        """Tell what holds in this tick too."""
        self._restarts.repeat()

    def continuity(self, missed: float) -> None:
        """Count a sample, and the seconds missed before it."""
        self._samples.add(1)
        if missed:
            self._missed.add(missed)
        elif self._missed.last is None:
            self._missed.last = 0  # known to be none, which is no increment

    def skip(self, samples: int, missed: int) -> None:
        """Count samples, and seconds missed before them, for totals only."""
        self._samples.skip(samples)
        if missed:
            self._missed.skip(missed)

    def samples(self, count: int) -> None:
        """Count samples before which nothing was missed."""
        self._samples.add_each([1] * count)

    @property
    def sampled(self) -> tuple[Instrument, ...]:
        """Those that keep something of a tick."""
        return self._ooms, self._samples, self._missed, *self._exits.values()

    def series(self) -> Iterator[tuple[Metric, Attributes, Instrument]]:
        """Each instrument under its name; a state is told anew each tick while it holds."""
        yield from _one_of(catalogue.STATE, "container.state", self._states, self._state)
        yield from _one_of(catalogue.HEALTH, "container.health", self._healths, self._health)
        yield catalogue.RESTARTS, (), self._restarts
        for name, counter in self._exits.items():
            yield catalogue.EXITS, ((EXIT_CODE, name),), counter
        yield catalogue.OOMS, (), self._ooms
        yield catalogue.SAMPLES, (), self._samples
        yield catalogue.MISSED, (), self._missed


def _one_of(
    metric: Metric, attribute: str, gauges: dict[str, Gauge], present: str | None
) -> Iterator[tuple[Metric, Attributes, Instrument]]:
    if present in gauges:
        for name, gauge in gauges.items():
            gauge.set(int(name == present))
            yield metric, ((attribute, name),), gauge
