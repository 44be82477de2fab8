"""One container in words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from shown import MIB, a_view

from tidegauge.terminal.text import width
from tidegauge.top.detail import LABEL, described
from tidegauge.top.trails import Point
from tidegauge.web.views import EventView


@pytest.fixture(autouse=True)
def universal_time(monkeypatch):
    """Moments are in the machine's time."""
    monkeypatch.setenv("TZ", "UTC")
    __import__("time").tzset()


def test_kills_for_lack_of_memory() -> None:
    """They are counted apart from how it ended."""
    assert "1 killed for lack of memory" in lines(a_view("web", oom_kills=1))[5]


def lines(container, points=(), events=(), room=100):
    return [f"{label}|{text}" for label, text in described(container, points, events, room) if text]


def test_everything_that_is_known() -> None:
    """With its limits and shares, and what never changes."""
    busy = a_view(
        *("web", 0.25),
        cpu_limit=0.5,
        cpu_throttled=0.1,
        memory_limit=200 * MIB,
        memory_cache=MIB,
        rx=1000.0,
        tx=2048.0,
        read=0.0,
        write=3.0,
        pids_limit=10,
        health="unhealthy",
        restarts=2,
        exits={"137": 1},
        project="shop",
        service="web",
        name="shop-web-1",
        tags={"tier": "front"},
    )

    assert lines(busy) == [
        "cpu|25.0 % of a core · limit 0.5 cores · 50.0 % of it · held back 10% of the time",
        "memory|100MiB · limit 200MiB · 50.0 % of it · cache 1.00MiB",
        "network|received 1000B/s · sent 2.00KiB/s",
        "block io|read 0B/s · written 3B/s",
        "pids|3 · limit 10",
        "state|unhealthy · up 15m 0s · since 1970-01-01 00:01:40 · 2 restarts · 1 ended with 137",
        "project|shop/web",
        "name|shop-web-1",
        "image|img",
        "id|c0ffeec0ffee on engine e",
        "tags|tier=front",
    ]


def test_why_something_is_not_known() -> None:
    """The sentence that says so stands in its place; what is known beside it stays."""
    absent = {"cpu": "It does not run: it is exited.", "rx": "It has no network of its own."}
    found = lines(a_view("web", cpu_limit=1.0, memory=None, pids=None, absent=absent), room=80)

    assert found[:4] == [
        "cpu|It does not run: it is exited. · limit 1 cores",
        "memory|-",
        "network|It has no network of its own.",
        "block io|-",
    ]


def test_the_last_minutes() -> None:
    """Each with its greatest; what was never known has no line."""
    points = [Point(1000.0 + n, n / 10, 100 * MIB, None, 512.0) for n in range(125)]
    found = lines(a_view("web"), points, room=LABEL + 16 + 5)

    assert found[5:9] == [
        "|the last 2m 4s",
        "cpu|▂▃▅▆▇  max 1240 %",
        "memory|▇▇▇▇▇  max 100MiB",
        "tx/s|▇▇▇▇▇  max 512B",
    ]


def test_what_happened_newest_first() -> None:
    """At most a screen of it, in this machine's time."""
    events = [EventView(float(n), "container:e/web", "start", {}) for n in range(20)]
    events.append(EventView(60.5, "container:e/web", "die", {"exit_code": 137, "lifetime": 1.5}))
    found = lines(a_view("web"), events=events)

    assert found[-12:-10] == [
        "events|1970-01-01 00:01:00  die exit_code=137 lifetime=1.5",
        "|1970-01-01 00:00:19  start",
    ]


@given(st.text(max_size=200), st.integers(20, 200))
def test_every_line_fits_and_is_harmless(text, room) -> None:
    """Whatever a container is called, however narrow the terminal is."""
    hostile = a_view("web", name=text, image=text, project=text, tags={text: text})
    for label, line in described(hostile, (), [EventView(1.0, "x", text, {text: text})], room):
        assert line.isprintable()
        assert len(label) < LABEL
        assert width(line) <= room - LABEL
