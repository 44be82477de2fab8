"""Entity recorders of what has parts: network interfaces, block devices."""

from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence

from tidegauge.docker.intervals import Life
from tidegauge.metrics import catalogue
from tidegauge.metrics.catalogue import READ, RECEIVE, TRANSMIT, WRITE
from tidegauge.metrics.instruments import Instrument
from tidegauge.metrics.metric import Metric
from tidegauge.metrics.snapshot import Attributes
from tidegauge.metrics.totals import Column, Row, Sums, Totals
from tidegauge.readings import DeviceIo, DiskReading, InterfaceTraffic, NetworkReading

PartColumns = tuple[tuple[Metric, Metric, tuple[str, str]], ...]
"""Of each number a part has: its metric, the metric of the sum over parts, its direction."""

NETWORK_COLUMNS: PartColumns = tuple(
    (metric, total, direction)
    for direction in (RECEIVE, TRANSMIT)
    for metric, total in (
        (catalogue.NETWORK_IO, catalogue.NETWORK_IO_SUM),
        (catalogue.NETWORK_PACKETS, catalogue.NETWORK_PACKETS_SUM),
        (catalogue.NETWORK_ERRORS, catalogue.NETWORK_ERRORS_SUM),
        (catalogue.NETWORK_DROPPED, catalogue.NETWORK_DROPPED_SUM),
    )
)
DISK_COLUMNS: PartColumns = tuple(
    (metric, total, direction)
    for metric, total in (
        (catalogue.DISK_IO, catalogue.DISK_IO_SUM),
        (catalogue.DISK_OPERATIONS, catalogue.DISK_OPERATIONS_SUM),
    )
    for direction in (READ, WRITE)
)


class PartsRecorder:
    """Totals per part of a container (interface, device), and summed over the parts.

    ``allowed`` is asked for so many series before a part is recorded for the first time; one that
    is refused is not in the sums either.
    """

    def __init__(self, part: str, columns: PartColumns, allowed: Callable[[int], bool]) -> None:
        self._part, self._columns, self._allowed = part, columns, allowed
        self._parts: dict[str, Totals] = {}
        self._sums = Sums()
        self._life: Life | None = None
        self._refused: Life | None = None

    def observe(self, parts: Iterable[tuple[str, Row]], life: Life) -> None:
        """Take the cumulative values of all parts, in the order of the columns."""
        rows: list[Row] = []
        for name, values in parts:
            totals = self._parts.get(name) or self._appeared(name, values, life)
            if totals is not None and (row := totals.observe(values, life)) is not None:
                rows.append(row)
        if self._parts:
            self._sums.put(tuple(self._parts.values()), rows)
        self._life = life

    def extend(
        self, parts: Sequence[tuple[str, slice]], rows: Sequence["array[int]"], life: Life
    ) -> None:
        """Take several samples, of which each has the same parts in these places."""
        known = [self._parts[name] for name, _ in parts if name in self._parts]
        every = self._parts.values()
        whole = len(known) == len(parts) and all(each.whole for each in every)
        wide = all(place.stop - place.start == len(self._columns) for _, place in parts)
        if not (whole and wide) or self._sums.left_out or life is not self._life:
            for row in rows:
                self.observe(((name, self._filled(row[place])) for name, place in parts), life)
            return
        told = [
            totals.extend([row[place] for row in rows])
            for totals, (_, place) in zip(known, parts, strict=True)
        ]
        others = [each.now for each in every if each not in known and each.now is not None]
        self._sums.extend([*zip(*told, strict=True)], others)

    def _filled(self, counts: "array[int]") -> Row:
        """What was not counted is unknown."""
        return (*counts, *(None,) * (len(self._columns) - len(counts)))

    def _appeared(self, name: str, values: Row, life: Life) -> Totals | None:
        if not self._allowed(len(values)):
            self._refused = life
            return None
        totals = self._parts[name] = Totals()
        if life is self._refused:  # it may have been there before, and counts from now on
            totals.begin(life, tuple(value or 0 for value in values))
        elif life is self._life:  # it came while we watched, so it began at zero
            totals.begin(life, (0,) * len(values))
        return totals

    def has(self, names: Iterable[str]) -> bool:
        """Are all of these recorded?"""
        return all(name in self._parts for name in names)

    def turn(self) -> bool:
        """End the tick of its rows."""
        for totals in self._parts.values():
            totals.turn()
        return self._sums.turn()

    def series(self) -> Iterator[tuple[Metric, Attributes, Instrument]]:
        """Each instrument under its name: first the sums, then the parts."""
        for number, (_, metric, direction) in enumerate(self._columns):
            yield metric, (direction,), Column(self._sums, number)
        for name, totals in self._parts.items():
            part = self._part, name
            for number, (metric, _, direction) in enumerate(self._columns):
                yield metric, (direction, part), Column(totals, number)


class NetworkRecorder(PartsRecorder):
    """Traffic of each interface and in all."""

    def __init__(self, allowed: Callable[[int], bool]) -> None:
        super().__init__("network.interface.name", NETWORK_COLUMNS, allowed)

    def record(self, reading: NetworkReading) -> None:
        """Take one reading."""
        self.observe(map(_traffic, reading.interfaces), reading.life)


class DiskRecorder(PartsRecorder):
    """Block IO of each device and in all."""

    def __init__(self, allowed: Callable[[int], bool]) -> None:
        super().__init__("system.device", DISK_COLUMNS, allowed)

    def record(self, reading: DiskReading) -> None:
        """Take one reading."""
        self.observe(map(_io, reading.devices), reading.life)


def _traffic(interface: InterfaceTraffic) -> tuple[str, Row]:
    n = interface.stats
    return interface.name, (
        *(n.rx_bytes, n.rx_packets, n.rx_errors, n.rx_dropped),
        *(n.tx_bytes, n.tx_packets, n.tx_errors, n.tx_dropped),
    )


def _io(device: DeviceIo) -> tuple[str, Row]:
    return device.device, (device.read_bytes, device.write_bytes, device.reads, device.writes)
