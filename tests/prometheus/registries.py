"""Registries with known content, for tests of the pages that are made of them."""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from manual_clock import ManualClock
from recorded import a_container, frames
from snapshots import a_journal
from tidegauge.docker.frames import Container, Engine, Sample
from tidegauge.docker.intervals import Intervals
from tidegauge.docker.lives import Condition
from tidegauge.docker.resources import Resources
from tidegauge.docker.stock import FileSystem, FileSystems, Stock
from tidegauge.host import Host, HostMemory, HostSample
from tidegauge.metrics import Registry
from tidegauge.pipeline import collecting
from tidegauge.streams import Outlet, Source

GOLDEN = sorted((Path(__file__).parent / "golden").iterdir())


async def registry_of(seen: Sequence[Any], clock: ManualClock | None = None) -> Registry:
    """A registry that has recorded all of this, and one tick has passed."""
    clock = clock or ManualClock()
    registry = Registry({}, clock)
    await record(registry, seen)
    registry.collect(clock.now())
    return registry


async def record(registry: Registry, seen: Sequence[Any]) -> None:
    """Let a registry see more."""
    journal, _ = a_journal()

    async def produce(outlet: Outlet[Any]) -> None:
        for one in seen:
            await outlet.send(one)

    source: Source[Any] = Source("seen", produce)
    await collecting(source, Intervals(journal.drop), registry, journal, {}).run()


def seen_in(folder: Path) -> Sequence[Any]:
    """What a golden case is about."""
    case = tomllib.loads((folder / "case.toml").read_text(encoding="utf-8"))
    seen = list(_of_container(case)) if "recording" in case else []
    return [*seen, *surroundings()] if case.get("surroundings") else seen


def running(container: Container, recording: str, count: int) -> list[Any]:
    """A container that runs without limits, and its first so many recorded samples."""
    samples = [Sample(container, frame) for frame in frames(recording)[:count]]
    return [Condition(container, "running", restarts=0, resources=Resources()), *samples]


def _of_container(case: Mapping[str, Any]) -> Iterator[Any]:
    container = a_container("docker", **case["container"])
    resources = msgspec.convert(case.get("resources", {}), Resources)
    yield Condition(container, "running", case.get("health"), 0, resources=resources)
    for frame in frames(case["recording"])[: case["samples"]]:
        yield Sample(container, frame)


def surroundings(engine: Engine = Engine("e", "docker", "26.1.5")) -> list[Any]:
    """An engine, its file system, and the machine, in round numbers."""
    cpu = {"user": 10**9, "nice": 5, "system": 2 * 10**9, "idle": 7, "interrupt": 3, "steal": 4}
    return [
        Stock(engine, {"running": 1, "paused": 0, "stopped": 2}, 3, 2, 8000),
        FileSystems(engine, (FileSystem("/var/lib/docker", 1000, 600, 300, 100, 40),)),
        HostSample(
            Host("h1"),
            late=0.002,
            process_cpu=50_000_000,
            resident=30_000_000,
            cpu=cpu,
            cpus=2,
            memory=HostMemory(8000, 4000, 100, 900, 4800, 0, 0),
            load=(0.5, 0.25, 0.125),
        ),
    ]
