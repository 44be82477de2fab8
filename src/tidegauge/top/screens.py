"""What lies over the table: one container in detail, and the help."""

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen, Screen
from textual.widgets import Footer, Static

from tidegauge.terminal.text import printable
from tidegauge.top.detail import LABEL, described
from tidegauge.top.trails import Point
from tidegauge.web.views import ContainerView, EventView

HELP = """\
up down, j k      move; the cursor stays on its container
page up and down  move by a screen; home and end too
enter             one container in detail; escape goes back
/                 filter by words of name, project, image
escape            no filter
left right, < >   sort by the column before, after
r                 sort the other way round
c m n u           sort by cpu, memory, name, uptime
g                 group by project, with sums
a                 all containers, or those that run
p                 pause; what happens goes on behind it
q, ctrl-c         end

cpu % is of one core, as docker stats prints it; memory is
without the cache that is easily given back. Behind each,
% lim is of the container's own limit, if it has one.
A click on a heading sorts; a second one turns it round.
"""

LEAVE = Binding("escape,backspace,enter", "app.back", "Back", key_display="esc")


class Detail(Screen[None]):
    """One container; what is shown of it is renewed by `show_container`."""

    BINDINGS: ClassVar[list[BindingType]] = [LEAVE]

    def __init__(self, key: str) -> None:
        super().__init__()
        self.key = key
        self.happened: Sequence[EventView] = ()

    def compose(self) -> ComposeResult:
        """A line on top, and room for the rest."""
        yield Static(id="title")
        with VerticalScroll():
            yield Static(id="detail")
        yield Footer(show_command_palette=False)

    def show_container(self, container: ContainerView | None, points: Sequence[Point]) -> None:
        """Replace what is shown; `None` for one that is there no more."""
        alias = printable(container.alias if container else self.key)
        gone = "" if container else " · it is there no more"
        self.query_one("#title", Static).update(Text(f"{alias}{gone}", "bold", no_wrap=True))
        if container is not None:
            lines = described(container, points, self.happened, self.size.width - 3)
            text = Text(no_wrap=True, overflow="ellipsis")
            for label, line in lines:
                text.append(label.ljust(LABEL), "cyan").append(f"{line}\n")
            self.query_one("#detail", Static).update(text)


class Help(ModalScreen[None]):
    """The keys."""

    BINDINGS: ClassVar[list[BindingType]] = [
        LEAVE,
        Binding("question_mark,space", "app.back", show=False),
        Binding("q", "app.quit", show=False),
    ]

    def compose(self) -> ComposeResult:
        """The text, in a frame."""
        with VerticalScroll(id="help"):
            yield Static(Text(HELP))
