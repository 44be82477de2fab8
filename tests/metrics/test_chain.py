"""The whole chain: recorded frames, intervals, readings, registry, snapshots."""

import json
import math
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manual_clock import ManualClock
from recorded import a_container, decode, frames, streams
from tidegauge import readings
from tidegauge.docker.frames import Container, Sample, StatsFrame
from tidegauge.docker.intervals import Intervals
from tidegauge.metrics import Kind, Registry, Series, Snapshot

LIFECYCLES = [path for path in streams() if path.stem == "lifecycle-stream"]
DOCKER = "docker-20.10.24-cgroup1/lifecycle-stream"


def collected(samples: Iterable[tuple[Container, StatsFrame]]) -> list[Snapshot]:
    """One snapshot after each frame."""
    registry, intervals = Registry({}, ManualClock()), Intervals(lambda _: None)
    snapshots: list[Snapshot] = []
    for number, (container, frame) in enumerate(samples):
        interval = intervals(Sample(container, frame))
        if interval is not None:
            for read, record in (
                (readings.cpu, registry.cpu),
                (readings.memory, registry.memory),
                (readings.network, registry.network),
                (readings.disk, registry.disk),
                (readings.pids, registry.pids),
            ):
                reading = read(interval)
                if reading is not None:
                    record(reading)
        snapshots.append(registry.collect(float(number)))
    return snapshots


def of_one(container: Container, some: Iterable[StatsFrame]) -> list[Snapshot]:
    """The snapshots of one container's stream."""
    return collected((container, frame) for frame in some)


def series_of(snapshots: Iterable[Snapshot], name: str, *attributes: str) -> list[Series]:
    """One series over all snapshots that have it."""
    return [
        series
        for snapshot in snapshots
        for series in snapshot.series
        if series.metric.name == name
        and tuple(value for _, value in series.attributes) == attributes
    ]


def assert_possible(snapshots: Iterable[Snapshot], highest: float = 2.0**63) -> None:
    """No number is negative, wrapped, not a number; no total ever falls."""
    totals: dict[tuple[object, ...], list[int | float]] = {}
    for snapshot in snapshots:
        for series in snapshot.series:
            assert series.samples
            for number in (series.last, *series.samples):
                assert math.isfinite(number)
                assert 0 <= number < highest
            if series.metric.kind is Kind.COUNTER:
                key = (series.entity.alias, series.metric, series.attributes)
                totals.setdefault(key, []).append(series.last)
    for course in totals.values():
        assert all(earlier <= later for earlier, later in pairwise(course))


