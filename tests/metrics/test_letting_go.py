"""A tick that nobody collects leaves behind what one leaves that is collected."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from random import Random
from typing import Any

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from fakes.world import LOOK, Seen, World
from manual_clock import ManualClock
from snapshots import a_journal
from tidegauge.docker.intervals import Intervals
from tidegauge.globs import Selection
from tidegauge.metrics import Registry, identity
from tidegauge.pipeline import collecting
from tidegauge.streams import Outlet, Source

TICK = "a tick ends"
LEFT_OUT = st.sets(
    st.sampled_from(["docker-cpu", "docker-memory", "docker-network", "docker-pids"])
)

Ends = Callable[[Registry, float], Awaitable[object]]


def collected(registry: Registry, at: float) -> Awaitable[object]:
    return registry.collect_in_turns(at)


def let_go(registry: Registry, at: float) -> Awaitable[object]:
    return registry.let_go(at)


def looked_at(registry: Registry, now: float) -> list[object]:
    """Everything that there is of containers: totals, levels, histograms of ended ticks."""
    found: list[object] = []
    for each in registry.live():
        for group, stands in each.groups(now):
            for metric, attributes, one in group:
                histogram = getattr(one, "histogram", None) if metric.bounds else None
                told = one.last, histogram and (histogram.counts, round(histogram.sum, 3))
                found.append((identity(each.entity), metric.name, attributes, told, stands))
    return found


def recorded(seen: Sequence[Seen], end: Ends, kept: dict[str, Selection]) -> list[object]:
    """What those see who look in between."""
    clock, (journal, _) = ManualClock(), a_journal()
    registry, told = Registry({}, clock), list[object]()

    async def produce(outlet: Outlet[Any]) -> None:
        for each in seen:
            if isinstance(each, float):
                await clock.advance(each)
            elif each == TICK:
                await end(registry, clock.now())
            elif each == LOOK:
                told.append(looked_at(registry, clock.monotonic()))
            else:
                await outlet.send(each)

    source = Source("samples", produce)
    drawn = collecting(source, Intervals(journal.drop), registry, journal, kept)
    asyncio.run(drawn.run())
    return [*told, looked_at(registry, clock.monotonic())]


@given(
    st.randoms(use_true_random=False),
    st.integers(5, 60),
    LEFT_OUT,
    st.booleans(),
    st.integers(1, 9),
)
@settings(max_examples=60, phases=(Phase.explicit, Phase.reuse, Phase.generate))
def test_what_nobody_collects_is_counted_all_the_same(
    dice: Random, seconds: int, without: set[str], direct: bool, tick: int
) -> None:
    """Whoever looks, and whenever, sees the same totals, levels, peaks and histograms."""
    world = World(dice, direct=direct)
    for number in range(seconds):
        world.pass_by()
        if number % tick == 0:
            world.seen.append(TICK)
    kept = {category: Selection(()) for category in without}

    assert recorded(world.seen, let_go, kept) == recorded(world.seen, collected, kept)


def test_samples_are_not_kept_behind_a_tick_that_nobody_collected() -> None:
    """They would be a third of the memory of a container."""
    world, kept = World(Random(1), direct=False), list[object]()
    for _ in range(10):
        world.pass_by()
    world.seen.append(TICK)

    async def end(registry: Registry, at: float) -> None:
        await registry.let_go(at)
        for each in registry.live():
            use, _ = next(iter(each.groups(at)))
            kept.extend(one.collect() for _, _, one in use)

    recorded(world.seen, end, {})
    assert len(kept) > 50
    assert not any(kept)
