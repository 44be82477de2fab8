"""A machine in a folder: the kernel's files of one container, as they were captured.

``hybrid`` is a kernel 6.18 with Docker 20.10 and cgroupfs. ``unified`` is a kernel 6.12 with Docker
26.1 and systemd: the numbers of its API in the files of ``cgroup-v2.rst``.
"""

import shutil
from pathlib import Path

from manual_clock import ManualClock
from tidegauge.cgroups.reader import Probe, Reader

CAPTURED = Path(__file__).with_name("captured")

CONTAINERS = {
    "hybrid": (1143, "b2da853595593132c6602b5c905af9391af1fe3ed270ac4a6ffcad08b5a93025"),
    "unified": (2211, "a77686a160656205299df6ff1004fae9f0e9a1bab13f0f082793c5c8100fcc1f"),
}


def descriptors() -> int:
    """How many this process has open."""
    return len([*Path("/proc/self/fd").iterdir()])


class NoNetlink:
    """A kernel that answers nothing."""

    def __init__(self) -> None:
        raise OSError


class Seconds(ManualClock):
    """One passes with each look at it."""

    def now(self) -> float:
        at = super().now()
        self._passed += 1
        return at


class CapturedMachine:
    """A copy of one that may be changed. ``garbled`` are the files that were called so."""

    def __init__(self, name: str, folder: Path) -> None:
        shutil.copytree(CAPTURED / name, folder, dirs_exist_ok=True)
        self.pid, self.key = CONTAINERS[name]
        self.proc, self.cgroup = folder / "proc", folder / "cgroup"
        mountinfo = self.proc / "self/mountinfo"
        mountinfo.write_text(mountinfo.read_text().replace("/sys/fs/cgroup", str(self.cgroup)))
        self.garbled: list[str] = []
        self.clock = Seconds()

    @property
    def process(self) -> Path:
        return self.proc / str(self.pid)

    def file(self, name: str) -> Path:
        """A file of the container's cgroups: ``cpuacct.usage``, or ``unified/cpu.stat``."""
        folder, _, base = name.rpartition("/")
        below = self.cgroup / folder if folder else self.cgroup
        found = [each for each in below.rglob(base) if self.key in str(each)]
        (first,) = (
            found
            if folder or len(found) == 1
            else [each for each in found if "unified" not in str(each)]
        )
        return first

    def twin(self, key: str) -> str:
        """Another container's cgroups, of which the same process is: its id."""
        for folder in [each for each in self.cgroup.rglob("*") if each.name == self.key]:
            shutil.copytree(folder, folder.with_name(key))
        cgroup = self.process / "cgroup"
        cgroup.write_text(cgroup.read_text() + cgroup.read_text().replace(self.key, key))
        return key

    def write(self, name: str, text: str) -> None:
        self.file(name).write_text(text)

    def reader(self, listener=lambda: None, netlink=NoNetlink) -> Reader:
        return Reader(
            self.proc,
            self.clock,
            listener,
            netlink,
            lambda path: self.garbled.append(Path(path).name),
        )

    def open(self, mode: str = "bridge") -> tuple[Reader, Probe]:
        reader = self.reader()
        return reader, reader.open(self.key, self.pid, mode)
