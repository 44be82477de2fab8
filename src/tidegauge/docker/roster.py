"""Which containers there are and which streams they ask for: decisions only, no waiting."""

from collections.abc import Iterable, Mapping

from msgspec import Struct

from tidegauge.docker.choice import Choice
from tidegauge.docker.frames import Container, Engine, ListedContainer
from tidegauge.docker.lives import Condition, health_in

ALIVE = frozenset({"running", "paused", "restarting"})


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

    Of two containers with one alias the one not known before, or not alive, gets its id added:
    their values never mix. What is known of a container's birth is kept.
    """
    conditions: list[Condition] = []
    aliases: set[str] = set()
    for one in sorted(listed, key=lambda one: (one.id not in known, one.state not in ALIVE)):
        alias = choice.decide(one).alias
        if alias is None:
            continue
        if alias in aliases:
            alias = f"{alias}-{one.id[:12]}"
        aliases.add(alias)
        before = known.get(one.id)
        container = Container(
            engine,
            one.id,
            one.name,
            alias,
            one.image or "",
            choice.tags(one),
            before.started_at if before else None,
        )
        conditions.append(Condition(container, one.state, health_in(one)))
    return conditions


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
    return Changes(
        open=tuple(now[key].container for key in now if key in alive - keep),
        close=tuple(key for key in streamed if key not in keep),
        gone=tuple(
            Condition(container, "", gone=True)
            for key, container in known.items()
            if key not in now or now[key].container.alias != container.alias
        ),
    )


def alive(conditions: Iterable[Condition]) -> list[Container]:
    """Those that give samples."""
    return [each.container for each in conditions if each.state in ALIVE]
