"""The newest of each container: its last interval, and some minutes of one-second points."""

import math
from array import array
from collections.abc import Iterable, Mapping, Sequence
from operator import sub

import msgspec

from tidegauge.docker.frames import Container, NetworkStats, StatsFrame
from tidegauge.docker.intervals import Interval, cpu_time
from tidegauge.globs import Selection
from tidegauge.readings import disk
from tidegauge.readings.cpu import cores
from tidegauge.readings.layout import CPU, WORKING_SET, Layout, Steady
from tidegauge.readings.memory import working_set
from tidegauge.readings.network import interfaces, received
from tidegauge.readings.steady import left_out
from tidegauge.readings.time import SECONDS_BETWEEN_SAMPLES, UNMISSED

POINTS = 300
"""What is kept of each container: five minutes of an engine that sends each second."""

MOST_POINTS = POINTS + 30
"""So the oldest are cut off once in thirty samples."""

SPARKS = ("cpu", "memory", "rx")

_WIDTH = len(SPARKS)
_GAP = (math.nan,) * _WIDTH
_CATEGORIES = "docker-cpu", "docker-memory", "docker-network"

Point = tuple[float | None, ...]

WAITING = 10
"""So many rows wait before points are made of them."""


def _kept(interval: Interval) -> bytes | StatsFrame:
    """Its line, which has a third of a frame's memory, in one piece.

    Frames that came as no line share most of what they are with the next one.
    """
    return interval.line or interval.now


def _read_again(kept: bytes | StatsFrame) -> StatsFrame:
    return msgspec.json.decode(kept, type=StatsFrame) if isinstance(kept, bytes) else kept


