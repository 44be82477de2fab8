"""What a program takes in a window of time, while the synthetic engine counts what it sends."""

import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from math import ceil, log2
from pathlib import Path
from typing import Any, NamedTuple

from child import Child
from programs import Program
from synthetic.running import Pace, SyntheticEngine, Truth
from synthetic.templates import Shape

OPEN_S = 120.0
QUIET_S = 2.0
CALM_S = 5.0


class Load(NamedTuple):
    """What the synthetic engine is asked to be."""

    containers: int
    rate: float = 1.0
    pace: Pace = "spread"
    shape: Shape = "v1"
    transport: str = "unix"

    def __str__(self) -> str:
        rate = "as fast as it is read" if self.pace == "flood" else f"{self.rate:g}/s"
        return f"{self.containers} x {rate}, {self.pace}, {self.shape}, {self.transport}"


class Window(NamedTuple):
    """CPU time and events taken in one window; memory and threads as they were at its end."""

    seconds: float
    events: int
    cpu: float
    voluntary: int
    resident: float
    threads: int
    skipped: int

    @property
    def per_event(self) -> float:
        """Microseconds of CPU for each event that was taken from the engine."""
        return self.cpu / self.events * 1e6

    @property
    def core_percent(self) -> float:
        """Of one core."""
        return self.cpu / self.seconds * 100

    @property
    def switches(self) -> float:
        """Voluntary context switches a second, of all threads."""
        return self.voluntary / self.seconds


def engine_of(load: Load, **more: Any) -> SyntheticEngine:  # noqa: ANN401 (its own options)
    """Start an engine for this load."""
    return SyntheticEngine(
        load.containers,
        rate=load.rate,
        pace=load.pace,
        shape=load.shape,
        tcp=load.transport == "tcp",
        **more,
    )


def address(engine: SyntheticEngine, load: Load) -> str:
    """Where programs find it."""
    return f"tcp://127.0.0.1:{engine.port}" if load.transport == "tcp" else engine.host


@contextmanager
def running(load: Load, program: Program, **more: Any) -> Iterator[tuple[SyntheticEngine, Child]]:  # noqa: ANN401
    """An engine and a program on it, which has just been started; both end with the block."""
    print(f"  {program.name}: {load}", file=sys.stderr, flush=True)
    folders = tempfile.TemporaryDirectory(prefix="tidegauge-bench-")
    with folders as name, engine_of(load, **more) as engine:
        folder = Path(name)
        start = program.start(address(engine, load), folder)
        with Child(start.command, start.env, folder / "log") as child:
            yield engine, child


def window(load: Load, program: Program, seconds: float) -> Window:
    """Measure a program once everything is delivered and quiet."""
    with running(load, program) as (engine, child):
        delivering(child, engine, load, each=2)
        quiet(child, engine)
        if load.pace != "flood":
            caught_up(child, engine, load)
        return measured(child, engine, load, seconds)


def delivering(child: Child, engine: SyntheticEngine, load: Load, each: int) -> None:
    """Return once all streams are open and have then had ``each`` events more, on average."""
    open_all = f"{load.containers} streams open"
    child.until(lambda: engine.truth()["streams_open"] >= load.containers, OPEN_S, open_all)
    sent = engine.truth()["sent"] + each * load.containers
    child.until(lambda: engine.truth()["sent"] >= sent, OPEN_S, f"{each} events of each stream")


def quiet(child: Child, engine: SyntheticEngine) -> None:
    """Return once nothing is asked any more: what happens at a start is over."""
    asked, since = -1, time.monotonic()

    def still() -> bool:
        nonlocal asked, since
        if (now := engine.truth()["requests"]) != asked:
            asked, since = now, time.monotonic()
        return time.monotonic() - since > QUIET_S

    child.until(still, OPEN_S, "no more requests")


def caught_up(child: Child, engine: SyntheticEngine, load: Load) -> None:
    """Return once no more waits than what comes in five seconds: who reads may be calm."""
    most = load.containers * max(1.0, CALM_S * load.rate)

    def few() -> bool:
        return waiting(engine.truth(streams=True), load) <= most

    child.until(few, OPEN_S, "all events read that came during the start", 1.0)


def measured(child: Child, engine: SyntheticEngine, load: Load, seconds: float) -> Window:
    """What it takes from now on."""
    begin, used, truth = time.monotonic(), child.usage(), engine.truth(streams=True)
    time.sleep(seconds)
    used_then, end, truth_then = child.usage(), time.monotonic(), engine.truth(streams=True)
    child.check()
    taken = [one["sent"] - waiting(one, load) for one in (truth, truth_then)]
    return Window(
        end - begin,
        taken[1] - taken[0],
        used_then.cpu - used.cpu,
        used_then.voluntary - used.voluntary,
        used_then.resident,
        used_then.threads,
        truth_then["skipped"] - truth["skipped"],
    )


def waiting(truth: Truth, load: Load) -> int:
    """How many events readers have not taken yet, by the bytes that wait for them.

    On unix sockets the kernel counts the memory it took: a power of two that has room for the event
    and 320 bytes, and 256 bytes (alloc_skb of include/linux/skbuff.h).
    """
    one = truth["bytes"] / max(truth["sent"], 1)
    if load.transport == "unix":
        one = 2 ** ceil(log2(one + 320)) + 256
    return sum(round(each["backlog"] / one) for each in truth.get("streams", ()))
