"""The table's columns: what each holds, how it is written, and which fit a terminal."""

from collections.abc import Callable, Iterable, Mapping

from msgspec import Struct

from tidegauge.terminal.table import in_units
from tidegauge.terminal.text import printable, width
from tidegauge.web.views import ContainerView

Value = float | str | None

NARROWEST = 14
"""Columns of a terminal that names have at least; and a quarter of it."""

GAP = 1


def percent(share: float) -> str:
    """Three digits or four: ``0.12``, ``45.1``, ``1600``."""
    places = 2 if share < 9.995 else 1 if share < 999.95 else 0
    return f"{share:.{places}f}"


def rounded(count: float) -> str:
    """A whole number."""
    return f"{count:.0f}"


def size(count: float) -> str:
    """Bytes in fitting units."""
    return in_units(round(count))


def age(seconds: float) -> str:
    """In the two largest units, in at most six signs: ``12s``, ``3m 5s``, ``4h 7m``, ``12d 3h``."""
    whole = max(0, int(seconds))
    if whole >= 100 * 86400:
        return f"{whole // 86400}d"
    for unit, name, below, least in (
        (86400, "d", 3600, "h"),
        (3600, "h", 60, "m"),
        (60, "m", 1, "s"),
    ):
        if whole >= unit:
            return f"{whole // unit}{name}{whole % unit // below:>2}{least}"
    return f"{whole}s"


class Column(Struct, frozen=True):
    """A column; ``value`` is what it is sorted by, and ``written`` what is shown of a number.

    Of a group, the values are added up where they are ``additive``.
    """

    name: str
    heading: str
    width: int
    value: Callable[[ContainerView], Value]
    written: Callable[[float], str] = rounded
    additive: bool = False

    @property
    def numeric(self) -> bool:
        """Is it aligned to the right, and sorted from the greatest?"""
        return self.name not in {"name", "engine", "state", "project"}

    def text(self, container: ContainerView) -> str:
        """What is shown of a container."""
        value = self.value(container)
        if value is None:
            return "-" if self.numeric else ""
        return value if isinstance(value, str) else self.written(value)

    def sum(self, containers: Iterable[ContainerView]) -> str:
        """What is shown of a group."""
        if not self.additive:
            return ""
        known = [value for each in containers if isinstance(value := self.value(each), int | float)]
        return self.written(sum(known)) if known else ""


def condition(container: ContainerView) -> str:
    """The state, or the health of what runs and is asked for it."""
    return (
        container.health if container.state == "running" and container.health else container.state
    )


def uptime(container: ContainerView) -> float | None:
    """Seconds since the start, by the engine's clock."""
    at, started = container.sampled_at, container.started_at
    return None if at is None or started is None or container.values.pids is None else at - started


def of_limit(used: float | None, limit: float | None) -> float | None:
    """Percent."""
    return None if used is None or not limit else used / limit * 100


def place(container: ContainerView) -> str | None:
    """Project and service."""
    if container.project and container.service:
        return f"{container.project}/{container.service}"
    return container.project or container.service


def _cpu(container: ContainerView) -> float | None:
    cores = container.values.cpu
    return None if cores is None else cores * 100


COLUMNS = (
    Column("name", "container", 0, lambda each: each.alias),
    Column("engine", "engine", 10, lambda each: each.engine),
    Column("state", "state", 10, condition),
    Column("cpu", "cpu %", 6, _cpu, percent, additive=True),
    Column("spark", "cpu", 10, _cpu),
    Column("cpu_limit", "% lim", 5, lambda x: of_limit(x.values.cpu, x.values.cpu_limit), percent),
    Column("memory", "memory", 7, lambda each: each.values.memory, size, additive=True),
    Column(
        *("memory_limit", "% lim", 5),
        lambda each: of_limit(each.values.memory, each.values.memory_limit),
        percent,
    ),
    Column("rx", "rx/s", 7, lambda each: each.values.rx, size, additive=True),
    Column("tx", "tx/s", 7, lambda each: each.values.tx, size, additive=True),
    Column("read", "read/s", 7, lambda each: each.values.read, size, additive=True),
    Column("write", "write/s", 7, lambda each: each.values.write, size, additive=True),
    Column("pids", "pids", 5, lambda each: each.values.pids, additive=True),
    Column("uptime", "uptime", 6, uptime, age),
    Column("project", "project", 18, place),
)
"""In the order in which they stand."""

BY_NAME: Mapping[str, Column] = {column.name: column for column in COLUMNS}

SORTABLE = tuple(name for name in BY_NAME if name != "spark")

IMPORTANCE = (
    *("name", "cpu", "state", "memory", "engine", "memory_limit", "rx", "tx", "spark", "uptime"),
    *("pids", "read", "write", "cpu_limit", "project"),
)
"""The last go first where there is no room."""


class Fitted(Struct, frozen=True):
    """A column, and how wide it is here."""

    column: Column
    width: int


def fitting(
    room: int, containers: Iterable[ContainerView], *, grouped: bool = False
) -> tuple[Fitted, ...]:
    """The columns that a terminal has room for; the names have what the others leave."""
    shown = [*containers]
    unneeded = {"engine"} if len({each.engine for each in shown}) < 2 else set[str]()
    if grouped or not any(map(place, shown)):
        unneeded.add("project")
    left = room - max(NARROWEST, room // 4)
    chosen = {"name"}
    for name in IMPORTANCE[1:]:
        if name not in unneeded:
            left -= GAP + BY_NAME[name].width
            if left < 0:
                break
            chosen.add(name)
    others = sum(GAP + BY_NAME[name].width for name in chosen - {"name"})
    longest = max((width(printable(each.alias)) for each in shown), default=0)
    names = max(1, min(room - others, max(NARROWEST, longest)))
    return tuple(
        Fitted(column, column.width or names) for column in COLUMNS if column.name in chosen
    )
