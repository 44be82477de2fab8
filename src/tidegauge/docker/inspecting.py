"""What an engine tells of one container: few at once, and without, where that is forbidden."""

import asyncio
import math

from tidegauge.clock import Clock
from tidegauge.docker.client import ContainerState, EngineClient, InspectedContainer
from tidegauge.errors import RequestForbidden
from tidegauge.journal import Journal

AT_ONCE = 4

UNTOLD = InspectedContainer(state=ContainerState(status="running"))
"""Of a container that runs, for it is asked about, and of which nothing else may be known."""

REFUSED_SECONDS = 60.0
"""After so long a refusal is asked about once more."""


class Inspector:
    """Asks one engine about its containers."""

    def __init__(self, client: EngineClient, journal: Journal, clock: Clock) -> None:
        self._client, self._journal, self._clock = client, journal, clock
        self._refused_until = -math.inf
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def ask(self, key: str) -> InspectedContainer:
        """A container in detail, or `UNTOLD`, which is told once; raises `EngineError`."""
        if self._clock.monotonic() < self._refused_until:
            return UNTOLD
        try:
            async with self._turns:
                found = await self._client.inspect(key)
        except RequestForbidden as refusal:
            self._refused_until = self._clock.monotonic() + REFUSED_SECONDS
            self._journal.trouble(
                "details forbidden",
                f"{refusal} Until then limits, health, restarts and times of start are unknown, and"
                " no container is read directly.",
                self._client.name,
            )
            return UNTOLD
        self._journal.over("details forbidden", self._client.name)
        return found
