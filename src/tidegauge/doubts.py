"""Numbers that nobody counts, or that cannot be right: told once, in words, and left as they are.

To drop what looks wrong would hide it, and take from totals what is in them.
"""

from collections import Counter
from datetime import timedelta

from tidegauge.docker.intervals import Interval, cpu_time
from tidegauge.journal import Journal
from tidegauge.readings.layout import Steady

UNCOUNTED_IN_A_ROW = 10
"""So many samples of an engine without a number that every running container has."""

_MICROSECOND = timedelta(microseconds=1)
_OFFSET_NS = 10_000_000
"""Times are read near the counters, not with them."""

_ROUNDING = 1.05


class Doubts:
    """Sees each interval; memory is one number for each engine and kind of accounting."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._uncounted: Counter[tuple[str, str]] = Counter()

    def __call__(self, interval: Interval) -> None:
        """Look at one interval."""
        engine, before, now = interval.container.engine, interval.before, interval.now
        used = cpu_time(now)
        has_memory = now.memory_stats is not None and now.memory_stats.usage
        if (used is None or not has_memory or self._uncounted) and engine.kind == "docker":
            self._accounting("memory", engine.name, counted=bool(has_memory))
            self._accounting("CPU", engine.name, counted=used is not None)
        earlier = cpu_time(before) if before else None
        if before is None or used is None or earlier is None:
            return
        # Less than one CPU is possible everywhere, and nearly all end here.
        if used - earlier > (now.read - before.read).total_seconds() * 1e9:
            self._plausible(interval, used - earlier)

    def steady(self, sample: Steady) -> None:
        """A sample that goes on has all numbers."""
        if self._uncounted:
            for what in ("memory", "CPU"):
                self._accounting(what, sample.layout.container.engine.name, counted=True)

    def _accounting(self, what: str, engine: str, *, counted: bool) -> None:
        code, key = f"no {what.lower()} accounting", (engine, what)
        if not counted:
            self._uncounted[key] += 1
            if self._uncounted[key] == UNCOUNTED_IN_A_ROW:
                self._journal.trouble(code, _remedy(what, engine), engine)
        elif self._uncounted.pop(key, 0) >= UNCOUNTED_IN_A_ROW:
            self._journal.over(code, engine)

    def _plausible(self, interval: Interval, used_ns: int) -> None:
        now, before, container = interval.now, interval.before, interval.container
        online = now.cpu_stats.online_cpus if now.cpu_stats else None
        if before is None or not online:
            return
        elapsed_ns = (now.read - before.read) / _MICROSECOND * 1000
        if used_ns > online * (elapsed_ns * _ROUNDING + _OFFSET_NS):
            self._journal.trouble(
                "impossible cpu",
                f"{container.alias} used {used_ns / elapsed_ns:.1f} CPUs, says engine"
                f" {container.engine.name}, which has {online}: its clock or its counters jumped."
                " The number is recorded as it came.",
                container.alias,
            )


def _remedy(what: str, engine: str) -> str:
    remedy = (
        "Add cgroup_enable=memory to its kernel's command line and start it again."
        if what == "memory"
        else "See to it that its kernel has the cpu controller of cgroups switched on."
    )
    return (
        f"engine {engine} does not know what its containers use of {what}: {what} accounting is off"
        f" on its host. {remedy}"
    )
