"""A round that is repeated, and what is kept behind it."""

import asyncio
from concurrent.futures import Future

import pytest

from tidegauge.history.rows import Event, Extent, Known, Points, Query
from tidegauge.repeated import Behind, Repeated

WHO = ("container", "e", "web")
BEGIN, SECONDS = 7200, 600


class Remembered:
    """Implements `History` with points that a test gives; remembers what it was asked for."""

    def __init__(self, *points: Points, events: tuple[Event, ...] = (), last: float = 0) -> None:
        self.points, self.happened, self.asked = points, events, list[Query]()
        self.known = [Known(WHO, {"image": "a"}, BEGIN, last or BEGIN + SECONDS)]

    async def entities(self, start, stop):
        return self.known

    async def series(self, query):
        self.asked.append(query)
        found = []
        for each in self.points:
            inside = [n for n, at in enumerate(each.times) if query.start <= at < query.stop]
            lists = each.times, each.mean, each.least, each.greatest, each.p95
            kept = ([values[n] for n in inside] for values in lists)
            found.append(Points(each.metric, each.attributes, *kept))
        return found

    async def events(self, start, stop):
        return [each for each in self.happened if start <= each.at / 1000 < stop]

    async def extent(self):
        return Extent(100, BEGIN)


def points(times, values, metric="cpu"):
    """With the least one below, the greatest one above."""
    return Points(
        *(metric, (), [*times], [*values]),
        [None if each is None else each - 1 for each in values],
        [None if each is None else each + 1 for each in values],
        [*values],
    )


def asked(history, start, stop, step):
    return asyncio.run(history.series(Query(WHO, ("cpu",), start, stop, step)))


def told(series):
    (one,) = series
    return [*zip(one.times, one.mean, strict=True)]


def repeated(once, oldest=0.0, eventful=0.0):
    return Repeated(once, BEGIN, SECONDS, oldest=oldest, eventful=eventful)


def test_every_round_is_the_same():
    """Before the one that was made, and after it."""
    once = Remembered(points(range(BEGIN, BEGIN + SECONDS, 100), [1, 2, 3, 4, 5, 6]))
    history = repeated(once)
    assert told(asked(history, 1900, 2700, 100)) == [
        *((1900, 2), (2000, 3), (2100, 4), (2200, 5), (2300, 6)),
        *((2400, 1), (2500, 2), (2600, 3)),
    ]
    assert told(asked(history, 8000, 8100, 100)) == [(8000, 3)]
    assert once.asked[0] == Query(WHO, ("cpu",), BEGIN, BEGIN + SECONDS, 100)


def test_a_round_need_not_have_a_whole_number_of_buckets():
    """They are made of smaller ones, and begin at multiples of the step as all do."""
    once = Remembered(points(range(BEGIN, BEGIN + SECONDS, 200), [1, 2, 6]))
    (found,) = asked(repeated(once), 2000, 4000, 400)
    assert once.asked[0].step == 200
    assert found.times == [2000, 2400, 2800, 3200, 3600]
    assert found.mean == [4.0, 1.5, 3.5, 4.0, 1.5]
    assert found.least == [1, 0, 0, 1, 0]
    assert found.greatest == [7, 3, 7, 7, 3]
    assert found.p95 == [6, 2, 6, 6, 2]


def test_what_was_not_there_all_the_time_has_gaps():
    """Also where a round ends; what is unknown stays so."""
    once = Remembered(points([BEGIN, BEGIN + 10, BEGIN + 20], [1, None, 3]))
    assert told(asked(repeated(once), 2400, 3020, 10)) == [
        *((2400, 1), (2410, None), (2420, 3), (2430, None)),
        *((3000, 1), (3010, None)),
    ]
    unknown = Remembered(points(range(BEGIN, BEGIN + SECONDS, 200), [None, None, 6]))
    assert told(asked(repeated(unknown), 2400, 3200, 400)) == [(2400, None), (2800, 6)]


def test_it_has_a_begin():
    """Nothing is told of before."""
    once = Remembered(points(range(BEGIN, BEGIN + SECONDS, 100), range(6)))
    history = repeated(once, oldest=3050.0)
    assert told(asked(history, 0, 3200, 100)) == [(3000, 0), (3100, 1)]
    assert asked(history, 0, 2000, 100) == []
    assert asyncio.run(history.entities(0, 3000)) == []
    (known,) = asyncio.run(history.entities(0, 4000))
    assert (known.first, known.last) == (3050.0, BEGIN + SECONDS)
    assert asyncio.run(history.extent()) == Extent(100, 3050.0)


def test_what_happened_happens_in_each_round():
    """From a time on, in order."""
    first, second = (
        Event(WHO, 1000 * (BEGIN + at), kind) for at, kind in ((5, "start"), (9, "die"))
    )
    history = repeated(Remembered(events=(first, second)), eventful=2406.0)
    found = asyncio.run(history.events(0, 3010))
    assert [(each.at, each.kind) for each in found] == [
        *((2_409_000, "die"), (3_005_000, "start"), (3_009_000, "die")),
    ]


class Seam:
    """A past of a value until 1000, and a present of other values."""

    def __init__(self) -> None:
        past = points(range(0, 1100, 10), [1] * 110), points([10], [1], "gone")
        now = points(range(1000, 1100, 10), [None, *([2] * 9)]), points([1050], [2], "new")
        self.past = Remembered(*past, events=(Event(WHO, 5000, "a"), Event(WHO, 1_005_000, "b")))
        self.present = Remembered(*now, events=(Event(WHO, 1_006_000, "c"),), last=1100)
        self.made = Future()
        self.all = Behind(self.made, self.present, 1000.0)


def test_the_past_is_before_the_present():
    """Series that are in both go on, without what the present does not know at its begin."""
    seam = Seam()
    seam.made.set_result(seam.past)
    cpu, gone, new = asked(seam.all, 980, 1040, 10)
    assert told([cpu]) == [(980, 1), (990, 1), (1010, 2), (1020, 2), (1030, 2)]
    assert (gone.times, new.times) == ([], [])
    events = asyncio.run(seam.all.events(0, 2000))
    assert [each.kind for each in events] == ["a", "c"]
    (known,) = asyncio.run(seam.all.entities(0, 2000))
    assert (known.first, known.last) == (BEGIN, 1100)
    assert asyncio.run(seam.all.extent()) == Extent(200, BEGIN)


def test_a_bucket_of_both_is_of_the_past():
    """All of it, as it is the same engine."""
    seam = Seam()
    seam.made.set_result(seam.past)
    asked(seam.all, 900, 1090, 40)
    assert [(each.start, each.stop) for each in seam.past.asked] == [(900, 1000)]
    asked(seam.all, 900, 1090, 300)
    assert [(each.start, each.stop) for each in seam.past.asked[1:]] == [(900, 1090)]
    assert [each.start for each in seam.present.asked] == [1000]


@pytest.mark.parametrize("past_is_asked", [False, True])
def test_what_is_of_the_past_waits_until_it_is_made(past_is_asked):
    """The present does not."""

    async def ask() -> None:
        seam = Seam()
        query = Query(WHO, ("cpu",), 900 if past_is_asked else 1010, 1040, 10)
        asking = asyncio.create_task(seam.all.series(query))
        assert await seam.all.extent() == Extent(100, BEGIN)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert asking.done() != past_is_asked
        seam.made.set_result(seam.past)
        assert (await asking)[0].times[-1] == 1030

    asyncio.run(ask())
