"""Straight from the engines: the program's own collecting pipeline, with nobody to export to."""

import asyncio
import io
import random
from collections.abc import Callable, Mapping, Sequence

from msgspec.structs import replace

from tidegauge import app
from tidegauge.clock import Clock
from tidegauge.config import Options, SurveyOptions
from tidegauge.journal import Journal
from tidegauge.streams import ticks
from tidegauge.terminal.progress import Progress
from tidegauge.top.happened import Happened
from tidegauge.top.source import BEAT, State
from tidegauge.web.now import Now, Sources
from tidegauge.web.onlooker import Onlooker
from tidegauge.web.views import EventView


class Here:
    """Implements `tidegauge.top.source.Source`. Has opened nothing before it runs."""

    def __init__(
        self, options: Options, environ: Mapping[str, str], journal: Journal, clock: Clock
    ) -> None:
        options = replace(options, survey=SurveyOptions(enabled=False))
        self._journal, self._clock, self._happened = journal, clock, Happened(clock)
        self._end = asyncio.Event()
        memory = app.Memory(journal, clock)
        memory.recent.choose(app.kept_of(options))
        clients = [app.engine_client(each, environ) for each in options.engines]
        self._followers = app.followers_of(options, clients, journal, clock, random.random)
        self._program = app.draw(
            *(options, self._followers, (), memory),
            ticks(clock, options.tick_interval, self._end),
            onlookers=[Onlooker(memory.recent, self._happened)],
        )
        registry, recent = memory.registry, memory.recent
        name, since = app.hostname_of(options), memory.started_at
        self._now = Now(Sources(registry, recent, self._followers, (), journal, clock, name, since))

    @property
    def title(self) -> str:
        """The engines by name."""
        names = ", ".join(each.name for each in self._followers)
        return f"engine{'s' if len(self._followers) > 1 else ''} {names}"

    async def run(self, show: Callable[[State], None]) -> None:
        """Watch, and show what there is each second, until cancelled."""
        progress = Progress(io.StringIO())
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(
                app.run(self._program, self._journal, self._clock, self._end, progress)
            )
            while True:
                show(self._state())
                await self._clock.sleep(BEAT)

    async def events(self, key: str) -> Sequence[EventView]:
        """As many as are remembered."""
        return self._happened.of(key)

    def _state(self) -> State:
        seen = self._now.overview(0)
        waiting = [each for each in self._followers if not each.settled]
        troubles = [each.trouble or each.status() for each in waiting]
        return State(seen.at, {each.key: each for each in seen.containers}, " ".join(troubles))
