"""What every history answers: one script of samples, and questions whose answers are known.

The script is a quarter of an hour of two containers, with a sample a second. ``web`` has two
interfaces, a pause, and counters that begin anew; the other one has an awkward name and is removed
early. Whoever implements `History` is filled with it, and inherits the tests of `Conformance`.
"""

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping
from itertools import accumulate, pairwise
from typing import NamedTuple

import pytest

from tidegauge.docker.frames import Container, Engine
from tidegauge.history.rows import Event, History, Points, Query
from tidegauge.metrics import Attributes, Identity, Metric, Number, Series, Snapshot, catalogue
from tidegauge.metrics.catalogue import MAJOR, MINOR, RECEIVE, TRANSMIT

SECONDS = 900
PAUSE = range(300, 400)
ANEW = 600
REMOVED = 250
KILLED = 640

ENGINE = Engine("local", "docker", "26.1.5")
ALIAS = 'a "b"\\ c, {d=e} é海'
INTERFACES = "eth0", 'we"ird\\if\n1'

WEB: Identity = ("container", "local", "web")
AWKWARD: Identity = ("container", "local", ALIAS)

CPU, MEMORY, LIMIT = catalogue.CPU_TIME, catalogue.MEMORY_USAGE, catalogue.CPU_LIMIT
IO, IO_SUM, FAULTS = catalogue.NETWORK_IO, catalogue.NETWORK_IO_SUM, catalogue.MEMORY_FAULTS
MOVES: Mapping[Attributes, int] = {
    (way, ("network.interface.name", name)): (n + 1) * (3 if way == RECEIVE else 5)
    for n, name in enumerate(INTERFACES)
    for way in (RECEIVE, TRANSMIT)
}
"""What the bytes of each interface are made of."""

GROWN = tuple(accumulate((second * second % 11 for second in range(SECONDS)), initial=0))

Key = tuple[str, Attributes]
Levels = dict[tuple[Metric, Attributes], Number]


def web(start: int) -> Container:
    """The container whose story the script tells."""
    return Container(
        *(ENGINE, "f00d" * 16, "web", "web", "nginx:1", (("project", "shop"), ("name", "n"))),
        image_id="sha256:1",
    )


def awkward() -> Container:
    """The one that is removed."""
    return Container(ENGINE, "beef" * 16, "awkward", ALIAS, "redis", image_id="sha256:2")


def moment(start: int, second: int) -> int:
    """Milliseconds of a sample: never at the same time of a second, some at its begin."""
    return 1000 * (start + second) + second * 7 % 50


def grown(second: int, by: int) -> int:
    """A counter, of uneven growth; it falls to 0 where it begins anew."""
    return by * (GROWN[second] - (GROWN[ANEW] if second >= ANEW else 0))


def _web(start: int, second: int) -> Levels:
    cpu = grown(second, 10_000_000)
    levels: Levels = {
        (CPU, ()): cpu,
        (CPU, (catalogue.USER,)): cpu // 2,
        (MEMORY, ()): 2**30 + 1_000_000 * (second * second % 17),
        (LIMIT, ()): 1.5,
        (FAULTS, (MINOR,)): grown(second, 40),
        (FAULTS, (MAJOR,)): 0,
        (catalogue.STARTED, ()): start - 5 if second < KILLED else start + KILLED + 0.5,
    }
    io = {attributes: grown(second, 1000 * by) for attributes, by in MOVES.items()}
    levels |= {(IO, attributes): total for attributes, total in io.items()}
    for way in (RECEIVE, TRANSMIT):
        levels[IO_SUM, (way,)] = sum(total for attributes, total in io.items() if way in attributes)
    if second > KILLED:
        levels[catalogue.EXITS, ((catalogue.EXIT_CODE, "137"),)] = 1
    return levels


def _of(start: int, second: int) -> Iterator[tuple[Container, Levels]]:
    if second not in PAUSE:
        yield web(start), _web(start, second)
    if second < REMOVED:
        total = grown(second, 3_000_000)
        yield awkward(), {(CPU, ()): total, (MEMORY, ()): 4096 * (second % 9)}


def _info(container: Container) -> Attributes:
    return (
        ("container.id", container.id),
        ("container.name", container.name),
        ("container.image.name", container.image),
        ("container.image.id", container.image_id),
        ("container.runtime.name", container.engine.kind),
        ("container.runtime.version", container.engine.version),
    )


