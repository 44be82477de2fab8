"""What windows of steady streams do not show: starts, newcomers, a blocked sink, sweeps, a soak."""

import os
import socket
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from statistics import median
from typing import NamedTuple

import programs
from child import Child, ProgramError
from measured import THOUSAND
from programs import PEERS, Program, environment
from rows import Bound, Row, beside, ratios
from synthetic.running import SyntheticEngine
from windows import OPEN_S, Load, delivering, quiet, running

from servers.process import free_ports

SWEPT = Load(100, pace="moby")
"""A sweep of a real engine takes so long: 1 s, and 3.5 ms of each container."""

GRAPHITE = """
[exporters.graphite]
host = "127.0.0.1"
port = {port}
"""

SETTLED_S = 120.0
"""Of a soak: then all caches and pools have their size."""
SOAK_S = 600.0
CHURNED_EACH_S = 0.6
"""100 of 1000 containers in a minute."""


class Incident(NamedTuple):
    """A row without values, and what gives it some."""

    row: Row
    measure: Callable[[Row], Row]


def incidents(rounds: int, seconds: float, *, soak: bool) -> Sequence[Incident]:
    """All of them; ``seconds`` is the length of a window."""
    blocked = 1800.0 if soak else 6 * seconds
    name = f"most unread bytes of a stream, Graphite blocked for {blocked:g} s"
    soaking = Row("T9", "memory, growth with 10 % new containers a minute, %", (), Bound(2))
    return [
        Incident(
            Row("T4", f"seconds until one container more is followed: {THOUSAND}", (), Bound(1)),
            partial(_newcomers, rounds),
        ),
        *([Incident(soaking, _soak)] if soak else []),
        Incident(
            Row("T13", f"interval of sweeps, tidegauge / raw drain: {SWEPT}", (), Bound(1.02)),
            partial(_sweeps, rounds, 2 * seconds),
        ),
        Incident(Row("T13", name, (), Bound(64 * 1024)), partial(_blocked, blocked)),
        Incident(
            Row("T14", f"start, CPU seconds until all deliver: {THOUSAND}", (), Bound(0.35)),
            partial(_starts, rounds),
        ),
        Incident(
            Row("T14", "start, CPU, tidegauge / import of docker-py", (), Bound(2)),
            partial(_imports, rounds),
        ),
    ]


def attempted(incident: Incident) -> Row:
    """The row with its values, or with the reason why there are none."""
    print(f"  {incident.row.measured}", file=sys.stderr, flush=True)
    try:
        return incident.measure(incident.row)
    except ProgramError as failure:
        print(failure, file=sys.stderr, flush=True)
        return incident.row._replace(failed=str(failure).partition("\n")[0])


def _starts(rounds: int, row: Row) -> Row:
    """CPU seconds from the start of the program until all streams deliver."""
    return row._replace(values=[_start(_ours()) for _ in range(rounds)])


def _imports(rounds: int, row: Row) -> Row:
    """The same against a peer that has only been imported."""
    python = PEERS / "docker-py/bin/python"
    if not python.exists():
        return row._replace(invalid="docker-py is not installed")
    ours, theirs = list[float](), list[float]()
    for _ in range(rounds):
        ours.append(_start(_ours()))
        theirs.append(_cpu_of([str(python), "-c", "import docker"]))
    notes = beside("s", tidegauge=ours, peer=theirs)
    return row._replace(values=ratios(ours, theirs), notes=notes)


def _newcomers(rounds: int, row: Row) -> Row:
    """A container is followed once all were listed, while a thousand streams are open."""
    return row._replace(values=[_newcomer(_ours()) for _ in range(rounds)])


def _blocked(seconds: float, row: Row) -> Row:
    """Queues of the engine hold eight events only: a reader that stands still is soon seen."""
    with _silent_sink() as port:
        program = _ours(GRAPHITE.format(port=port))
        with running(THOUSAND, program, queue=8, penalty=10.0) as (engine, child):
            delivering(child, engine, THOUSAND, each=2)
            time.sleep(seconds)
            child.check()
            truth = engine.truth()
    skipped = truth["skipped"]
    failed = f"{skipped:,} events were not read in time" if skipped else ""
    return row._replace(values=[truth["backlog_max"]], failed=failed)


