"""Rows for the history, taken from the registry's instruments.

Kept is what charts are made of, as the integers the instruments hold. What follows from it is not
kept: cores from CPU time, shares from levels and limits; states and ends are events.
"""

import struct
from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from itertools import groupby
from operator import add, itemgetter
from typing import cast

from msgspec import Struct

from tidegauge.history.codec import ABSENT, GREATEST
from tidegauge.history.rows import Row, Shape, Stored
from tidegauge.metrics import ContainerRecorders, Identity, Kind, Metric, Number, identity
from tidegauge.metrics.entities import Recorders
from tidegauge.metrics.instruments import Gauge, Instrument
from tidegauge.metrics.places import places
from tidegauge.metrics.totals import Column, Columns
from tidegauge.readings.layout import MISSED, Layout

SHAPES_SHARED = 1000
"""Different sets of series that are remembered, so that entities of the same share one."""

SERIES_OF_ROWS = 2
"""A single number would be picked bare."""

LOOK_AGAIN_SECONDS = 10.0
"""How old what does not come with samples may be: limits, sizes."""

_THOUSANDTHS = 0.001

KEPT: Mapping[str, float] = {
    **dict.fromkeys(
        (
            "container.cpu.time",
            "container.cpu.throttling.periods",
            "container.cpu.throttling.throttled_periods",
            "container.cpu.throttling.time",
            "container.cpu.pressure.waiting",
            "container.memory.usage",
            "container.memory.working_set",
            "container.memory.rss",
            "container.memory.cache",
            "container.memory.limit.current",
            "container.memory.pressure.waiting",
            "container.memory.oom_kills",
            "container.paging.faults",
            "container.network.io",
            "container.network.io.sum",
            "container.network.packet.count.sum",
            "container.network.packet.dropped.sum",
            "container.network.errors.sum",
            "container.disk.io",
            "container.disk.io.sum",
            "container.disk.operations.sum",
            "container.disk.pressure.waiting",
            "container.pids.count",
            "container.filesystem.usage",
            "container.samples.missed",
            "engine.containers",
            "engine.images.size",
            "engine.volumes.size",
            "engine.build_cache.size",
            "engine.filesystem.usage",
            "engine.filesystem.capacity",
            "system.cpu.time",
            "system.memory.usage",
            "system.memory.limit",
            "tidegauge.process.memory",
        ),
        1.0,
    ),
    **dict.fromkeys(
        (
            "container.cpu.limit.current",
            "engine.stats.cycle",
            "system.cpu.load_average.1m",
            "tidegauge.process.cpu.time",
            "tidegauge.loop.lag",
        ),
        _THOUSANDTHS,
    ),
}
"""Metrics that are kept, and to what part of what their instruments hold."""


MISSED_SECONDS = Stored("container.samples.missed", (), counter=True, scale=1.0)


class _Taken(Struct, frozen=True):
    """What the rows of one entity are made of, as long as the same series of it hold."""

    recorders: Recorders
    holding: object
    shape: Shape
    instruments: tuple[Instrument, ...]
    runs: "tuple[_Run, ...]"
    parts: tuple[tuple[int, float], ...]
    """Where values are not whole, and to what part they are kept."""


