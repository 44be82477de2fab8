"""How much a service uses: counters since its start, and levels, at any time.

All services of a project follow its tide, a day and night of a few minutes, so that one sees what
depends on what: requests come in at traefik, go to web and api, and end in postgres.
"""

import math
from collections.abc import Mapping
from random import Random

from msgspec import Struct

from tidegauge.simulation.incidents import PAUSED, Cycle
from tidegauge.simulation.services import KIB, MIB, Service, Swing
from tidegauge.simulation.signal import ROUND, Signal, rough, wave

DAYS: Mapping[str, int] = {"shop": 900, "blog": 1200}
"""Seconds from one night to the next, by project."""

KERNEL_SHARE = 0.24
BIRTH_CPU_NS = 84_000_000
"""What it takes to start a process, so that no running container has used nothing."""

PERIODS_PER_SECOND = 10
"""Of a CPU quota: the kernel's period is 100 ms."""

HELD_FROM, HELD_FULLY = 0.75, 1.15
"""Use without a limit, as a share of it, where the first and where all periods are throttled."""

HELD_NS = 38_000_000
"""How long a throttled period is held back."""

CACHE_SECONDS = 1800
"""In so long the page cache fills, and is then reclaimed."""

RECLAIM = 0.985
_MEMORY_FOLLOWS = 60.0
"""Seconds over which memory follows what a service has to do."""

_PACKET_BYTES = 730
_PAGE = 4096


class Usage(Struct, frozen=True):
    """What one life of a container has used, cumulative, and what it holds, in bytes and tasks.

    Times in nanoseconds; ``periods`` and what belongs to them are 0 without a limit.
    """

    cpu: int
    kernel: int
    periods: int
    throttled_periods: int
    throttled: int
    anon: int
    file: int
    inactive_file: int
    slab: int
    faults: int
    major_faults: int
    received: int
    sent: int
    packets_received: int
    packets_sent: int
    read: int
    written: int
    tasks: int

    @property
    def memory(self) -> int:
        """All of it together, as the kernel charges it."""
        return self.anon + self.file + self.slab


class Load:
    """The work of one service over time."""

    def __init__(self, service: Service, seed: int, memory: int) -> None:
        self._service, self._limit = service, service.memory_limit or memory
        self._activity = Signal(_activity(service, seed))
        self._awake = Signal(_awake(service)) if service.cycle is PAUSED else None
        self._held = self._lost = None
        low, high = service.cpu
        if limit := service.cpus:
            wanted = self._activity.made(lambda busy: low + (high - low) * busy)
            self._lost = wanted.made(lambda cores: max(0.0, cores - limit))
            self._held = wanted.made(lambda cores: _held(cores / limit))

    def cores(self, time: float) -> float:
        """How much CPU it uses at a time."""
        low, high = self._service.cpu
        awake = self._awake.at(time) if self._awake else 1.0
        wanted = low * awake + (high - low) * self._activity.at(time)
        return wanted - (self._lost.at(time) if self._lost else 0.0)

    def usage(self, started: float, time: float) -> Usage:
        """What a life that began at ``started`` has used until a time."""
        service, age = self._service, time - started
        busy = self._activity.between(started, time)
        awake = self._awake.between(started, time) if self._awake else age

        def total(swing: Swing) -> float:
            return swing[0] * awake + (swing[1] - swing[0]) * busy

        seconds = total(service.cpu) - (self._lost.between(started, time) if self._lost else 0.0)
        cpu = BIRTH_CPU_NS + round(seconds * 1e6) * 1000
        held = self._held.between(started, time) if self._held else 0.0
        throttled = int(PERIODS_PER_SECOND * held)
        received, sent, read = total(service.received), total(service.sent), total(service.read)
        anon, file, slab = self._memory(age, time)
        return Usage(
            cpu,
            int(cpu * KERNEL_SHARE) // 1000 * 1000,
            int(PERIODS_PER_SECOND * age) if service.cpus else 0,
            throttled,
            throttled * HELD_NS,
            *(anon, file, int(file * 0.6) // _PAGE * _PAGE, slab),
            900 + int(seconds * 2400),
            int(read / (400 * KIB)),
            *(int(received), int(sent)),
            *(int(received / _PACKET_BYTES), int(sent / _PACKET_BYTES)),
            *(_paged(read), _paged(total(service.written))),
            round(self._between(service.tasks, self._activity.at(time))),
        )

    def _memory(self, age: float, time: float) -> tuple[int, int, int]:
        """Anonymous memory, page cache and the kernel's own, which together keep to the limit."""
        service = self._service
        recent = self._activity.between(time - _MEMORY_FOLLOWS, time) / _MEMORY_FOLLOWS
        slab = 1 * MIB + service.cache // 60
        warm = 1 - 0.7 * math.exp(-age / 8)
        anon = self._between(service.memory, recent) * warm + service.leak * age
        filled = (time % CACHE_SECONDS) / CACHE_SECONDS
        if filled > RECLAIM:
            filled = (1 - filled) / (1 - RECLAIM)
        file = service.cache * (0.3 + 0.7 * filled) * -math.expm1(-age / 200)
        anon = min(anon, self._limit - slab - _PAGE)
        return _paged(anon), _paged(min(file, self._limit - slab - anon)), slab

    @staticmethod
    def _between(swing: Swing, busy: float) -> float:
        return swing[0] + (swing[1] - swing[0]) * busy


def _activity(service: Service, seed: int) -> list[float]:
    """From 0, nothing to do, to 1 in each second of a round; nothing at all while paused."""
    random = Random(f"{seed}/{service.name}")  # noqa: S311 (believable, not secret)
    grain = rough(random, (60, 12, 2))
    day = DAYS.get(service.project)
    tide = _tide(service.project, day, seed) if day else [0.5] * ROUND
    awake = _awake(service) if service.cycle is PAUSED else [1.0] * ROUND
    return [
        min(1.0, max(0.0, up * (0.72 + 0.56 * noise) + _more(service, second))) * runs
        for second, (up, noise, runs) in enumerate(zip(tide, grain, awake, strict=True))
    ]


def _awake(service: Service) -> list[float]:
    """1, but 0 in the seconds in which it is paused."""
    return [0.0 if _during(service.cycle, second) else 1.0 for second in range(ROUND)]


def _tide(project: str, day: int, seed: int) -> list[float]:
    """What all services of a project have in common."""
    random = Random(f"{seed}/{project}")  # noqa: S311
    surges = rough(random, (200, 25, 5))
    return [
        0.06 + 0.94 * up * (0.55 + 0.75 * more) for up, more in zip(wave(day), surges, strict=True)
    ]


def _more(service: Service, second: int) -> float:
    return 0.25 if _during(service.busy_with, second) else 0.0


def _during(cycle: Cycle | None, second: int) -> bool:
    """Is it between the first and the last step of a cycle?"""
    return cycle is not None and (second - cycle.phase) % cycle.period <= cycle.steps[-1].after


def _held(share: float) -> float:
    return min(1.0, max(0.0, (share - HELD_FROM) / (HELD_FULLY - HELD_FROM)))


def _paged(size: float) -> int:
    return int(size) // _PAGE * _PAGE
