"""The recorder of what only the kernel tells of a container."""

from array import array
from collections.abc import Iterator, Sequence

from tidegauge.metrics import catalogue
from tidegauge.metrics.instruments import Gauge, Instrument
from tidegauge.metrics.metric import Metric
from tidegauge.metrics.snapshot import Attributes
from tidegauge.metrics.totals import Column, Totals
from tidegauge.readings import KernelReading
from tidegauge.readings.layout import SWAP, Layout

COLUMNS: tuple[tuple[Metric, Attributes], ...] = (
    (catalogue.CPU_WAITING, ()),
    (catalogue.CPU_STALLED, ()),
    (catalogue.MEMORY_WAITING, ()),
    (catalogue.MEMORY_STALLED, ()),
    (catalogue.DISK_WAITING, ()),
    (catalogue.DISK_STALLED, ()),
    (catalogue.CPU_BURSTS, ()),
    (catalogue.CPU_BURST_TIME, ()),
    (catalogue.MEMORY_OOM_KILLS, ()),
)


class KernelRecorder:
    """Pressure, bursts, kills, swap."""

    def __init__(self) -> None:
        self._totals, self._swap = Totals(), Gauge()

    def record(self, reading: KernelReading) -> None:
        """Take one reading; what it lacks records nothing."""
        self._totals.observe(reading.counts, reading.life)
        if reading.swap is not None:
            self._swap.set(reading.swap)

    def extend(self, layout: Layout, rows: Sequence["array[int]"]) -> None:
        """Take several samples."""
        for row in rows:
            if row[SWAP] >= 0:
                self._swap.set(row[SWAP])
        begin = layout.kernel_at
        end = begin + sum(layout.told)
        if all(layout.told):
            self._totals.extend([row[begin:end] for row in rows])
            return
        for row in rows:
            counts = iter(row[begin:end])
            known = [next(counts) if told else None for told in layout.told]
            self._totals.observe(known, layout.life)

    @property
    def sampled(self) -> tuple[Instrument, ...]:
        """Those that keep something of a tick, besides totals."""
        return (self._swap,)

    def turn(self) -> bool:
        """End the tick of its rows."""
        return self._totals.turn()

    def series(self) -> Iterator[tuple[Metric, Attributes, Instrument]]:
        """Each instrument under its name."""
        for number, (metric, attributes) in enumerate(COLUMNS):
            yield metric, attributes, Column(self._totals, number)
        yield catalogue.MEMORY_SWAP, (), self._swap
