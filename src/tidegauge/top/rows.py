"""Which containers are shown, and in what order."""

from collections.abc import Iterable, Sequence

from msgspec import Struct

from tidegauge.top.columns import BY_NAME, Value
from tidegauge.top.source import STOPPED, State
from tidegauge.web.views import ContainerView

NO_PROJECT = "no project"


class Choice(Struct, frozen=True):
    """What the user wants to see; ``wanted`` are words that a container must have about it."""

    sort: str = "cpu"
    backwards: bool = False
    wanted: str = ""
    grouped: bool = False
    stopped: bool = False


class Row(Struct, frozen=True):
    """A container, or the heading of a group of them, which has a ``title`` and no key."""

    key: str
    containers: tuple[ContainerView, ...]
    title: str = ""


def rows(state: State, choice: Choice) -> list[Row]:
    """Everything that is shown, from the top."""
    chosen = [
        each
        for each in state.containers.values()
        if (choice.stopped or each.state not in STOPPED) and _has(each, choice.wanted)
    ]
    ordered = in_order(chosen, choice)
    if not choice.grouped:
        return [Row(each.key, (each,)) for each in ordered]
    groups: dict[str, list[ContainerView]] = {}
    for each in ordered:
        groups.setdefault(each.project or "", []).append(each)
    return [
        row
        for name, members in sorted(groups.items(), key=lambda group: (not group[0], group[0]))
        for row in _group(name, members)
    ]


def in_order(containers: Iterable[ContainerView], choice: Choice) -> list[ContainerView]:
    """Sorted; numbers from the greatest, text from the first, what is not known at the end."""
    column = BY_NAME[choice.sort]
    known: list[tuple[Value, ContainerView]] = []
    others: list[ContainerView] = []
    for each in sorted(containers, key=lambda each: (each.alias, each.engine)):
        if (value := column.value(each)) is None:
            others.append(each)
        else:
            known.append((value, each))
    known.sort(key=_first, reverse=column.numeric != choice.backwards)
    return [*(each for _, each in known), *others]


def _first(pair: tuple[Value, ContainerView]) -> tuple[float, str]:
    value = pair[0]
    return (0.0, value) if isinstance(value, str) else (value or 0.0, "")


def _group(name: str, members: Sequence[ContainerView]) -> list[Row]:
    heading = Row("", tuple(members), f"{name or NO_PROJECT} ({len(members)})")
    return [heading, *(Row(each.key, (each,)) for each in members)]


def _has(container: ContainerView, wanted: str) -> bool:
    if not wanted:
        return True
    facts = (
        *(container.alias, container.name, container.engine, container.image, container.state),
        *(container.project, container.service, container.health),
    )
    text = " ".join(filter(None, facts)).lower()
    return all(word in text for word in wanted.lower().split())
