"""What it costs an engine that we watch it: samples a second, and the time of its processes."""

from itertools import chain, repeat

from tidegauge.clock import Clock
from tidegauge.docker.frames import Engine
from tidegauge.docker.holding import Holding
from tidegauge.docker.processes import EngineProcesses
from tidegauge.docker.stock import Effort
from tidegauge.streams import Outlet

FIRST, EVERY = 10.0, 30.0
"""Seconds until it is told for the first time, and from then on: of each shim a file is read."""


class EffortMeter:
    """Measures it while an engine answers; ``processes`` only of an engine on this machine."""

    def __init__(self, clock: Clock, processes: EngineProcesses | None = None) -> None:
        self._clock, self._processes = clock, processes

    async def run(self, engine: Engine, holding: Holding, outlet: Outlet[Effort]) -> None:
        """Tell now and then, until cancelled."""
        for pause in chain((FIRST,), repeat(EVERY)):
            began, reads = self._clock.monotonic(), holding.reads
            await self._clock.sleep(pause)
            seconds, load = self._clock.monotonic() - began, holding.load()
            streams = load.containers - len(holding.rotation)
            streamed = streams / load.cycle if load.cycle else None
            read = (holding.reads - reads) / seconds
            cpu = await self._processes.cpu() if self._processes else None
            await outlet.send(Effort(engine, streamed if streams else 0.0, read, cpu))
