"""Containers to show, a source that shows what a test gives it, and what is on the screen then."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from textual.pilot import Pilot

from manual_clock import ManualClock, settle
from tidegauge.top.rows import Choice
from tidegauge.top.source import State
from tidegauge.top.view import View
from tidegauge.web.views import ContainerView, EventView, Values

MIB = 1 << 20


def a_view(alias: str, cpu: float | None = None, **more: Any) -> ContainerView:
    """A container that runs; of its values, ``cpu`` is in cores."""
    given = {name: more.pop(name) for name in Values.__struct_fields__ if name in more}
    values = Values(cpu=cpu, **({"memory": 100 * MIB, "pids": 3} | given))
    facts = {
        "key": f"{more.get('engine', 'e')}/{alias}",
        "engine": "e",
        "alias": alias,
        "name": alias,
        "id": "c0ffee" * 10,
        "image": "img",
        "tags": {},
        "project": None,
        "service": None,
        "state": "running",
        "health": None,
        "started_at": 100.0,
        "uptime": None,
        "restarts": None,
        "exits": {},
        "oom_kills": 0,
        "sampled_at": 1000.0,
        "values": values,
        "absent": {},
    }
    return ContainerView(**(facts | more))


def a_state(*containers: ContainerView, at: float = 1000.0, trouble: str = "") -> State:
    return State(at, {each.key: each for each in containers}, trouble)


class Scripted:
    """Implements `tidegauge.top.source.Source`."""

    title = "engine e"

    def __init__(self) -> None:
        self.happened: list[EventView] = []

    async def run(self, show: Callable[[State], None]) -> None:
        await asyncio.Event().wait()

    async def events(self, key: str) -> Sequence[EventView]:
        return self.happened


class Screen:
    """The view in a terminal that is not there, on a clock that a test moves."""

    def __init__(self, view: View, pilot: Pilot[None], clock: ManualClock) -> None:
        self.view, self.pilot, self.clock = view, pilot, clock

    async def show(self, *containers: ContainerView, at: float = 1000.0, trouble: str = "") -> None:
        """A state comes, and is drawn."""
        self.view.take(a_state(*containers, at=at, trouble=trouble))
        await self.clock.advance(1.0)
        await self.pilot.pause()

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await settle()
        await self.pilot.pause()

    @property
    def lines(self) -> list[str]:
        """What is to be seen, without what fills the lines."""
        return [line.rstrip() for line in self.full_lines]

    @property
    def full_lines(self) -> list[str]:
        strips = self.view.screen._compositor.render_strips(self.view.size)
        return ["".join(segment.text for segment in strip) for strip in strips]

    @property
    def names(self) -> list[str]:
        """The first word of each row, from the top."""
        heading = next(n for n, line in enumerate(self.lines) if line.startswith("container"))
        return [line.split()[0] for line in self.lines[heading + 1 : -1] if line]


@asynccontextmanager
async def screen(
    width: int = 80,
    height: int = 24,
    *,
    source: Scripted | None = None,
    choice: Choice | None = None,
) -> AsyncIterator[Screen]:
    clock = ManualClock()
    view = View(source or Scripted(), clock, choice or Choice())
    async with view.run_test(size=(width, height)) as pilot:
        yield Screen(view, pilot, clock)
