"""Tasks of a Swarm: which place in its service a container takes, whatever task it is there.

An update, or a failure, puts another task into the place: a container of another id and name
(``web.1.TASK``, for a global service ``web.NODE.TASK``). What is measured goes on under the place.
"""

from collections.abc import Iterable, Sequence

from msgspec import Struct

from tidegauge.docker.frames import ListedContainer

SWARM = "com.docker.swarm."


class Place(Struct, frozen=True):
    """One of the replicas of a service, or, without a ``slot``, its only one on a node."""

    service: str
    slot: str

    @property
    def name(self) -> str:
        """Different for each on one node."""
        return f"{self.service}.{self.slot}" if self.slot else self.service


def place_of(container: ListedContainer) -> Place | None:
    """The place of a task; ``None`` for a container that is none, or bears a name of its own."""
    labels = container.labels or {}
    service = labels.get(f"{SWARM}service.name", "")
    task = labels.get(f"{SWARM}task.id", "")
    slot = container.name.removeprefix(f"{service}.").removesuffix(f".{task}")
    if not service or not task or container.name != f"{service}.{slot}.{task}":
        return None
    return Place(service, "" if slot == labels.get(f"{SWARM}node.id") else slot)


def replaced(listed: Iterable[ListedContainer], alive: frozenset[str]) -> frozenset[str]:
    """The ids of tasks that have ended, and of which another is in the place, or was since.

    A Swarm keeps four of them for each place, so that their logs can be read.
    """
    tasks: dict[Place, list[ListedContainer]] = {}
    for each in listed:
        if place := place_of(each):
            tasks.setdefault(place, []).append(each)
    return frozenset(each.id for some in tasks.values() for each in _ended(some, alive))


def _ended(tasks: Sequence[ListedContainer], alive: frozenset[str]) -> list[ListedContainer]:
    ended = [each for each in tasks if each.state not in alive]
    if len(ended) == len(tasks):
        ended.remove(max(ended, key=lambda each: each.created or 0))
    return ended
