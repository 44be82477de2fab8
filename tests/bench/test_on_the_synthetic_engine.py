"""The program as a process on the synthetic engine, as it is measured."""

import os

import pytest
from child import Child, ProgramError
from programs import Program, Start, drain, environment, tidegauge
from synthetic.running import SyntheticEngine
from windows import CALM_S, Load, window

from servers.process import free_ports

pytestmark = pytest.mark.program

SMALL = Load(20, rate=5.0)


@pytest.fixture(autouse=True)
def _compiler(require):
    require(SyntheticEngine)


def test_the_program_is_measured() -> None:
    """It reads what the engine sends, takes time and memory, and loses nothing.

    The window is longer than a calm program leaves its streams, or none may be read in it.
    """
    found = window(SMALL, tidegauge(*free_ports(1)), CALM_S + 2.0)

    assert found.events > 0
    assert found.cpu > 0
    assert found.voluntary > 0
    assert found.resident > 10
    assert found.skipped == 0


def test_the_least_client_reads_all(capfd) -> None:
    """It is what sweeps are compared with, over TCP too."""
    found = window(SMALL._replace(transport="tcp"), drain(), 1.0)

    assert found.events > 0
    assert "raw drain: 20 x 5/s, spread, v1, tcp" in capfd.readouterr().err


def test_a_program_that_ends_is_told_with_its_last_words() -> None:
    """Instead of waiting for its streams."""
    broken = Program(
        "broken", "", lambda *_: Start(("sh", "-c", "echo no engine; exit 3"), environment())
    )

    with pytest.raises(ProgramError, match=r"sh ended with 3:\nno engine"):
        window(SMALL, broken, 1.0)


def test_a_child_ends_with_its_block(tmp_path) -> None:
    """Nothing is left when a measurement is over, or interrupted."""
    with Child(("sleep", "1000"), environment(), tmp_path / "log") as child:
        pid = child.pid
        child.check()

    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
