"""A registry of many containers that holds what a recorded stream told of each."""

from typing import Any

import msgspec
from ingest import RECORDINGS, SHAPES
from made_up import StandingClock, a_container, a_journal

from tidegauge.docker.frames import Sample, StatsFrame
from tidegauge.docker.intervals import Intervals
from tidegauge.docker.lives import Condition
from tidegauge.metrics import Registry
from tidegauge.pipeline import collecting
from tidegauge.streams import Outlet, Source


async def recorded(containers: int, samples: int = 3) -> Registry:
    """So many samples of each, not collected yet."""
    journal, registry = a_journal(), Registry({}, StandingClock())
    lines = (RECORDINGS / f"{SHAPES['cgroup v2']}.ndjson").read_bytes().splitlines()[:samples]
    frames = [msgspec.json.decode(line, type=StatsFrame) for line in lines]

    async def produce(outlet: Outlet[Any]) -> None:
        for container in map(a_container, range(containers)):
            await outlet.send(Condition(container, "running", restarts=0))
            for frame in frames:
                await outlet.send(Sample(container, frame))

    source: Source[Any] = Source("recorded lines", produce)
    await collecting(source, Intervals(journal.drop), registry, journal, {}).run()
    return registry
