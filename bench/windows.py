"""What a program takes in a window of time, while the synthetic engine counts what it sends."""

import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from child import Child
from processes import Usage
from programs import Program
from synthetic.running import SyntheticEngine

OPEN_S = 120.0
QUIET_S = 2.0


class Load(NamedTuple):
    """What the synthetic engine is asked to be."""

    containers: int
    rate: float = 1.0
    pace: str = "spread"
    shape: str = "v1"
    transport: str = "unix"

    def __str__(self) -> str:
        rate = "as fast as it is read" if self.pace == "flood" else f"{self.rate:g}/s"
        return f"{self.containers} x {rate}, {self.pace}, {self.shape}, {self.transport}"


class Window(NamedTuple):
    """CPU time and events of one window; memory and threads as they were at its end."""

    seconds: float
    events: int
    cpu: float
    voluntary: int
    resident: float
    threads: int
    skipped: int
    truth: Mapping[str, Any]

    @property
    def per_event(self) -> float:
        """Microseconds of CPU for each event that left the engine."""
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
    """An engine of this load, not yet started."""
    return SyntheticEngine(
        containers=load.containers,
        rate=load.rate,
        pace=load.pace,
        shape=load.shape,
        transport=load.transport,
        **more,
    )


def window(load: Load, program: Program, seconds: float, **more: Any) -> Window:  # noqa: ANN401
    """Start an engine and the program on it; measure once everything is delivered and quiet."""
    print(f"  {program.name}: {load}", file=sys.stderr, flush=True)
    with (
        tempfile.TemporaryDirectory(prefix="tidegauge-bench-") as name,
        engine_of(load, **more) as engine,
    ):
        folder = Path(name)
        start = program.start(engine.host, folder)
        with Child(start.command, start.env, folder / "log") as child:
            delivering(child, engine, load, each=2)
            quiet(child, engine)
            return _measured(child, engine, seconds)


def delivering(child: Child, engine: SyntheticEngine, load: Load, each: int) -> None:
    """Return once all streams are open and have then had ``each`` events more, on average."""
    open_all = f"{load.containers} streams open"
    child.until(lambda: engine.truth()["streams_open"] >= load.containers, OPEN_S, open_all)
    sent = engine.truth()["sent"] + each * load.containers
    child.until(lambda: engine.truth()["sent"] >= sent, OPEN_S, f"{each} events of each stream")


def quiet(child: Child, engine: SyntheticEngine) -> None:
    """Return once nothing is asked any more: what happens at a start is over."""
    ours, last, since = 0, -1, time.monotonic()

    def still() -> bool:
        nonlocal ours, last, since
        ours += 1
        if (asked := engine.truth()["requests"] - ours) != last:
            last, since = asked, time.monotonic()
        return time.monotonic() - since > QUIET_S

    child.until(still, OPEN_S, "no more requests")


def _measured(child: Child, engine: SyntheticEngine, seconds: float) -> Window:
    begin, used, truth = time.monotonic(), child.usage(), engine.truth()
    time.sleep(seconds)
    end, used_then, truth_then = time.monotonic(), child.usage(), engine.truth()
    child.check()
    return between(used, used_then, truth, truth_then, end - begin)


def between(
    used: Usage,
    used_then: Usage,
    truth: Mapping[str, Any],
    truth_then: Mapping[str, Any],
    seconds: float,
) -> Window:
    """What lies between two looks at a program and at its engine."""
    return Window(
        seconds,
        truth_then["sent"] - truth["sent"],
        used_then.cpu - used.cpu,
        used_then.voluntary - used.voluntary,
        used_then.resident,
        used_then.threads,
        truth_then["skipped"] - truth["skipped"],
        truth_then,
    )
