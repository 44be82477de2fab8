"""CPU time of an engine's processes, from a made-up ``/proc``."""

import os
from pathlib import Path

from tidegauge.docker.effort import EVERY
from tidegauge.docker.processes import LOOKS_FOR_ALL, EngineProcesses

TICK_NS = 10**9 // os.sysconf("SC_CLK_TCK")


def put(folder: Path, number: int, name: str, ticks: int, began: int = 5) -> None:
    """A process that used so many ticks, of which 1 in the kernel."""
    fields = ["S", *["0"] * 10, str(ticks - 1), "1", *["0"] * 6, str(began), "0"]
    (folder / str(number)).mkdir(exist_ok=True)
    (folder / str(number) / "stat").write_text(f"{number} ({name}) {' '.join(fields)}\n")


def end(folder: Path, number: int) -> None:
    (folder / str(number) / "stat").unlink()
    (folder / str(number)).rmdir()


async def test_what_they_used_since_the_first_look_is_added_up(tmp_path: Path) -> None:
    """Of the daemons and shims alone; what one that ended had used stays."""
    (tmp_path / "self").mkdir()
    put(tmp_path, 10, "dockerd", 1000)
    put(tmp_path, 11, "containerd", 500)
    put(tmp_path, 12, "containerd-shim", 50)
    put(tmp_path, 13, "odd) (name", 70)
    processes = EngineProcesses(tmp_path)
    assert await processes.cpu() == 0

    put(tmp_path, 10, "dockerd", 1003)
    put(tmp_path, 12, "containerd-shim", 54)
    put(tmp_path, 13, "odd) (name", 99)
    assert await processes.cpu() == 7 * TICK_NS
    end(tmp_path, 12)
    assert await processes.cpu() == 7 * TICK_NS


async def test_new_processes_count_whole_when_they_are_found(tmp_path: Path) -> None:
    """All are gone through at each sixth look; a number that is used again is another process."""
    put(tmp_path, 10, "dockerd", 100)
    put(tmp_path, 12, "containerd-shim", 50)
    processes = EngineProcesses(tmp_path)
    await processes.cpu()
    put(tmp_path, 12, "containerd-shim", 8, began=9)
    put(tmp_path, 14, "containerd-shim", 20)

    found = [await processes.cpu() for _ in range(LOOKS_FOR_ALL)]
    assert found == [8 * TICK_NS] * (LOOKS_FOR_ALL - 1) + [28 * TICK_NS]


async def test_without_just_one_daemon_nothing_is_known(tmp_path: Path) -> None:
    """None is seen from inside a container; of two nobody knows whose a shim is."""
    assert await EngineProcesses(tmp_path / "nowhere").cpu() is None
    put(tmp_path, 11, "containerd", 500)
    assert await EngineProcesses(tmp_path).cpu() is None
    put(tmp_path, 10, "dockerd", 100)
    assert await EngineProcesses(tmp_path).cpu() == 0
    put(tmp_path, 20, "dockerd", 100)
    assert await EngineProcesses(tmp_path).cpu() is None


def test_who_lives_for_a_minute_is_seen() -> None:
    """What a shim took that nobody saw is missing for good."""
    assert LOOKS_FOR_ALL * EVERY <= 60
