"""Engines that are made up: the one in C, and its twin in Python, behind the same face."""

import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Literal, NamedTuple

from synthetic.running import SyntheticEngine

from fakes.simulated import ServedSimulation
from simulation.today import NOON

Story = Literal["quiet", "restart", "removal"]

SPEED = 20.0
"""Events a second of each stream: of the one by its rate, of the other by its clock."""


class MadeUp(NamedTuple):
    """A running engine, two of its containers, and what makes the story happen."""

    socket: Path
    host: str
    container: str
    """Runs, and is the one the story is about."""
    exited: str
    """Does not run, and won't."""
    happen: Callable[[], None]


Opened = Callable[[Story], contextlib.AbstractAsyncContextManager[MadeUp]]


@contextlib.asynccontextmanager
async def compiled(story: Story) -> AsyncIterator[MadeUp]:
    """The one in C, to which everything happens when it is told."""
    actions = {"quiet": (), "restart": ("die", "start"), "removal": ("remove",)}[story]
    with SyntheticEngine(6, rate=SPEED, shape="v2") as engine:
        assert engine.do("stop", 5)

        def happen() -> None:
            for action in actions:
                assert engine.do(action, 2)

        yield MadeUp(engine.socket, engine.host, "synth-00002", "synth-00005", happen)


@contextlib.asynccontextmanager
async def simulated(folder: Path, story: Story) -> AsyncIterator[MadeUp]:
    """The twin, whose script says when something happens: what is until then is left out."""
    at, container = {
        "quiet": (0.0, "shop-redis-1"),
        "restart": (99.0, "shop-worker-1"),
        "removal": (249.0, "shop-web-1"),
    }[story]
    async with ServedSimulation(folder / "s", 18, NOON + 1.0, SPEED) as engine:
        yield MadeUp(
            *(engine.socket, engine.host, container, "shop-migrate-1"),
            lambda: engine.clock.skip_to(NOON + at),
        )
