"""Tells of the snapshots that buffers before exporters drop."""

from collections import Counter

from tidegauge.clock import Clock
from tidegauge.journal import Journal
from tidegauge.streams import Running

DROPPED = "snapshot dropped"


class BufferWatch:
    """Tells of items that full buffers dropped, and of the end of it."""

    def __init__(self, running: Running, journal: Journal) -> None:
        self._running, self._journal = running, journal
        self._known: Counter[str] = Counter()

    async def run(self, clock: Clock) -> None:
        """Tell each second, until cancelled."""
        while True:
            await clock.beat(1.0)
            self.tell()

    def tell(self) -> None:
        """Count and tell what was dropped since the last call."""
        for name, buffer in self._running.statistics().items():
            lost = buffer.dropped - self._known[name]
            self._known[name] += lost
            if lost:
                self._overflowed(name, buffer.capacity, lost)
            elif buffer.used == 0 and self._journal.over(DROPPED, name):
                self._journal.told("exporter keeps up again", exporter=name)

    def _overflowed(self, name: str, capacity: int, lost: int) -> None:
        self._journal.drop(DROPPED, lost - 1)
        self._journal.trouble(
            DROPPED,
            f"exporter {name} is too slow: {capacity} snapshots wait for it, and the oldest of"
            " them are dropped.",
            name,
        )
