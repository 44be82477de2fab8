"""When gathered snapshots are let go."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from snapshots import a_series, a_snapshot
from tidegauge.exporters.delivery import FlushEvery
from tidegauge.metrics.catalogue import CPU_TIME


def flushes(seconds: float, *ticks: float) -> list[float]:
    """The ticks at which snapshots are let go."""
    flush = FlushEvery(seconds)
    return [at for at in ticks if flush(a_snapshot(at=at)) is not None]


@pytest.mark.parametrize(
    ("seconds", "ticks", "expected"),
    [
        (10, (0, 10, 20, 30), [0, 10, 20, 30]),
        (10, (0, 9.98, 20.01, 29.97), [0, 9.98, 20.01, 29.97]),
        (1, (0, 0.9, 2.1, 3), [0, 0.9, 2.1, 3]),
        (30, (0, 10, 20, 29.9, 40, 50, 59.8), [0, 29.9, 59.8]),
        (30, (0, 10.3, 20.2, 30.3, 40.1, 50.4, 60), [0, 30.3, 60]),
        (25, (0, 10, 20, 30, 40, 50, 60), [0, 30, 60]),
        (10, (0, 10, 3600, 3610), [0, 10, 3600, 3610]),
        (30, (1000, 1010, 500, 510, 520, 530), [1000, 500, 530]),
    ],
    ids=["each", "jitter", "second", "third", "late", "between", "suspended", "set back"],
)
def test_flushes_when_due(seconds: float, ticks: tuple[float, ...], expected: list[float]) -> None:
    """A flush is due at the tick nearest to its time, whatever the jitter."""
    assert flushes(seconds, *ticks) == expected


def test_what_waited_comes_merged() -> None:
    """The samples of the ticks between two flushes come with the next one."""
    flush = FlushEvery(30)
    flush(a_snapshot(at=0))
    assert flush(a_snapshot(a_series(CPU_TIME, 1), at=10)) is None
    assert flush(a_snapshot(a_series(CPU_TIME, 2), at=20)) is None
    merged = flush(a_snapshot(a_series(CPU_TIME, 3), at=30))
    assert merged == a_snapshot(a_series(CPU_TIME, 1, 2, 3), at=30)


def test_of_what_stands_only_the_newest_waits_and_comes() -> None:
    """An hour of snapshots takes no more memory than their samples."""
    flush = FlushEvery(30)
    standing = [(a_series(CPU_TIME, last=at),) for at in (0, 10, 20, 30)]
    snapshots = [replace(a_snapshot(at=10 * n), standing=one) for n, one in enumerate(standing)]
    first, *between, merged = map(flush, snapshots[:3])
    assert (first, between, merged) == (snapshots[0], [None], None)
    assert [each.standing for each in flush._gathered] == [(), standing[2]]
    assert flush(snapshots[3]) == snapshots[3]


def test_the_final_snapshot_brings_everything_out() -> None:
    """At the end nothing stays behind."""
    flush = FlushEvery(60)
    flush(a_snapshot(at=0))
    flush(a_snapshot(a_series(CPU_TIME, 1), at=10))
    merged = flush(a_snapshot(at=11, final=True))
    assert merged == a_snapshot(a_series(CPU_TIME, 1), at=11, final=True)


@given(
    st.floats(0.1, 100),
    st.lists(st.tuples(st.floats(-5, 50), st.lists(st.integers(), max_size=3)), max_size=30),
)
def test_every_sample_comes_out_once(seconds: float, ticks: list[tuple[float, list[int]]]) -> None:
    """Whatever the times, samples come out once and in order."""
    flush, at, out = FlushEvery(seconds), 0.0, list[object]()
    for step, samples in ticks:
        at += step
        flushed = flush(a_snapshot(a_series(CPU_TIME, *samples), at=at))
        out += flushed.series[0].samples if flushed else ()
    last = flush(a_snapshot(a_series(CPU_TIME), at=at, final=True))
    assert last is not None
    assert [*out, *last.series[0].samples] == [one for _, samples in ticks for one in samples]