def script(start: int) -> Iterator[Snapshot]:
    """A snapshot for each second; their series have the sample as their newest value."""
    for second in range(SECONDS):
        series = [
            Series(container, metric, attributes, value, (value,))
            for container, levels in _of(start, second)
            for (metric, attributes), value in {
                **levels,
                (catalogue.INFO, _info(container)): 1,
            }.items()
        ]
        yield Snapshot(moment(start, second) / 1000, tuple(series), {}, second == SECONDS - 1)


def happened(start: int) -> list[Event]:
    """What the metrics of the script tell of its events."""
    at = 1000 * (start + KILLED)
    return [Event(WEB, at, "die", {"exit_code": 137}), Event(WEB, at + 500, "start")]


class Bucket(NamedTuple):
    """What is to be answered."""

    mean: float
    least: float
    greatest: float
    p95: float


def truth(
    start: int, who: Identity, step: int, *, from_zero: bool = False
) -> dict[Key, dict[float, Bucket]]:
    """Every known bucket of every series, by the time it begins; a step of 0 is of samples.

    A counter that begins anew does so from 0, or nobody knows.
    """
    samples: dict[tuple[Metric, Attributes], dict[int, float]] = defaultdict(dict)
    for second in range(SECONDS):
        for container, levels in _of(start, second):
            if container.alias == who[2]:
                for key, value in levels.items():
                    samples[key][moment(start, second)] = value * key[0].scale
    return {
        (metric.name, attributes): _buckets(metric, values, step, from_zero)
        for (metric, attributes), values in samples.items()
    }


def _buckets(
    metric: Metric, samples: Mapping[int, float], step: int, from_zero: bool
) -> dict[float, Bucket]:
    inside: dict[int, list[tuple[float, float]]] = defaultdict(list)
    if metric.kind is catalogue.Kind.COUNTER:
        for before, at in pairwise(samples):
            fell = from_zero and samples[at] < samples[before]
            added = samples[at] - (0 if fell else samples[before])
            took = (at - before) / 1000
            if added >= 0 and took <= 30:
                inside[at - at % step if step else at].append((added / took, took))
    else:
        for at, value in samples.items():
            inside[at - at % step if step else at].append((value, 1))
    return {at / 1000: _bucket(known) for at, known in inside.items()}


def _bucket(known: list[tuple[float, float]]) -> Bucket:
    values = sorted(value for value, _ in known)
    mean = sum(value * took for value, took in known) / sum(took for _, took in known)
    return Bucket(mean, values[0], values[-1], values[math.ceil(0.95 * len(values)) - 1])


class Tolerance(NamedTuple):
    """By what part an answer may be off: levels, means of counters, and their extremes.

    Who is of a ``server`` has percentiles somewhere between least and greatest, and counters that
    begin anew from 0.
    """

    levels: float
    rates: float
    extremes: float
    server: bool = False


