"""What is noticed of one open stream besides its numbers: samples that are empty or come late."""

from datetime import datetime
from typing import Literal

from tidegauge.docker.frames import StatsFrame

EMPTY_IN_A_ROW = 10
"""So many empty samples are no hiccup: the container has stopped, or the engine has a trouble."""

LATE_SECONDS = 9.0
"""A sample that waited longer for us tells of another time than the one it is recorded in.

Four of them it may wait on purpose, while nobody looks.
"""

_DRIFT = 0.001
"""Two clocks may differ in speed by so much; lateness is forgiven at this rate."""

Notice = Literal["empty", "filled", "late"]


class Attention:
    """Sees each frame of a stream at the (monotonic) time it came; says what is remarkable.

    How late a frame is shows in its own time: frames that waited come faster than they were made.
    So the engine's clock need not agree with ours. ``cycle`` is the time between the newest two.
    """

    __slots__ = ("_came", "_empty", "_read", "cycle", "seconds_late")

    def __init__(self) -> None:
        self._empty = 0
        self._read: datetime | None = None
        self._came = 0.0
        self.cycle = self.seconds_late = 0.0

    def sees(self, frame: StatsFrame, at: float) -> Notice | None:
        """``empty`` at each tenth empty frame in a row, ``filled`` at the first behind ten."""
        if not frame.running:
            self._empty += 1
            return None if self._empty % EMPTY_IN_A_ROW else "empty"
        empty, self._empty = self._empty, 0
        return self.goes_on(frame.read, at) or ("filled" if empty >= EMPTY_IN_A_ROW else None)

    def goes_on(self, read: datetime, at: float) -> Notice | None:
        """The same of a frame that is not empty, as the one before was not."""
        self._measure(read, at)
        return "late" if self.seconds_late > LATE_SECONDS else None

    def _measure(self, read: datetime, at: float) -> None:
        if self._read is not None:
            made, passed = (read - self._read).total_seconds(), at - self._came
            self.cycle = made
            waited = self.seconds_late + passed - made - _DRIFT * passed
            # A clock that was set forward or back says nothing about lateness.
            self.seconds_late = waited if made > 0 and waited > 0 else 0.0
        self._read, self._came = read, at


def empty_sentence(engine: str, container: str, owner: str) -> str:
    """Why a running container may have no numbers; ``owner`` is whose network it uses, if any."""
    cause = (
        f"It shares the network of {owner}, which does not run; start that one and then this one"
        " again, or make both anew."
        if owner
        else "Most likely an interface of its network was renamed or moved; start it again."
    )
    return (
        f"engine {engine} sends empty samples of {container}, which runs; nothing of it is"
        f" recorded. {cause}"
    )


def late_sentence(engine: str, seconds: float) -> str:
    """What it means that samples come late."""
    return (
        f"samples of engine {engine} come {seconds:.0f} s late: this machine, or the way to the"
        " engine, is too slow. Totals stay right; levels are those of then."
    )
