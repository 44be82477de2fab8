"""Tidegauge and its peers on a real Docker Engine of its own, with real containers."""

import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import processes
import programs
from child import Child, ProgramError
from other_agents import other_agents
from programs import Program
from rows import Bound, Row, Section, beside, ratios

from servers.engine import DockerEngine
from servers.process import free_ports

OURS, BARE = "tidegauge", "tidegauge without history"
"""As it is by default; and as the others are, which keep nothing."""

TITLE = "On a real Docker Engine"
ENGINE = ("dockerd", "containerd", "containerd-shim")
"""What its programs' names begin with; the rest of its namespace are helpers of ours."""

START_S = 12.0
"""From the start of a program to its window: several sweeps of the engine."""

METHOD = """\
{containers} containers that sleep, on a dockerd of its own. A program is started and, after
{start:g} s, its CPU time and the engine's (dockerd, containerd and all shims) are measured over
{seconds:g} s; then the next one. {rounds} such rounds, every other one backwards. One more stream,
read by a program that does nothing else, counts the sweeps of the engine: a sweep sends one event
of each container. Tidegauge asks the API as the others do (`source = "api"`; by default it would
not ask at all, see below), with all else at its default, history included; and once more without
one, as the others keep none. Glances and `docker stats` make about ten numbers of an event,
Tidegauge and the other clients at least 31."""


class Plan(NamedTuple):
    """How many containers and rounds, and how long a window is."""

    containers: int
    rounds: int
    seconds: float

    @classmethod
    def of(cls, *, quick: bool) -> "Plan":
        return cls(20, 1, 10.0) if quick else cls(100, 5, 20.0)


class Window(NamedTuple):
    """CPU seconds of a program and of its engine, and the engine's sweeps meanwhile."""

    seconds: float
    cpu: float
    engine_cpu: float
    events: float
    sweep: float
    """Seconds from one to the next."""
    resident: float

    @property
    def per_event(self) -> float:
        """Microseconds of CPU."""
        return self.cpu / self.events * 1e6


class Sweeps:
    """Those that the counting program has written down."""

    def __init__(self, log: Path) -> None:
        self._log = log

    def last(self) -> tuple[int, float]:
        """How many there were, and when the last was."""
        lines = self._log.read_text(encoding="utf-8").split("\n")
        count, at = lines[-2].split() if len(lines) > 1 else ("0", "0")
        return int(count), float(at)


def section(*, quick: bool) -> Section:
    """Measure all programs, or say why that is impossible here."""
    plan = Plan.of(quick=quick)
    if lack := DockerEngine.missing():
        return Section("real", TITLE, (), skipped=(lack,))
    every = [each for each in programs_compared() if not each.missing]
    lacks = [each.missing for each in programs_compared() if each.missing]
    with engine_with(plan.containers) as engine, counted(engine) as sweeps:
        found = measured(engine, sweeps, every, plan)
    method = METHOD.format(**plan._asdict(), start=START_S)
    skipped = [*lacks, *found.failures.values()]
    return Section("real", TITLE, rows(found, [each.name for each in every]), method, skipped)


def programs_compared() -> list[Program]:
    """Ours in the middle, so that it is next to all others in turns."""
    ours, bare, theirs = free_ports(3)
    return [
        programs.docker_stats(),
        programs.docker_py(),
        programs.tidegauge(ours, history=True),
        programs.tidegauge(bare, name=BARE),
        programs.drain(),
        programs.aiodocker(),
        programs.glances(),
        *other_agents(theirs),
    ]


def measured(engine: DockerEngine, sweeps: Sweeps, every: Sequence[Program], plan: Plan) -> "Found":
    """Run all rounds; what has failed once is not tried again."""
    found, failures = defaultdict[str, list[Window]](list), dict[str, str]()
    for number in range(plan.rounds):
        print(f"real: round {number + 1} of {plan.rounds}", file=sys.stderr, flush=True)
        for program in every if number % 2 == 0 else reversed(every):
            if program.name in failures:
                continue
            try:
                found[program.name].append(_window(engine, sweeps, program, plan))
            except ProgramError as failure:
                print(failure, file=sys.stderr, flush=True)
                failures[program.name] = str(failure).partition("\n")[0]
                found.pop(program.name, None)
    return Found(found, failures)


class Found(NamedTuple):
    """Windows by program, one of each round; and what went wrong, of those that have none."""

    windows: Mapping[str, Sequence[Window]]
    failures: Mapping[str, str]

    def values(self, name: str, value: Callable[[Window], float]) -> list[float]:
        """One number of each round."""
        return [value(each) for each in self.windows.get(name, ())]

    def against(self, target: str, our: str, name: str, bound: Bound | None = None) -> Row:
        """CPU of ours through that of a peer, for each event."""
        ours, theirs = self.values(our, _per_event), self.values(name, _per_event)
        notes = beside("us/event", tidegauge=ours, peer=theirs)
        ratio = ratios(ours, theirs)
        failed = self.failed(our)
        return Row(target, f"CPU, {our} / {name}", ratio, bound, notes, failed=failed)

    def failed(self, our: str) -> str:
        """What one of ours did not do."""
        return self.failures.get(our, "")


