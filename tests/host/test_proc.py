"""The machine's own numbers, from the text of its kernel."""

import math
import os
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegauge.host import HostMemory, Proc

RECORDED = Path(__file__).parent / "proc"
TICK = 10**9 // os.sysconf("SC_CLK_TCK")


def test_the_time_of_all_cpus_by_what_they_did() -> None:
    """Both kinds of interrupts are one; guests are within user already."""
    times, cpus = Proc(RECORDED).cpu()

    assert cpus == 2
    assert times == {
        "user": 775184 * TICK,
        "nice": 2223 * TICK,
        "system": 203944 * TICK,
        "idle": 1617335 * TICK,
        "iowait": 8375 * TICK,
        "interrupt": 3975 * TICK,
        "steal": 241 * TICK,
    }


def test_memory_is_used_free_or_given_up_when_needed() -> None:
    """The four kinds together are all there is."""
    memory = Proc(RECORDED).memory()

    assert memory == HostMemory(
        total=24684084 * 1024,
        free=21993412 * 1024,
        buffers=25160 * 1024,
        cached=(1140908 + 80000) * 1024,
        available=22915476 * 1024,
        swap_total=2**30,
        swap_free=2**29,
    )
    assert memory.used + memory.free + memory.buffers + memory.cached == memory.total


def test_load_and_this_process() -> None:
    """Averages of tasks, and resident memory in bytes."""
    assert Proc(RECORDED).load() == (5.41, 1.68, 1.13)
    assert Proc(RECORDED).resident() == 5716 * os.sysconf("SC_PAGE_SIZE")


def test_without_proc_nothing_is_known(tmp_path: Path) -> None:
    """Nor is that an error: other systems have none."""
    proc = Proc(tmp_path / "proc")

    assert proc.cpu() == (None, None)
    assert (proc.memory(), proc.load(), proc.resident()) == (None, None, None)


@pytest.mark.parametrize("name", ["stat", "meminfo", "loadavg", "self/statm"])
@settings(max_examples=50)
@given(cut=st.integers(0, 400), garbage=st.binary(max_size=20))
def test_a_text_that_is_cut_or_garbled_is_no_error(name: str, cut: int, garbage: bytes) -> None:
    """What can be read of it is never negative."""
    text = (RECORDED / name).read_bytes()
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(RECORDED, folder, dirs_exist_ok=True)
        (Path(folder) / name).write_bytes(text[:cut] + garbage + text[cut + 5 :])
        proc = Proc(Path(folder))
        times, _ = proc.cpu()
        memory, load, resident = proc.memory(), proc.load(), proc.resident()

    assert min((times or {"": 0}).values()) >= 0
    assert memory is None or min(memory.used, memory.free, memory.cached) >= 0
    assert load is None or all(0 <= each < math.inf for each in load)
    assert resident is None or resident >= 0


def test_this_machine_tells_all_of_it() -> None:
    """On Linux, where the tests run."""
    proc = Proc()
    times, cpus = proc.cpu()
    memory = proc.memory()

    assert times is not None
    assert cpus == os.cpu_count()
    assert times["idle"] > 0
    assert memory is not None
    assert memory.total > memory.free > 0
    assert proc.load() == pytest.approx(os.getloadavg(), abs=0.5)
    assert (proc.resident() or 0) > 10**6
