"""Windows on a real engine become rows: in sweeps of the engine, and as shares of what it takes."""

from pathlib import Path

import pytest
import rows
from child import ProgramError
from real_part import Found, Look, Sweeps, Window, between
from real_part import rows as rows_of


def window(cpu: float, sweep: float = 1.3) -> Window:
    """Twenty seconds in which the engine takes 7 s."""
    return Window(20.0, cpu, 7.0, 20 / sweep * 100, sweep, 40.0)


EVERY = ["docker stats", "tidegauge", "raw drain", "Glances"]
FOUND = Found(
    {
        "docker stats": [window(0.65), window(0.65)],
        "tidegauge": [window(0.052), window(0.078, 1.3013)],
        "tidegauge without history": [window(0.026), window(0.0325)],
        "raw drain": [window(0.02), window(0.02)],
        "Glances": [window(1.3), window(1.3)],
    },
    {},
)


def test_events_are_sweeps_of_all_containers() -> None:
    """The interval is between whole sweeps, so that it is exact though a window cuts them."""
    before = Look(100.0, 1.0, 40.0, 50.0, 10, 99.5)
    after = Look(120.0, 1.1, 44.0, 57.0, 26, 119.5)

    found = between(before, after, 100)

    assert found.sweep == 1.25
    assert found.events == 1600
    assert found.cpu == pytest.approx(0.1)
    assert found.engine_cpu == 7.0
    assert found.resident == 44.0


def test_an_engine_that_stood_still_is_no_measurement() -> None:
    """Nothing can be divided by no sweep."""
    look = Look(100.0, 1.0, 40.0, 50.0, 10, 99.5)

    with pytest.raises(ProgramError, match="did not collect"):
        between(look, look._replace(at=120.0), 100)


def test_targets_are_ratios_round_by_round() -> None:
    """Of the engine's own CPU time, of a peer's, and of the interval with the least reader."""
    found = {(row.target, row.measured): row.values for row in rows_of(FOUND, EVERY)}

    assert found["T1", "CPU, tidegauge / engine, %"] == pytest.approx([0.743, 1.114], rel=1e-3)
    assert found["T2", "CPU, tidegauge / docker stats"] == pytest.approx([0.08, 0.12], rel=2e-3)
    assert found["T2", "CPU, tidegauge without history / docker stats"] == pytest.approx(
        [0.04, 0.05]
    )
    assert found["T13", "interval of sweeps, tidegauge / raw drain"] == pytest.approx([1, 1.001])
    assert found["", "CPU, tidegauge / Glances"] == pytest.approx([0.04, 0.06], rel=2e-3)
    assert found["", "CPU, raw drain / engine, %"] == pytest.approx([0.2857, 0.2857], rel=1e-3)


def test_a_peer_that_is_not_there_has_an_open_row() -> None:
    """The target stays on the page."""
    found = [each for each in rows_of(FOUND, EVERY) if each.target == "T3"]

    assert {rows.cells(row)[2:7] for row in found} == {("-", "-", "-", "<= 0.167", "-")}


def test_what_ours_did_not_do_is_missed() -> None:
    """In each row with a target."""
    why = "tidegauge: only 12 sockets are open"
    found = Found({"docker stats": FOUND.windows["docker stats"]}, {"tidegauge": why})

    missed = [row for row in rows_of(found, EVERY) if row.target and "without" not in row.measured]

    assert len(missed) == 5
    assert {rows.met(row) for row in missed} == {"NO"}
    assert missed[0].failed == why


def test_the_last_sweep_is_the_last_whole_line(tmp_path: Path) -> None:
    """The counting program may be writing the next one."""
    log = tmp_path / "log"
    log.write_text("", encoding="utf-8")
    assert Sweeps(log).last() == (0, 0.0)

    log.write_text("1 10.5\n2 11.75\n3 1", encoding="utf-8")
    assert Sweeps(log).last() == (2, 11.75)