def rows(found: Found, every: Sequence[str]) -> list[Row]:
    """The targets' rows, and below them what each program takes."""
    swept, drained = found.values(OURS, _sweep), found.values("raw drain", _sweep)
    targets = {"docker stats": ("T2", 10), "docker-py": ("T3", 6), "aiodocker": ("T4", 5)}
    others = [name for name in every if name not in {OURS, BARE, "raw drain", *targets}]
    interval = "interval of sweeps, tidegauge / raw drain"
    beside_it = beside("s", tidegauge=swept, raw_drain=drained)
    return [
        *(
            Row(
                *("T1", f"CPU, {our} / engine, %", found.values(our, _of_engine), Bound(1.5)),
                failed=found.failed(our),
            )
            for our in (OURS, BARE)
        ),
        *(
            found.against(target, our, name, Bound(1 / of))
            for name, (target, of) in targets.items()
            for our in (OURS, BARE)
        ),
        Row(
            *("T13", interval, ratios(swept, drained), Bound(1.02), beside_it),
            failed=found.failed(OURS),
        ),
        *(found.against("", our, name) for name in others for our in (OURS, BARE)),
        *(_taken(found, name) for name in every),
    ]


def _taken(found: Found, name: str) -> Row:
    memory = beside("MB of memory", **{name: found.values(name, lambda one: one.resident)})
    return Row("", f"CPU, {name} / engine, %", found.values(name, _of_engine), notes=memory)


def _of_engine(one: Window) -> float:
    return one.cpu / one.engine_cpu * 100


def _per_event(one: Window) -> float:
    return one.per_event


def _sweep(one: Window) -> float:
    return one.sweep


@contextmanager
def engine_with(containers: int, working: int = 0) -> Iterator[DockerEngine]:
    """An engine, and so many containers; some work a little, the others do nothing."""
    print(f"real: starting an engine and {containers} containers", file=sys.stderr, flush=True)
    with DockerEngine("bench") as engine:
        for number in range(containers - working):
            engine.run(f"sleep-{number}", "sleep", "1000000")
        for number in range(working):
            engine.run(f"work-{number}", "sh", "-c", "while :; do sleep 0.3; done")
        yield engine


@contextmanager
def counted(engine: DockerEngine) -> Iterator[Sweeps]:
    """Keep one stream open, of which each event is counted."""
    with tempfile.TemporaryDirectory(prefix="tidegauge-bench-") as name:
        start, log = programs.drain(1).start(engine.host, Path(name)), Path(name) / "sweeps"
        with Child(start.command, start.env, log) as counting:
            sweeps = Sweeps(log)
            counting.until(lambda: sweeps.last()[0] > 1, 30, "two sweeps of the engine")
            yield sweeps


def _window(engine: DockerEngine, sweeps: Sweeps, program: Program, plan: Plan) -> Window:
    print(f"  {program.name}", file=sys.stderr, flush=True)
    with tempfile.TemporaryDirectory(prefix="tidegauge-bench-") as name:
        folder = Path(name)
        start = program.start(engine.host, folder)
        with Child(start.command, start.env, folder / "log") as child:
            time.sleep(START_S)
            opened = processes.sockets(processes.tree(child.pid))
            if program.follows and opened < plan.containers:
                raise ProgramError(f"{program.name}: only {opened} sockets are open")
            before = _look(child, engine, sweeps)
            time.sleep(plan.seconds)
            return between(before, _look(child, engine, sweeps), plan.containers)


class Look(NamedTuple):
    """What was so at one moment."""

    at: float
    cpu: float
    resident: float
    engine_cpu: float
    sweeps: int
    swept_at: float


def _look(child: Child, engine: DockerEngine, sweeps: Sweeps) -> Look:
    child.check()
    of_engine = [
        pid for pid, name in processes.of_namespace(engine.pid).items() if name.startswith(ENGINE)
    ]
    at, used = time.monotonic(), child.usage()
    engine_cpu = sum(map(processes.cpu_seconds, of_engine))
    return Look(at, used.cpu, used.resident, engine_cpu, *sweeps.last())


def between(before: Look, after: Look, containers: int) -> Window:
    """What lies between two looks; raises `ProgramError` without a sweep between."""
    if after.sweeps == before.sweeps:
        raise ProgramError("the engine did not collect samples meanwhile")
    sweep = (after.swept_at - before.swept_at) / (after.sweeps - before.sweeps)
    seconds = after.at - before.at
    return Window(
        seconds,
        after.cpu - before.cpu,
        after.engine_cpu - before.engine_cpu,
        seconds / sweep * containers,
        sweep,
        after.resident,
    )
