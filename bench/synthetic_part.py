"""Tidegauge as a process, and its peers, in turns on the synthetic engine."""

import resource
import sys
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import NamedTuple

import floor
import programs
from child import ProgramError
from clients import drain
from incidents import attempted, incidents
from measured import (
    FAST,
    FIVE_THOUSAND,
    FLOOD,
    SECOND_SHAPE,
    TEN_THOUSAND,
    THOUSAND,
    Measured,
    load_rows,
    rows,
)
from programs import Program
from rows import Section
from synthetic.running import SyntheticEngine
from synthetic.templates import Shape
from windows import Load, engine_of, window

from servers.process import free_ports

TITLE = "On the synthetic engine"
MATRIX_TITLE = "On the synthetic engine, under all loads"
FILES_BESIDE = 300
"""Open files of a program or the engine, besides streams."""

METHOD = """\
The engine is started, then a program on it. Once all streams have delivered two events and nothing
more is asked, the CPU time of the program (user and system, of all its processes) is measured over
{seconds:g} s; then the next program, on an engine started anew. {rounds} such rounds, every other
one backwards. Events are those that left the engine; a round in which it could not send one,
because it was not read, is invalid. Tidegauge runs with its default configuration and its
dashboard, but without history, and may record more series than by default. Peers that leave
arithmetic to their users do it for 31 numbers of each event, as many as Tidegauge records."""


class Plan(NamedTuple):
    """How often, and for how long."""

    rounds: int
    seconds: float

    @classmethod
    def of(cls, *, quick: bool) -> "Plan":
        """Windows are as long as a tick, so that each holds one."""
        return cls(1, 5.0) if quick else cls(5, 10.0)


class Cell(NamedTuple):
    """What is measured once in each round."""

    load: Load
    program: Program


def section(*, quick: bool, soak: bool) -> Section:
    """Measure what the targets need."""
    if lack := SyntheticEngine.missing():
        return Section("synthetic", TITLE, (), skipped=(lack,))
    plan, cells = Plan.of(quick=quick), affordable(target_cells())
    found = measured(cells, plan)
    others = map(attempted, incidents(plan.rounds, plan.seconds, soak=soak))
    every = sorted([*rows(found), *others], key=lambda row: int(row.target[1:]))
    method = METHOD.format(seconds=plan.seconds, rounds=plan.rounds)
    return Section("synthetic", TITLE, every, method, lacks(target_cells()))


def matrix_section(*, quick: bool) -> Section:
    """Measure our program under all loads."""
    if lack := SyntheticEngine.missing():
        return Section("matrix", MATRIX_TITLE, (), skipped=(lack,))
    plan, cells = Plan.of(quick=quick), affordable(matrix_cells())
    found = measured(cells, plan)
    every = load_rows(found, [cell.load for cell in cells])
    method = METHOD.format(seconds=plan.seconds, rounds=plan.rounds)
    return Section("matrix", MATRIX_TITLE, every, method, lacks(matrix_cells()))


def affordable(cells: Iterable[Cell]) -> list[Cell]:
    """Those of programs that are here, with as many streams as this user may open."""
    return [each for each in cells if not _lack(each)]


def lacks(cells: Iterable[Cell]) -> Sequence[str]:
    """Why the others are not measured."""
    return tuple(dict.fromkeys(filter(None, map(_lack, cells))))


def _lack(cell: Cell) -> str:
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if files < cell.load.containers + FILES_BESIDE:
        return f"{cell.load.containers} containers: no more than {files} files may be open"
    return cell.program.missing


def target_cells() -> list[Cell]:
    """Neighbours are compared with each other, so that a machine's moods meet both."""
    ours = programs.tidegauge(*free_ports(1))
    return [
        Cell(THOUSAND, programs.docker_stats()),
        Cell(THOUSAND, ours),
        Cell(THOUSAND, programs.docker_py()),
        Cell(TEN_THOUSAND, ours),
        Cell(FIVE_THOUSAND, ours),
        Cell(SECOND_SHAPE, ours),
        Cell(FLOOD, ours),
        Cell(FAST, ours),
        Cell(FAST, programs.aiodocker()),
    ]


def matrix_cells() -> list[Cell]:
    """Our program under every load."""
    ours = programs.tidegauge(*free_ports(1))
    return [
        Cell(Load(containers, 1.0, pace, shape, transport), ours)
        for containers in (100, 1000, 5000, 10_000)
        for pace in ("spread", "burst")
        for shape in ("v1", "v2")
        for transport in ("unix", "tcp")
    ]


def measured(cells: Sequence[Cell], plan: Plan) -> Measured:
    """Run all rounds."""
    found = Measured()
    for number in range(plan.rounds):
        print(f"synthetic: round {number + 1} of {plan.rounds}", file=sys.stderr, flush=True)
        for load, program in cells if number % 2 == 0 else reversed(cells):
            if not found.failed(load, program.name):
                _measure(found, load, program, plan.seconds)
        for shape in sorted({cell.load.shape for cell in cells}):
            found.floors[shape].append(floor.decoding(an_event(shape)))
    return found


def _measure(found: Measured, load: Load, program: Program, seconds: float) -> None:
    """One window, or why there is none."""
    try:
        found.add(load, program.name, window(load, program, seconds))
    except ProgramError as failure:
        print(failure, file=sys.stderr, flush=True)
        found.fail(load, program.name, str(failure).partition("\n")[0])


def an_event(shape: Shape) -> bytes:
    """One line of a stream of this shape, the second: the first has nothing before it."""
    with engine_of(Load(1, rate=20, shape=shape)) as engine:
        (container,) = drain.containers(engine.host)
        with drain.opened(engine.host, container) as stream, stream.makefile("rb") as lines:
            return next(islice((line for line in lines if line.startswith(b"{")), 1, None))
