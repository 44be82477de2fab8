"""What the kernel counts of a process and all its children: CPU time, switches, memory."""

import os
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

PROC = Path("/proc")
TICKS = os.sysconf("SC_CLK_TCK")


class Stat(NamedTuple):
    """Of one line of /proc/PID/stat (proc_pid_stat(5)); times in seconds."""

    parent: int
    cpu: float
    """User and system time of all its threads, also of those that have ended."""
    reaped: float
    """The same of its children that have ended and were waited for."""


class Usage(NamedTuple):
    """What a tree of processes has taken so far; CPU in seconds, resident memory in MB."""

    cpu: float
    voluntary: int
    resident: float
    threads: int


def parse_stat(line: str) -> Stat:
    """Read the line; a name of a program may hold spaces and brackets."""
    fields = line.rpartition(")")[2].split()
    user, system, children_user, children_system = map(int, fields[11:15])
    reaped = (children_user + children_system) / TICKS
    return Stat(int(fields[1]), (user + system) / TICKS, reaped)


def parse_status(text: str) -> dict[str, int]:
    """Read the numbers of /proc/PID/status, in its units: kB, or counts."""
    found: dict[str, int] = {}
    for line in text.splitlines():
        name, _, value = line.partition(":")
        word = value.split()[:1]
        if word and word[0].isdigit():
            found[name] = int(word[0])
    return found


def descendants(root: int, parents: Mapping[int, int]) -> set[int]:
    """Return the process and all below it, of a mapping from each process to its parent."""
    found, more = {root}, {root}
    while more:
        more = {pid for pid, parent in parents.items() if parent in more} - found
        found |= more
    return found


def stats() -> dict[int, Stat]:
    """All processes of this machine."""
    found: dict[int, Stat] = {}
    for folder in PROC.iterdir():
        if folder.name.isdigit() and (line := _text(folder / "stat")):
            found[int(folder.name)] = parse_stat(line)
    return found


def tree(root: int) -> set[int]:
    """Find the process and all that it started, as long as nothing between them has ended."""
    return descendants(root, {pid: stat.parent for pid, stat in stats().items()})


def of_namespace(pid: int) -> dict[int, str]:
    """Names of all processes in the pid namespace of this one, but not of those nested in it."""
    names = {each: _text(PROC / str(each) / "comm").strip() for each in stats()}
    return {each: name for each, name in names.items() if _namespace(each) == _namespace(pid)}


def sockets(pids: Iterable[int]) -> int:
    """How many these processes have open."""
    return sum(link.startswith("socket:") for pid in pids for link in _open_files(pid))


def usage(pids: Iterable[int]) -> Usage:
    """Add up what these processes have taken, and their children that have ended."""
    each = [_usage(pid) for pid in pids]
    return Usage(
        sum(one.cpu for one in each),
        sum(one.voluntary for one in each),
        sum(one.resident for one in each),
        sum(one.threads for one in each),
    )


def threads_switches(pid: int) -> Sequence[int]:
    """Voluntary context switches of each thread; /proc/PID/status has the first one's only."""
    found = (PROC / str(pid) / "task").glob("*/status")
    return [parse_status(_text(file)).get("voluntary_ctxt_switches", 0) for file in found]


def cpu_seconds(pid: int) -> float:
    """User and system time of a process in nanoseconds' precision, 0 if it has ended.

    /proc/PID/stat has hundredths of a second, which are a tenth of what an idle monitor takes in
    ten seconds. The clock is that of clock_getcpuclockid(3), CPUCLOCK_SCHED of include/linux/
    posix-timers.h.
    """
    try:
        return time.clock_gettime((~pid << 3) | 2)
    except OSError:
        return 0.0


def _usage(pid: int) -> Usage:
    line = _text(PROC / str(pid) / "stat")
    reaped = parse_stat(line).reaped if line else 0.0
    status = parse_status(_text(PROC / str(pid) / "status"))
    switches = threads_switches(pid)
    return Usage(
        cpu_seconds(pid) + reaped, sum(switches), status.get("VmRSS", 0) / 1000, len(switches)
    )


def _namespace(pid: int) -> str:
    try:
        return str((PROC / str(pid) / "ns/pid").readlink())
    except OSError:  # it has ended meanwhile, or is not ours to look into
        return ""


def _open_files(pid: int) -> Iterable[str]:
    for file in (PROC / str(pid) / "fd").glob("*"):
        with suppress(OSError):
            yield str(file.readlink())


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:  # it has ended meanwhile
        return ""
