"""The table itself: it draws the lines that are to be seen, and of those the ones that changed."""

from collections.abc import Callable, Sequence
from typing import ClassVar
from unicodedata import bidirectional

from rich.cells import set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from tidegauge.terminal.text import cut, printable
from tidegauge.top.columns import GAP, Column, Fitted, fitting
from tidegauge.top.rows import Choice, Row
from tidegauge.top.sparks import spark
from tidegauge.top.trails import Trails
from tidegauge.web.views import ContainerView

LEFT_TO_RIGHT = "\u200e"
"""Takes no room."""

SPARK_LEAST = 0.05
"""Cores below which a spark is low: one that idles is flat."""

NEAR_LIMIT = 90
"""Percent of a limit."""

WHEEL = 3
"""Rows."""

PLAIN = Style.null()
FAINT = Style(dim=True)
HEADING = Style(bold=True, bgcolor="grey19")
SORTED = HEADING + Style(color="cyan")
GROUP = Style(bold=True, color="cyan")
SPARK = Style(color="cyan")
CURSOR = Style(bgcolor="grey35", bold=True)
ALARM = Style(color="red", bold=True)
CONDITIONS = {
    "running": Style(color="green"),
    "healthy": Style(color="green"),
    "starting": Style(color="yellow"),
    "restarting": Style(color="yellow"),
    "paused": Style(color="yellow"),
    "unhealthy": ALARM,
    "dead": Style(color="red"),
    "unknown": Style(color="magenta"),
}


