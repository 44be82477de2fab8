"""Which containers are watched, under which alias, and why: pure decisions on listed containers."""

from collections.abc import Callable, Iterable, Mapping

from msgspec import Struct

from tidegauge.docker.frames import ListedContainer
from tidegauge.docker.tasks import SWARM, place_of
from tidegauge.globs import Glob

COMPOSE = "com.docker.compose."

IGNORE_LABEL, ALIAS_LABEL = "tidegauge.ignore", "tidegauge.alias"
"""Labels by which a container steers what is done with it."""

REPLICA = "replica"

TAGS: Mapping[str, str] = {
    f"{COMPOSE}project": "project",
    f"{COMPOSE}service": "service",
    f"{COMPOSE}container-number": REPLICA,
    "com.docker.stack.namespace": "project",
    f"{SWARM}service.name": "service",
    f"{SWARM}node.id": "node",
}
"""Labels that become tags by themselves, and the tags' names; a Swarm's replicas have no label."""

SHORTEST_ID = 12
"""Fewer characters of an id could as well be a name."""


class Decision(Struct, frozen=True):
    """``alias`` is ``None`` for a container that is not watched; ``why`` is a clause for users."""

    alias: str | None
    why: str


class Pattern:
    """A glob on a container's name, or on what its prefix says.

    Prefixes: ``image:``, ``label:key=value`` or ``label:key``, ``project:`` (of Compose or a
    Swarm stack), ``id:``, ``state:``.
    """

    def __init__(self, text: str) -> None:
        subject, colon, glob = text.partition(":")
        known = bool(colon) and subject in _SUBJECTS
        self.text = text
        self._texts = _SUBJECTS[subject if known else "name"]
        self._glob = Glob(glob if known else text)

    def matches(self, container: ListedContainer) -> bool:
        """Does any of the container's texts match?"""
        return any(self._glob.matches(text) for text in self._texts(container))


class Choice:
    """The user's choice: containers named one by one, and filters for the rest.

    A named container is watched unless excluded; others need an include that matches. A label
    ``tidegauge.ignore=true`` excludes, ``tidegauge.alias`` names one the configuration does not.
    A Swarm's task is else called by its place, so that the one after it is called the same.
    ``tags`` maps further labels to names of tags; ``labels`` are passed on as they are.
    """

    def __init__(
        self,
        named: Mapping[str, str],
        include: Iterable[str],
        exclude: Iterable[str],
        tags: Mapping[str, str] | None = None,
        labels: Iterable[str] = (),
    ) -> None:
        self.named = dict(named)
        self._labels = sorted(set(labels))
        self._tags = {**TAGS, **(tags or {})}
        self._include = [Pattern(text) for text in include]
        self._exclude = [Pattern(text) for text in exclude]

    def decide(self, container: ListedContainer) -> Decision:
        """Watch it or not, as which alias, and why."""
        labels = container.labels or {}
        if labels.get(IGNORE_LABEL, "").lower() == "true":
            return Decision(None, f"its label {IGNORE_LABEL} says so")
        for pattern in self._exclude:
            if pattern.matches(container):
                return Decision(None, f'excluded by "{pattern.text}"')
        for key, alias in self.named.items():
            if _is_named(container, key):
                return Decision(alias, f'named in the configuration as "{key}"')
        for pattern in self._include:
            if pattern.matches(container):
                place = place_of(container)
                alias = labels.get(ALIAS_LABEL) or (place.name if place else container.name)
                return Decision(alias, f'included by "{pattern.text}"')
        return Decision(None, "not named in the configuration, and no filter includes it")

    def tags(self, container: ListedContainer) -> tuple[tuple[str, str], ...]:
        """Its labels that become tags, under the tags' names; sorted."""
        labels, place = container.labels or {}, place_of(container)
        tags = {REPLICA: place.slot} if place and place.slot else {}
        tags |= {tag: labels[key] for key, tag in self._tags.items() if key in labels}
        return tuple(sorted(tags.items()))

    def labels(self, container: ListedContainer) -> tuple[tuple[str, str], ...]:
        """Those of its labels that are passed on; sorted."""
        labels = container.labels or {}
        return tuple((key, labels[key]) for key in self._labels if key in labels)

    def idle_includes(self, listed: Iterable[ListedContainer]) -> list[str]:
        """The includes, other than one for everything, that match no listed container."""
        containers = list(listed)
        return [
            pattern.text
            for pattern in self._include
            if pattern.text != "**" and not any(pattern.matches(c) for c in containers)
        ]

    def missing(self, listed: Iterable[ListedContainer]) -> list[str]:
        """The ids and names in the configuration that no listed container has."""
        containers = list(listed)
        return [key for key in self.named if not any(_is_named(c, key) for c in containers)]


def _is_named(container: ListedContainer, key: str) -> bool:
    by_id = len(key) >= SHORTEST_ID and container.id.startswith(key)
    return container.name == key or by_id


def _labels(container: ListedContainer) -> list[str]:
    labels = container.labels or {}
    return [*labels, *(f"{key}={value}" for key, value in labels.items())]


_SUBJECTS: dict[str, Callable[[ListedContainer], list[str]]] = {
    "name": lambda c: [c.name],
    "image": lambda c: [c.image or ""],
    "label": _labels,
    "project": lambda c: [v for k, v in (c.labels or {}).items() if TAGS.get(k) == "project"],
    "id": lambda c: [c.id],
    "state": lambda c: [c.state],
}