class Newest:
    """The last interval of a container, and its newest points.

    ``read`` is when its last sample was taken, by the engine's clock. ``left_out`` are the
    categories that the configuration does not record of it. Samples that go on wait as rows until
    somebody looks, `WAITING` of them at most.
    """

    __slots__ = (
        *("_before", "_container", "_layout", "_life", "_last", "_points", "_received", "_rows"),
        *("_used", "left_out", "read"),
    )

    def __init__(self, interval: Interval, left_out: frozenset[str]) -> None:
        self.read, self.left_out = interval.now.read, left_out
        self._container, self._life = interval.container, interval.life
        self._last = _kept(interval)
        self._before: bytes | StatsFrame | None = None
        self._points = array("d")
        self._received: int | None = None
        self._used = 0
        self._rows: list[array[int]] = []
        self._layout: Layout | None = None

    @property
    def interval(self) -> Interval:
        """The last one, with all of both samples; they are read again, which takes 10 us."""
        before = _read_again(self._before) if self._before is not None else None
        return Interval(self._container, self._life, before, _read_again(self._last))

    def leave_out(self, categories: frozenset[str]) -> None:
        """From now on; points there are stay as they are."""
        self._settle()
        self.left_out = categories

    def steady(self, sample: Steady) -> None:
        """Take a sample that goes on as the one before."""
        interval = sample.interval
        self.read = interval.now.read
        self._before = self._last if len(sample.rows) == 1 else sample.last_but_one
        self._last = _kept(interval)
        self._layout = sample.layout
        if len(sample.rows) > 1:
            self._stand(sample.layout, sample.rows)
            return
        self._rows += sample.rows
        if len(self._rows) >= WAITING:
            self._settle()

    def add(self, interval: Interval) -> None:
        """Take the next one; seconds for which none came are gaps."""
        self._settle()
        passed = (interval.now.read - self.read).total_seconds()
        before = interval.before
        if before is None or before.read != self.read:  # it was of another name, or is forgotten
            self._before = self._received = None
        else:
            self._before = self._last
        self._container, self._life = interval.container, interval.life
        self._last, self.read = _kept(interval), interval.now.read
        self._used = cpu_time(interval.now) or 0
        self._append_gap(passed, self._usual(interval.asked_every))
        point = self._point(interval, passed)
        self._points.extend([math.nan if value is None else value for value in point])
        self._cut()

    def _settle(self) -> None:
        """Make points of the rows that wait."""
        rows, layout = self._rows, self._layout
        if not rows or layout is None:
            return
        self._rows = []
        times = [row[0] for row in rows]
        used = [row[CPU.start] for row in rows]
        cpu = [n / (t * 1000) for n, t in zip(_added(used, self._used), times, strict=True)]
        self._used = used[-1]
        held: list[float] = [row[WORKING_SET] for row in rows]
        columns = [cpu, held, self._rates(layout, rows, times)]
        if self.left_out:
            nothing = [math.nan] * len(rows)
            told = zip(_CATEGORIES, columns, strict=True)
            columns = [nothing if of in self.left_out else column for of, column in told]
        usual = self._usual(layout.asked_every)
        for microseconds, point in zip(times, zip(*columns, strict=True), strict=True):
            if microseconds > 1e6 * UNMISSED * usual:
                self._append_gap(microseconds / 1e6, usual)
            self._points.extend(point)
        self._cut()

    def _stand(self, layout: Layout, rows: Sequence["array[int]"]) -> None:
        """Make points of rows in which nothing moved: all but the first are the same."""
        self._rows.append(rows[0])
        self._settle()
        cpu, held, _ = self._points[-_WIDTH:]
        told = layout.interfaces and _CATEGORIES[2] not in self.left_out
        rate = 0.0 if told else math.nan
        same = math.nan if math.isnan(cpu) else 0.0, held, rate
        usual = self._usual(layout.asked_every)
        for row in rows[1:]:
            if row[0] > 1e6 * UNMISSED * usual:
                self._append_gap(row[0] / 1e6, usual)
            self._points.extend(same)
        self._cut()

    def _rates(
        self, layout: Layout, rows: Sequence["array[int]"], times: Sequence[int]
    ) -> list[float]:
        """Bytes received a second in each row; not known where there is no interface."""
        places: list[int] = [place.start for _, place in layout.interfaces_at]
        if not places:
            return [math.nan] * len(rows)
        totals = [sum([row[place] for place in places]) for row in rows]
        before, self._received = self._received, totals[-1]
        added = _added(totals, totals[0] if before is None else before)
        rates = [n / (t / 1e6) for n, t in zip(added, times, strict=True)]
        if before is None:
            rates[0] = math.nan
        return rates

    def _usual(self, asked_every: float) -> float:
        return asked_every or SECONDS_BETWEEN_SAMPLES[self._container.engine.kind]

    def _append_gap(self, passed: float, usual: float) -> None:
        missed = round(passed / usual) - 1
        if missed > 0:
            self._points.extend(_GAP * min(missed, POINTS))

    def _cut(self) -> None:
        if len(self._points) > MOST_POINTS * _WIDTH:
            del self._points[: -POINTS * _WIDTH]

    def _point(self, interval: Interval, passed: float) -> Point:
        before = self._received
        self._received = total = received(interval.container, interval.now)
        rate = None
        if before is not None and total is not None:
            rate = max(0, total - before) / passed
        return self._allowed((cores(interval), working_set(interval.now), rate))

    def _allowed(self, point: Point) -> Point:
        """Without what is of categories that are left out."""
        without = self.left_out
        if not without:
            return point
        return tuple(
            [None if of in without else n for of, n in zip(_CATEGORIES, point, strict=True)]
        )

    def sparks(self, count: int) -> dict[str, list[float | None]]:
        """The newest points, oldest first."""
        self._settle()
        newest = self._points[-count * _WIDTH :]
        return {
            name: [None if math.isnan(value) else value for value in newest[n::_WIDTH]]
            for n, name in enumerate(SPARKS)
        }


def _added(totals: Sequence[int], before: int) -> list[int]:
    """What each total added to the one before it."""
    return [*map(sub, totals, [before, *totals])]


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
            newest.leave_out(self._left_out(alias))

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

    def steady(self, sample: Steady) -> None:
        """Take a sample that goes on as the one before; 1 us."""
        container = sample.layout.container
        newest = self._newest.get((container.engine.name, container.alias))
        if newest is None:  # it was forgotten
            self.interval(sample.interval)
        else:
            newest.steady(sample)

    def of(self, container: Container) -> Newest | None:
        """The newest of a container by its alias."""
        return self._newest.get((container.engine.name, container.alias))

    def _left_out(self, alias: str) -> frozenset[str]:
        return left_out(self._kept, alias)

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
