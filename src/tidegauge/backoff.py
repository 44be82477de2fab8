"""How long to wait before trying again, an engine or a backend."""

from collections.abc import Callable


class Backoff:
    """Doubling delays with jitter, so that many clients of one server do not come back as one."""

    def __init__(self, first: float, longest: float, random: Callable[[], float]) -> None:
        self._first, self._longest, self._random = first, longest, random
        self._next = first

    def delay(self) -> float:
        """Seconds to wait now: between half and all of the current step."""
        step, self._next = self._next, min(self._longest, self._next * 2)
        return step * (0.5 + self._random() / 2)

    def reset(self) -> None:
        """It worked: begin again with the shortest."""
        self._next = self._first
