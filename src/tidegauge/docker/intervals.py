"""From single samples to intervals: two neighbouring samples of one life of a container.

Every rate and difference is taken over an interval, with the engine's own ``read`` times. Here,
and only here, it is decided which samples belong together (field cases: empty frames of stopped
containers, restarts, duplicates, out-of-order samples, a stepped clock).
"""

from collections.abc import Callable
from datetime import timedelta

from msgspec import Struct

from tidegauge.docker.frames import Container, Sample, StatsFrame

SHORTEST = timedelta(milliseconds=100)
"""Nothing is divided by less than this: the engine's two clocks are offset by milliseconds."""

OLD_IN_A_ROW = 3
"""So many older samples in a row are not stragglers: the engine's clock was set back."""


class Life:
    """One run of a container, from its start to its end; compared by identity.

    ``from_birth`` is true when its start was seen, so that its counters began at zero.
    """

    __slots__ = ("from_birth",)

    def __init__(self, *, from_birth: bool) -> None:
        self.from_birth = from_birth


class Interval(Struct, frozen=True, gc=False):
    """A sample with the one before it in the same life (``None`` for the first)."""

    container: Container
    life: Life
    before: StatsFrame | None
    now: StatsFrame


class _Track:
    """What is remembered of one container between its samples."""

    __slots__ = ("before", "life", "older")

    def __init__(self, life: Life) -> None:
        self.life = life
        self.before: StatsFrame | None = None
        self.older = 0


class Intervals:
    """Turns the merged samples of all containers into intervals; one per pipeline run.

    Call it with each sample in order of arrival; it answers ``None`` for a sample that records
    nothing: not running, a duplicate, out of order, or nearer than `SHORTEST` to the one before.
    """

    def __init__(self, dropped: Callable[[str], None]) -> None:
        self._dropped = dropped
        self._tracks: dict[tuple[str, str], _Track] = {}

    def __call__(self, sample: Sample) -> Interval | None:
        """The interval this sample ends, if it ends one."""
        container, frame = sample.container, sample.frame
        key = (container.engine.name, container.id)
        track = self._tracks.get(key)
        if not frame.running:
            self._tracks[key] = _Track(Life(from_birth=True))
            return None
        if track is None:
            track = self._tracks[key] = _Track(Life(from_birth=container.started_at is not None))
        before = track.before
        if before is not None and self._too_early(track, before, frame):
            return None
        if before is not None and _born_between(container, before, frame):
            track.life, before = Life(from_birth=True), None
        if track.older:
            track.older, before = 0, None
        track.before = frame
        return Interval(container, track.life, before, frame)

    def _too_early(self, track: _Track, before: StatsFrame, frame: StatsFrame) -> bool:
        if frame.read - before.read >= SHORTEST:
            track.older = 0
            return False
        if frame.read < before.read:
            track.older += 1
            if track.older == OLD_IN_A_ROW:
                return False
        self._dropped("sample out of order")
        return True


def _born_between(container: Container, before: StatsFrame, now: StatsFrame) -> bool:
    """Did the container start anew between two samples?

    Either its start was seen there, or its CPU time fell, which it never does in one life.
    """
    started = container.started_at
    if started is not None and before.read < started <= now.read:
        return True
    earlier, later = cpu_time(before), cpu_time(now)
    return earlier is not None and later is not None and later < earlier


def cpu_time(frame: StatsFrame) -> int | None:
    """Cumulative CPU time in nanoseconds; ``None`` where the host does not account for it.

    A running container has always used some: 0 means the cpu controller is off.
    """
    return (frame.cpu_stats.cpu_usage.total_usage or None) if frame.cpu_stats else None
