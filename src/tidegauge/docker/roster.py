"""Which containers there are and which streams they ask for: decisions only, no waiting."""

from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct, structs

from tidegauge.docker.choice import Choice
from tidegauge.docker.frames import Container, Engine, ListedContainer
from tidegauge.docker.lives import RENAMED, Condition, health_in, state_in
from tidegauge.docker.tasks import place_of, replaced

ALIVE = frozenset({"running", "paused", "restarting", "stopping"})
"""``stopping`` is Podman's word for a container that was told to stop and still runs."""


ALIASES_KEPT = 1000
"""Aliases that nobody has any more, of which it is known who had them."""


class Changes(Struct, frozen=True):
    """What a new list asks for: streams to open and to close, containers that are gone."""

    open: tuple[Container, ...]
    close: tuple[str, ...]
    gone: tuple[Condition, ...]


def present(
    engine: Engine,
    choice: Choice,
    listed: Iterable[ListedContainer],
    known: Mapping[str, Container],
) -> list[Condition]:
    """The chosen containers of a list and their states.

    Of two containers with one alias the one not known before, or not alive, or younger, gets its
    id added: their values never mix. What is known of a container's birth is kept.
    """
    conditions, aliases = list[Condition](), set[str]()
    chosen = _chosen(choice, [*listed], known)
    sharing = _sharing(one for one, _ in chosen)
    for one, alias in chosen:
        taken = alias in aliases
        unique = f"{alias}-{one.id[:12]}" if taken else alias
        aliases.add(unique)
        before = known.get(one.id)
        container = Container(
            engine,
            one.id,
            one.name,
            unique,
            one.image or "",
            choice.tags(one),
            before.started_at if before else None,
            sharing.get(one.id, ""),
            one.image_id or "",
            max(0, one.created or 0) or None,
            choice.labels(one),
        )
        if before is not None and before == container:
            container = before  # samples go on as before, which is seen by that
        # Two tasks in one place are no mistake: an update started the new one first.
        lost = alias if taken and place_of(one) is None else ""
        told = Condition(container, state_in(one.state), health_in(one), alias_taken=lost)
        conditions.append(told)
    return conditions


def _chosen(
    choice: Choice, listed: Sequence[ListedContainer], known: Mapping[str, Container]
) -> list[tuple[ListedContainer, str]]:
    """Each with the alias it should have; of those with one alias, who gets it comes first.

    Tasks of a Swarm that were replaced are not among them.
    """

    def claim(of: tuple[ListedContainer, str]) -> tuple[bool, bool, int]:
        one, _ = of
        return one.id not in known, one.state not in ALIVE, one.created or 0

    past = replaced(listed, ALIVE)
    decided = ((one, choice.decide(one).alias) for one in listed if one.id not in past)
    return sorted(((one, alias) for one, alias in decided if alias is not None), key=claim)


def _sharing(chosen: Iterable[ListedContainer]) -> dict[str, str]:
    """Whose network a container repeats: its owner's, or that of the first who shares it too."""
    listed = sorted(chosen, key=lambda one: one.state not in ALIVE)
    counted = {key: one.id for one in listed if not one.network_of for key in (one.id, one.name)}
    shared: dict[str, str] = {}
    for one in listed:
        if one.network_of and (first := counted.setdefault(one.network_of, one.id)) != one.id:
            shared[one.id] = first
    return shared


def plan(
    conditions: Iterable[Condition], known: Mapping[str, Container], streamed: Iterable[str]
) -> Changes:
    """Compare the containers there are with those known before, and the open streams, by id.

    A rename closes its stream and opens it again, under the new name.
    """
    now = {each.container.id: each for each in conditions}
    alive = {key for key, each in now.items() if each.state in ALIVE}
    same = {key for key in alive if known.get(key) == now[key].container}
    keep = same & set(streamed)
    missing = alive - keep
    return Changes(
        open=tuple(now[key].container for key in now if key in missing),
        close=tuple(key for key in streamed if key not in keep),
        gone=tuple(
            Condition(container, RENAMED if key in now else "", gone=True)
            for key, container in known.items()
            if key not in now or now[key].container.alias != container.alias
        ),
    )


class Generations:
    """Which container had each alias last, over all lists of one engine.

    A container made anew goes on under its alias with another id. So does one that takes over the
    name of a renamed one, which is how Compose recreates (v1 renames the old one out of the way,
    v2 the new one into its place).
    """

    def __init__(self) -> None:
        self._bearers: dict[str, str] = {}

    def link(self, conditions: Iterable[Condition]) -> list[Condition]:
        """The same, and where an alias has gone over to another container, from which one."""
        linked: list[Condition] = []
        for each in conditions:
            alias, now = each.container.alias, each.container.id
            before = self._bearers.pop(alias, now)
            self._bearers[alias] = now
            linked.append(each if before == now else structs.replace(each, before=before))
        # Those of this list come last.
        for alias in list(self._bearers)[: -len(linked) - ALIASES_KEPT]:
            del self._bearers[alias]
        return linked


def alive(conditions: Iterable[Condition]) -> list[Container]:
    """Those that give samples."""
    return [each.container for each in conditions if each.state in ALIVE]
