"""Windows become rows: pair by pair, and not at all where events were lost or a program failed."""

import pytest
import rows
from measured import FIVE_THOUSAND, OURS, TEN_THOUSAND, THOUSAND, Measured, load_rows
from measured import rows as rows_of
from windows import Load, Window, waiting

PEER = "docker stats"


def window(cpu: float, *, events: int = 10_000, skipped: int = 0, resident: float = 40) -> Window:
    """Ten seconds."""
    return Window(10.0, events, cpu, 80, resident, 1, skipped)


def row(found: Measured, target: str, beginning: str) -> rows.Row:
    (one,) = (
        each
        for each in rows_of(found)
        if each.target == target and each.measured.startswith(beginning)
    )
    return one


@pytest.fixture
def found() -> Measured:
    """Two rounds of a thousand containers."""
    measured = Measured()
    for ours, theirs in ((0.2, 4.0), (0.3, 3.0)):
        measured.add(THOUSAND, OURS, window(ours))
        measured.add(THOUSAND, PEER, window(theirs))
        measured.floors["v1"].append(5.0)
    return measured


def test_cpu_of_an_event_is_compared_round_by_round(found) -> None:
    """The ratio of each round, and the medians of both sides beside it."""
    one = row(found, "T2", "CPU, tidegauge / docker stats")

    assert one.values == pytest.approx([0.05, 0.1])
    assert one.notes == "tidegauge 25, peer 350 us/event"
    assert rows.met(one) == "yes"


def test_cpu_of_an_event_is_compared_with_decoding_it(found) -> None:
    """Of the same shape."""
    one = row(found, "T5", "CPU, tidegauge / decoding alone: 1000 x 1/s, spread, v1")

    assert one.values == pytest.approx([4.0, 6.0])
    assert rows.met(one) == "NO"


def test_a_window_with_lost_events_is_invalid(found) -> None:
    """Who does not read looks cheap."""
    found.add(THOUSAND, PEER, window(0.1, skipped=1200))

    one = row(found, "T2", "CPU, tidegauge / docker stats")

    assert rows.met(one) == "invalid"
    assert one.invalid == "1,200 events were not read in time by docker stats"


def test_a_load_that_was_too_much_is_missed(found) -> None:
    """And said in words, in each row that needs it."""
    found.fail(TEN_THOUSAND, OURS, "after 120 s still not: 10000 streams open")

    scaling = row(found, "T7", "CPU per event")

    assert rows.met(scaling) == "NO"
    assert scaling.values == []
    assert scaling.failed == "after 120 s still not: 10000 streams open"
    assert found.failed(TEN_THOUSAND, OURS)


def test_a_peer_that_failed_leaves_the_row_open(found) -> None:
    """It is not our target that is missed."""
    found.fail(THOUSAND, PEER, "docker ended with 1")

    assert rows.met(row(found, "T2", "CPU")) == "invalid"


def test_memory_of_a_stream_is_the_slope(found) -> None:
    """Between 1000 and 5000 containers."""
    for resident in (52, 56):
        found.add(FIVE_THOUSAND, OURS, window(1.0, resident=resident))

    assert row(found, "T9", "memory of one stream").values == pytest.approx([3.0, 4.0])


def test_switches_are_bounded_by_ticks(found) -> None:
    """Two for each of four ticks a second, and five for the rest."""
    one = row(found, "T8", "voluntary")

    assert one.values == [8.0, 8.0]
    assert one.bound == rows.Bound(13)


def test_the_matrix_has_a_row_of_each_load(found) -> None:
    """Without a target: those are of some loads."""
    burst = Load(100, pace="burst")
    found.add(burst, OURS, window(0.5))

    one, other = load_rows(found, [THOUSAND, burst])

    assert (one.target, one.bound) == ("", None)
    assert other.values == pytest.approx([10.0])


@pytest.mark.parametrize(
    ("transport", "backlogs"), [("unix", [0, 4352, 2 * 4352]), ("tcp", [0, 3000, 6000])]
)
def test_events_that_wait_are_counted_by_their_bytes(transport, backlogs) -> None:
    """In what the kernel counts for one of 3000 bytes."""
    streams = [{"backlog": size} for size in backlogs]
    truth = {"sent": 1000, "bytes": 3_000_000, "streams": streams}

    assert waiting(truth, Load(3, transport=transport)) == 3
    assert waiting({"sent": 0, "bytes": 0, "streams": []}, Load(3)) == 0


def test_a_window_tells_shares() -> None:
    """Of a core and of a second."""
    one = Window(2.0, 2000, 0.5, 20, 60, 2, 0)

    assert one.per_event == 250.0
    assert one.core_percent == 25.0
    assert one.switches == 10.0
