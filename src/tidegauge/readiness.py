"""Is there anything to show? What an orchestrator asks before it counts on us."""

from collections.abc import Sequence

from tidegauge.clock import Clock
from tidegauge.docker.following import Follower
from tidegauge.metrics import ContainerRecorders, Registry


def unready(followers: Sequence[Follower], registry: Registry, clock: Clock) -> str:
    """Why not, in a sentence; empty when an engine answers and what it has to watch is sampled."""
    settled = [each for each in followers if each.settled]
    if not settled:
        return next((each.trouble for each in followers if each.trouble), "No engine answers yet.")
    now = clock.monotonic()
    sampled = any(
        isinstance(each, ContainerRecorders) and each.in_use(now) for each in registry.live()
    )
    if not sampled and any(each.watched for each in settled):
        return "No container's sample has come for 30 s."
    return ""
