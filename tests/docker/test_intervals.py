"""Which samples make an interval."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorded import a_container, frames, intervals_of
from tidegauge.docker.frames import (
    Container,
    CpuStats,
    CpuUsage,
    Engine,
    Sample,
    StatsFrame,
)
from tidegauge.docker.intervals import SHORTEST, Interval, Intervals, Life
from tidegauge.docker.lives import RENAMED, Condition

START = datetime(2026, 11, 22, 14, 0, tzinfo=UTC)
EMPTY = StatsFrame(datetime(1, 1, 1, tzinfo=UTC))


def at(seconds: float, cpu: int | None = None, online: int | None = 2) -> StatsFrame:
    """A frame so many seconds after the start, with so much CPU time in ms."""
    stats = None if cpu is None else CpuStats(CpuUsage(cpu * 10**6), online_cpus=online)
    return StatsFrame(START + timedelta(seconds=seconds), stats)


def shown(intervals: Sequence[Interval | None]) -> list[str]:
    """Intervals as text: seconds of both ends, and which life in order of appearance."""
    lives: dict[int, str] = {}
    words: list[str] = []
    for interval in intervals:
        if interval is None:
            words.append("-")
            continue
        life = lives.setdefault(id(interval.life), "abcdefgh"[len(lives)])
        born = "!" if interval.life.from_birth else ""
        ends = [
            "" if end is None else f"{(end.read - START).total_seconds():g}"
            for end in (interval.before, interval.now)
        ]
        words.append(f"{life}{born} {ends[0]}..{ends[1]}")
    return words


def test_neighbouring_samples_make_intervals() -> None:
    """The first sample has none before it; each later one has its neighbour, whatever the gap."""
    assert shown(intervals_of([at(0), at(1.0034), at(25)], a_container())) == [
        "a ..0",
        "a 0..1.0034",
        "a 1.0034..25",
    ]


def test_empty_frames_end_a_life() -> None:
    """Nothing is recorded while a container does not run; then its counters begin at zero."""
    some = [at(0, 80), at(1, 90), EMPTY, EMPTY, at(4, 95), at(5, 99)]

    assert shown(intervals_of(some, a_container())) == [
        *("a ..0", "a 0..1", "-", "-"),
        *("b! ..4", "b! 4..5"),
    ]


def test_a_container_seen_stopped_at_first_is_seen_from_birth() -> None:
    """Its start happens before our eyes."""
    assert shown(intervals_of([EMPTY, at(4, 30)], a_container())) == ["-", "a! ..4"]


def test_empty_frames_alone_do_not_make_a_new_life() -> None:
    """An engine that could not read a container for a moment sends empty frames too."""
    some = [at(0, 3_600_000), EMPTY, at(2, 3_600_100), at(3, 3_600_200)]

    assert shown(intervals_of(some, a_container())) == ["a ..0", "-", "a 0..2", "a 2..3"]


def test_empty_frames_of_a_container_that_did_not_start_anew_are_an_error() -> None:
    """The engine's word on its start is better than any guess from its CPU time."""
    container = a_container(started_at=START - timedelta(hours=1))

    assert shown(intervals_of([at(0, 82), EMPTY, at(2, 82), EMPTY, at(4)], container)) == [
        *("a ..0", "-", "a 0..2", "-", "a 2..4"),
    ]


def test_without_cpu_accounting_empty_frames_do_make_a_new_life() -> None:
    """Where nothing contradicts it, a container that stopped has started anew."""
    assert shown(intervals_of([at(0), EMPTY, at(2)], a_container())) == ["a ..0", "-", "b! ..2"]


def test_a_clock_set_back_while_stopped_loses_nothing() -> None:
    """The first sample after a stop counts, whatever its time."""
    some = [at(0, 50), EMPTY, at(-500, 60), at(-499, 61)]

    assert shown(intervals_of(some, a_container())) == ["a ..0", "-", "b! ..-500", "b! -500..-499"]


def test_fallen_cpu_time_is_a_restart() -> None:
    """A restart is often faster than the interval and shows only in counters that fell."""
    assert shown(intervals_of([at(0, 82), at(1, 29), at(2, 40)], a_container())) == [
        "a ..0",
        "b! ..1",
        "b! 1..2",
    ]


