"""Paired measurements: ours and a baseline in turns, compared pair by pair."""

import gc
import time
from collections.abc import Callable
from operator import sub, truediv
from statistics import median
from typing import Literal, NamedTuple

Side = Callable[[], float]
"""Sets up, works, and answers the CPU time of the work, per unit of it."""


class Measurement(NamedTuple):
    """Two sides, how they are compared, and at most how much the comparison should give."""

    name: str
    unit: str
    ours: Side
    baseline: Side
    compared: Literal["ratio", "difference"]
    target: float | None = None


class Result(NamedTuple):
    """Medians of both sides, and the comparison of each pair."""

    ours: float
    baseline: float
    compared: tuple[float, ...]


class Stopwatch:
    """CPU time of this process, user and system, in microseconds."""

    def __init__(self) -> None:
        gc.collect()
        self._start = time.process_time()

    def per(self, amount: int) -> float:
        """What has passed, for each of so many."""
        return (time.process_time() - self._start) / amount * 1e6


def measure(one: Measurement, pairs: int) -> Result:
    """Run so many pairs; every other one begins with the baseline."""
    one.ours(), one.baseline()  # warms caches and branches up
    ours: list[float] = []
    baseline: list[float] = []
    for number in range(pairs):
        sides = [(ours, one.ours), (baseline, one.baseline)]
        for times, side in sides if number % 2 else reversed(sides):
            times.append(side())
    compare = truediv if one.compared == "ratio" else sub
    return Result(median(ours), median(baseline), tuple(map(compare, ours, baseline)))
