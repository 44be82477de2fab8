"""What is asked of the server for a look at the whole fleet, and what its answers come to.

Sums are never asked for by container. Everything that others choose is bounded: rows, and bytes.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from tidegauge.fleet.agents import LEAST_SILENCE_MS, Agent, Agents, Place, interval_of, patience_of
from tidegauge.fleet.machines import LEADER, Node, same_engines
from tidegauge.fleet.sums import (
    CONTAINER,
    NODE,
    SERVICE,
    Key,
    Summed,
    Summing,
    Sums,
    added,
    key_of,
    name_of,
)
from tidegauge.history.prometheus_series import together
from tidegauge.history.prometheus_server import Found, Question
from tidegauge.metrics import Metric, catalogue, surroundings
from tidegauge.prometheus.names import LABELS, label_text

MOST_NODES = 5000
MOST_SERVICES = 2000
MOST_CONTAINERS = 1000
"""Rows of an answer."""

MOST_PARTIAL = 20_000
"""Services of one part of many hosts: sums are whole only if no part of them is left out."""

MOST_BYTES = 16 * 1024 * 1024
"""Of all answers to one look: eight times what a thousand hosts take."""

AHEAD_MS = 300_000
"""So far clocks may be ahead and their samples be found."""

BACK_MS = 130_000
"""So far clocks may be behind, and two samples of a scrape each minute be found."""

LONGEST_WINDOW_MS = BACK_MS + patience_of(60_000)
"""Holds the newest samples of who sends each minute, as late as they are found."""

LISTED = "24h"
"""For so long a silent agent stays listed."""

SOONEST_MS = 15_000
"""So exactly it is looked for when the last sample was: each window holds one of its neighbours."""

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
) -> tuple[int, list[Agent]]:
    """The server's time, and every agent that it has heard of; raises `HistoryError`."""
    now = await question.now()
    asked = f"{TIME}{{{matchers}}}[{AHEAD_MS + BACK_MS}ms]"
    samples = await question.at(asked, now + AHEAD_MS)
    return now, agents.look(samples, older, now, moment)


async def listed(question: Question, matchers: str) -> list[Found]:
    """The last time that each agent told, of all that were there lately."""
    now = await question.now()
    return await question.at(f"last_over_time({TIME}{{{matchers}}}[{LISTED}])", now)


async def left_by(question: Question, agent: Agent, now: int, matchers: str) -> tuple[int, int]:
    """When the last sample of a silent agent was, and how far back those of its series may be.

    By the server's clock. What an agent that is long gone told of its time is that of its own.
    Raises `HistoryError`.
    """
    last, interval = agent.last, agent.interval
    looks = f"[{LISTED}:{SOONEST_MS}ms]"
    newest = await question.at(f"max_over_time(timestamp({TIME}{{{matchers}}}){looks})", now)
    if times := [round(1000 * each.values[0]) for each in newest if each.values]:
        last = max(times)
    around = await question.at(f"{TIME}{{{matchers}}}[{LONGEST_WINDOW_MS}ms]", last)
    interval = max((interval_of(each.times) for each in around), default=0) or interval
    return last + 1, min(LONGEST_WINDOW_MS, patience_of(interval))


async def shared(summing: Summing) -> tuple[frozenset[Node], ...]:
    """Engines of which more than one agent tells; raises `HistoryError`.

    The server picks one of those who see a container, and tells who sees containers of which; so
    there are few rows, however many containers are shared.
    """
    info, node = summing.newest(INFO), ", ".join(NODE)
    twice = f"count by (id) ({info}) > 1"
    counted = await summing.ask(f"count({twice})")
    if not counted:
        return ()
    told = f"count by (id, {node}) ({info})"
    names = ", ".join(f'"{each}"' for each in NODE)
    first = f'label_join(topk by (id) (1, {told}), "{LEADER}", "\\n", {names})'
    leading = f"on (id) group_left ({LEADER}) max by (id, {LEADER}) ({first})"
    rows = f"count by ({LEADER}, {node}) (({told} and on (id) ({twice})) * {leading})"
    return same_engines(await summing.ask(rows))


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


async def services(summings: Sequence[Summing]) -> tuple[Summed, Mapping[Key, float]]:
    """Sums of each service, and on how many hosts it runs; raises `HistoryError`.

    Several are of parts of the fleet that have no host in common.
    """
    most = MOST_SERVICES if len(summings) == 1 else MOST_PARTIAL
    parts = await together(_services(each, most) for each in summings)
    hosts: dict[Key, float] = defaultdict(float)
    for part in parts:
        for row in part.further["hosts"]:
            hosts[key_of(SERVICE, row)] += row.values[0]
    return added(parts, MOST_SERVICES), hosts


async def _services(summing: Summing, most: int) -> Summed:
    state = summing.newest(name_of(catalogue.STATE), (("state", "running"),))
    places = f"sum by ({', '.join((*SERVICE, *NODE[:-1]))}) ({state}) > 0"
    hosts = f"count by ({', '.join(SERVICE)}) ({places})"
    return await summing.by(SERVICE, most, further={"hosts": hosts})


async def containers(summing: Summing, most: int) -> tuple[list[Container], int]:
    """Those that are selected, running ones first, and how many are left out.

    Raises `HistoryError`.
    """
    further = {
        "state": f"{summing.newest(name_of(catalogue.STATE))} == 1",
        "info": summing.newest(INFO),
    }
    sums = await summing.by(CONTAINER, most, parts="max", further=further)
    state, about = (
        {key_of(CONTAINER, each): each.labels for each in sums.further.get(name, ())}
        for name in further
    )
    states = {key: labels.get("state") for key, labels in state.items()}
    found = [
        Container(Node(Place(*key[:3]), key[3]), key[4], states.get(key), about.get(key, {}), of)
        for key, of in sums.rows.items()
    ]
    return found, sums.left_out


def window_of(agents: Iterable[Agent]) -> int:
    """What holds a sample of every agent that is not silent."""
    live = (each.patience + each.late for each in agents if not each.silent)
    return min(LONGEST_WINDOW_MS, max(LEAST_SILENCE_MS, *live, 0))


def selecting(labels: Mapping[str, str]) -> str:
    """Series with these labels."""
    return label_text(tuple(labels.items()))
