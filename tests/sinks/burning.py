"""How much CPU a container really got: on a busy machine less than its quota."""

import time

from servers.engine import DockerEngine

QUOTA = 0.3


class Burning:
    """Counts the CPU time of a container that `DockerEngine.burn` started, as the engine has it."""

    def __init__(self, engine: DockerEngine, container: str) -> None:
        self._engine, self._container = engine, container
        self._began = self._measured()
        self.cores = 0.0

    def restart(self) -> None:
        """Restart the container, which the engine then counts from nothing."""
        began, before = self._began
        self._began = began, before - self._measured()[1]
        self._engine.docker("restart", "--time", "0", self._container)

    def end(self) -> None:
        """Set `cores`, the average since the start."""
        (at, used), (began, before) = self._measured(), self._began
        self.cores = (used - before) / (at - began)

    def agrees(self, mean: float) -> bool:
        """Within 10 % of the quota; on a busy machine at least within 15 % of what it got."""
        return min(0.9 * QUOTA, 0.85 * self.cores) <= mean <= 1.1 * QUOTA

    def _measured(self) -> tuple[float, float]:
        usage = self._engine.stats(self._container)["cpu_stats"]["cpu_usage"]["total_usage"]
        return time.monotonic(), usage / 1e9
