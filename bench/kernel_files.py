"""Reading a container's cgroup files and its interfaces, against reading the same files simply.

The files are captured ones, in a folder: what the kernel takes to write them is not part of it.
The simple way opens each file each time and makes a dictionary of it.
"""

import shutil
import tempfile
import time
from pathlib import Path

from made_up import StandingClock
from pairs import Measurement, Side, Stopwatch

from tidegauge.cgroups.reader import Probe, Reader
from tidegauge.cgroups.traffic import Asked

CAPTURED = Path(__file__).parent.parent / "tests/cgroups/captured"

CONTAINERS = {
    "cgroup v1": ("hybrid", 1143),
    "cgroup v2": ("unified", 2211),
}


def measurements(quick: bool) -> list[Measurement]:
    """A container that sleeps, and one whose CPU time moves, of both versions."""
    times = 1_000 if quick else 10_000
    rows: list[Measurement] = []
    for version, (name, pid) in CONTAINERS.items():
        folder = Path(tempfile.mkdtemp(prefix="captured-"))
        machine = _Machine(CAPTURED / name, folder, pid)
        named = {"asleep": machine.asleep(times), "running": machine.running(times // 10)}
        rows += [
            Measurement(
                f"reading a container, {state}: {version}",
                *("us/sample", ours, machine.simply(times // 10), "ratio"),
            )
            for state, ours in named.items()
        ]
    return rows


class _Machine:
    """A captured machine, in a folder of its own until the measurements are over."""

    def __init__(self, captured: Path, folder: Path, pid: int) -> None:
        shutil.copytree(captured, folder, dirs_exist_ok=True)
        self._proc, groups = folder / "proc", folder / "cgroup"
        mountinfo = self._proc / "self/mountinfo"
        mountinfo.write_text(mountinfo.read_text().replace("/sys/fs/cgroup", str(groups)))
        own = next(path for path in groups.rglob("*") if path.is_file()).parent
        key = own.name.removeprefix("docker-").removesuffix(".scope")
        reader = Reader(self._proc, StandingClock(), lambda: None, _nobody, _ignored)
        self._probe: Probe = reader.open(key, pid, "bridge")
        self._files = [path for path in groups.rglob("*") if path.is_file()]
        self._files.append(self._proc / f"{pid}/net/dev")
        named = {path.name: path for path in self._files}
        self._cpu = named.get("cpuacct.usage", named["cpu.stat"])

    def asleep(self, times: int) -> Side:
        self._probe.read()  # what the next looks are compared with

        def side() -> float:
            watch = Stopwatch()
            for _ in range(times):
                self._probe.look()
            return watch.per(times)

        return side

    def running(self, times: int) -> Side:
        before = self._cpu.read_bytes()
        after = before.replace(b"1484372791", b"1484372792").replace(b"42146038", b"42146039")

        def side() -> float:
            spent = 0.0
            for number in range(times):
                self._cpu.write_bytes((before, after)[number % 2])
                start = time.process_time()
                self._probe.read()
                spent += time.process_time() - start
            return spent / times * 1e6

        return side

    def simply(self, times: int) -> Side:
        def side() -> float:
            watch = Stopwatch()
            for _ in range(times):
                for path in self._files:
                    with path.open(encoding="ascii") as file:
                        dict(line.split(maxsplit=1) for line in file if " " in line.strip())
            return watch.per(times)

        return side


def _nobody() -> Asked:
    raise OSError


def _ignored(_path: str) -> None:
    pass
