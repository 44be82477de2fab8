"""What happens to containers: a script that repeats, and the state in which it leaves them."""

from collections.abc import Iterator

from msgspec import Struct
from msgspec.structs import replace

UNHEALTHY, HEALTHY = "health_status: unhealthy", "health_status: healthy"

OUT_OF_MEMORY = 137


class Step(Struct, frozen=True):
    """An event of the Engine API, so many seconds after its cycle began; a code comes with die."""

    after: float
    action: str
    exit_code: int = 0


class Cycle(Struct, frozen=True):
    """Steps that begin again after ``period`` seconds; the last of them ends before that."""

    period: int
    phase: int
    steps: tuple[Step, ...]

    def number(self, time: float) -> int:
        """Which cycle a time belongs to."""
        return int((time - self.phase) // self.period)

    def until(self, time: float, lag: float, cycles: int = 2) -> Iterator[tuple[int, float, Step]]:
        """The steps of the newest cycles up to a time: which cycle, when, what.

        ``lag`` is how much later than the script says everything happens.
        """
        newest = self.number(time - lag)
        for number in range(newest - cycles + 1, newest + 2):  # one more, for what is rounded
            for step in self.steps:
                at = number * self.period + self.phase + step.after + lag
                if at <= time:
                    yield number, at, step


class Condition(Struct, frozen=True):
    """What a container is at a moment; ``generation`` tells apart those with one name.

    Times are Unix seconds; ``started`` is ``None`` before its first start.
    """

    generation: int
    created: float
    state: str
    started: float | None = None
    finished: float | None = None
    exit_code: int = 0
    out_of_memory: bool = False
    restarts: int = 0
    healthy: bool = True

    @property
    def lives(self) -> bool:
        """Has it processes?"""
        return self.state in {"running", "paused"}


def happened(
    before: Condition | None, cycle: Cycle, number: int, at: float, step: Step
) -> Condition | None:
    """What a container is after a step; ``None`` when there is none of its name."""
    if step.action == "create":
        return Condition(number, at, "created")
    if before is None or step.action == "destroy":
        return None
    return replace(before, **_changed(before, cycle, number, at, step))


def _changed(
    before: Condition, cycle: Cycle, number: int, at: float, step: Step
) -> dict[str, object]:
    match step.action:
        case "start":
            again = before.finished is not None
            restarts = number - cycle.number(before.created) if again else 0
            return {
                "state": "running",
                "started": at,
                "out_of_memory": False,
                "restarts": restarts,
            }
        case "oom":
            return {"out_of_memory": True}
        case "die":
            # What is killed for its memory is started again by its restart policy.
            state = "restarting" if before.out_of_memory else "exited"
            return {"state": state, "finished": at, "exit_code": step.exit_code}
        case "pause":
            return {"state": "paused"}
        case "unpause":
            return {"state": "running"}
        case _:
            return {"healthy": step.action == HEALTHY} if ":" in step.action else {}


LEAK = Cycle(
    360,
    100,
    (Step(0.0, "oom"), Step(0.1, "die", OUT_OF_MEMORY), Step(0.7, "start")),
)
"""Killed for its memory every 6 minutes."""

DEPLOY = Cycle(
    600,
    250,
    (
        Step(0.0, "kill"),
        Step(0.9, "die"),
        Step(0.95, "stop"),
        Step(1.1, "destroy"),
        Step(1.4, "create"),
        Step(2.0, "start"),
    ),
)
"""Made anew under the same name every 10 minutes."""

REPORT = Cycle(
    120, 20, (Step(0.0, "create"), Step(0.5, "start"), Step(20.5, "die"), Step(20.6, "destroy"))
)
"""Of 20 seconds in every 2 minutes, removed at its end."""

FLAPPING = Cycle(300, 170, (Step(0.0, UNHEALTHY), Step(45.0, HEALTHY)))
"""Unhealthy for 45 seconds every 5 minutes."""

PAUSED = Cycle(480, 60, (Step(0.0, "pause"), Step(60.0, "unpause")))
"""For a minute every 8 minutes."""