def test_constant_cpu_time_is_no_restart() -> None:
    """A paused container's counters stand still; its samples go on."""
    assert shown(intervals_of([at(0, 82), at(1, 82), at(2, 82)], a_container())) == [
        "a ..0",
        "a 0..1",
        "a 1..2",
    ]


def test_a_start_seen_between_two_samples_is_a_restart() -> None:
    """The engine's word for it is enough, though the new life has used more CPU already."""
    container = a_container(started_at=START + timedelta(seconds=0.5))
    intervals = Intervals(lambda _: None)

    seen = [
        intervals(Sample(a_container(), at(0, 10))),
        intervals(Sample(container, at(1, 50))),
        intervals(Sample(container, at(2, 60))),
    ]

    assert shown(seen) == ["a ..0", "b! ..1", "b! 1..2"]


@pytest.mark.parametrize("age", [0, 1, 60])
def test_a_young_container_is_seen_from_birth(age: float) -> None:
    """Its first sample counts in full: it is at most a minute's."""
    container = a_container(started_at=START)

    assert shown(intervals_of([at(age, 30)], container)) == [f"a! ..{age:g}"]


@pytest.mark.parametrize("age", [-0.001, 60.001, 30 * 24 * 3600])
def test_an_old_container_is_not_seen_from_birth(age: float) -> None:
    """What it counted in a month before we came is not counted in our first second."""
    container = a_container(started_at=START)

    assert shown(intervals_of([at(age, 30)], container)) == [f"a ..{age:g}"]


def test_a_rename_begins_new_totals_and_keeps_the_rate() -> None:
    """What a container counted under its old name is not counted again under the new one."""
    intervals = Intervals(lambda _: None)
    old, new = a_container(started_at=START), a_container(started_at=START, alias="web2")

    seen = [
        intervals(Sample(old, at(1, 10))),
        intervals(Sample(new, at(2, 20))),
        intervals(Sample(new, at(3, 30))),
    ]

    assert shown(seen) == ["a! ..1", "b 1..2", "b 2..3"]


@pytest.mark.parametrize("seconds", [1, 1.05, 1.0999])
def test_a_sample_too_near_is_dropped_and_counted(seconds: float) -> None:
    """Nothing is divided by less than 100 ms; the next sample is measured from the one kept."""
    dropped: Counter[str] = Counter()

    some = intervals_of([at(0), at(1), at(seconds), at(2)], a_container(), dropped)

    assert shown(some) == ["a ..0", "a 0..1", "-", "a 1..2"]
    assert dropped == {"sample out of order": 1}


def test_a_straggler_is_dropped() -> None:
    """A sample older than the last is no news."""
    dropped: Counter[str] = Counter()

    some = intervals_of([at(5), at(6), at(4), at(7)], a_container(), dropped)

    assert shown(some) == ["a ..5", "a 5..6", "-", "a 6..7"]
    assert dropped == {"sample out of order": 1}


def test_a_clock_set_back_is_followed_after_three_samples() -> None:
    """It costs two samples and one rate, not the time until the clock catches up."""
    some = [at(100, 50), at(101, 51), at(40, 52), at(41, 53), at(42, 54), at(43, 55)]

    assert shown(intervals_of(some, a_container())) == [
        *("a ..100", "a 100..101"),
        *("-", "-", "a ..42", "a 42..43"),
    ]


def test_a_clock_and_counters_set_back_together_begin_nothing_anew() -> None:
    """A machine set back to an old state has not used all that CPU in this second."""
    some = [at(100, 50), at(40, 20), at(41, 21), at(42, 22)]

    assert shown(intervals_of(some, a_container())) == ["a ..100", "-", "-", "a ..42"]


def test_containers_do_not_mix() -> None:
    """Each container has its own neighbours, also two of one id on two engines."""
    intervals = Intervals(lambda _: None)
    other, far = a_container(id="c1"), Container(Engine("far"), "c0", "web", "web")

    seen = [
        intervals(Sample(container, at(seconds, cpu)))
        for seconds, container, cpu in (
            (0, a_container(), 900),
            (0.5, other, 10),
            (0.7, far, 5),
            (1, a_container(), 901),
            (1.5, other, 11),
            (1.7, far, 6),
        )
    ]

    assert shown(seen) == ["a ..0", "b ..0.5", "c ..0.7", "a 0..1", "b 0.5..1.5", "c 0.7..1.7"]


