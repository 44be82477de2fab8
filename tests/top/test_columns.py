"""The table's columns: which are there, how wide they are, how numbers are written in them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from shown import a_view

from tidegauge.terminal.text import width
from tidegauge.top.columns import (
    BY_NAME,
    COLUMNS,
    GAP,
    IMPORTANCE,
    NARROWEST,
    age,
    fitting,
    percent,
)

EVERYTHING = a_view("web", project="shop", service="web")


def names(room, *containers, grouped=False):
    return [each.column.name for each in fitting(room, containers, grouped=grouped)]


def test_a_terminal_of_80_columns() -> None:
    """What most look for is there, names have a quarter and more."""
    assert names(80, EVERYTHING) == (
        ["name", "state", "cpu", "spark", "memory", "memory_limit", "rx", "tx"]
    )


def test_a_terminal_of_40_columns() -> None:
    """Names, states, CPU and memory stay."""
    assert names(40, EVERYTHING) == ["name", "state", "cpu", "memory"]


def test_a_wide_terminal_has_everything() -> None:
    """But the engine, where there is one."""
    assert names(200, EVERYTHING) == [each.name for each in COLUMNS if each.name != "engine"]
    assert "engine" in names(200, EVERYTHING, a_view("web", engine="f"))


def test_a_project_is_shown_once() -> None:
    """Not where it stands above its containers, nor where there is none."""
    assert "project" not in names(200, EVERYTHING, grouped=True)
    assert "project" not in names(200, a_view("web"))


@given(
    st.integers(NARROWEST, 300),
    st.lists(st.text(max_size=60), max_size=5),
    st.booleans(),
)
def test_columns_always_fit(room, aliases, grouped) -> None:
    """Names are never given up, and the sum of all is never wider than the terminal."""
    containers = [a_view(alias, project="p") for alias in aliases]
    fitted = fitting(room, containers, grouped=grouped)

    assert fitted[0].column.name == "name"
    assert fitted[0].width >= 1
    assert sum(each.width for each in fitted) + GAP * (len(fitted) - 1) <= room


@given(st.integers(NARROWEST, 299))
def test_more_room_never_takes_a_column_away(room) -> None:
    """Columns go in the order of their importance."""
    fewer, more = set(names(room, EVERYTHING)), set(names(room + 1, EVERYTHING))
    order = [name for name in IMPORTANCE if name in more]

    # Each fourth column that a terminal is wider goes to the names.
    assert fewer <= more or fewer - more == {[name for name in IMPORTANCE if name in fewer][-1]}
    assert order == [name for name in IMPORTANCE if name != "engine"][: len(order)]


@pytest.mark.parametrize(
    ("share", "text"),
    [(0, "0.00"), (9.994, "9.99"), (9.996, "10.0"), (100, "100.0"), (999.96, "1000")],
)
def test_percent(share, text) -> None:
    """Three digits or four."""
    assert percent(share) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-1, "0s"),
        (59.9, "59s"),
        (60, "1m 0s"),
        (3599, "59m59s"),
        (3600, "1h 0m"),
        (86399, "23h59m"),
        (86400, "1d 0h"),
        (8639999, "99d23h"),
        (8640000, "100d"),
    ],
)
def test_age(seconds, text) -> None:
    """Two units in at most six signs."""
    assert age(seconds) == text
    assert len(text) <= BY_NAME["uptime"].width


@given(st.floats(0, 1e18), st.sampled_from(["cpu", "memory", "rx", "cpu_limit"]))
def test_what_a_container_can_use_fits_its_column(value, name) -> None:
    """Up to an exabyte, and to a thousand cores."""
    column = BY_NAME[name]
    most = 99_999 if name.startswith("cpu") else 1e18

    assert width(column.written(min(value, most))) <= column.width


def test_uptime_is_by_the_engines_clock() -> None:
    """And only of what runs."""
    uptime = BY_NAME["uptime"].value

    assert uptime(a_view("web", started_at=100.0, sampled_at=160.5)) == 60.5
    assert uptime(a_view("web", pids=None)) is None
    assert uptime(a_view("web", started_at=None)) is None


def test_health_stands_for_the_state_of_what_runs() -> None:
    """A paused container's health is an old one."""
    state = BY_NAME["state"].value

    assert state(a_view("web", health="unhealthy")) == "unhealthy"
    assert state(a_view("web", health="healthy", state="paused")) == "paused"
    assert state(a_view("web")) == "running"
