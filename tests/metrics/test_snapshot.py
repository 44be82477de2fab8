"""Merging the snapshots of several ticks into one."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from snapshots import a_series, a_snapshot
from tidegauge.metrics import Series, Snapshot, merge
from tidegauge.metrics.catalogue import (
    CPU_TIME,
    MEMORY_USAGE,
    NETWORK_IO_SUM,
    RECEIVE,
    TRANSMIT,
    USER,
)


def identity(series: Series) -> tuple[object, ...]:
    """What a series is merged by."""
    container = series.entity
    return container.engine.name, container.alias, series.metric.name, series.attributes


SOME_SERIES = st.builds(
    lambda name, samples, alias, engine: a_series(
        name[0], *samples, attributes=name[1], alias=alias, engine=engine
    ),
    st.sampled_from(
        [
            (CPU_TIME, ()),
            (CPU_TIME, (USER,)),
            (NETWORK_IO_SUM, (RECEIVE,)),
            (NETWORK_IO_SUM, (TRANSMIT,)),
        ]
    ),
    st.lists(st.integers(0, 9), min_size=1, max_size=4),
    st.sampled_from(["web", "db"]),
    st.sampled_from(["local", "far"]),
)
SNAPSHOTS = st.lists(
    st.builds(
        lambda series, at: a_snapshot(*series, at=at),
        st.lists(SOME_SERIES, unique_by=identity, max_size=6),
        st.integers(0, 100),
    ),
    min_size=1,
    max_size=5,
)


def samples_of(snapshots: Sequence[Snapshot]) -> dict[tuple[object, ...], list[object]]:
    """All samples in order of time, by series."""
    found: dict[tuple[object, ...], list[object]] = {}
    for snapshot in snapshots:
        for series in snapshot.series:
            found.setdefault(identity(series), []).extend(series.samples)
    return found


def test_joins_samples_and_takes_the_rest_from_the_newest() -> None:
    """Samples are kept in order of time; last, container, time and finality are the newest's."""
    old = a_series(CPU_TIME, 1, 2, last=100)
    new = a_series(CPU_TIME, 3, last=103)
    level = a_series(MEMORY_USAGE, 7)
    merged = merge([a_snapshot(old, level), Snapshot(20.0, (new,), {"x": 1}, final=True)])
    assert merged.series == (a_series(CPU_TIME, 1, 2, 3, last=103), level)
    assert merged.series[0].entity is new.entity
    assert (merged.at, merged.journal, merged.final) == (20.0, {"x": 1}, True)


def test_same_aliases_on_two_engines_stay_apart() -> None:
    """The engine is part of what a series is."""
    here, there = a_series(CPU_TIME, 1), a_series(CPU_TIME, 2, engine="far")
    assert merge([a_snapshot(here), a_snapshot(there)]).series == (here, there)


@given(SNAPSHOTS)
def test_no_sample_is_lost_or_moved(snapshots: list[Snapshot]) -> None:
    """Merging keeps every sample, in its series, in its order."""
    assert samples_of([merge(snapshots)]) == samples_of(snapshots)


@given(SNAPSHOTS)
def test_one_snapshot_merges_to_itself(snapshots: list[Snapshot]) -> None:
    """There is nothing to do for one."""
    assert merge(snapshots[:1]) == snapshots[0]


@given(SNAPSHOTS, st.integers(1, 4))
def test_merging_in_steps_is_merging_at_once(snapshots: list[Snapshot], cut: int) -> None:
    """It does not matter how the neighbours are grouped."""
    parts = [part for part in (snapshots[:cut], snapshots[cut:]) if part]
    assert merge([merge(part) for part in parts]) == merge(snapshots)
