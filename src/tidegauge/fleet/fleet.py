"""The fleet as users see it: hosts, services over hosts, and the containers of one of them.

Nothing is asked while nobody looks, and then no more often than every few seconds, however many do.
"""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from tidegauge.clock import Clock
from tidegauge.errors import Unanswerable
from tidegauge.fleet import looks
from tidegauge.fleet.agents import Agent, Agents, Place
from tidegauge.fleet.hosts import (
    HostSeen,
    NodeSums,
    host_of,
    hosts_of,
    is_of,
    selector,
    selectors,
)
from tidegauge.fleet.kept import Kept
from tidegauge.fleet.looks import Container
from tidegauge.fleet.machines import Machines, Node
from tidegauge.fleet.sums import Key, Summing, Sums
from tidegauge.history.prometheus import PrometheusHistory
from tidegauge.history.prometheus_server import Found, PrometheusServer

PRESENT_SECONDS = 2.0
SUMS_SECONDS = 5.0
SHARED_SECONDS = 60.0
LISTED_SECONDS = 300.0
"""For so long an answer is kept at least."""

MOST_KEPT = 32
"""Lists of containers that are kept."""

MOST_PARTS = 20
"""Engines of one machine whose containers are asked for."""


class HostsSeen(Struct, frozen=True):
    """All of them; ``now`` is the server's time, ``here`` ours."""

    now: int
    here: float
    hosts: Sequence[HostSeen]
    left_out: int


class ServicesSeen(Struct, frozen=True):
    """Sums of services by project and name, and on how many hosts each runs."""

    now: int
    rows: Mapping[Key, Sums]
    hosts: Mapping[Key, float]
    left_out: int


class ContainersSeen(Struct, frozen=True):
    """Containers with the names of their hosts, as they were at ``at``."""

    at: int
    rows: Sequence[tuple[str, Container]]
    left_out: int


class _Present(Struct, frozen=True):
    """Who is there, without knowing yet who sees the same."""

    now: int
    here: float
    agents: tuple[Agent, ...]
    machines: Machines


