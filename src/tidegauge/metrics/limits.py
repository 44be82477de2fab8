"""How many series there may be: of a container, and in all. Memory and backends are finite."""

from collections.abc import Callable

from msgspec import Struct

BASE_SERIES = 80
"""What a container may take besides interfaces and devices, with every state and exit code."""


class Limits(Struct, frozen=True):
    """The most series of one container, and of all together."""

    per_container: int = 500
    of_all: int = 1_000_000


class Allowance:
    """Counts the series that were begun, and refuses those beyond the limits.

    ``refused`` is called with a sentence and whom it is about; nobody in particular for the limit
    of all.
    """

    def __init__(self, limits: Limits, refused: Callable[[str, str], None]) -> None:
        self.limits = limits
        self.taken = 0
        self._refused = refused

    def take(self, amount: int, had: int, subject: str) -> bool:
        """May a container that has ``had`` series begin so many more? They are taken then."""
        if had + amount > self.limits.per_container:
            limit = f"limits.series_per_container ({self.limits.per_container})"
            sentence = f"{subject} has more series than {limit}; further interfaces and devices"
            self._refused(f"{sentence} of it are not recorded.", subject)
        elif self.taken + amount > self.limits.of_all:
            limit = f"limits.series ({self.limits.of_all})"
            sentence = f"there are more series than {limit}; further containers, interfaces and"
            self._refused(f"{sentence} devices are not recorded.", "")
        else:
            self.taken += amount
            return True
        return False

    def give_back(self, amount: int) -> None:
        """So many series ended."""
        self.taken -= amount


class Share:
    """What a container has of the allowance.

    Apart from its recorders, so that those it is given to do not refer back to them: what is
    forgotten is freed at once, and need not wait for the collector.
    """

    __slots__ = ("_allowance", "_subject", "taken")

    def __init__(self, allowance: Allowance, subject: str) -> None:
        self._allowance, self._subject = allowance, subject
        self.taken = BASE_SERIES

    def take(self, amount: int) -> bool:
        """May so many more series begin? They are taken then."""
        allowed = self._allowance.take(amount, self.taken, self._subject)
        self.taken += amount if allowed else 0
        return allowed
