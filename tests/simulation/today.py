"""A clock that moves only when a test moves it, in a year in which there is Docker."""

from functools import cache

from manual_clock import ManualClock
from tidegauge.docker.endpoint import Simulated
from tidegauge.simulation.engine import Instance, SimulatedEngine

NOON = 1_790_000_000.0 - 1_790_000_000 % 86_400 + 43_200
"""A multiple of all periods, so that the script begins there."""


class Today(ManualClock):
    """Starts at noon."""

    def now(self) -> float:
        return NOON + self.monotonic()


@cache
def an_engine(containers: int = 18, seed: int = 1) -> SimulatedEngine:
    """One for all tests: it remembers nothing."""
    return SimulatedEngine(Simulated(containers, seed), NOON)


def named(engine: SimulatedEngine, name: str) -> Instance:
    return next(each for each in engine.instances if each.name == name)