def test_a_container_that_is_gone_is_forgotten() -> None:
    """Hosts that run thousands of short containers a day don't fill our memory."""
    intervals = Intervals(lambda _: None)
    for number in range(50):
        container = a_container(id=f"c{number}")
        intervals(Sample(container, at(number)))
        intervals.forget(Condition(container, "exited"))
        intervals.forget(Condition(container, RENAMED, gone=True))
        assert len(intervals._tracks) == 1
        intervals.forget(Condition(container, "", gone=True))

    assert intervals._tracks == {}


def test_recorded_lifecycle_of_docker() -> None:
    """One recorded stream over pause, restart, stop, start, kill, start and removal: four lives."""
    some = intervals_of(frames("docker-20.10.24-cgroup1/lifecycle-stream"), a_container())

    first_of_life = [
        number
        for number, interval in enumerate(some)
        if interval is not None and interval.before is None
    ]
    assert first_of_life == [0, 11, 20, 29]
    assert [interval is None for interval in some] == [
        15 <= number < 20 or 25 <= number < 29 for number in range(38)
    ]
    assert len({id(interval.life) for interval in some if interval is not None}) == 4


STEPS = st.one_of(
    st.just(None),
    st.tuples(
        st.sampled_from([-3600.0, -1.0, 0.0, 0.0999, 0.1, 1.0, 1.03, 24.0]),
        st.integers(min_value=0, max_value=5000),
        st.integers(min_value=0, max_value=2),
    ),
)


@given(st.lists(STEPS, max_size=60))
def test_no_interval_is_ever_impossible(steps: list[tuple[float, int, int] | None]) -> None:
    """Whatever comes, an interval is of one container, one life and at least 100 ms forward."""
    intervals = Intervals(lambda _: None)
    containers = [a_container(id=f"c{n}") for n in range(3)]
    own: dict[int, list[StatsFrame]] = {n: [] for n in range(3)}
    lives: dict[Life, int] = {}
    seconds = 0.0
    for step in steps:
        frame, which = EMPTY, 0
        if step is not None:
            seconds, which = seconds + step[0], step[2]
            frame = at(seconds, step[1])
        interval = intervals(Sample(containers[which], frame))
        if not frame.running:
            assert interval is None
        if interval is not None:
            assert interval.container is containers[which]
            assert interval.now is frame
            assert lives.setdefault(interval.life, which) == which
            if interval.before is not None:
                kept = interval.before.read, interval.before.cpu_stats
                assert any(kept == (earlier.read, earlier.cpu_stats) for earlier in own[which])
                assert interval.now.read - interval.before.read >= SHORTEST
        if frame.running:
            own[which].append(frame)
        own.setdefault(-1, []).append(frame)  # keeps every frame and so its identity alive


@given(
    st.integers(min_value=-(10**6), max_value=-1),
    st.lists(st.integers(min_value=100, max_value=5000), min_size=3, max_size=10),
)
def test_any_clock_set_back_is_survived(back: int, gaps: list[int]) -> None:
    """However far the clock goes back, samples count again from the third on."""
    seconds, some = float(back), [at(0, 1)]
    for number, gap in enumerate(gaps):
        some.append(at(seconds, number + 1))
        seconds += gap / 1000
    if sum(gaps[:2]) / 1000 + back >= 0:
        return  # by its third sample the clock had caught up by itself

    seen = intervals_of(some, a_container())

    assert [interval is None for interval in seen[1:4]] == [True, True, False]
    assert all(interval is not None for interval in seen[3:])


@given(st.lists(st.integers(min_value=1, max_value=4), min_size=1, max_size=20))
def test_duplicates_change_nothing(times: list[int]) -> None:
    """A sample that comes several times counts once."""
    once = [at(number, number) for number in range(len(times))]
    again = [frame for frame, n in zip(once, times, strict=True) for _ in range(n)]

    seen = [interval for interval in intervals_of(again, a_container()) if interval is not None]

    assert shown(seen) == shown(intervals_of(once, a_container()))