def _sweeps(rounds: int, seconds: float, row: Row) -> Row:
    """Against a reader that does nothing with what it reads."""
    ours, theirs = list[float](), list[float]()
    for _ in range(rounds):
        ours.append(_sweep(_ours(), seconds))
        theirs.append(_sweep(programs.drain(), seconds))
    notes = beside("s", tidegauge=ours, raw_drain=theirs)
    return row._replace(values=ratios(ours, theirs), notes=notes)


def _soak(row: Row) -> Row:
    """A tenth of the containers is made anew each minute."""
    with running(THOUSAND, _ours(), churn="\n".join(churn(SOAK_S))) as (engine, child):
        delivering(child, engine, THOUSAND, each=2)
        time.sleep(SETTLED_S)
        settled = _resident(child)
        time.sleep(SOAK_S - SETTLED_S)
        end = _resident(child)
    growth = (end / settled - 1) * 100
    return row._replace(values=[growth], notes=beside("MB", settled=[settled], at_the_end=[end]))


def _ours(more: str = "") -> Program:
    return programs.tidegauge(*free_ports(1), more=more)


def churn(seconds: float) -> Iterator[str]:
    """A script that replaces one container after the other, all over the place."""
    for number in range(int(seconds / CHURNED_EACH_S)):
        at, which = 30 + number * CHURNED_EACH_S, number * 619 % THOUSAND.containers
        yield f"{at:.1f} remove {which}"
        yield f"{at + 0.1:.1f} create {which}"
        yield f"{at + 0.2:.1f} start {which}"


def _start(program: Program) -> float:
    def delivers(engine: SyntheticEngine) -> Callable[[], bool]:
        def all_deliver() -> bool:
            streams = engine.truth(streams=True).get("streams", [])
            begun = sum(each["sent"] > 0 for each in streams)
            return begun >= THOUSAND.containers

        return all_deliver

    with running(THOUSAND, program) as (engine, child):
        child.until(delivers(engine), OPEN_S, "an event of each stream")
        return child.usage().cpu


def _newcomer(program: Program) -> float:
    number = THOUSAND.containers
    with running(THOUSAND, program) as (engine, child):
        delivering(child, engine, THOUSAND, each=2)
        quiet(child, engine)
        engine.do("create", number)
        begin = time.monotonic()
        engine.do("start", number)
        followed = f"{number + 1} streams open"
        child.until(lambda: engine.truth()["streams_open"] > number, OPEN_S, followed, 0.01)
        return time.monotonic() - begin


def _sweep(program: Program, seconds: float) -> float:
    with running(SWEPT, program) as (engine, child):
        delivering(child, engine, SWEPT, each=2)
        time.sleep(seconds)
        child.check()
        return engine.truth()["cycle_seconds"]["median"]


def _resident(child: Child) -> float:
    """Of half a minute, so that no moment counts."""
    found = list[float]()
    for _ in range(30):
        time.sleep(1)
        child.check()
        found.append(child.usage().resident)
    return median(found)


def _cpu_of(command: Sequence[str]) -> float:
    """CPU seconds of a command from its start to its end."""
    print(f"  {command[-1]}", file=sys.stderr, flush=True)
    pid = os.posix_spawn(command[0], command, environment())
    _, status, used = os.wait4(pid, 0)
    if status:
        raise OSError(f"{' '.join(command)} ended with {os.waitstatus_to_exitcode(status)}")
    return used.ru_utime + used.ru_stime


@contextmanager
def _silent_sink() -> Iterator[int]:
    """A port that takes connections and reads nothing."""
    with socket.socket() as sink:
        # Small, so that it blocks at once; what is taken later inherits it.
        sink.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sink.bind(("127.0.0.1", 0))
        sink.listen()
        yield sink.getsockname()[1]
