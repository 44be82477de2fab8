"""Who is looked at, and for how long that counts."""

from manual_clock import ManualClock
from tidegauge.docker.interest import MOST_LOOKED_AT, Interest


async def test_a_look_counts_for_a_minute() -> None:
    """From the last one on; only a look at what nobody looked at is news."""
    clock = ManualClock()
    interest = Interest(clock)

    interest.look("web")
    assert interest.news.is_set()
    interest.news.clear()
    await clock.advance(59)
    interest.look("web")
    await clock.advance(59)
    assert (interest.holds("web"), interest.holds("db"), interest.news.is_set()) == (
        True,
        False,
        False,
    )
    await clock.advance(1)
    assert not interest.holds("web")


async def test_who_watches_all_looks_at_each() -> None:
    """A live list shows them all."""
    clock = ManualClock()
    interest = Interest(clock)

    assert not interest.holds("web")
    interest.look_at_all()
    assert (interest.holds("web"), interest.news.is_set()) == (True, True)
    await clock.advance(60)
    assert not interest.holds("web")


def test_looks_at_what_there_is_not_are_bounded() -> None:
    """Whoever asks decides the names."""
    interest = Interest(ManualClock())
    for number in range(MOST_LOOKED_AT + 1):
        interest.look(f"c{number}")

    assert not interest.holds("c0")
    assert interest.holds("c1")
    assert interest.holds(f"c{MOST_LOOKED_AT}")
