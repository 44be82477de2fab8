"""Lines of bars, and the points they are made of."""

from hypothesis import given
from hypothesis import strategies as st
from shown import a_state, a_view

from tidegauge.top.sparks import spark, squeezed
from tidegauge.top.trails import POINTS, Point, Trails

NUMBERS = st.lists(st.none() | st.floats(0, 1e18), max_size=400)


def test_bars_are_against_the_greatest() -> None:
    """Gaps are blank, and what is missing is on the left."""
    assert spark([0, 1, None, 7, 14], 6) == " ▁▁ ▄▇"


def test_little_is_low() -> None:
    """Against what is least, a spark of what idles is flat."""
    assert spark([0.001, 0.002], 2, least=0.05) == "▁▁"
    assert spark([0.0, 0.0], 2) == "▁▁"


@given(NUMBERS, st.integers(0, 100))
def test_a_spark_is_as_wide_as_it_should_be(points, width) -> None:
    """Whatever the points are."""
    assert len(spark(points, width)) == width


@given(NUMBERS, st.integers(1, 100))
def test_squeezing_loses_no_peak(points, width) -> None:
    """And leaves alone what fits."""
    squeezed_points = squeezed(points, width)
    known = [point for point in points if point is not None]

    assert len(squeezed_points) == min(len(points), width)
    assert max(filter(None, squeezed_points), default=0) == max(known, default=0)


def test_a_trail_has_each_sample_once() -> None:
    """A state that comes again adds nothing; the container's own time counts."""
    trails = Trails()
    for at in (1.0, 1.0, 2.0):
        trails.take(a_state(a_view("web", at, sampled_at=at, memory=7, rx=1, tx=2), at=50 + at))

    assert trails.of("e/web") == [Point(1.0, 1.0, 7, 1, 2), Point(2.0, 2.0, 7, 1, 2)]


def test_what_is_not_known_is_a_gap() -> None:
    """As long as it lasts, each second, whatever the engine's clock says."""
    trails = Trails()
    idle = {"sampled_at": 1.0, "memory": None, "pids": None}
    trails.take(a_state(a_view("web", 1.0, sampled_at=1.0), at=91.2))
    for at in (92.2, 93.2):
        trails.take(a_state(a_view("web", None, **idle), at=at))
    trails.take(a_state(a_view("web", 4.0, sampled_at=4.0), at=94.2))

    assert [(point.at, point.cpu) for point in trails.of("e/web")] == (
        [(1.0, 1.0), (2.0, None), (3.0, None), (4.0, 4.0)]
    )


def test_an_agents_past_comes_before() -> None:
    """A second apart; its newest point is the present."""
    sparks = {"cpu": [0.1, None, 0.3], "memory": [1, 2, 3], "rx": [4, 5, 6]}
    trails = Trails()
    trails.take(a_state(a_view("web", 0.3, memory=3, rx=6, tx=9, sampled_at=10.0, sparks=sparks)))

    assert trails.of("e/web") == [
        Point(8.0, 0.1, 1, 4),
        Point(9.0, None, 2, 5),
        Point(10.0, 0.3, 3, 6, 9),
    ]


def test_memory_is_bounded() -> None:
    """Points of a container, and containers."""
    trails = Trails()
    for at in range(POINTS + 5):
        trails.take(a_state(a_view("web", 1.0, sampled_at=float(at))))
    assert len(trails.of("e/web")) == POINTS

    trails.take(a_state())
    assert trails.of("e/web") == []
