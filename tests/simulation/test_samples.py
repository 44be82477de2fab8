"""Samples of the simulated engine: Docker's shape, and numbers that nothing can doubt."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from recorded import decode, lines
from simulation.today import NOON, an_engine, named
from snapshots import a_journal
from tidegauge.docker.frames import Container, Engine, Sample, StatsFrame
from tidegauge.docker.intervals import Interval, Intervals
from tidegauge.doubts import Doubts
from tidegauge.readings import cpu, disk, memory, network, pids
from tidegauge.simulation.engine import Instance, SimulatedEngine
from tidegauge.simulation.samples import Samples

RECORDED = "docker-26.1.5-cgroup2"


def shape(value: object) -> object:
    """Names in their order and kinds of values, as deep as they go."""
    match value:
        case dict():
            return [(name, shape(inner)) for name, inner in value.items()]
        case list():
            return [shape(each) for each in value[:1]]
        case bool() | None:
            return value
        case _:
            return type(value).__name__


def taken(name: str, *times: float, engine: SimulatedEngine | None = None) -> list[bytes]:
    """Samples of one stream at so many seconds past noon."""
    simulated = engine or an_engine()
    instance = named(simulated, name)
    samples = Samples(simulated, instance)
    return [
        samples.take(now, NOON + time)
        for time in times
        if (now := instance.condition(NOON + time)) is not None
    ]


def test_a_sample_has_the_shape_of_a_real_one() -> None:
    """Every name Docker 26 sends on cgroup v2, in its order, with a value of its kind."""
    ours, theirs = (
        [json.loads(line) for line in stream]
        for stream in (taken("shop-postgres-1", 1, 2), lines(f"{RECORDED}/stats-stream-io")[:2])
    )

    assert [shape(each) for each in ours] == [shape(each) for each in theirs]


def test_a_sample_without_disk_has_the_shape_of_a_real_one() -> None:
    """On cgroup v2 nothing is listed where nothing was read or written."""
    (ours,) = taken("shop-mail-1", 1)

    assert shape(json.loads(ours)) == shape(json.loads(lines(f"{RECORDED}/stats-stream-burn")[0]))


def test_what_does_not_run_sends_the_empty_samples_of_a_real_one() -> None:
    """Between its end and its next start."""
    ours = json.loads(taken("shop-worker-1", 100.3)[0])
    theirs = json.loads(lines(f"{RECORDED}/exit-stream")[-1])

    own = {"name", "id"}
    assert [*ours] == [*theirs]
    assert {k: v for k, v in ours.items() if k not in own} == {
        k: v for k, v in theirs.items() if k not in own
    }


def test_each_sample_repeats_the_cpu_of_the_one_before() -> None:
    """And the time of it; the first of a stream has nothing to repeat."""
    first, second = map(json.loads, taken("shop-redis-1", 10, 11))

    assert first["preread"] == "0001-01-01T00:00:00Z"
    assert second["preread"] == first["read"]
    assert second["precpu_stats"] == first["cpu_stats"]


def test_numbers_do_not_depend_on_who_asks_and_how_often() -> None:
    """The same seed gives the same bytes, asked once or a hundred times."""
    often = taken("shop-api-2", *(each / 4 for each in range(400)))
    (once,) = taken("shop-api-2", 99.75)

    assert decode(often[-1]) == decode(once)


def test_another_seed_is_another_engine() -> None:
    """Other ids and other numbers under the same names."""
    one, other = (
        decode(taken("shop-api-1", 60, engine=an_engine(seed=seed))[0]) for seed in (1, 2)
    )

    assert one.cpu_stats != other.cpu_stats
    first, second = (named(an_engine(seed=seed), "shop-api-1") for seed in (1, 2))
    assert first.base is not None
    assert first.identity(first.base) != second.identity(first.base)


@pytest.mark.parametrize("name", ["shop-api-1", "shop-postgres-1", "blog-wordpress-1"])
def test_rates_are_those_of_the_model(name: str) -> None:
    """Cores from one sample to the next are what the service was doing then."""
    engine = an_engine()
    instance = named(engine, name)
    frames = map(decode, taken(name, *map(float, range(600)), engine=engine))

    for second, interval in enumerate(intervals(instance, frames)):
        reading = cpu(interval)
        assert reading is not None
        if reading.cores is not None:
            here, there = (engine.cores(instance, NOON + second - back) for back in (1, 0))
            assert reading.cores == pytest.approx((here + there) / 2, abs=2e-5)


def intervals(
    instance: Instance, frames: Iterator[StatsFrame], dropped: list[str] | None = None
) -> Iterator[Interval]:
    """What the program makes of the samples of one name, as its start is known."""
    known = Intervals(([] if dropped is None else dropped).append)
    for frame in frames:
        running = frame.running
        condition = instance.condition(frame.read.timestamp() + 1e-6) if running else None
        started = datetime.fromtimestamp(condition.started or 0, UTC) if condition else None
        identity = instance.identity(condition) if condition else "stopped"
        container = Container(
            Engine("e"), identity, instance.name, instance.name, started_at=started
        )
        if interval := known(Sample(container, frame)):
            yield interval


def test_an_hour_of_every_container_holds_what_the_program_relies_on() -> None:
    """No counter of a life ever falls, nothing exceeds its limit, nobody doubts a number."""
    engine, dropped = an_engine(), list[str]()
    journal, sentences = a_journal()
    doubts, seen = Doubts(journal), 0

    for instance in engine.instances:
        times = (second + instance.phase for second in range(3600))
        frames = map(decode, taken(instance.name, *times, engine=engine))
        life, before = None, ()
        for interval in intervals(instance, frames, dropped):
            doubts(interval)
            seen += 1
            now = counters(interval)
            if interval.life is life:
                assert all(earlier <= later for earlier, later in zip(before, now, strict=True))
            life, before = interval.life, now
            assert min(now) >= 0
            held = memory(interval)
            assert held is not None
            assert held.limit is not None
            assert 0 < held.working_set <= held.usage <= held.limit

    assert seen > 16 * 3600
    assert dropped == []
    assert sentences == []


def counters(interval: Interval) -> tuple[int, ...]:
    """All counters of a sample, in the same order for the same container."""
    processor, held, tasks = cpu(interval), memory(interval), pids(interval)
    assert processor is not None
    assert held is not None
    assert tasks is not None
    assert processor.throttling is not None
    throttling, traffic, blocks = processor.throttling, network(interval), disk(interval)
    counted = [
        *(processor.total, processor.user, processor.kernel, processor.system),
        *(throttling.periods, throttling.throttled_periods, throttling.throttled_time),
        *(held.minor_faults, held.major_faults),
        *(
            count
            for each in (traffic.interfaces if traffic else ())
            for count in (each.stats.rx_bytes, each.stats.rx_packets, each.stats.tx_bytes)
        ),
    ]
    written = [each.read_bytes for each in blocks.devices] if blocks else [0]
    assert None not in counted
    assert (throttling.throttled_periods or 0) <= (throttling.periods or 0)
    return tuple(number or 0 for number in (*counted, *written))


def test_the_api_is_throttled_when_the_shop_is_busy_and_never_above_its_limit() -> None:
    """Half a core is not enough by day, and more than enough by night."""
    engine = an_engine()
    api = named(engine, "shop-api-1")
    day = [engine.cores(api, NOON + second) for second in range(900)]

    assert max(day) == 0.5
    assert min(day) < 0.1
    night, noon = (
        [decode(each) for each in taken(api.name, at, at + 60.0)] for at in (650.0, 250.0)
    )
    assert throttled(*night) == 0
    assert throttled(*noon) > 100


def throttled(before: StatsFrame, now: StatsFrame) -> int:
    """Periods that were throttled between two samples."""
    counts = [
        each.cpu_stats.throttling_data.throttled_periods or 0
        for each in (before, now)
        if each.cpu_stats and each.cpu_stats.throttling_data
    ]
    return counts[1] - counts[0]


def test_the_worker_leaks_until_its_limit() -> None:
    """Just before it is killed it holds all it may, and afterwards little."""
    frames = [decode(each) for each in taken("shop-worker-1", 99.9, 110.0)]
    full, fresh = [each.memory_stats for each in frames]

    assert full is not None
    assert fresh is not None
    assert full.limit == 256 << 20
    assert (full.usage or 0) > 0.93 * full.limit
    assert (fresh.usage or 0) < 0.4 * full.limit


def test_a_paused_container_counts_nothing() -> None:
    """Its samples go on, with the numbers it had."""
    frames = [decode(each) for each in taken("hopeful_wozniak", 60.0, 75.5, 120.0, 130.0)]
    usages = [each.cpu_stats and each.cpu_stats.cpu_usage for each in frames]

    assert usages[0] == usages[1] == usages[2] != usages[3]
    assert frames[0].networks == frames[2].networks
