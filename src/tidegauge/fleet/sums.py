"""What containers use, summed up by the server: few rows come, however many containers there are.

Only samples of a window before the time count, so that what a silent agent sent last does not.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import islice

from msgspec import Struct

from tidegauge.fleet.choosing import Choice, matchers_of
from tidegauge.history.prometheus_series import together
from tidegauge.history.prometheus_server import Found, Question
from tidegauge.metrics import Metric, catalogue
from tidegauge.prometheus.names import Labels, family, label_text

NODE = "host", "instance", "job", "engine"
"""The labels that tell an engine, as an agent sees it, from others."""

SERVICE = "project", "service"
CONTAINER = *NODE, "container"

COLUMN = "asked_column"
"""The label that tells columns apart that are asked for in one query."""

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
    """Sums by key, what else was asked of the same keys, and how many were ``left_out``."""

    rows: Mapping[Key, Sums]
    left_out: int
    further: Mapping[str, Sequence[Found]] = {}


class Summing:
    """Sums at one time over samples of the ``window`` before, both in milliseconds.

    Of series with some labels, and of the nodes that are chosen.
    """

    def __init__(
        self,
        question: Question,
        at: int,
        window: int,
        *,
        matchers: str = "",
        choice: Choice | None = None,
    ) -> None:
        self._question, self._at, self._window, self._matchers = question, at, window, matchers
        choice = choice or Choice()
        self._only, self._without = matchers_of(choice.only), matchers_of(choice.without)
        self._unrated = matchers_of((*choice.without, *choice.unrated))

    async def by(
        self,
        labels: Key,
        most: int,
        *,
        parts: str = "sum",
        further: Mapping[str, str] | None = None,
    ) -> Summed:
        """By the values of some labels, of those with most that run; raises `HistoryError`.

        ``parts`` is what becomes of series with the same values: a ``sum``, or their ``max``.
        ``further`` are expressions that have these labels as well, by a name.
        """
        by = f"by ({', '.join(labels)})"
        running = f"{parts} {by} ({self.newest(name_of(catalogue.STATE), _RUNNING)})"
        found = await self.ask(f"topk({most + 1}, {running})")
        columns = {**self._columns(labels, f"{parts} {by}"), **(further or {})}
        if len(found) <= most:
            answers = await together(self.ask(each) for each in columns.values())
            return summed(labels, {"running": found, **dict(zip(columns, answers, strict=True))}, 0)
        counted = await self.ask(f"count({running})")
        left_out = round(counted[0].values[0] if counted else most + 1) - most
        if not most:
            return Summed({}, left_out)
        cut = f"topk({most}, {running})"
        return summed(
            labels, await self._cut({"running": running, **columns}, labels, cut), left_out
        )

    async def _cut(
        self, columns: Mapping[str, str], labels: Key, cut: str
    ) -> Mapping[str, Sequence[Found]]:
        """All columns of the same keys: of equal ones a server picks others in each query."""
        marked = (
            f'label_replace({asked}, "{COLUMN}", "{name}", "", "")'
            for name, asked in columns.items()
        )
        found = await self.ask(f"({' or '.join(marked)}) and on ({', '.join(labels)}) {cut}")
        answers: dict[str, list[Found]] = {name: [] for name in columns}
        for each in found:
            answers[each.labels.get(COLUMN, "")].append(each)
        return answers

    def _columns(self, labels: Key, how: str) -> Mapping[str, str]:
        name, window = name_of(catalogue.NETWORK_IO), 2 * self._window
        moved = self._rolled("rate", name, self._matchers, window, self._unrated)
        return {
            "cpu": f"{how} ({self.newest(name_of(catalogue.CPU_USAGE))})",
            "memory": f"{how} ({self.newest(name_of(catalogue.MEMORY_WORKING_SET))})",
            "io": f"sum by ({', '.join((*labels, 'direction'))}) ({moved})",
        }

    def newest(self, name: str, labels: Labels = (), *further: str) -> str:
        """The newest value of each series in the window; ``further`` are more matchers."""
        own = ",".join(filter(None, (self._matchers, label_text(labels), *further)))
        return self._rolled("last_over_time", name, own, self._window, self._without)

    def resets(self, name: str) -> str:
        """How often each counter fell lately."""
        return self._rolled("resets", name, self._matchers, LATELY_MS, ())

    async def ask(self, promql: str) -> list[Found]:
        """What this is at the time, without what has no value."""
        return [each for each in await self._question.at(promql, self._at) if each.values]

    def _rolled(
        self, function: str, name: str, own: str, window: int, without: Sequence[str]
    ) -> str:
        def of(chosen: str) -> str:
            return f"{function}({name}{{{','.join(filter(None, (own, chosen)))}}}[{window}ms])"

        wanted = " or ".join(map(of, self._only or ("",)))
        if not without:
            return f"({wanted})" if len(self._only) > 1 else wanted
        return f"({' unless '.join((f'({wanted})', *map(of, without)))})"


def name_of(metric: Metric) -> str:
    """The family of a metric, of which there is one."""
    found = family(metric, ())
    return found.name if found else metric.name


def summed(labels: Key, columns: Mapping[str, Sequence[Found]], left_out: int) -> Summed:
    """What columns come to."""
    rows: dict[Key, Sums] = defaultdict(Sums)
    for name in ("running", "cpu", "memory"):
        for each in columns[name]:
            setattr(rows[key_of(labels, each)], name, each.values[0])
    for each in columns["io"]:
        way = "rx" if each.labels.get("direction") == "receive" else "tx"
        setattr(rows[key_of(labels, each)], way, each.values[0])
    return Summed(dict(rows), left_out, columns)


def added(parts: Sequence[Summed], most: int) -> Summed:
    """Sums of parts that have no series in common; of those with most that run."""
    rows: dict[Key, Sums] = defaultdict(Sums)
    for part in parts:
        for key, each in part.rows.items():
            rows[key].add(each)
    ranked = sorted(rows.items(), key=lambda row: (-(row[1].running or 0.0), row[0]))
    more = max((part.left_out for part in parts), default=0)
    return Summed(dict(islice(ranked, most)), more + max(0, len(rows) - most))


def key_of(labels: Key, found: Found) -> Key:
    """Its values of some labels."""
    return tuple(found.labels.get(name, "") for name in labels)