@pytest.mark.parametrize("path", streams(), ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_no_recording_gives_an_impossible_number(path: Path) -> None:
    """Every stream of every engine makes possible numbers, and none while not running."""
    some = [decode(line) for line in path.read_text(encoding="utf-8").splitlines()]

    snapshots = of_one(a_container(path.parent.name), some)

    assert_possible(snapshots)
    for frame, snapshot in zip(some, snapshots, strict=True):
        if not frame.running:
            assert snapshot.series == ()
    for series in series_of(snapshots, "container.cpu.usage"):
        assert max(series.samples) <= 2.02  # the hosts had two CPUs


@pytest.mark.parametrize("path", LIFECYCLES, ids=lambda path: path.parent.name)
def test_levels_of_a_lifecycle_are_never_zero(path: Path) -> None:
    """The empty frames of a stopped container reach no level: no 0 bytes, no 0 tasks."""
    some = [decode(line) for line in path.read_text(encoding="utf-8").splitlines()]

    snapshots = of_one(a_container(path.parent.name), some)

    for name in ("memory.usage", "memory.working_set", "memory.limit.effective", "pids.count"):
        course = series_of(snapshots, f"container.{name}")
        assert course
        assert all(number > 0 for series in course for number in series.samples)


@pytest.mark.parametrize("path", LIFECYCLES, ids=lambda path: path.parent.name)
def test_totals_of_a_lifecycle_add_up(path: Path) -> None:
    """A total is the first value seen, plus all growth, plus each new life's first value."""
    raw = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    cpu = [
        None if line["read"].startswith("0001") else line["cpu_stats"]["cpu_usage"]["total_usage"]
        for line in raw
    ]
    used = 0
    for before, now in pairwise(cpu):
        if now is not None:
            used += now if before is None or now < before else now - before

    snapshots = of_one(a_container(path.parent.name), [decode(json.dumps(line)) for line in raw])

    course = series_of(snapshots, "container.cpu.time")
    assert sum(sum(series.samples) for series in course) == used
    assert course[-1].last == cpu[0] + used


def test_a_lifecycle_in_numbers() -> None:
    """Docker's recorded lifecycle, worked by hand from its raw counters.

    CPU time: 83190736 - 42590510 in the first life, then lives that end at 60622938, 62166836
    and 78126178. Received: 586 - 266, then 516, 516 and 586 bytes.
    """
    snapshots = of_one(a_container(), frames(DOCKER))

    cpu = series_of(snapshots, "container.cpu.time")
    assert cpu[-1].last == 42590510 + 40600226 + 60622938 + 62166836 + 78126178
    received = series_of(snapshots, "container.network.io.sum", "receive")
    assert [sum(series.samples) for series in received].count(0) > 10
    assert sum(sum(series.samples) for series in received) == 320 + 516 + 516 + 586
    assert received[-1].last == 266 + 320 + 516 + 516 + 586
    # --cpus 0.5 was set in the last life: 26 periods passed in it
    periods = series_of(snapshots, "container.cpu.throttling.periods")
    assert sum(sum(series.samples) for series in periods) == 26


def test_a_paused_container_uses_nothing_and_stays() -> None:
    """Frozen counters are a true 0, and memory is still told each second."""
    paused = of_one(a_container(), frames(DOCKER)[4:8])[1:]

    assert [series.samples for series in series_of(paused, "container.cpu.usage")] == [(0.0,)] * 3
    assert [series.last for series in series_of(paused, "container.memory.usage")] == [458752] * 3


def test_a_renamed_container_is_not_counted_twice() -> None:
    """Under its new name it starts with what it does from then on, not with its whole life."""
    some = frames(DOCKER)
    old, new = a_container(), a_container(name="life2", alias="life2")

    snapshots = collected(
        (new if number >= 33 else old, frame) for number, frame in enumerate(some)
    )

    assert_possible(snapshots)
    renamed = [
        series
        for series in series_of(snapshots, "container.cpu.time")
        if series.entity.alias == "life2"
    ]
    assert renamed[-1].last == 78126178
    assert sum(sum(series.samples) for series in renamed) == 78126178 - 55873417
    rates = [
        series
        for series in series_of(snapshots, "container.cpu.usage")
        if series.entity.alias == "life2"
    ]
    assert len(rates) == 5  # no second without a rate


def test_a_host_without_controllers_tells_its_network_only() -> None:
    """What nobody counts is absent, never 0."""
    recording = "docker-26.1.5-cgroup2-nocontrollers/stats-stream-burn"

    snapshots = of_one(a_container(), frames(recording))

    names = {series.metric.name for snapshot in snapshots for series in snapshot.series}
    assert names
    assert all(name.startswith("container.network.") for name in names)


def test_podman_on_the_hosts_network_has_no_traffic_of_its_own() -> None:
    """Podman 4 sends zeros there; they are not told as traffic."""
    recording = "podman-4.3.1-cgroup1/stats-stream-hostnet"

    snapshots = of_one(a_container("podman"), frames(recording))

    names = {series.metric.name for snapshot in snapshots for series in snapshot.series}
    assert "container.memory.usage" in names
    assert not any(name.startswith("container.network.") for name in names)


def test_an_error_of_the_engine_does_not_double_the_totals() -> None:
    """Empty frames amid a busy life are an error of the engine, not its restart."""
    some = frames("docker-26.1.5-cgroup2/stats-stream-burn")
    holed = [*some[:3], frames(DOCKER)[16], *some[3:]]

    whole, broken = of_one(a_container(), some), of_one(a_container(), holed)

    for name in ("container.cpu.time", "container.cpu.throttling.time"):
        assert series_of(broken, name)[-1].last == series_of(whole, name)[-1].last


def test_two_containers_side_by_side_are_as_each_alone() -> None:
    """Mixed streams give the same numbers as separate ones."""
    one, two = a_container(), a_container(id="c1", alias="db")
    first, second = frames(DOCKER), frames("docker-26.1.5-cgroup1/stats-stream-two")
    mixed = [
        pair
        for number in range(len(first))
        for pair in ((one, first[number]), *((two, frame) for frame in second[number : number + 1]))
    ]

    together = collected(mixed)

    for container, some in ((one, first), (two, second)):
        alone = of_one(container, some)
        assert [
            series
            for snapshot in together
            for series in snapshot.series
            if series.entity is container
        ] == [series for snapshot in alone for series in snapshot.series]


@settings(max_examples=150)
@given(st.lists(st.integers(min_value=0, max_value=37), max_size=60))
def test_frames_in_any_order_give_no_impossible_number(order: list[int]) -> None:
    """Lost, repeated and shuffled frames may cost samples, never truth."""
    some = frames(DOCKER)

    snapshots = of_one(a_container(), [some[number] for number in order])

    assert_possible(snapshots, highest=2.0**50)
