"""What is asked of the server for a look at the whole fleet, and what its answers come to.

Sums are never asked for by container. Everything that others choose is bounded: rows, and bytes.
"""

from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from tidegauge.fleet.agents import Agents, Place
from tidegauge.fleet.machines import Machines, Node, same_engines
from tidegauge.fleet.sums import CONTAINER, NODE, SERVICE, Key, Summed, Summing, Sums, name_of
from tidegauge.history.prometheus_series import together
from tidegauge.history.prometheus_server import Found, Question
from tidegauge.metrics import Metric, catalogue, surroundings
from tidegauge.prometheus.names import LABELS, label_text

MOST_NODES = 5000
MOST_SERVICES = 2000
MOST_CONTAINERS = 1000
"""Rows of an answer."""

MOST_BYTES = 16 * 1024 * 1024
"""Of all answers to one look: eight times what a thousand hosts take."""

AHEAD_MS = 300_000
"""So far clocks may be ahead and their samples be found."""

BACK_MS = 130_000
"""So far back samples are asked for to tell an interval: two of a scrape each minute."""

LISTED = "24h"
"""For so long a silent agent stays listed."""

LONGEST_WINDOW_MS = 300_000

MOST_SHARED = 5000
"""Containers that two agents see; of more, a sixteenth tells the same."""

RESTARTS = 4
"""More in two minutes are none."""

TIME = name_of(surroundings.TIDEGAUGE_CLOCK)
INFO = name_of(catalogue.INFO)
IMAGE, ID, NAME = (LABELS[f"container.{each}"] for each in ("image.name", "id", "name"))

ABOUT: Mapping[str, Metric] = {
    "cpus": surroundings.HOST_CPUS,
    "busy": surroundings.HOST_CPU_UTILIZATION,
    "memory_total": surroundings.HOST_MEMORY_LIMIT,
    "memory_available": surroundings.HOST_MEMORY_AVAILABLE,
    "version": surroundings.TIDEGAUGE_INFO,
}
"""What is asked of each machine."""


class About(Struct):
    """A machine; ``busy`` is the share of all its CPUs, the memory is in bytes."""

    cpus: float | None = None
    busy: float | None = None
    memory_total: float | None = None
    memory_available: float | None = None
    version: str | None = None
    twice: bool = False
    """Do two agents write under its labels? Then counters jump to and fro."""


class Container(Struct, frozen=True):
    """A container of some node, as its labels and sums tell."""

    node: Node
    alias: str
    state: str | None
    about: Mapping[str, str]
    sums: Sums


async def present(
    question: Question, agents: Agents, moment: float, older: Sequence[Found], matchers: str
) -> tuple[int, Machines]:
    """The server's time, and every machine that it has heard of; raises `HistoryError`."""
    now = await question.now()
    asked = f"{TIME}{{{matchers}}}[{AHEAD_MS + BACK_MS}ms]"
    samples = await question.at(asked, now + AHEAD_MS)
    return now, Machines(agents.look(samples, older, now, moment), ())


async def listed(question: Question, matchers: str) -> list[Found]:
    """The last time that each agent told, of all that were there lately."""
    now = await question.now()
    return await question.at(f"last_over_time({TIME}{{{matchers}}}[{LISTED}])", now)


async def shared(summing: Summing) -> tuple[frozenset[Node], ...]:
    """Engines of which more than one agent tells; raises `HistoryError`."""

    def asked(*ids: str) -> str:
        return summing.newest(INFO, (), *ids)

    twice = "count by (id) ({0}) > 1"
    counted = await summing.ask(f"count({twice.format(asked())})")
    if not counted:
        return ()
    some = ('id=~"0.*"',) if counted[0].values[0] > MOST_SHARED else ()
    rows = f"count by ({', '.join(('id', *NODE))}) ({asked(*some)})"
    return same_engines(await summing.ask(f"{rows} and on (id) ({twice.format(asked(*some))})"))


async def nodes(summing: Summing) -> tuple[Summed, Mapping[Place, About]]:
    """Sums of each engine, and what its machine is; raises `HistoryError`."""
    sums = await summing.by(NODE, MOST_NODES)
    found = await together(
        summing.ask(f"topk({MOST_NODES}, {each})")
        for each in (
            *(summing.newest(name_of(each)) for each in ABOUT.values()),
            f"{summing.resets(name_of(surroundings.TIDEGAUGE_CPU_TIME))} > {RESTARTS}",
        )
    )
    *found, twice = found
    about: dict[Place, About] = {}
    for what, rows in zip(ABOUT, found, strict=True):
        for row in rows:
            value = row.labels.get(LABELS[surroundings.VERSION], "")
            known = about.setdefault(Place.of(row.labels), About())
            setattr(known, what, value if what == "version" else row.values[0])
    for row in twice:
        about.setdefault(Place.of(row.labels), About()).twice = True
    return sums, about


async def services(summing: Summing) -> tuple[Summed, Mapping[Key, float]]:
    """Sums of each service, and on how many hosts it runs; raises `HistoryError`."""
    sums = await summing.by(SERVICE, MOST_SERVICES)
    state = summing.newest(name_of(catalogue.STATE), (("state", "running"),))
    hosts = ", ".join((*SERVICE, *NODE[:-1]))
    found = await summing.ask(
        f"topk({MOST_SERVICES}, count by ({', '.join(SERVICE)}) (sum by ({hosts}) ({state}) > 0))"
    )
    return sums, {
        tuple(each.labels.get(name, "") for name in SERVICE): each.values[0] for each in found
    }


async def containers(summing: Summing) -> tuple[list[Container], int]:
    """All that are selected, and how many are left out; raises `HistoryError`."""
    sums = await summing.by(CONTAINER, MOST_CONTAINERS, parts="max")
    among = ""
    if sums.left_out:
        running = summing.newest(name_of(catalogue.STATE), (("state", "running"),))
        on = ", ".join(CONTAINER)
        among = f" and on ({on}) topk({MOST_CONTAINERS}, max by ({on}) ({running}))"
    states, infos = await together(
        summing.ask(f"{asked}{among}")
        for asked in (
            f"{summing.newest(name_of(catalogue.STATE))} == 1",
            summing.newest(INFO),
        )
    )
    state = {key: each.labels.get("state") for key, each in _by_container(states)}
    about = {key: each.labels for key, each in _by_container(infos)}
    found = [
        Container(Node(Place(*key[:3]), key[3]), key[4], state.get(key), about.get(key, {}), of)
        for key, of in sums.rows.items()
    ]
    return found, sums.left_out


def window_of(machines: Machines) -> int:
    """What holds a sample of every agent that is not silent."""
    live = [each for one in machines.all for each in one.agents if not each.silent]
    longest = max((each.patience + each.late for each in live), default=0)
    return min(LONGEST_WINDOW_MS, max(15_000, longest))


def selecting(labels: Mapping[str, str]) -> str:
    """Series with these labels."""
    return label_text(tuple(labels.items()))


def _by_container(found: Iterable[Found]) -> Iterable[tuple[Key, Found]]:
    for each in found:
        yield tuple(each.labels.get(name, "") for name in CONTAINER), each
