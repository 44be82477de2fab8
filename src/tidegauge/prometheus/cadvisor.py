"""The page of cAdvisor's names, which existing dashboards and alerts query.

As with cAdvisor, a container is on the page while it runs, ``id="/"`` is the machine, and all
series of containers have the same labels, empty where one has no such. Ours is the label
``engine``: one Tidegauge may watch several.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from tidegauge.clock import Clock
from tidegauge.docker.frames import Container, Engine
from tidegauge.metrics import Attributes, ContainerRecorders, Instrument, Metric, Number
from tidegauge.metrics import catalogue as c
from tidegauge.metrics import surroundings as s
from tidegauge.metrics.entities import Recorders
from tidegauge.prometheus import cadvisor_names as names
from tidegauge.prometheus.cadvisor_names import MACHINE, PARTS, ROWS, Key, Row, key
from tidegauge.prometheus.names import Takes, divisor, everything, label_name, label_text
from tidegauge.prometheus.text import Line, Value

USER_MODES, SYSTEM_MODES = ("user", "nice"), ("system", "interrupt")
BUSY_MODES = (*USER_MODES, *SYSTEM_MODES, "steal")

Held = Sequence[tuple[Metric, Attributes, Instrument]]
"""What of an entity holds."""


class CadvisorNames:
    """The vocabulary of ``/metrics/cadvisor``.

    ``labels`` are the labels of containers that it has, as ``container_label_<name>``.
    """

    def __init__(self, labels: Sequence[str], clock: Clock, takes: Takes = everything) -> None:
        self.families = names.FAMILIES
        self._labels = {each: f"container_label_{label_name(each)}" for each in labels}
        self._clock, self._takes = clock, takes

    def lines(self, recorders: Recorders, now: float) -> Iterator[Line]:
        """What cAdvisor would tell of it, as far as it is known."""
        entity = recorders.entity
        held = [one for one in recorders.holding(now) if self._takes(entity, one[0])]
        if isinstance(recorders, ContainerRecorders):
            if recorders.in_use(now):
                yield from self._of_container(recorders, held)
        elif isinstance(entity, Engine):
            labels = self._identity(entity.name, "/")
            yield from _rows(held, labels)
            yield from _inodes_free(held, labels)
            yield from _rows(held, label_text((("engine", entity.name),)), MACHINE)
        else:
            yield from self._of_host(held)

    def _of_container(self, recorders: ContainerRecorders, held: Held) -> Iterator[Line]:
        of = recorders.container
        labels = self._identity(of.engine.name, f"/docker/{of.id}", of)
        yield from _rows(held, labels)
        if held:
            yield _line(names.LAST_SEEN, labels, _LastSeen(recorders, self._clock))
        known = {key(metric, *attributes): value for metric, attributes, value in held}
        minor, major = (known.get(key(c.MEMORY_FAULTS, each)) for each in (c.MINOR, c.MAJOR))
        if minor is not None and major is not None:
            yield _line(names.FAULTS, labels, _Sum((minor, major)))
        if names.HEALTHY not in known and self._takes(of, c.HEALTH):
            yield _line(names.HEALTH, labels, _Constant(-1))

    def _of_host(self, held: Held) -> Iterator[Line]:
        """The machine as the container of all containers."""
        labels = self._identity("", "/")
        yield from _rows(held, labels)
        known = {key(metric, *attributes): value for metric, attributes, value in held}

        def values(metric: Metric, *levels: str) -> list[Value]:
            return [known[metric.name, each] for each in levels if (metric.name, each) in known]

        scale = divisor(s.HOST_CPU_TIME)
        for row, modes in (
            (names.CPU_USAGE, BUSY_MODES),
            (names.CPU_USER, USER_MODES),
            (names.CPU_SYSTEM, SYSTEM_MODES),
        ):
            yield _line(row, labels, _Sum(values(s.HOST_CPU_TIME, *modes)), scale)
        levels = values(s.HOST_MEMORY_USAGE, "used", "buffers", "cached")
        yield _line(names.MEMORY_USAGE, labels, _Sum(levels))
        yield _line(names.CACHE, labels, _Sum(levels[1:]))
        limit, available = (
            known.get(key(s.HOST_MEMORY_LIMIT)),
            known.get(key(s.HOST_MEMORY_AVAILABLE)),
        )
        if limit is not None and available is not None:
            yield _line(names.WORKING_SET, labels, _Sum((limit,), (available,)))

    def _identity(self, engine: str, path: str, container: Container | None = None) -> str:
        """The labels that all series of a container have."""
        kept = dict(container.labels) if container else {}
        told = {"engine": engine, "id": path}
        told["image"], told["name"] = (container.image, container.name) if container else ("", "")
        for name, label in self._labels.items():
            told[label] = told.get(label) or kept.get(name, "")
        return label_text(tuple(sorted(told.items())))


def _rows(held: Held, labels: str, rows: Mapping[Key, Row] = ROWS) -> Iterator[Line]:
    """What has a row, under its name."""
    for metric, attributes, instrument in held:
        row = rows.get(key(metric, *attributes))
        if row is None:
            continue
        parts = tuple((PARTS[name], value) for name, value in attributes if name in PARTS)
        value = instrument if row.unlimited is None else _Or(instrument, row.unlimited)
        scale = divisor(metric) if "_seconds" in row.family.name else 1
        yield _line(row, labels, value, scale, label_text(parts))


def _inodes_free(held: Held, labels: str) -> Iterator[Line]:
    found = {(metric.name, attributes): value for metric, attributes, value in held}
    for (name, attributes), used in found.items():
        all_of_them = found.get((s.ENGINE_INODES.name, attributes))
        if name == s.ENGINE_INODES_USED.name and all_of_them is not None:
            device = label_text(tuple((PARTS[name], value) for name, value in attributes))
            yield _line(names.INODES_FREE, labels, _Sum((all_of_them,), (used,)), 1, device)


def _line(row: Row, labels: str, value: Value, divided_by: int = 1, part: str = "") -> Line:
    return Line(row.family, ",".join(filter(None, (labels, row.label, part))), value, divided_by)


class _Sum:
    """Values added, and others taken away; nothing as long as one has none."""

    def __init__(self, plus: Iterable[Value], minus: Iterable[Value] = ()) -> None:
        self._plus, self._minus = tuple(plus), tuple(minus)

    @property
    def last(self) -> Number | None:
        """The newest sum; never below 0."""
        total: Number = 0
        for sign, values in ((1, self._plus), (-1, self._minus)):
            for value in values:
                if value.last is None:
                    return None
                total += sign * value.last
        return max(0, total) if self._plus else None


class _Or:
    """A value, or another while there is none."""

    def __init__(self, value: Value, other: Number) -> None:
        self._value, self._other = value, other

    @property
    def last(self) -> Number:
        """One of both."""
        return self._other if self._value.last is None else self._value.last


class _Constant:
    """What does not change."""

    def __init__(self, last: Number) -> None:
        self.last = last


class _LastSeen:
    """When the newest sample of a container came, in whole seconds of Unix time."""

    def __init__(self, recorders: ContainerRecorders, clock: Clock) -> None:
        self._recorders, self._clock = recorders, clock

    @property
    def last(self) -> int | None:
        """It."""
        at = self._recorders.sampled_at
        if at is None:
            return None
        return int(self._clock.now() - (self._clock.monotonic() - at))
