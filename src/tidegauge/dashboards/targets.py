"""Graphite's targets, for both trees that it may hold."""

from typing import Protocol

from msgspec import Struct

from tidegauge.dashboards.panel import HIGHEST, Event, Line, Page, Panel, Query, Variable


class Values(Struct, frozen=True):
    """An expression in the line's unit, and the levels of its path that name each series."""

    text: str
    nodes: tuple[int, ...] = ()


class Tree(Protocol):
    """Where in Graphite what is found."""

    name: str
    title: str

    def values(self, line: Line, page: Page) -> Values | None:
        """What a line shows; ``None`` where Graphite is not given that."""
        ...

    def variables(self, page: Page) -> tuple[Variable, ...]:
        """As the source has them."""
        ...

    def events(self) -> tuple[Event, ...]:
        """As the source has them."""
        ...


class Targets:
    """A source that speaks Graphite."""

    plugin = "graphite"
    tables = False

    def __init__(self, tree: Tree) -> None:
        self.name, self.title = tree.name, tree.title
        self.variables, self.events = tree.variables, tree.events
        self._tree = tree

    def query(self, line: Line, panel: Panel, page: Page) -> Query | None:
        """What to ask for; ``None`` where Graphite is not given that."""
        found = self._tree.values(line, page)
        if found is None:
            return None
        if line.total:
            return Query(f'alias(sumSeries({found.text}), "{line.legend or panel.title}")')
        text = f"highestCurrent({found.text}, {HIGHEST})" if panel.kind == "top" else found.text
        if not found.nodes:
            return Query(text)
        text = f"aliasByNode({text}, {', '.join(map(str, found.nodes))})"
        if line.legend:
            text = f'aliasSub({text}, "^(.*)", "\\1 {line.legend}")'
        return Query(text)


def per_second(path: str) -> str:
    """Of a sum over the step of the series."""
    return f"scaleToSeconds({path}, 1)"


def added_up(text: str) -> str:
    """Where points are made fewer: not their mean, as usual."""
    return f'consolidateBy({text}, "sum")'


def grown(path: str) -> str:
    """What a total grew by; before its first point it was 0."""
    return f"nonNegativeDerivative(transformNull(keepLastValue({path}), 0))"
