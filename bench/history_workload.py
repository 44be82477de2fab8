"""Made-up containers as a history sees them: 30 series a second, in the integers of engines.

Their kinds are mixed as on hosts that were looked at: a third does next to nothing, some serve
requests, some are busy. Time of CPUs comes in nanoseconds and in ticks of 10 ms, memory moves by
pages and stands still in between, packets come by chance, and a quarter of the series never change.
"""

import math
import random
from array import array
from collections.abc import Iterator
from typing import NamedTuple

from tidegauge.history.rows import Row, Shape, Stored

PAGE = 4096
TICK = 10_000_000


class Kind(NamedTuple):
    """How a container behaves: mean cores, how often and how far memory moves, requests, disk."""

    cores: float
    moves: float
    pages: float
    faults: float
    requests: float
    writes: float
    forks: float


IDLE = Kind(0.0003, 0.002, 2, 0.05, 0.02, 0.001, 0.0)
LIGHT = Kind(0.02, 0.15, 20, 20, 5, 0.05, 0.02)
WEB = Kind(0.15, 0.6, 200, 400, 300, 0.3, 0.2)
BUSY = Kind(0.9, 0.95, 2000, 5000, 60, 2, 0.3)

MIX = (IDLE, LIGHT, WEB, IDLE, BUSY) * 3 + (WEB, LIGHT, WEB, LIGHT, IDLE)
"""Of any twenty containers."""

_COUNTERS = (
    *("cpu.total", "cpu.user", "cpu.kernel", "cpu.system"),
    *("throttling.periods", "throttling.throttled", "throttling.time"),
    *("faults.minor", "faults.major"),
    *("rx.bytes", "tx.bytes", "rx.packets", "tx.packets", "rx.dropped", "errors"),
    *("disk.read", "disk.write", "disk.operations"),
)
_LEVELS = (
    *("memory.usage", "memory.limit", "memory.rss", "memory.cache", "memory.mapped"),
    *("memory.active_anon", "memory.inactive_anon", "memory.active_file", "memory.inactive_file"),
    *("pids", "cpu.share", "memory.share"),
)
SHAPE: Shape = (
    *(Stored(name, (), True, 1.0) for name in _COUNTERS),
    *(Stored(name, (), False, 1.0) for name in _LEVELS),
)
SERIES = len(SHAPE)


def rows(number: int, begin: int) -> Iterator[Row]:
    """A row a second of one container, from ``begin`` (milliseconds) on; always the same ones."""
    chance = random.Random(number)
    who = ("container", "local", f"c{number}")
    at = begin + chance.randrange(1000)
    for values in _values(chance, MIX[number % len(MIX)]):
        yield Row(who, SHAPE, at + chance.randrange(4), array("q", values))
        at += 1000


def _values(chance: random.Random, kind: Kind) -> Iterator[list[int]]:
    coarse, limited = chance.random() < 0.5, kind in {WEB, BUSY} and chance.random() < 0.3
    cores = kind.cores * (0.5 + chance.random())
    cpu, host = chance.randrange(10**14), chance.randrange(10**9) * TICK
    user = kernel = minor = major = rx = tx = rx_packets = tx_packets = 0
    periods = throttled = held_back = read = written = operations = 0
    limit = chance.choice((2**26, 2**29, 2**31, 25_278_132_224))
    rss = _Walk(chance, chance.randrange(1000, 500_000), kind.moves, kind.pages)
    cache = _Walk(chance, rss.level // 2, kind.moves / 3, kind.pages)
    mapped = _Walk(chance, 500, kind.moves / 20, kind.pages / 10)
    anon = _Walk(chance, 10, kind.moves / 2, kind.pages / 4)
    files = _Walk(chance, cache.level // 4, kind.moves / 6, kind.pages / 2)
    tasks, noise, burst = chance.randrange(1, 60), 0.0, 0
    while True:
        noise = 0.9 * noise + chance.gauss(0, 0.25)
        load = cores * math.exp(noise)
        if kind is IDLE:
            load = load * 3 if chance.random() < 0.15 else 0.0
        elif kind is not LIGHT:
            burst = 20 if chance.random() < 0.003 else burst - 1
            load *= 3 if burst > 0 else 1
        used = round(min(load, 2.0) * 1e9 * chance.gauss(1, 0.01))
        used = max(0, used) + (0 if kind is IDLE else chance.randrange(5000))
        cpu += used
        grain = TICK if coarse else 1000
        user, kernel = cpu * 7 // 10 // grain * grain, cpu * 3 // 10 // grain * grain
        capacity = 2_000_000_000 + chance.choice((-1, 0, 0, 1)) * TICK
        host += capacity
        if limited:
            periods += 10
            if load > 0.8:
                throttled += chance.randrange(10)
                held_back += chance.randrange(50_000_000)
        minor += _poisson(chance, kind.faults * math.exp(noise / 2))
        major += chance.random() < kind.moves / 100
        came = _poisson(chance, kind.requests * 4 * math.exp(noise))
        went = _poisson(chance, kind.requests * 3 * math.exp(noise))
        rx, tx = rx + came * chance.randrange(60, 400), tx + went * chance.randrange(60, 1200)
        rx_packets, tx_packets = rx_packets + came, tx_packets + went
        writes, reads = _poisson(chance, kind.writes), _poisson(chance, kind.writes / 10)
        written += writes * chance.randrange(1, 17) * PAGE
        read += reads * chance.randrange(1, 33) * PAGE
        operations += writes + reads
        resident, cached = rss.step(), cache.step()
        inactive, inactive_file = min(anon.step(), resident), min(files.step(), cached)
        usage = resident + cached + (chance.randrange(3) * PAGE if kind in {WEB, BUSY} else 0)
        forked = chance.randrange(4) if chance.random() < kind.forks else 0
        yield [
            *(cpu, user, kernel, host, periods, throttled, held_back, minor, major),
            *(rx, tx, rx_packets, tx_packets, 0, 0, read, written, operations),
            *(usage, limit, resident, cached, mapped.step()),
            *(resident - inactive, inactive, cached - inactive_file, inactive_file),
            *(tasks + forked, used * 200_000 // capacity, (usage - cached) * 100_000 // limit),
        ]


class _Walk:
    """A level in pages that stands still, and now and then moves."""

    def __init__(self, chance: random.Random, pages: int, moves: float, scale: float) -> None:
        self._chance, self.level, self._moves, self._scale = chance, pages, moves, scale

    def step(self) -> int:
        """The next level, in bytes."""
        if self._chance.random() < self._moves:
            self.level = max(1, self.level + round(self._chance.gauss(0, self._scale)))
        return self.level * PAGE


def _poisson(chance: random.Random, mean: float) -> int:
    """A count by chance; from 30 on the normal distribution is as good."""
    if mean > 30:
        return max(0, round(chance.gauss(mean, math.sqrt(mean))))
    count, left = -1, math.exp(-mean)
    product = 1.0
    while product > left:
        product *= chance.random()
        count += 1
    return count
