"""The newest of each container: its last interval, and some minutes of one-second points."""

import math
from array import array
from collections.abc import Iterable, Mapping

import msgspec
from msgspec.structs import replace

from tidegauge.docker.frames import Container, NetworkStats, StatsFrame
from tidegauge.docker.intervals import Interval, read_again, unread
from tidegauge.globs import Selection
from tidegauge.readings import disk
from tidegauge.readings.cpu import cores
from tidegauge.readings.memory import working_set
from tidegauge.readings.network import interfaces, received
from tidegauge.readings.time import SECONDS_BETWEEN_SAMPLES

POINTS = 300
"""What is kept of each container: five minutes of an engine that sends each second."""

MOST_POINTS = POINTS + 30
"""So the oldest are cut off once in thirty samples."""

SPARKS = ("cpu", "memory", "rx")

_WIDTH = len(SPARKS)
_GAP = (math.nan,) * _WIDTH


class Newest:
    """The last interval of a container, and its newest points.

    ``read`` is when its last sample was taken, by the engine's clock. ``left_out`` are the
    categories that the configuration does not record of it.
    """

    __slots__ = ("_before", "_last", "_points", "_received", "left_out", "read")

    def __init__(self, interval: Interval, left_out: frozenset[str]) -> None:
        self.read, self.left_out = interval.now.read, left_out
        self._last, self._before = unread(interval), b""
        self._points = array("d")
        self._received: int | None = None

    @property
    def interval(self) -> Interval:
        """The last one, with all of both samples; they are read again, which takes 10 us."""
        last = read_again(self._last)
        before = msgspec.json.decode(self._before, type=StatsFrame) if self._before else None
        return replace(last, before=before)

    def add(self, interval: Interval) -> None:
        """Take the next one; seconds for which none came are gaps."""
        container = interval.container
        passed = (interval.now.read - self.read).total_seconds()
        usual = interval.asked_every or SECONDS_BETWEEN_SAMPLES[container.engine.kind]
        missed = round(passed / usual) - 1
        before = interval.before
        if before is None or before.read != self.read:  # it was of another name, or is forgotten
            self._before, self._received = b"", None
        else:
            self._before = self._last.line
        self._last, self.read = unread(interval), interval.now.read
        if missed > 0:
            self._points.extend(_GAP * min(missed, POINTS))
        for value in self._point(interval, passed):
            self._points.append(math.nan if value is None else value)
        if len(self._points) > MOST_POINTS * _WIDTH:
            del self._points[: -POINTS * _WIDTH]

    def _point(self, interval: Interval, passed: float) -> tuple[float | None, ...]:
        left_out, before = self.left_out, self._received
        self._received = total = received(interval.container, interval.now)
        rate = None
        if before is not None and total is not None:
            rate = max(0, total - before) / passed
        if not left_out:
            return cores(interval), working_set(interval.now), rate
        return (
            None if "docker-cpu" in left_out else cores(interval),
            None if "docker-memory" in left_out else working_set(interval.now),
            None if "docker-network" in left_out else rate,
        )

    def sparks(self, count: int) -> dict[str, list[float | None]]:
        """The newest points, oldest first."""
        newest = self._points[-count * _WIDTH :]
        return {
            name: [None if math.isnan(value) else value for value in newest[n::_WIDTH]]
            for n, name in enumerate(SPARKS)
        }


class Recent:
    """What the API shows of the newest second. A sample costs 2 us."""

    def __init__(self) -> None:
        self._kept: Mapping[str, Selection] = {}
        self._newest: dict[tuple[str, str], Newest] = {}
        self._room = 0

    def choose(self, kept: Mapping[str, Selection]) -> None:
        """Show of containers what these select by alias for each category; without one, all."""
        self._kept = kept
        for (_, alias), newest in self._newest.items():
            newest.left_out = self._left_out(alias)

    def interval(self, interval: Interval) -> None:
        """Take the interval a sample ends."""
        container = interval.container
        key = (container.engine.name, container.alias)
        newest = self._newest.get(key)
        if newest is None:
            if len(self._newest) >= self._room:
                self._forget_silent(interval)
            newest = self._newest[key] = Newest(interval, self._left_out(container.alias))
        newest.add(interval)

    def of(self, container: Container) -> Newest | None:
        """The newest of a container by its alias."""
        return self._newest.get((container.engine.name, container.alias))

    def _left_out(self, alias: str) -> frozenset[str]:
        return frozenset(name for name, chosen in self._kept.items() if not chosen.takes(alias))

    def _forget_silent(self, interval: Interval) -> None:
        """Memory is bounded: what was silent for longer than is shown is given up."""
        now = interval.now.read
        for key, newest in list(self._newest.items()):
            if (now - newest.read).total_seconds() > POINTS:
                del self._newest[key]
        # Looked through again when as many have come once more, not for each that comes.
        self._room = 2 * len(self._newest)


def traffic(interval: Interval) -> tuple[float | None, float | None]:
    """Bytes received and sent a second, over all interfaces; `None` without two samples."""
    if interval.before is None:
        return None, None
    now = interfaces(interval.container, interval.now)
    before = interfaces(interval.container, interval.before)
    if not now or not before:
        return None, None
    known = {each.name: each.stats for each in before}
    pairs = [(known.get(each.name, _NOTHING), each.stats) for each in now]
    seconds = _seconds(interval)
    return (
        _rate(((old.rx_bytes, new.rx_bytes) for old, new in pairs), seconds),
        _rate(((old.tx_bytes, new.tx_bytes) for old, new in pairs), seconds),
    )


def block_io(interval: Interval) -> tuple[float | None, float | None]:
    """Bytes read and written a second, over all devices; `None` without two samples."""
    now, earlier = disk(interval), _earlier(interval)
    before = disk(earlier) if earlier else None
    if now is None or before is None:
        return None, None
    known = {each.device: (each.read_bytes, each.write_bytes) for each in before.devices}
    pairs = [(known.get(each.device, (0, 0)), each) for each in now.devices]
    seconds = _seconds(interval)
    if not pairs:
        return 0.0, 0.0  # it counts, and there was nothing so far
    return (
        _rate(((old[0], new.read_bytes) for old, new in pairs), seconds),
        _rate(((old[1], new.write_bytes) for old, new in pairs), seconds),
    )


_NOTHING = NetworkStats(rx_bytes=0, tx_bytes=0)
"""Of an interface that was not there a sample ago: it begins at zero."""


def _earlier(interval: Interval) -> Interval | None:
    before = interval.before
    return None if before is None else Interval(interval.container, interval.life, None, before)


def _seconds(interval: Interval) -> float:
    before = interval.before or interval.now
    return (interval.now.read - before.read).total_seconds()


def _rate(pairs: Iterable[tuple[int | None, int | None]], seconds: float) -> float | None:
    """What was added in all; a count that falls adds nothing."""
    added = [max(0, new - old) for old, new in pairs if old is not None and new is not None]
    return sum(added) / seconds if added else None
