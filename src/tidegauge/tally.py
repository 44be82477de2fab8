"""What a replay shows by itself: one row a container, over the whole time."""

from collections.abc import Sequence

from tidegauge.docker.frames import Container
from tidegauge.metrics import Number, Series, Snapshot
from tidegauge.metrics.catalogue import (
    CPU_USAGE,
    DISK_IO_SUM,
    MEMORY_WORKING_SET,
    NETWORK_IO_SUM,
    SAMPLES,
)
from tidegauge.terminal.table import Bytes, Cell, render

_SUMS = {
    "received": (NETWORK_IO_SUM, "receive"),
    "sent": (NETWORK_IO_SUM, "transmit"),
    "read": (DISK_IO_SUM, "read"),
    "written": (DISK_IO_SUM, "write"),
}


class _Row:
    """All of one container so far."""

    def __init__(self) -> None:
        self.samples = self._cpu_samples = 0
        self._cpu_sum = self._cpu_highest = 0.0
        self._memory: Number | None = None
        self._sums: dict[str, Number] = {}

    def add(self, series: Series) -> None:
        """One series of one snapshot."""
        if series.metric == SAMPLES:
            self.samples += int(sum(series.samples))
        elif series.metric == CPU_USAGE:
            self._cpu_samples += len(series.samples)
            self._cpu_sum += sum(series.samples)
            self._cpu_highest = max(self._cpu_highest, *series.samples)
        elif series.metric == MEMORY_WORKING_SET:
            self._memory = max(self._memory or 0, *series.samples)
        for name, (metric, direction) in _SUMS.items():
            if series.metric == metric and direction in dict(series.attributes).values():
                self._sums[name] = self._sums.get(name, 0) + sum(series.samples)

    def cells(self) -> dict[str, Cell]:
        """What of it is shown."""
        known = self._cpu_samples > 0
        return {
            "samples": self.samples,
            "cpu %": self._cpu_sum / self._cpu_samples * 100 if known else None,
            "max %": self._cpu_highest * 100 if known else None,
            "memory": None if self._memory is None else Bytes(self._memory),
            **{name: Bytes(self._sums[name]) if name in self._sums else None for name in _SUMS},
        }


class Tally:
    """Implements `tidegauge.exporters.Exporter`: counts, and sends nothing anywhere."""

    def __init__(self) -> None:
        self._rows: dict[tuple[str, str], _Row] = {}

    @property
    def name(self) -> str:
        """Its buffer's name."""
        return "tally"

    @property
    def destination(self) -> str:
        """Where its rows go."""
        return "the terminal"

    @property
    def flush_interval(self) -> float:
        """It takes every snapshot."""
        return 0.0

    def encode(self, snapshot: Snapshot) -> Sequence[bytes]:
        """Add one snapshot; nothing is to be sent."""
        for series in snapshot.series:
            if isinstance(series.entity, Container):
                key = (series.entity.alias, series.entity.engine.name)
                self._rows.setdefault(key, _Row()).add(series)
        return ()

    async def send(self, records: Sequence[bytes]) -> None:
        """Nothing is ever sent."""

    async def close(self) -> None:
        """Nothing is open."""

    @property
    def containers(self) -> int:
        """How many gave a sample."""
        return sum(row.samples > 0 for row in self._rows.values())

    @property
    def samples(self) -> int:
        """How many there were in all."""
        return sum(row.samples for row in self._rows.values())

    def table(self) -> str:
        """A row for each container that gave a sample, by name; empty if there is none."""
        several = len({engine for _, engine in self._rows}) > 1
        rows = [
            _names(alias, engine if several else "") | row.cells()
            for (alias, engine), row in sorted(self._rows.items())
            if row.samples
        ]
        return render([*rows[0]], rows, "table") if rows else ""


def _names(alias: str, engine: str) -> dict[str, Cell]:
    return {"engine": engine, "container": alias} if engine else {"container": alias}