class _Going(Struct):
    """How rows of samples that go on become rows of the history, until it is ``due`` to look again.

    Of a row with what is ``fixed`` behind it, numbers are picked; totals of earlier lives and of
    parts that are gone are ``added``, if there are any. What is fixed and may change meanwhile was
    ``told`` by gauges: of each its place, and to what part it is kept. Other samples make another
    layout.
    """

    layout: Layout
    recorders: ContainerRecorders
    due: float
    who: Identity
    shape: Shape
    holding: object
    told: tuple[tuple[int, Instrument, float], ...]
    fixed: "array[int]"
    pick: "itemgetter[tuple[int, ...]]"
    added: tuple[int, ...] | None
    pack: Callable[..., bytes]

    def goes_on(self, now: float) -> bool:
        """Look again, if it is time to; false if there is more or less than there was."""
        if now < self.due:
            return True
        if self.recorders.settled_shape(now) != self.holding:
            return False
        for place, gauge, part in self.told:
            self.fixed[place] = _newest(gauge, part)
        self.due = now + LOOK_AGAIN_SECONDS
        return True

    def rows(self, samples: Sequence["array[int]"], times: Sequence[int]) -> list[Row]:
        """Rows of the history: of several samples the same values, unless seconds were missed."""
        if samples[0][MISSED] != samples[-1][MISSED]:
            several = map(self._values, samples)
            return [Row(self.who, self.shape, *one) for one in zip(times, several, strict=True)]
        values = self._values(samples[-1])
        return [Row(self.who, self.shape, at, values) for at in times]

    def _values(self, steady: "array[int]") -> "array[int]":
        picked = self.pick(steady + self.fixed)
        values = picked if self.added is None else [*map(add, picked, self.added)]
        try:
            return array("q", self.pack(*values))
        except struct.error:  # too large for anybody's counter
            return _whole([*values])


class Taker:
    """Takes rows of entities; costs 2 us for 30 series (watched by ``python bench``)."""

    def __init__(self) -> None:
        self._taken: dict[Identity, _Taken] = {}
        self._going: dict[Identity, _Going] = {}
        self._shapes: dict[Shape, Shape] = {}
        self._nothing = Gauge()

    def row(self, recorders: Recorders, at: int, now: float) -> Row | None:
        """What holds of an entity ``now`` (monotonic) as a row of ``at``, its milliseconds.

        Nothing of a container that does not run, or of which no series are kept.
        """
        if isinstance(recorders, ContainerRecorders) and not recorders.in_use(now):
            return None
        who, holding = identity(recorders.entity), recorders.shape(now)
        taken = self._taken.get(who)
        if taken is None or taken.recorders is not recorders:
            taken = self._taken[who] = self._look(recorders, holding, now, ())
        elif taken.holding != holding:
            taken = self._taken[who] = self._look(recorders, holding, now, taken.shape)
        if not taken.shape:
            return None
        values: list[Number] = []
        for run in taken.runs:
            values += run()
        for n, part in taken.parts:
            if values[n] != ABSENT:
                values[n] = round(values[n] / part)
        return Row(who, taken.shape, at, _whole(values))

    def steady(
        self,
        recorders: ContainerRecorders,
        layout: Layout,
        samples: Sequence["array[int]"],
        times: Sequence[int],
        now: float,
    ) -> list[Row]:
        """As `row`, of samples that go on as the one before, as rows of their layout.

        In several of them nothing moved. Of ten seconds it takes 25 us, most for cold caches.
        """
        going = self._going.get(who := identity(layout.container))
        if (
            going is not None
            and going.layout is layout
            and going.recorders is recorders
            and going.goes_on(now)
        ):
            return going.rows(samples, times) if recorders.in_use(now) else []
        # What was recorded holds all of the samples, so it is the last of them.
        row = self.row(recorders, times[-1], now)
        if row is None:
            return []
        taken, due = self._taken[who], now + LOOK_AGAIN_SECONDS
        found = _going(row, taken, recorders, layout, samples[-1], due=due)
        if found is None:
            later = [samples[-1][MISSED] - each[MISSED] for each in samples]
            return [*map(partial(_earlier, row), times, later)]
        self._going[who] = found
        return found.rows(samples, times)

    def forget(self, who: Identity) -> None:
        """Give up what is remembered of an entity that is gone."""
        self._taken.pop(who, None)
        self._going.pop(who, None)

    def _look(self, recorders: Recorders, holding: object, now: float, before: Shape) -> _Taken:
        """What holds now. What there was ``before`` keeps its place: each shape is a block."""
        found = {
            _stored(metric, attributes): instrument
            for metric, attributes, instrument in recorders.holding(now)
            if metric.name in KEPT
        }
        shape = tuple(dict.fromkeys((*before, *found)))
        if len(self._shapes) >= SHAPES_SHARED:
            self._shapes.clear()
        shape = self._shapes.setdefault(shape, shape)
        instruments = tuple([found.get(stored, self._nothing) for stored in shape])
        parts = [(n, KEPT[stored.metric]) for n, stored in enumerate(shape)]
        others = tuple(one for one in parts if one[1] != 1)
        return _Taken(recorders, holding, shape, instruments, _runs(instruments), others)


