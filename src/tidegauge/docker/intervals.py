"""From single samples to intervals: two neighbouring samples of one life of a container.

Every rate and difference is taken over an interval, with the engine's own ``read`` times. Here,
and only here, it is decided which samples belong together (field cases: empty frames of stopped
containers, restarts, duplicates, out-of-order samples, a stepped clock).
"""

import math
from collections.abc import Callable
from datetime import timedelta
from operator import sub

from msgspec import Struct

from tidegauge.docker.frames import Container, Sample, StatsFrame, Still
from tidegauge.docker.lives import RENAMED, Condition

SHORTEST = timedelta(milliseconds=100)
"""Nothing is divided by less than this: the engine's two clocks are offset by milliseconds."""

YOUNG = timedelta(minutes=1)
"""Started no longer ago than this, all that a container has counted counts as counted now."""

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
    """A sample with the one before it in the same life (``None`` for the first).

    Of the one ``before`` only the time and the CPU are kept: a frame is freed at the least cost
    right after it was read. ``line`` is what ``now`` was read of, if it came as one line, and
    ``asked_every`` that of its sample.
    """

    container: Container
    life: Life
    before: StatsFrame | None
    now: StatsFrame
    line: bytes = b""
    asked_every: float = 0.0


class _Track:
    """What is remembered of one container between its samples."""

    __slots__ = ("alias", "before", "life", "older", "stopped")

    def __init__(self, life: Life, alias: str) -> None:
        self.life = life
        self.alias = alias
        self.before: StatsFrame | None = None
        self.older = 0
        self.stopped = False


class Intervals:
    """Turns the merged samples of all containers into intervals; one per pipeline run.

    Call it with each sample in order of arrival; it answers ``None`` for a sample that records
    nothing: not running, a duplicate, out of order, or nearer than `SHORTEST` to the one before
    (half of what it should be where samples are read directly).
    """

    def __init__(self, dropped: Callable[[str], None]) -> None:
        self._dropped = dropped
        self._tracks: dict[tuple[str, str], _Track] = {}

    def __call__(self, sample: Sample) -> Interval | None:
        """The interval this sample ends, if it ends one."""
        container, frame = sample.container, sample.frame
        key = (container.engine.name, container.id)
        track = self._tracks.get(key)
        if track is None:
            seen_born = not frame.running or _is_young(container, frame)
            track = self._tracks[key] = _Track(Life(from_birth=seen_born), container.alias)
        if not frame.running:
            track.stopped, track.older = True, 0
            return None
        before = track.before
        if before is not None and not track.stopped and self._too_early(track, before, sample):
            return None
        if track.alias is not container.alias:
            self._rename(track, container.alias)
        if track.older:  # the clock was set back: nothing is known about the time between
            track.older, before = 0, None
        elif before is not None and _set_back(before, sample):
            before = None
        elif before is not None and _born_between(sample, before, stopped=track.stopped):
            track.life, before = Life(from_birth=True), None
        track.before, track.stopped = StatsFrame(frame.read, frame.cpu_stats), False
        return Interval(container, track.life, before, frame, sample.line, sample.asked_every)

    def standing(self, still: Still) -> Interval | None:
        """The interval that these samples end together; ``None`` if each is to be looked at.

        Nothing is remembered of it before `stood`.
        """
        container, frame = still.container, still.frame
        track = self._tracks.get((container.engine.name, container.id))
        before = track.before if track else None
        if track is None or before is None or frame.cpu_stats is None or before.cpu_stats is None:
            return None
        if track.stopped or track.older or track.alias is not container.alias:
            return None
        if before.cpu_stats.cpu_usage is not frame.cpu_stats.cpu_usage:
            return None
        last, started = still.reads[-1], container.started_at
        if started is not None and before.read < started <= last:
            return None
        steps = map(sub, still.reads, (before.read, *still.reads))
        if min(steps) < _shortest(frame, still.asked_every):
            return None
        return Interval(container, track.life, before, still.last, b"", still.asked_every)

    def stood(self, ended: Interval) -> None:
        """This interval, found by `standing`, is taken."""
        container, now = ended.container, ended.now
        track = self._tracks[container.engine.name, container.id]
        track.before = StatsFrame(now.read, now.cpu_stats)

    def _rename(self, track: _Track, alias: str) -> None:
        """What was counted so far belongs to the old name, if it is another."""
        if track.alias != alias and track.before is not None:
            track.life = Life(from_birth=False)
        track.alias = alias

    def forget(self, seen: Condition) -> None:
        """Give up what is remembered of a container that is gone: memory is bounded."""
        if seen.gone and seen.state != RENAMED:
            self._tracks.pop((seen.container.engine.name, seen.container.id), None)

    def _too_early(self, track: _Track, before: StatsFrame, sample: Sample) -> bool:
        frame = sample.frame
        passed = frame.read - before.read
        if passed >= SHORTEST or passed >= _shortest(frame, sample.asked_every):
            track.older = 0
            return False
        if frame.read < before.read:
            track.older += 1
            if track.older == OLD_IN_A_ROW:
                return False
        self._dropped("sample out of order")
        return True


def _shortest(frame: StatsFrame, asked_every: float) -> timedelta:
    """What is read directly has one clock, and comes when we want it."""
    if frame.source == "api":
        return SHORTEST
    return min(SHORTEST, timedelta(seconds=asked_every / 2))


def _is_young(container: Container, first: StatsFrame) -> bool:
    started = container.started_at
    return started is not None and timedelta() <= first.read - started <= YOUNG


def _born_between(sample: Sample, before: StatsFrame, *, stopped: bool) -> bool:
    """Did the container start anew between two samples?

    Either its start was seen there, or its CPU time fell, which it never does in one life, or
    there were empty frames between. Those are sent for any error too (a network interface that
    moved, say), so they don't count where the CPU time is more than a new life could have used.
    """
    now, started = sample.frame, sample.container.started_at
    if started is not None and before.read < started <= now.read:
        return True
    passed = now.read - before.read
    # Only after empty frames: the clock was set back.
    if passed < SHORTEST and passed < _shortest(now, sample.asked_every):
        return True
    earlier, later = cpu_time(before), cpu_time(now)
    if started is not None and started <= before.read:
        stopped = False  # so says the engine: the empty frames were an error
    if earlier is None or later is None:
        return stopped
    return later < earlier or (stopped and later <= _most_cpu_time(before, now))


def _set_back(before: StatsFrame, sample: Sample) -> bool:
    """Was our own clock, by which containers are read directly, set back between two samples?

    It told of less time than the CPUs took; nothing is known about the time between.
    """
    if sample.frame.source == "api":
        return False
    earlier, later = cpu_time(before), cpu_time(sample.frame)
    if earlier is None or later is None:
        return False
    return later - earlier > 1.2 * _most_cpu_time(before, sample.frame)


def _most_cpu_time(before: StatsFrame, now: StatsFrame) -> float:
    """All that the host's CPUs could give between two samples, in nanoseconds."""
    online = now.cpu_stats.online_cpus if now.cpu_stats else None
    return (now.read - before.read).total_seconds() * 1e9 * online if online else math.inf


def cpu_time(frame: StatsFrame) -> int | None:
    """Cumulative CPU time in nanoseconds; ``None`` where the host does not account for it.

    A running container has always used some: 0 means the cpu controller is off.
    """
    usage = frame.cpu_stats.cpu_usage if frame.cpu_stats else None
    return (usage.total_usage or None) if usage else None
