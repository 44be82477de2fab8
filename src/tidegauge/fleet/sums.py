"""What containers use, summed up by the server: few rows come, however many containers there are.

Only samples of a window before the time count, so that what a silent agent sent last does not.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice

from msgspec import Struct

from tidegauge.fleet.machines import Node
from tidegauge.history.prometheus_series import together
from tidegauge.history.prometheus_server import Found, Question
from tidegauge.metrics import Metric, catalogue
from tidegauge.prometheus.names import Labels, escaped, family, label_text

NODE = "host", "instance", "job", "engine"
"""The labels that tell an engine, as an agent sees it, from others."""

SERVICE = "project", "service"
CONTAINER = *NODE, "container"

LONGEST = 6000
"""Characters of what is left out of sums: VictoriaMetrics takes queries of 16 KiB."""

LATELY_MS = 120_000

_RUNNING = (("state", "running"),)

Key = tuple[str, ...]
"""The values of the labels by which is summed up."""


class Sums(Struct):
    """Of some containers: how many run, cores, bytes, bytes a second; ``None`` is not known."""

    running: float | None = None
    cpu: float | None = None
    memory: float | None = None
    rx: float | None = None
    tx: float | None = None

    def add(self, other: "Sums") -> None:
        """Add what is known of others."""
        for name in self.__struct_fields__:
            ours, theirs = getattr(self, name), getattr(other, name)
            if theirs is not None:
                setattr(self, name, theirs if ours is None else ours + theirs)


class Summed(Struct, frozen=True):
    """Sums by key, and how many keys were ``left_out``."""

    rows: Mapping[Key, Sums]
    left_out: int


class Summing:
    """Sums at one time over samples of the ``window`` before, both in milliseconds.

    Of series with some labels, without those of some nodes; rates also without those of others.
    """

    def __init__(
        self,
        question: Question,
        at: int,
        window: int,
        *,
        matchers: str = "",
        without: Sequence[Node] = (),
        unrated: Sequence[Node] = (),
    ) -> None:
        self._question, self._at, self._window = question, at, window
        self._matchers, self._without = matchers, matchers_of(without)
        self._unrated = matchers_of((*without, *unrated))

    async def by(self, labels: Key, most: int, *, parts: str = "sum") -> Summed:
        """By the values of some labels, of those with most that run; raises `HistoryError`.

        ``parts`` is what becomes of series with the same values: a ``sum``, or their ``max``.
        """
        by = f"by ({', '.join(labels)})"
        running = f"{parts} {by} ({self.newest(name_of(catalogue.STATE), _RUNNING)})"
        found = await self.ask(f"topk({most + 1}, {running})")
        left_out, among = 0, ""
        if len(found) > most:
            counted = await self.ask(f"count({running})")
            left_out = round(counted[0].values[0] if counted else most + 1) - most
            among = f" and on ({', '.join(labels)}) topk({most}, {running})"
        rows: dict[Key, Sums] = defaultdict(Sums)
        for key, value in islice(_by(labels, found), most):
            rows[key].running = value
        await self._fill(rows, labels, f"{parts} {by}", among)
        return Summed(dict(islice(rows.items(), most)), left_out)

    async def _fill(self, rows: dict[Key, Sums], labels: Key, how: str, among: str) -> None:
        name, window = name_of(catalogue.NETWORK_IO), 2 * self._window
        moved = _rolled("rate", name, self._matchers, window, self._unrated)
        network = f"sum by ({', '.join((*labels, 'direction'))}) ({moved}){among}"
        cpu, memory, io = await together(
            self.ask(each)
            for each in (
                f"{how} ({self.newest(name_of(catalogue.CPU_USAGE))}){among}",
                f"{how} ({self.newest(name_of(catalogue.MEMORY_WORKING_SET))}){among}",
                network,
            )
        )
        for key, value in _by(labels, cpu):
            rows[key].cpu = value
        for key, value in _by(labels, memory):
            rows[key].memory = value
        for each, (key, value) in zip(io, _by(labels, io), strict=True):
            if each.labels.get("direction") == "receive":
                rows[key].rx = value
            else:
                rows[key].tx = value

    def newest(self, name: str, labels: Labels = (), *further: str) -> str:
        """The newest value of each series in the window; ``further`` are more matchers."""
        own = ",".join(filter(None, (self._matchers, label_text(labels), *further)))
        return _rolled("last_over_time", name, own, self._window, self._without)

    def resets(self, name: str) -> str:
        """How often each counter fell lately."""
        return _rolled("resets", name, self._matchers, LATELY_MS, ())

    async def ask(self, promql: str) -> list[Found]:
        """What this is at the time, without what has no value."""
        return [each for each in await self._question.at(promql, self._at) if each.values]


def name_of(metric: Metric) -> str:
    """The family of a metric, of which there is one."""
    found = family(metric, ())
    return found.name if found else metric.name


def matchers_of(nodes: Iterable[Node]) -> list[str]:
    """What selects the series of these nodes; as few as can be, and not of all where it is long."""
    by_rest: dict[tuple[Labels, str], set[str]] = defaultdict(set)
    for place, engine in ((each.place, each.engine) for each in sorted(nodes)):
        named = "instance" if place.instance else "host"
        rest = {"host": place.host, "instance": place.instance, "job": place.job, "engine": engine}
        value = rest.pop(named)
        by_rest[tuple(rest.items()), named].add(value)
    found, left = list[str](), LONGEST
    for (same, named), values in by_rest.items():
        texts = [re.escape(each) for each in sorted(values)]
        while texts and sum(map(len, texts)) + len(texts) > left:
            texts.pop()
        if texts:
            text = f'{label_text(same)},{named}=~"{escaped("|".join(texts))}"'
            found.append(text)
            left -= len(text)
    return found


def matchers_of_node(node: Node) -> str:
    """What selects the series of one."""
    return label_text((*node.place._asdict().items(), ("engine", node.engine)))


def _by(labels: Key, found: Iterable[Found]) -> Iterable[tuple[Key, float]]:
    for each in found:
        yield tuple(each.labels.get(name, "") for name in labels), each.values[0]


def _rolled(function: str, name: str, own: str, window: int, without: Sequence[str]) -> str:
    parts = (own, *(f"{own}{',' if own else ''}{each}" for each in without))
    return " unless ".join(f"{function}({name}{{{each}}}[{window}ms])" for each in parts)