def _going(
    row: Row,
    taken: _Taken,
    recorders: ContainerRecorders,
    layout: Layout,
    steady: "array[int]",
    *,
    due: float,
) -> _Going | None:
    """From a row that was taken of the same sample."""
    known = places(layout)
    if known is None or len(row.shape) < SERIES_OF_ROWS:
        return None
    if not (recorders.network.has(layout.interfaces) and recorders.disk.has(layout.devices)):
        return None
    fixed, told = array("q"), list[tuple[int, Instrument, float]]()
    indexes, added = list[int](), list[int]()
    for stored, value, instrument in zip(row.shape, row.values, taken.instruments, strict=True):
        index = known.get((stored.metric, stored.attributes))
        if index is None or value == ABSENT:
            indexes.append(len(steady) + len(fixed))
            if not isinstance(instrument, Column):
                told.append((len(fixed), instrument, KEPT[stored.metric]))
            fixed.append(value)
            added.append(0)
        else:
            indexes.append(index % len(steady))
            added.append(value - steady[index])
    return _Going(
        *(layout, recorders, due, row.identity, row.shape),
        *(taken.holding, tuple(told), fixed),
        *(itemgetter(*indexes), tuple(added) if any(added) else None),
        struct.Struct(f"{len(indexes)}q").pack,
    )


def _newest(instrument: Instrument, part: float) -> int:
    last = instrument.last
    if last is None:
        return ABSENT
    return _kept(last if part == 1 else last / part)


def _earlier(row: Row, at: int, missed_later: int) -> Row:
    """The same of a sample before it in which all else was as in this one."""
    if not missed_later or MISSED_SECONDS not in row.shape:
        return Row(row.identity, row.shape, at, row.values)
    values = row.values[:]
    values[row.shape.index(MISSED_SECONDS)] -= missed_later
    return Row(row.identity, row.shape, at, values)


_Run = Callable[[], Sequence[Number]]
"""The newest values of some neighbours in a row."""


def _runs(instruments: Iterable[Instrument]) -> tuple[_Run, ...]:
    """Neighbours of the same totals are taken at once, which costs as much as one alone."""
    groups = groupby(instruments, lambda each: each.columns if isinstance(each, Column) else None)
    runs = [(columns, list(group)) for columns, group in groups]
    return tuple(
        _alone(group) if columns is None else _together(columns, group) for columns, group in runs
    )


def _alone(instruments: Sequence[Instrument]) -> _Run:
    def newest() -> Sequence[Number]:
        return [ABSENT if (last := each.last) is None else last for each in instruments]

    return newest


def _together(columns: Columns, instruments: Sequence[Instrument]) -> _Run:
    numbers = [each.number for each in instruments if isinstance(each, Column)]
    # A single number would come out of it bare, so one is taken twice and left out.
    pick = itemgetter(*numbers, numbers[0])
    absent = [ABSENT] * len(numbers)

    def newest() -> Sequence[Number]:
        if columns.now is None:
            return absent
        picked: tuple[int | None, ...] = pick(columns.now)[:-1]
        if None in picked:
            return [ABSENT if value is None else value for value in picked]
        return cast("tuple[int, ...]", picked)

    return newest


def _stored(metric: Metric, attributes: tuple[tuple[str, str], ...]) -> Stored:
    scale = metric.scale * KEPT[metric.name]
    return Stored(metric.name, attributes, metric.kind is Kind.COUNTER, scale)


def _whole(values: list[Number]) -> "array[int]":
    try:
        return array("q", cast("list[int]", values))
    except (TypeError, OverflowError):  # one is a float, or too large for anybody's counter
        return array("q", [_kept(value) for value in values])


def _kept(value: Number) -> int:
    return whole if -GREATEST <= (whole := round(value)) <= GREATEST else ABSENT
