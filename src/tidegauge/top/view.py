"""The view as a program of the terminal: keys, screens, and when anything is drawn."""

import asyncio
import select
import signal
import sys
from collections.abc import Iterable
from typing import ClassVar

from msgspec.structs import replace
from rich.text import Text
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Footer, Input, Static

from tidegauge.clock import Clock
from tidegauge.terminal.text import printable
from tidegauge.top.columns import BY_NAME, SORTABLE
from tidegauge.top.rows import Choice, Row, rows
from tidegauge.top.screens import Detail, Help
from tidegauge.top.source import BEAT, STOPPED, Source, State
from tidegauge.top.table import Table
from tidegauge.top.trails import Trails

EVENTS_EVERY = 5.0
"""Seconds after which a container's events are asked for again."""


class View(App[None]):
    """Shows the states it is given, once a second at most."""

    ENABLE_COMMAND_PALETTE = False
    CSS = """
    #title { height: 1; padding: 0 0; }
    #note { height: 1; color: $warning; display: none; }
    Table { height: 1fr; }
    #filter { height: 1; border: none; padding: 0; display: none; }
    #detail { padding: 0 1; text-wrap: nowrap; }
    VerticalScroll { scrollbar-size-vertical: 1; }
    Help { align: center middle; }
    #help { width: 64; max-width: 100%; height: auto; max-height: 100%; background: $panel; }
    #help Static { padding: 1 2; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("p", "pause", "Pause"),
        Binding("question_mark", "help", "Help", key_display="?"),
        Binding("q", "quit", "Quit"),
        Binding("escape", "unfilter", show=False),
        Binding("ctrl+c", "quit", show=False, priority=True),
        Binding("ctrl+z", "suspend_process", show=False, priority=True),
    ]

    def __init__(self, source: Source, clock: Clock, choice: Choice) -> None:
        super().__init__()
        self._source, self._clock, self._choice = source, clock, choice
        self._trails = Trails()
        self._table = Table(self._trails)
        self._newest: State | None = None
        self._shown: State | None = None
        self._arrived = asyncio.Event()
        self._paused = False

    def take(self, state: State) -> None:
        """Take a state; it is drawn when its time has come."""
        self._trails.take(state)
        self._newest = state
        self._arrived.set()

    def compose(self) -> ComposeResult:
        """The lines of the screen, from the top."""
        yield Static(id="title")
        yield Static(id="note")
        yield self._table
        words = self._choice.wanted
        yield Input(words, placeholder="name, project, image, state", id="filter")
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        """Begin to draw what comes."""
        self._table.focus()
        self._draw()
        self.run_worker(self._keep_drawing())
        self.run_worker(self._keep_asking())

    def action_filter(self) -> None:
        """Ask for words."""
        entry = self.query_one("#filter", Input)
        entry.display = True
        self.query_one(Footer).display = False
        entry.focus()

    def action_unfilter(self) -> None:
        """Show what the filter hid."""
        self.query_one("#filter", Input).value = ""
        self._leave_filter()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Filter while it is typed."""
        self._choose(replace(self._choice, wanted=event.value))

    def on_input_submitted(self) -> None:
        """Back to the table; the filter stays."""
        self._leave_filter()

    def action_group(self) -> None:
        """Group, or not."""
        self._choose(replace(self._choice, grouped=not self._choice.grouped))

    def action_all(self) -> None:
        """Show those that do not run, or not."""
        self._choose(replace(self._choice, stopped=not self._choice.stopped))

    def action_reverse(self) -> None:
        """Sort the other way round."""
        self._choose(replace(self._choice, backwards=not self._choice.backwards))

    def action_sort(self, name: str) -> None:
        """Sort by a column; by the same again, the other way round."""
        backwards = name == self._choice.sort and not self._choice.backwards
        self._choose(replace(self._choice, sort=name, backwards=backwards))

    def action_next_sort(self, way: int) -> None:
        """Sort by a neighbour of the present column."""
        place = (SORTABLE.index(self._choice.sort) + way) % len(SORTABLE)
        self._choose(replace(self._choice, sort=SORTABLE[place], backwards=False))

    def action_pause(self) -> None:
        """Hold still, or go on with the newest."""
        self._paused = not self._paused
        self._advance()

    async def action_back(self) -> None:
        """Leave what lies over the table."""
        await super().action_back()
        self._draw()

    def action_help(self) -> None:
        """Show the keys."""
        self.push_screen(Help())

    def on_table_sorted(self, event: Table.Sorted) -> None:
        """A heading was clicked."""
        self.action_sort("cpu" if event.column == "spark" else event.column)

    async def on_table_opened(self, event: Table.Opened) -> None:
        """Show a container in detail."""
        detail = Detail(event.key)
        await self.push_screen(detail)
        self._draw()
        await self._ask_events(detail)

    def on_resize(self) -> None:
        """What is cut to the width is cut anew."""
        self.call_after_refresh(self._draw)

    async def _keep_drawing(self) -> None:
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            self._advance()
            await self._clock.sleep(BEAT)

    async def _keep_asking(self) -> None:
        while True:
            await self._clock.sleep(EVENTS_EVERY)
            if isinstance(detail := self.screen, Detail):
                await self._ask_events(detail)

    async def _ask_events(self, detail: Detail) -> None:
        detail.happened = await self._source.events(detail.key)
        if detail.is_current:
            self._draw()

    def _advance(self) -> None:
        if not self._paused:
            self._shown = self._newest
        self._draw()

    def _choose(self, choice: Choice) -> None:
        self._choice = choice
        self._draw()

    def _leave_filter(self) -> None:
        self.query_one("#filter", Input).display = False
        self.query_one(Footer).display = True
        self._table.focus()

    def _draw(self) -> None:
        if isinstance(detail := self.screen, Detail):
            container = self._shown.containers.get(detail.key) if self._shown else None
            detail.show_container(container, self._trails.of(detail.key))
        elif self._shown is None:
            self._say("", f"waiting for {self._source.title}")
        else:
            found = rows(self._shown, self._choice)
            self._table.show_rows(found, self._choice)
            self._say(self._counted(self._shown, found), _note(self._shown, found, self._choice))

    def _say(self, counted: str, note: str) -> None:
        base = self.screen_stack[0]
        title = Text(no_wrap=True, overflow="ellipsis")
        title.append(" paused " if self._paused else "", "reverse")
        title.append(printable(self._source.title), "bold").append(counted)
        base.query_one("#title", Static).update(title)
        line = base.query_one("#note", Static)
        line.display = bool(note)
        line.update(Text(printable(note), no_wrap=True, overflow="ellipsis"))

    def _counted(self, state: State, found: Iterable[Row]) -> str:
        running = sum(each.state not in STOPPED for each in state.containers.values())
        shown = sum(bool(row.key) for row in found)
        parts = [f"{shown} of {len(state.containers)}, {running} run"]
        if self._choice.wanted:
            parts.append(f"/{printable(self._choice.wanted)}")
        column = BY_NAME[self._choice.sort]
        order = ", backwards" if self._choice.backwards else ""
        parts.append(f"by {column.name}{order}")
        return "".join(f" · {part}" for part in parts)


def _note(state: State, found: Iterable[Row], choice: Choice) -> str:
    """What is lacking, or why there is nothing to be seen."""
    if state.trouble or any(found):
        return state.trouble
    if not state.containers:
        return "there is no container"
    if choice.wanted:
        return "nothing matches the filter; escape takes it away"
    return "no container runs; press a to see all"


async def view(source: Source, clock: Clock, choice: Choice) -> int:
    """Show the source until the user ends it, or a signal does; returns the exit code."""
    shown = View(source, clock, choice)
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, shown.exit)
    async with asyncio.TaskGroup() as tasks:
        giving = tasks.create_task(source.run(shown.take))
        watching = tasks.create_task(_end_with_terminal(shown, clock))
        await shown.run_async()
        giving.cancel()
        watching.cancel()
    return shown.return_code or 0


async def _end_with_terminal(shown: View, clock: Clock) -> None:
    """Textual would go on reading where nobody types any more, as fast as it can."""
    hung_up = select.poll()
    hung_up.register(sys.stdin, 0)
    while not hung_up.poll(0):
        await clock.sleep(BEAT)
    shown.exit()
