"""The recorders of the machine Tidegauge runs on, and of Tidegauge itself."""

from collections.abc import Iterator, Mapping

from tidegauge.docker.intervals import Life
from tidegauge.host import Host, HostMemory, HostSample
from tidegauge.metrics import surroundings as rows
from tidegauge.metrics.instruments import Counter, Distribution, Instrument
from tidegauge.metrics.limits import Allowance
from tidegauge.metrics.metric import Metric
from tidegauge.metrics.snapshot import Attributes

HOST_SERIES = 26
"""What a machine may take besides Tidegauge's events."""

HOLDS = 30.0
"""Seconds for which the newest look stands."""

IDLE = ("idle", "iowait")

Recorded = Iterator[tuple[Metric, Attributes, Instrument]]
Groups = Iterator[tuple[Recorded, bool]]


class HostRecorders:
    """Of a machine by its name. Counters go on while it runs; a smaller value adds nothing."""

    def __init__(self, host: Host, allowance: Allowance, since: float) -> None:
        self.host, self.since = host, since
        self.fresh_at: float | None = None
        self.taken = HOST_SERIES
        self._allowance = allowance
        self._until = 0.0
        self._machine, self._process = Life(from_birth=False), Life(from_birth=True)
        self._cpu: dict[str, Counter] = {}
        self._levels: dict[tuple[Metric, Attributes], Distribution] = {}
        self._before: Mapping[str, int] = {}
        self._process_cpu = Counter()
        self._lag = Distribution(rows.TIDEGAUGE_LAG.bounds)
        self._events: dict[str, Counter] = {}

    @property
    def entity(self) -> Host:
        """The machine."""
        return self.host

    def shape(self, now: float) -> object:
        """Differs when what `holding` names does: what is made of names is kept until then."""
        return len(self._cpu), len(self._levels), len(self._events), now < self._until

    def record(self, seen: HostSample, now: float) -> None:
        """Take one look; what it lacks records nothing."""
        self._until = now + HOLDS
        self._lag.record(seen.late)
        self._process_cpu.observe(seen.process_cpu, self._process)
        if seen.at is not None:
            self._level(rows.TIDEGAUGE_CLOCK, seen.at)
        if seen.version:
            self._level(rows.TIDEGAUGE_INFO, 1, (rows.VERSION, seen.version))
        if seen.resident is not None:
            self._level(rows.TIDEGAUGE_MEMORY, seen.resident)
        if seen.cpu is not None:
            self._record_cpu(seen.cpu)
        if seen.cpus is not None:
            self._level(rows.HOST_CPUS, seen.cpus)
        if seen.memory is not None:
            self._record_memory(seen.memory)
        for metric, load in zip(rows.HOST_LOADS, seen.load or (), strict=False):
            self._level(metric, load)

    def _record_cpu(self, times: Mapping[str, int]) -> None:
        added: dict[str, int] = {}
        for mode, time in times.items():
            counter = self._cpu.setdefault(mode, Counter())
            added[mode] = counter.observe(time, self._machine) or 0
        if total := sum(added.values()):
            idle = sum(added.get(mode, 0) for mode in IDLE)
            self._level(rows.HOST_CPU_UTILIZATION, (total - idle) / total)

    def _record_memory(self, seen: HostMemory) -> None:
        self._level(rows.HOST_MEMORY_LIMIT, seen.total)
        for state in ("used", "free", "buffers", "cached"):
            attribute = ("system.memory.state", state)
            self._level(rows.HOST_MEMORY_USAGE, getattr(seen, state), attribute)
        if seen.available is not None:
            self._level(rows.HOST_MEMORY_AVAILABLE, seen.available)
        if seen.swap_total:
            used = max(0, seen.swap_total - seen.swap_free)
            for state, size in (("used", used), ("free", seen.swap_free)):
                self._level(rows.HOST_SWAP_USAGE, size, ("system.paging.state", state))

    def _level(self, metric: Metric, level: float, *attributes: tuple[str, str]) -> None:
        key = (metric, attributes)
        known = self._levels.get(key)
        if known is None:
            known = self._levels[key] = Distribution(metric.bounds)
        known.record(level)

    def gone(self) -> None:
        """Nothing is known of it until the next look."""
        self._until = 0.0

    def tell_about_us(self, events: Mapping[str, int], series: int, now: float) -> None:
        """Take Tidegauge's own counts, while looks come: of events, and the series there are."""
        if now >= self._until:
            return
        self._level(rows.TIDEGAUGE_SERIES, series)
        for code, count in events.items():
            counter = self._events.get(code)
            if counter is None:
                if not self._allowance.take(1, self.taken, self.host.name):
                    continue
                self.taken += 1
                counter = self._events[code] = Counter()
            if counter.last != count:
                counter.observe(count, self._process)

    def turn(self) -> None:
        """Nothing of it waits for the end of a tick."""

    def let_go(self) -> bool:
        """End a tick that nobody collects; true if there was anything to collect."""
        collected = [each.collect() for _, _, each in self._series()]
        return any(collected)

    def groups(self, now: float) -> Groups:
        """Every instrument, in one group."""
        yield self._series(), now < self._until

    def holding(self, now: float) -> Recorded:
        """All, while looks come."""
        return self._series() if now < self._until else iter(())

    def _series(self) -> Recorded:
        for mode, counter in self._cpu.items():
            yield rows.HOST_CPU_TIME, (("cpu.mode", mode),), counter
        for (metric, attributes), level in self._levels.items():
            yield metric, attributes, level
        yield rows.TIDEGAUGE_CPU_TIME, (), self._process_cpu
        yield rows.TIDEGAUGE_LAG, (), self._lag
        for code, counter in self._events.items():
            yield rows.TIDEGAUGE_EVENTS, ((rows.EVENT_CODE, code.replace(" ", "_")),), counter
