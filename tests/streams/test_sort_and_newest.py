"""Ways out by class, and items held back until somebody looks."""

from tidegauge.streams import Held, Sort, from_iterable, newest, sink, sort
from tidegauge.streams.drawing import as_text


def never(_item: object) -> bool:
    """Of items that need nothing before them."""
    return False


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


async def test_only_the_newest_of_a_key_goes_on_and_only_when_released() -> None:
    """In the order in which keys came; nothing is given twice."""
    held, out = Held[str](), list[str]()
    graph = (
        from_iterable(["a1", "b1", "a2"])
        >> newest(lambda item: item[0], str.isupper, held)
        >> sink(out.append)
    )
    await graph.run()

    assert out == []
    held.release()
    assert out == ["a2", "b1"]
    held.release()
    assert out == ["a2", "b1"]


async def test_a_release_can_be_made_in_steps() -> None:
    """It is known how many are held, so that others can have turns between."""
    held, out = Held[int](), list[int]()
    await (
        from_iterable(range(5)) >> newest(lambda item: item, never, held) >> sink(out.append)
    ).run()

    waiting: list[int] = []
    while held.waiting:
        waiting.append(held.waiting)
        held.release(2)
    assert (waiting, out) == ([5, 3, 1], [0, 1, 2, 3, 4])


async def test_what_one_run_held_goes_where_it_was_to_go() -> None:
    """Another run of another graph does not take it."""
    held, first, second = Held[int](), list[int](), list[int]()
    await (from_iterable([1]) >> newest(lambda item: item, never, held) >> sink(first.append)).run()
    await (
        from_iterable([2]) >> newest(lambda item: item, never, held) >> sink(second.append)
    ).run()
    held.release()

    assert (first, second) == ([1], [2])


async def test_a_first_item_goes_on_at_once_behind_what_was_held() -> None:
    """Others are counted from it, and order is kept."""
    held, out = Held[str](), list[str]()
    graph = (
        from_iterable(["A", "a", "b", "A", "b2"])
        >> newest(lambda item: item[0].lower(), str.isupper, held)
        >> sink(out.append)
    )
    await graph.run()

    assert out == ["A", "a", "A"]
    held.release()
    assert out == ["A", "a", "A", "b2"]
