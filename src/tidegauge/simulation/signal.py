"""How busy something is over time, and how much that makes together.

A signal has a value for each second of a round, and is a straight line between them; rounds repeat.
So its integral, which counters are made of, is exact and takes the same time for a year as for a
second.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate, pairwise
from random import Random

ROUND = 7200
"""Seconds. All periods of what happens divide it."""


class Signal:
    """A function of the time in seconds; ``values`` are those at each second of a round."""

    def __init__(self, values: Iterable[float]) -> None:
        self._values = list(values)
        self._values += self._values[:2]  # a time just before 0 is rounded to the end of a round
        areas = ((here + there) / 2 for here, there in pairwise(self._values[:-1]))
        self._sums = list(accumulate(areas, initial=0.0))

    def at(self, time: float) -> float:
        """The value at a time."""
        second, part = divmod(time % ROUND, 1)
        here = self._values[int(second)]
        return here + (self._values[int(second) + 1] - here) * part

    def between(self, start: float, stop: float) -> float:
        """The integral from one time to another."""
        (before, early), (after, late) = divmod(start, ROUND), divmod(stop, ROUND)
        return (after - before) * self._sums[-1] + self._until(late) - self._until(early)

    def made(self, function: Callable[[float], float]) -> "Signal":
        """Another one, whose values are made of this one's."""
        return Signal(map(function, self._values[:-2]))

    def _until(self, time: float) -> float:
        second, part = divmod(time, 1)
        here = self._values[int(second)]
        slope = self._values[int(second) + 1] - here
        return self._sums[int(second)] + (here + slope * part / 2) * part


def wave(period: int) -> list[float]:
    """From 0 to 1 and back in so many seconds, longer near both ends than between them."""
    turns = (math.sin(2 * math.pi * second / period) for second in range(ROUND))
    return [0.5 + 0.5 * math.tanh(1.6 * turn) / math.tanh(1.6) for turn in turns]


def rough(random: Random, steps: Sequence[int]) -> list[float]:
    """Noise from 0 to 1 of several grains: seconds between values that are drawn, coarsest first.

    Each next grain has half the weight of the one before.
    """
    weights = [0.5**n for n in range(len(steps))]
    total = [0.0] * ROUND
    for step, weight in zip(steps, weights, strict=True):
        drawn = [random.random() * weight / sum(weights) for _ in range(ROUND // step)]
        drawn.append(drawn[0])
        for number, (here, there) in enumerate(pairwise(drawn)):
            for at in range(step):
                total[number * step + at] += here + (there - here) * at / step
    return total
