"""The states that a source shows."""

from collections.abc import Callable

from tidegauge.top.source import State
from waiting import wait_until_async


class Seen:
    """What an agent shows."""

    def __init__(self) -> None:
        self.states: list[State] = []

    @property
    def newest(self) -> State | None:
        return self.states[-1] if self.states else None

    async def until(self, condition: Callable[[State], object], what: str) -> State:
        """The newest state, once it is as it should be."""

        def fits() -> State | None:
            return self.newest if self.newest and condition(self.newest) else None

        return await wait_until_async(fits, 10, f"{what}; {self.newest}")