class Conformance:
    """Fixtures of who inherits it: the script's ``start``, the ``history``, its ``tolerance``."""

    async def answer(
        self, history: History, who: Identity, begin: float, end: float, step: int, *names: str
    ) -> dict[Key, Points]:
        """By metric and attributes."""
        found = await history.series(Query(who, names, begin, end, step))
        by_key = {(each.metric, each.attributes): each for each in found}
        assert len(by_key) == len(found)
        for each in found:
            lists = each.times, each.mean, each.least, each.greatest, each.p95
            assert {len(one) for one in lists} == {len(each.times)}
            assert each.times == sorted({*each.times})
        return by_key

    def agrees(
        self, found: Points, wanted: Mapping[float, Bucket], tolerance: Tolerance, step: int
    ) -> None:
        """The same buckets are known, and of the same values."""
        counter = found.metric in {each.name for each in (CPU, IO, IO_SUM, FAULTS)}
        every = zip(found.times, found.mean, found.least, found.greatest, found.p95, strict=True)
        known = {round(at, 3): Bucket(*each) for at, *each in every if each[0] is not None}
        assert [*known] == [*wanted]
        off = tolerance.rates if counter else tolerance.levels
        edge = tolerance.extremes if counter else tolerance.levels
        for at, bucket in known.items():
            told = f"{found.metric} {found.attributes} at {at} by {step}"
            assert bucket.mean == pytest.approx(wanted[at].mean, rel=off, abs=1e-6), told
            assert bucket.least == pytest.approx(wanted[at].least, rel=edge, abs=1e-6), told
            assert bucket.greatest == pytest.approx(wanted[at].greatest, rel=edge, abs=1e-6), told
            if tolerance.server or step == 300:  # which is joined from minutes
                assert bucket.least <= bucket.p95 <= bucket.greatest, told
            else:
                assert bucket.p95 == pytest.approx(wanted[at].p95, rel=edge, abs=1e-6), told

    @pytest.mark.parametrize("step", [0, 1, 10, 60, 300, 600])
    @pytest.mark.parametrize("who", [WEB, AWKWARD], ids=["web", "awkward"])
    async def test_all_series(self, history, start, tolerance, step, who):
        """Every bucket of every series, and no other."""
        there = tolerance.server and step >= 10
        wanted = truth(start, who, 1000 * step, from_zero=there)
        asked = CPU, MEMORY, LIMIT, IO, IO_SUM, FAULTS
        names = [each.name for each in asked]
        found = await self.answer(history, who, start, start + SECONDS, step, *names)
        assert found.keys() == {key for key in wanted if key[0] in names}
        for key, points in found.items():
            self.agrees(points, wanted[key], tolerance, step)

    @pytest.mark.parametrize("step", [0, 1, 10])
    async def test_a_gap_is_a_gap(self, history, start, step):
        """Where nothing was measured there is one unknown bucket, and nothing else."""
        found = await self.answer(history, WEB, start, start + SECONDS, step, MEMORY.name)
        points = found[MEMORY.name, ()]
        every = [*zip(points.times, points.mean, strict=True)]
        known = [at for at, value in every if value is not None]
        before = max(at for at in known if at < start + PAUSE.start)
        after = min(at for at in known if at > before)
        assert after - before >= len(PAUSE)
        (hole,) = (at for at, _ in every if before < at < after)
        assert hole == pytest.approx(before + (step or 1), abs=1e-6)

    @pytest.mark.parametrize("step", [0, 10])
    async def test_a_part_of_the_range(self, history, start, tolerance, step):
        """Buckets of which some part is in it; the first rate is known by the sample before."""
        begin, end = start + 105, start + 150
        wanted = {
            at: bucket
            for at, bucket in truth(start, WEB, 1000 * step)[CPU.name, ()].items()
            if begin - begin % (step or 1) <= at < end
        }
        found = await self.answer(history, WEB, begin, end, step, CPU.name)
        self.agrees(found[CPU.name, ()], wanted, tolerance, step)

    @pytest.mark.parametrize(
        ("who", "begin", "metric"),
        [
            (AWKWARD, REMOVED + 10, MEMORY.name),
            (("container", "local", "we"), 0, MEMORY.name),
            (("container", "other", "web"), 0, MEMORY.name),
            (WEB, 0, catalogue.DISK_IO.name),
            (WEB, 0, "no.metric"),
            (WEB, SECONDS + 10, MEMORY.name),
            (WEB, PAUSE.start + 10, MEMORY.name),
        ],
    )
    async def test_there_is_nothing(self, history, start, who, begin, metric):
        """Of the removed one, of others, of other metrics, and after the end."""
        for step in (0, 10):
            begins = start + begin
            found = await self.answer(history, who, begins, begins + 20, step, metric)
            assert [at for each in found.values() for at in each.times if at >= begins] == []

    async def test_entities(self, history, start):
        """Who was there, what is known of them, and when to a minute."""
        found = {each.identity: each for each in await history.entities(start, start + SECONDS)}
        assert dict(found[WEB].facts) == {
            "id": "f00d" * 16,
            "name": "web",
            "image": "nginx:1",
            "image_id": "sha256:1",
            "tag:project": "shop",
            "tag:name": "n",
        }
        assert found[AWKWARD].facts["id"] == "beef" * 16
        ends = {WEB: (0, SECONDS), AWKWARD: (0, REMOVED)}
        for who, (first, last) in ends.items():
            assert abs(found[who].first - start - first) <= 60
            assert abs(found[who].last - start - last) <= 62
        later = await history.entities(start + REMOVED + 120, start + SECONDS)
        assert AWKWARD not in {each.identity for each in later}
        assert WEB in {each.identity for each in later}

    async def test_events(self, history, start):
        """The same in the same order, to a minute."""
        found = await history.events(start, start + SECONDS)
        wanted = happened(start)
        assert [(each.identity, each.kind, each.facts) for each in found] == [
            (each.identity, each.kind, each.facts) for each in wanted
        ]
        for told, true in zip(found, wanted, strict=True):
            assert -60_000 <= told.at - true.at <= 0
        assert await history.events(start, start + 60) == []
