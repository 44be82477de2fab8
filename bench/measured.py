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

    def invalid(self, *sides: Side) -> str:
        """Why windows of these sides say nothing, in words."""
        failed = [self._failed[side] for side in sides if side in self._failed]
        skipped = {side: sum(each.skipped for each in self._windows[side]) for side in sides}
        unread = [
            f"{count:,} events were not read in time by {name}"
            for (_, name), count in skipped.items()
            if count
        ]
        return ", ".join(failed + unread)


def per_event(one: Window) -> float:
    """Microseconds of CPU."""
    return one.per_event


def resident(one: Window) -> float:
    """Megabytes."""
    return one.resident


def against(found: Measured, target: str, load: Load, peer: str, most: float) -> Row:
    """CPU of ours through that of a peer, for each event."""
    ours, theirs = found.values(per_event, load), found.values(per_event, load, peer)
    return Row(
        target,
        f"CPU, tidegauge / {peer}: {load}",
        ratios(ours, theirs),
        Bound(most),
        beside("us/event", tidegauge=ours, peer=theirs),
        found.invalid((load, OURS), (load, peer)),
    )


def above_floor(found: Measured, load: Load) -> Row:
    """CPU of an event through that of decoding it."""
    ours, floors = found.values(per_event, load), found.floors[load.shape]
    return Row(
        "T5",
        f"CPU, tidegauge / decoding alone: {load}",
        ratios(ours, floors),
        Bound(4.5),
        beside("us/event", tidegauge=ours, decoding=floors),
        found.invalid((load, OURS)),
    )


def rows(found: Measured) -> list[Row]:
    """What windows can answer of the targets, in their order."""
    return [
        against(found, "T2", THOUSAND, "docker stats", 1 / 10),
        against(found, "T3", THOUSAND, "docker-py", 1 / 8),
        _memory_against(found),
        against(found, "T4", FAST, "aiodocker", 1 / 8),
        above_floor(found, THOUSAND),
        above_floor(found, SECOND_SHAPE),
        _ceiling(found),
        *_scaling(found),
        Row(
            "T8",
            f"voluntary context switches a second: {THOUSAND}",
            found.values(lambda one: one.switches, THOUSAND),
            Bound(2 / TICK_S + 5),
            invalid=found.invalid((THOUSAND, OURS)),
        ),
        *_memory(found),
    ]


def load_rows(found: Measured, loads: Sequence[Load]) -> list[Row]:
    """CPU of an event under each load; no target but that of decoding applies to all of them."""
    return [above_floor(found, load)._replace(target="", bound=None) for load in loads]


def _memory_against(found: Measured) -> Row:
    ours = found.values(resident, THOUSAND)
    theirs = found.values(resident, THOUSAND, "docker-py")
    return Row(
        "T3",
        f"memory, tidegauge / docker-py: {THOUSAND}",
        ratios(ours, theirs),
        Bound(0.5),
        beside("MB", tidegauge=ours, peer=theirs),
        found.invalid((THOUSAND, OURS), (THOUSAND, "docker-py")),
    )


def _ceiling(found: Measured) -> Row:
    return Row(
        "T6",
        f"events per CPU second, all recorded: {FLOOD}",
        found.values(lambda one: one.events / one.cpu, FLOOD),
        Bound(45_000, at_least=True),
        beside("us/event", tidegauge=found.values(per_event, FLOOD)),
        found.invalid((FLOOD, OURS)),
    )


def _scaling(found: Measured) -> list[Row]:
    many, few = found.values(per_event, TEN_THOUSAND), found.values(per_event, THOUSAND)
    invalid = found.invalid((TEN_THOUSAND, OURS), (THOUSAND, OURS))
    return [
        Row(
            "T7",
            "CPU per event, 10000 containers / 1000",
            ratios(many, few),
            Bound(1.25),
            beside("us/event", at_10000=many, at_1000=few),
            invalid,
        ),
        Row(
            "T7",
            f"% of a core: {TEN_THOUSAND}",
            found.values(lambda one: one.core_percent, TEN_THOUSAND),
            Bound(25),
            invalid=invalid,
        ),
    ]


def _memory(found: Measured) -> list[Row]:
    few, many = found.values(resident, THOUSAND), found.values(resident, FIVE_THOUSAND)
    between = FIVE_THOUSAND.containers - THOUSAND.containers
    slopes = [(b - a) * 1000 / between for a, b in zip(few, many, strict=False)]
    unsaid = found.invalid((THOUSAND, OURS)), found.invalid((FIVE_THOUSAND, OURS))
    return [
        Row(
            "T9",
            "memory of one stream more, from 1000 to 5000, kB",
            slopes,
            Bound(6),
            beside("MB", at_1000=few, at_5000=many),
            "".join(unsaid),
        ),
        Row("T9", f"memory, MB: {THOUSAND}", few, Bound(50), invalid=unsaid[0]),
    ]
