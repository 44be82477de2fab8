"""Ways out by class."""

from tidegauge.streams import Sort, from_iterable, sink, sort
from tidegauge.streams.drawing import as_text


class Tide:
    """Something that comes."""


class Spring(Tide):
    """A kind of it."""


async def test_items_go_where_their_class_goes() -> None:
    """Subclasses too; what has no way ends, and each goes one way only."""
    words: list[object] = []
    tides: list[object] = []
    spring = Spring()
    graph = from_iterable([1, "a", spring, 2.0, "b"]) >> sort(
        Sort(str, sink(words.append, "words")), Sort(Tide, sink(tides.append, "tides"))
    )
    await graph.run()

    assert (words, tides) == (["a", "b"], [spring])
    assert as_text(graph) == ("items ─┐\n       ├─▶ str ─▶ words\n       └─▶ Tide ─▶ tides\n")
