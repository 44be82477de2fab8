"""All windows of all rounds, and the rows that are made of them; nothing is measured here."""

from collections import defaultdict
from collections.abc import Callable, Sequence

from rows import Bound, Row, beside, ratios
from windows import Load, Window

OURS = "tidegauge"
TICK_S = 0.25
"""How often streams are read: the default, which bounds how often we wake up."""

THOUSAND = Load(1000)
SECOND_SHAPE = THOUSAND._replace(shape="v2")
FIVE_THOUSAND = THOUSAND._replace(containers=5000)
TEN_THOUSAND = THOUSAND._replace(containers=10_000)
FAST = Load(100, 10.0)
FLOOD = Load(100, pace="flood")

Value = Callable[[Window], float]
Side = tuple[Load, str]
"""A load, and the name of the program under it."""


class Measured:
    """Windows by load and program, one of each round, and the decode floor of each shape."""

    def __init__(self) -> None:
        self._windows: dict[Side, list[Window]] = defaultdict(list)
        self._failed: dict[Side, str] = {}
        self.floors: dict[str, list[float]] = defaultdict(list)

    def add(self, load: Load, name: str, one: Window) -> None:
        """A window of a round."""
        self._windows[load, name].append(one)

    def fail(self, load: Load, name: str, why: str) -> None:
        """It did not do its part in a round: then no round of it counts."""
        self._failed[load, name] = why
        self._windows.pop((load, name), None)

    def failed(self, load: Load, name: str) -> bool:
        """Whether there is no use in another round."""
        return (load, name) in self._failed

    def values(self, value: Value, load: Load, name: str = OURS) -> list[float]:
        """One number of each round; none where the program is missing."""
        return [value(each) for each in self._windows[load, name]]

    def row(
        self,
        target: str,
        measured: str,
        values: Sequence[float],
        bound: Bound | None,
        *sides: Side,
        notes: str = "",
    ) -> Row:
        """Make a row of windows of these sides, with what was wrong with them."""
        failed = {side: self._failed[side] for side in sides if side in self._failed}
        ours = [why for (_, name), why in failed.items() if name == OURS]
        theirs = [why for (_, name), why in failed.items() if name != OURS]
        return Row(
            *(target, measured, values, bound, notes),
            invalid=", ".join(theirs + self._unread(sides)),
            failed=", ".join(ours),
        )

    def _unread(self, sides: Sequence[Side]) -> list[str]:
        skipped = {side: sum(each.skipped for each in self._windows[side]) for side in sides}
        return [
            f"{count:,} events were not read in time by {name}"
            for (_, name), count in skipped.items()
            if count
        ]


def per_event(one: Window) -> float:
    """Microseconds of CPU."""
    return one.per_event


def resident(one: Window) -> float:
    """Megabytes."""
    return one.resident


def switches(one: Window) -> float:
    """Voluntary context switches a second."""
    return one.switches


def rows(found: Measured) -> list[Row]:
    """What windows can answer of the targets, in their order."""
    return [
        against(found, "T2", (THOUSAND, "docker stats"), Bound(1 / 10)),
        against(found, "T3", (THOUSAND, "docker-py"), Bound(1 / 8)),
        _memory_against(found, (THOUSAND, "docker-py")),
        against(found, "T4", (FAST, "aiodocker"), Bound(1 / 8)),
        above_floor(found, THOUSAND),
        above_floor(found, SECOND_SHAPE),
        _ceiling(found),
        *_scaling(found),
        found.row(
            "T8",
            f"voluntary context switches a second: {THOUSAND}",
            found.values(switches, THOUSAND),
            Bound(2 / TICK_S + 5),
            (THOUSAND, OURS),
        ),
        *_memory(found),
    ]


def load_rows(found: Measured, loads: Sequence[Load]) -> list[Row]:
    """CPU of an event under each load; the targets are of some of them."""
    return [above_floor(found, load)._replace(target="", bound=None) for load in loads]


def against(found: Measured, target: str, peer: Side, most: Bound) -> Row:
    """CPU of ours through that of a peer under the same load, for each event."""
    load, name = peer
    ours, theirs = found.values(per_event, load), found.values(per_event, *peer)
    return found.row(
        target,
        f"CPU, tidegauge / {name}: {load}",
        ratios(ours, theirs),
        most,
        (load, OURS),
        peer,
        notes=beside("us/event", tidegauge=ours, peer=theirs),
    )


def above_floor(found: Measured, load: Load) -> Row:
    """CPU of an event through that of decoding it."""
    ours, floors = found.values(per_event, load), found.floors[load.shape]
    return found.row(
        "T5",
        f"CPU, tidegauge / decoding alone: {load}",
        ratios(ours, floors),
        Bound(4.5),
        (load, OURS),
        notes=beside("us/event", tidegauge=ours, decoding=floors),
    )


def _memory_against(found: Measured, peer: Side) -> Row:
    load, name = peer
    ours, theirs = found.values(resident, load), found.values(resident, *peer)
    return found.row(
        "T3",
        f"memory, tidegauge / {name}: {load}",
        ratios(ours, theirs),
        Bound(0.5),
        (load, OURS),
        peer,
        notes=beside("MB", tidegauge=ours, peer=theirs),
    )


def _ceiling(found: Measured) -> Row:
    return found.row(
        "T6",
        f"events per CPU second, all recorded: {FLOOD}",
        found.values(lambda one: one.events / one.cpu, FLOOD),
        Bound(45_000, at_least=True),
        (FLOOD, OURS),
        notes=beside("us/event", tidegauge=found.values(per_event, FLOOD)),
    )


def _scaling(found: Measured) -> list[Row]:
    many, few = found.values(per_event, TEN_THOUSAND), found.values(per_event, THOUSAND)
    return [
        found.row(
            "T7",
            "CPU per event, 10000 containers / 1000",
            ratios(many, few),
            Bound(1.25),
            (TEN_THOUSAND, OURS),
            (THOUSAND, OURS),
            notes=beside("us/event", at_10000=many, at_1000=few),
        ),
        found.row(
            "T7",
            f"% of a core: {TEN_THOUSAND}",
            found.values(lambda one: one.core_percent, TEN_THOUSAND),
            Bound(25),
            (TEN_THOUSAND, OURS),
        ),
    ]


def _memory(found: Measured) -> list[Row]:
    few, many = found.values(resident, THOUSAND), found.values(resident, FIVE_THOUSAND)
    between = FIVE_THOUSAND.containers - THOUSAND.containers
    return [
        found.row(
            "T9",
            "memory of one stream more, from 1000 to 5000, kB",
            [(five - one) * 1000 / between for one, five in zip(few, many, strict=False)],
            Bound(6),
            (THOUSAND, OURS),
            (FIVE_THOUSAND, OURS),
            notes=beside("MB", at_1000=few, at_5000=many),
        ),
        found.row("T9", f"memory, MB: {THOUSAND}", few, Bound(50), (THOUSAND, OURS)),
    ]