class Table(Widget, can_focus=True):
    """Rows of containers below a heading, with a cursor on one of them.

    A widget of lines of its own takes an eighth of what textual's tables of cells take, which
    draw all that is to be seen when one cell changes.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", show=False),
        Binding("down,j", "move(1)", show=False),
        Binding("pageup", "page(-1)", show=False),
        Binding("pagedown,space", "page(1)", show=False),
        Binding("home", "move(-1000000)", show=False),
        Binding("end", "move(1000000)", show=False),
        Binding("enter", "open", "Detail", key_display="⏎"),
        Binding("slash", "app.filter", "Filter", key_display="/"),
        Binding("g", "app.group", "Group"),
        Binding("a", "app.all", "All"),
        Binding("r", "app.reverse", "Reverse"),
        Binding("left,less_than_sign", "app.next_sort(-1)", show=False),
        Binding("right,greater_than_sign", "app.next_sort(1)", show=False),
        Binding("c", "app.sort('cpu')", show=False),
        Binding("m", "app.sort('memory')", show=False),
        Binding("n", "app.sort('name')", show=False),
        Binding("u", "app.sort('uptime')", show=False),
    ]

    class Sorted(Message):
        """The heading of a column was clicked."""

        def __init__(self, column: str) -> None:
            super().__init__()
            self.column = column

    class Opened(Message):
        """Somebody wants to see more of a container."""

        def __init__(self, key: str) -> None:
            super().__init__()
            self.key = key

    def __init__(self, trails: Trails) -> None:
        super().__init__()
        self._trails = trails
        self._rows: Sequence[Row] = ()
        self._choice = Choice()
        self._fitted: tuple[Fitted, ...] = ()
        self._lines: list[Strip] = []
        self._top = self._cursor = 0

    @property
    def key(self) -> str:
        """The container under the cursor; empty if there is none."""
        return self._rows[self._cursor].key if self._rows else ""

    def show_rows(self, rows: Sequence[Row], choice: Choice) -> None:
        """Replace the rows; a cursor that was moved stays on its container, at the top it stays."""
        followed = self.key if self._cursor > self._first else ""
        self._rows, self._choice = rows, choice
        places = (n for n, row in enumerate(rows) if row.key == followed)
        if followed:
            self._cursor = next(places, self._cursor)
        self._fit()
        self._settle()

    def on_resize(self) -> None:
        """Choose the columns anew."""
        self._fit()
        self._settle()

    def action_move(self, lines: int) -> None:
        """Move the cursor; it passes over headings of groups."""
        self._cursor += lines
        self._settle(-1 if lines < 0 else 1)

    def action_page(self, pages: int) -> None:
        """Move the cursor by what is to be seen."""
        self.action_move(pages * max(1, self._height - 1))

    def action_open(self) -> None:
        """Ask for the container under the cursor."""
        if self.key:
            self.post_message(self.Opened(self.key))

    def on_click(self, event: events.Click) -> None:
        """Sort by the column, or go to the row; open it where the cursor is already."""
        if event.y == 0:
            if column := self._column_at(event.x):
                self.post_message(self.Sorted(column.name))
        elif (place := self._top + event.y - 1) < len(self._rows) and self._rows[place].key:
            if place == self._cursor:
                self.action_open()
            self._cursor = place
            self._settle()

    def on_mouse_scroll_down(self) -> None:
        """Go on."""
        self.action_move(WHEEL)

    def on_mouse_scroll_up(self) -> None:
        """Go back."""
        self.action_move(-WHEEL)

    def render_line(self, y: int) -> Strip:
        """A line as it was drawn last."""
        if y < len(self._lines):
            return self._lines[y]
        return Strip.blank(self.size.width, self.rich_style)

    @property
    def _height(self) -> int:
        """Rows that are to be seen."""
        return max(1, self.size.height - 1)

    @property
    def _first(self) -> int:
        return 1 if self._rows and not self._rows[0].key else 0

    def _fit(self) -> None:
        containers = [row.containers[0] for row in self._rows if row.key]
        self._fitted = fitting(self.size.width, containers, grouped=self._choice.grouped)

    def _settle(self, way: int = 1) -> None:
        """Keep the cursor on a container and in sight; draw."""
        last = len(self._rows) - 1
        self._cursor = min(max(self._cursor, self._first), max(0, last))
        if self._rows and not self._rows[self._cursor].key:
            self._cursor = min(self._cursor + way, last)
        above = self._cursor if self._cursor > self._first else 0
        self._top = max(min(self._top, above), self._cursor - self._height + 1)
        self._top = max(0, min(self._top, last + 1 - self._height))
        self._draw()

    def _draw(self) -> None:
        seen = self._rows[self._top : self._top + self._height]
        lines = [self._heading()]
        for n, row in enumerate(seen, self._top):
            lines.append(self._line(row, lit=n == self._cursor and self.has_focus_within))
        for y in range(max(len(lines), len(self._lines))):
            if lines[y : y + 1] != self._lines[y : y + 1]:
                self.refresh(Region(0, y, self.size.width, 1))
        self._lines = lines

    def on_focus(self) -> None:
        """The cursor is to be seen."""
        self._draw()

    def on_blur(self) -> None:
        """The cursor is not to be seen."""
        self._draw()

    def _heading(self) -> Strip:
        def cell(column: Column, room: int) -> Segment:
            chosen = column.name == self._choice.sort
            arrow = "▲" if column.numeric == self._choice.backwards else "▼"
            text = f"{cut(column.heading, room - 1)}{arrow}" if chosen else column.heading
            return Segment(_aligned(text, room, column), SORTED if chosen else HEADING)

        return self._strip(cell, HEADING)

    def _line(self, row: Row, *, lit: bool) -> Strip:
        def cell(column: Column, room: int) -> Segment:
            if row.title:
                text = row.title if column.name == "name" else column.sum(row.containers)
                return Segment(_aligned(text, room, column), GROUP)
            return self._cell(column, row.containers[0], room)

        return self._strip(cell, CURSOR if lit else PLAIN)

    def _cell(self, column: Column, container: ContainerView, room: int) -> Segment:
        if column.name == "spark":
            points = [point.cpu for point in self._trails.of(container.key)]
            return Segment(spark(points, room, SPARK_LEAST), SPARK)
        text = column.text(container)
        return Segment(_aligned(text, room, column), _style(column, container, text))

    def _strip(self, cell: Callable[[Column, int], Segment], beneath: Style) -> Strip:
        segments: list[Segment] = []
        for each in self._fitted:
            if segments:
                segments.append(Segment(" " * GAP))
            segments.append(cell(each.column, each.width))
        line = Strip(segments).adjust_cell_length(self.size.width)
        return line.apply_style(self.rich_style + beneath)

    def _column_at(self, x: int) -> Column | None:
        end = 0
        for each in self._fitted:
            end += each.width + GAP
            if x < end:
                return each.column
        return None


def _style(column: Column, container: ContainerView, text: str) -> Style:
    if column.name == "state":
        return CONDITIONS.get(text, FAINT)
    value = column.value(container) if column.name in {"cpu_limit", "memory_limit"} else None
    if isinstance(value, int | float) and value >= NEAR_LIMIT:
        return ALARM
    return FAINT if text == "-" else PLAIN


def _aligned(text: str, room: int, column: Column) -> str:
    """In just so many columns; what is read from the right changes no order behind it."""
    text = cut(printable(text), room)
    if column.numeric:
        return text.rjust(room)
    mark = LEFT_TO_RIGHT if any(bidirectional(sign) in {"R", "AL", "AN"} for sign in text) else ""
    return set_cell_size(text, room) + mark
