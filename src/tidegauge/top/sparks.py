"""Numbers as a line of bars."""

from collections.abc import Sequence
from itertools import pairwise

BARS = "▁▂▃▄▅▆▇"
"""Not the full block: rows stay apart."""


def spark(points: Sequence[float | None], width: int, least: float = 0.0) -> str:
    """The newest points, one a column, against the greatest or ``least``; gaps are blank."""
    newest = points[-width:] if width > 0 else ()
    top = max((point for point in newest if point is not None), default=0.0)
    top = max(top, least)
    return "".join(_bar(point, top) for point in newest).rjust(width)


def squeezed(points: Sequence[float | None], width: int) -> list[float | None]:
    """At most so many points: each the greatest of its share, so that no peak is lost."""
    if len(points) <= width:
        return [*points]
    edges = [len(points) * n // width for n in range(width + 1)]
    return [
        max((point for point in points[start:end] if point is not None), default=None)
        for start, end in pairwise(edges)
    ]


def _bar(point: float | None, top: float) -> str:
    if point is None:
        return " "
    return BARS[min(len(BARS) - 1, int(point / top * len(BARS)))] if top > 0 else BARS[0]