class Fleet:
    """Asks a server; ``labels`` are those that all series of the fleet have."""

    def __init__(self, server: PrometheusServer, labels: Mapping[str, str], clock: Clock) -> None:
        self._server, self._clock = server, clock
        self._matchers = looks.selecting(labels)
        self._agents = Agents()
        self._same: tuple[frozenset[Node], ...] = ()
        self._same_of: frozenset[Place] = frozenset()
        self._same_until = -1.0
        self._listed = Kept(self._ask_listed, clock, LISTED_SECONDS)
        self._present = Kept(self._ask_present, clock, PRESENT_SECONDS)
        self._nodes = Kept(self._ask_nodes, clock, SUMS_SECONDS)
        self._services = Kept(self._ask_services, clock, SUMS_SECONDS)
        self._lists: dict[tuple[str, str | None, str | None], Kept[ContainersSeen]] = {}

    async def hosts(self) -> HostsSeen:
        """All hosts; raises `HistoryError`."""
        seen, sums = await self._present.get(), await self._nodes.get()
        return HostsSeen(
            seen.now, seen.here, hosts_of(seen.machines, sums, seen.now), sums.left_out
        )

    async def services(self) -> ServicesSeen:
        """All services; raises `HistoryError`."""
        return await self._services.get()

    async def containers(
        self, host: str, project: str | None, service: str | None
    ) -> ContainersSeen:
        """Those of a host, of a service, or all; raises `HistoryError`, `Unanswerable`.

        Of a silent host, those that it had.
        """
        which = host, project, service
        kept = self._lists.pop(which, None)
        if kept is None:
            kept = Kept(lambda: self._ask_containers(*which), self._clock, SUMS_SECONDS)
        self._lists[which] = kept
        while len(self._lists) > MOST_KEPT:
            del self._lists[next(iter(self._lists))]
        return await kept.get()

    async def history(self, host: str, engine: str = "") -> PrometheusHistory:
        """The series of a host's engine, or of a host itself, as one of its agents tells of it.

        Those of its former agents, too. Raises `HistoryError`, `Unanswerable`.
        """
        machines, sums = (await self._present.get()).machines, await self._nodes.get()
        machine = machines.named(host)
        if machine is None:
            (told, *_) = _known(host, selectors(host, machines, sums.nodes))
            return self._history(told)
        doubles = [each for each in machines.doubles(sums.running) if each.engine == engine]
        speaking = [
            each
            for each in machine.agents
            if not any(is_of(each, double.place) for double in doubles)
        ]
        return self._history(selector(speaking or machine.agents))

    def _history(self, matchers: str) -> PrometheusHistory:
        every = ",".join(filter(None, (self._matchers, matchers)))
        return PrometheusHistory(self._server, (), self._clock, matchers=every)

    async def _ask_listed(self) -> list[Found]:
        async with self._server.question(looks.MOST_BYTES) as question:
            return await looks.listed(question, self._matchers)

    async def _ask_present(self) -> _Present:
        older = await self._listed.get()
        async with self._server.question(looks.MOST_BYTES) as question:
            moment = self._clock.monotonic()
            now, alone = await looks.present(question, self._agents, moment, older, self._matchers)
            here = self._clock.now()
            agents = tuple(each for one in alone.all for each in one.agents)
            live = frozenset(each.place for each in agents if not each.silent)
            if live != self._same_of or moment >= self._same_until:
                summing = Summing(question, now, looks.window_of(alone), matchers=self._matchers)
                self._same = await looks.shared(summing)
                self._same_of, self._same_until = live, moment + SHARED_SECONDS
        return _Present(now, here, agents, Machines(agents, self._same))

    async def _ask_nodes(self) -> NodeSums:
        seen = await self._present.get()
        async with self._server.question(looks.MOST_BYTES) as question:
            window = looks.window_of(seen.machines)
            summing = Summing(question, seen.now, window, matchers=self._matchers)
            sums, about = await looks.nodes(summing)
        found = {Node(Place(*key[:3]), key[3]): each for key, each in sums.rows.items()}
        return NodeSums(found, about, sums.left_out)

    async def _ask_services(self) -> ServicesSeen:
        seen, sums = await self._present.get(), await self._nodes.get()
        left_out = seen.machines.doubles(sums.running) | sums.silent(seen.machines)
        async with self._server.question(looks.MOST_BYTES) as question:
            window = looks.window_of(seen.machines)
            unrated = sums.unrated(seen.machines)
            summing = Summing(
                *(question, seen.now, window),
                matchers=self._matchers,
                without=sorted(left_out),
                unrated=unrated,
            )
            found, hosts = await looks.services(summing)
        return ServicesSeen(seen.now, found.rows, hosts, found.left_out)

    async def _ask_containers(
        self, host: str, project: str | None, service: str | None
    ) -> ContainersSeen:
        seen, sums = await self._present.get(), await self._nodes.get()
        at, parts = seen.now, [""]
        if host:
            machine = seen.machines.named(host)
            parts = _known(host, selectors(host, seen.machines, sums.nodes))
            at = machine.last + 1 if machine is not None and machine.silent else at
        labels = {"project": project, "service": service}
        named = looks.selecting({name: text for name, text in labels.items() if text is not None})
        found, left_out, unrated = list[Container](), 0, sums.unrated(seen.machines)
        async with self._server.question(looks.MOST_BYTES) as question:
            for part in parts[:MOST_PARTS]:
                matchers = ",".join(filter(None, (self._matchers, part, named)))
                window = looks.window_of(seen.machines)
                summing = Summing(question, at, window, matchers=matchers, unrated=unrated)
                some, more = await looks.containers(summing)
                found, left_out = found + some, left_out + more
        doubles = seen.machines.doubles(sums.running)
        if not host:
            doubles |= sums.silent(seen.machines)
        rows = [
            (host or host_of(seen.machines, each.node), each)
            for each in found
            if each.node not in doubles
        ]
        most = looks.MOST_CONTAINERS
        return ContainersSeen(at, rows[:most], left_out + max(0, len(rows) - most))


def _known(host: str, parts: list[str]) -> list[str]:
    if not parts:
        raise Unanswerable(f'there is no host "{host[:200]}" in the fleet.', 404)
    return parts
