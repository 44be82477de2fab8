"""Where the time goes: a profile of Tidegauge at work, by function."""

import subprocess
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import programs
from child import ProgramError
from installed import FOLDER
from measured import THOUSAND
from programs import environment
from rows import Section, aligned
from synthetic.running import SyntheticEngine
from windows import delivering, quiet, running

from servers.process import free_ports

TITLE = "Where the time goes"
PROGRAM = FOLDER / "bin/py-spy"
RATE = 200
SHOWN = 20

WAITING = ("_worker (concurrent/futures/thread.py", "EpollSelector.select (")
"""Where threads wait for something to do."""

METHOD = """\
Samples of Tidegauge's Python stacks, {rate} a second for {seconds:g} s, while it follows {load} of
the synthetic engine; only while it did something. "Itself" is the function without what it called,
"with calls" has that, too. What C code takes counts for the function that called it."""


class Share(NamedTuple):
    """Of all samples, percent: those in a function, and those in it or in what it called."""

    function: str
    itself: float
    with_calls: float


def section(*, quick: bool) -> Section:
    """Profile the program in its steady state."""
    lack = SyntheticEngine.missing() or ("" if PROGRAM.exists() else "py-spy is not installed")
    if lack:
        return Section("profile", TITLE, (), skipped=(lack,))
    seconds = 5.0 if quick else 30.0
    try:
        stacks = profile(seconds)
    except ProgramError as failure:
        return Section("profile", TITLE, (), skipped=(str(failure),))
    method = METHOD.format(rate=RATE, seconds=seconds, load=THOUSAND)
    return Section("profile", TITLE, (), method, text=table(shares(stacks)[:SHOWN]))


def profile(seconds: float) -> str:
    """Stacks as py-spy writes them; raises `ProgramError` where it may not look."""
    program = programs.tidegauge(*free_ports(1))
    with tempfile.TemporaryDirectory() as name, running(THOUSAND, program) as (engine, child):
        delivering(child, engine, THOUSAND, each=2)
        quiet(child, engine)
        file = Path(name) / "stacks"
        of_child = ("--pid", str(child.pid), "--duration", str(int(seconds)), "--rate", str(RATE))
        form = ("--format", "raw", "--function", "--output", str(file))
        done = subprocess.run(
            [str(PROGRAM), "record", *of_child, *form],
            env=environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise ProgramError(f"py-spy: {done.stderr.strip().splitlines()[-1]}")
        return file.read_text(encoding="utf-8")


def shares(stacks: str) -> list[Share]:
    """By function, the one that takes most itself first; of lines ``frame;frame;... COUNT``."""
    itself, with_calls = Counter[str](), Counter[str]()
    for line in stacks.splitlines():
        frames, _, count = line.rpartition(" ")
        *_, last = names = frames.split(";")
        if last.startswith(WAITING):  # which py-spy takes for work where the kernel says nothing
            continue
        itself[last] += int(count)
        with_calls.update(dict.fromkeys(names, int(count)))
    total = sum(itself.values()) or 1
    return [
        Share(name, count / total * 100, with_calls[name] / total * 100)
        for name, count in itself.most_common()
    ]


def table(some: Sequence[Share]) -> str:
    """In Markdown."""
    lines = [
        (f"`{one.function}`", f"{one.itself:.1f} %", f"{one.with_calls:.1f} %") for one in some
    ]
    return aligned([("function", "itself", "with calls"), *lines])
