"""The fleet as users see it: hosts, services over hosts, and the containers of one of them.

Nothing is asked while nobody looks, and then no more often than every few seconds, however many do.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager

from msgspec import Struct

from tidegauge.clock import Clock
from tidegauge.errors import Unanswerable
from tidegauge.fleet import looks
from tidegauge.fleet.agents import Agent, Agents, Place
from tidegauge.fleet.choosing import LONGEST, SHORT, Choice, choices
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
from tidegauge.fleet.machines import Machine, Machines, Node
from tidegauge.fleet.sums import Key, Summing, Sums
from tidegauge.history.prometheus import PrometheusHistory
from tidegauge.history.prometheus_server import Found, PrometheusServer, Question

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
    agents: Sequence[Agent]


class _Seen(Struct, frozen=True):
    """The whole fleet, but for its containers."""

    now: int
    here: float
    machines: Machines
    sums: NodeSums
    window: int

    @property
    def doubles(self) -> frozenset[Node]:
        """All for whom another one speaks."""
        return self.machines.doubles(self.sums.running)

    @property
    def left_out(self) -> frozenset[Node]:
        """All that are in no sum."""
        return self.doubles | self.sums.silent(self.machines)

    def choices(self, longest: int, host: str = "") -> list[Choice]:
        """What counts of a host, whether it is silent or not, or of all."""
        without = self.doubles if host else self.left_out
        every = self.sums.nodes, without, self.sums.unrated(self.machines)
        nodes, without, unrated = (
            frozenset(each for each in some if not host or host_of(self.machines, each) == host)
            for some in every
        )
        return choices(nodes, without, unrated, longest)


class Fleet:
    """Asks a server; ``labels`` are those that all series of the fleet have."""

    def __init__(self, server: PrometheusServer, labels: Mapping[str, str], clock: Clock) -> None:
        self._server, self._clock = server, clock
        self._matchers = looks.selecting(labels)
        self._agents = Agents()
        self._live: frozenset[Place] = frozenset()
        self._made: tuple[_Present, Sequence[frozenset[Node]], Machines] | None = None
        self._listed = Kept(self._ask_listed, clock, LISTED_SECONDS)
        self._present = Kept(self._ask_present, clock, PRESENT_SECONDS)
        self._same = Kept(self._ask_same, clock, SHARED_SECONDS)
        self._nodes = Kept(self._ask_nodes, clock, SUMS_SECONDS)
        self._services = Kept(self._ask_services, clock, SUMS_SECONDS)
        self._lists: dict[tuple[str, str | None, str | None], Kept[ContainersSeen]] = {}

    async def hosts(self) -> HostsSeen:
        """All hosts; raises `HistoryError`."""
        seen = await self._seen(waiting=False)
        found = hosts_of(seen.machines, seen.sums, seen.now)
        return HostsSeen(seen.now, seen.here, found, seen.sums.left_out)

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
        if host and which not in self._lists:  # nothing is kept of one that is not there
            seen = await self._seen()
            _known(host, selectors(host, seen.machines, seen.sums.nodes))
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
        seen = await self._seen()
        machine = seen.machines.named(host)
        if machine is None:
            (told, *_) = _known(host, selectors(host, seen.machines, seen.sums.nodes))
            return self._history(told)
        doubles = [each for each in seen.doubles if each.engine == engine]
        speaking = [
            each
            for each in machine.agents
            if not any(is_of(each, double.place) for double in doubles)
        ]
        return self._history(selector(speaking or machine.agents))

    def _history(self, matchers: str) -> PrometheusHistory:
        every = ",".join(filter(None, (self._matchers, matchers)))
        return PrometheusHistory(self._server, (), self._clock, matchers=every)

    async def _seen(self, *, waiting: bool = True) -> _Seen:
        """The newest of all; who is silent is told by now, not by when sums were asked for.

        Without ``waiting`` for who sees the same: that may be as of a minute ago.
        """
        sums = await self._nodes.get()
        present = await self._present.get()
        live = frozenset(each.place for each in present.agents if not each.silent)
        if live != self._live:
            self._live = live
            self._same.expire()
        same = await (self._same.get() if waiting else self._same.at_hand())
        machines = self._machines_of(present, same)
        window = looks.window_of(present.agents)
        return _Seen(present.now, present.here, machines, sums, window)

    def _machines_of(self, present: _Present, same: Sequence[frozenset[Node]]) -> Machines:
        """The same for all who look at the same."""
        if self._made is None or self._made[0] is not present or self._made[1] is not same:
            self._made = present, same, Machines(present.agents, same)
        return self._made[2]

    async def _ask_listed(self) -> list[Found]:
        async with self._question() as question:
            return await looks.listed(question, self._matchers)

    async def _ask_present(self) -> _Present:
        older = await self._listed.at_hand()
        async with self._server.question(looks.MOST_BYTES, first=True) as question:
            moment = self._clock.monotonic()
            now, agents = await looks.present(question, self._agents, moment, older, self._matchers)
            return _Present(now, self._clock.now(), agents)

    async def _ask_same(self) -> tuple[frozenset[Node], ...]:
        present = await self._present.get()
        async with self._question() as question:
            return await looks.shared(self._of_all(question, present))

    async def _ask_nodes(self) -> NodeSums:
        present = await self._present.get()
        async with self._question() as question:
            sums, about = await looks.nodes(self._of_all(question, present))
        found = {Node(Place(*key[:3]), key[3]): each for key, each in sums.rows.items()}
        return NodeSums(found, about, sums.left_out)

    async def _ask_services(self) -> ServicesSeen:
        seen = await self._seen()
        async with self._question() as question:
            summings = [
                Summing(question, seen.now, seen.window, matchers=self._matchers, choice=each)
                for each in seen.choices(LONGEST)
            ]
            found, hosts = await looks.services(summings)
        return ServicesSeen(seen.now, found.rows, hosts, found.left_out)

    async def _ask_containers(
        self, host: str, project: str | None, service: str | None
    ) -> ContainersSeen:
        seen = await self._seen()
        parts = _known(host, selectors(host, seen.machines, seen.sums.nodes)) if host else [""]
        labels = {"project": project, "service": service}
        named = looks.selecting({name: text for name, text in labels.items() if text is not None})
        found, left_out = list[Container](), 0
        async with self._question() as question:
            at, window = await self._when(question, seen, seen.machines.named(host))
            for part in parts[:MOST_PARTS]:
                matchers = ",".join(filter(None, (self._matchers, part, named)))
                for choice in seen.choices(SHORT, host):
                    summing = Summing(question, at, window, matchers=matchers, choice=choice)
                    room = looks.MOST_CONTAINERS - len(found)
                    some, more = await looks.containers(summing, room)
                    found, left_out = found + some[:room], left_out + more + len(some[room:])
        rows = [(host or host_of(seen.machines, each.node), each) for each in found]
        return ContainersSeen(at, rows, left_out)

    async def _when(
        self, question: Question, seen: _Seen, machine: Machine | None
    ) -> tuple[int, int]:
        """The time of which containers are asked for, and the window before that has them."""
        if machine is None or not machine.silent:
            return seen.now, seen.window
        agent = machine.agents[0]
        matchers = ",".join(filter(None, (self._matchers, selector([agent]))))
        return await looks.left_by(question, agent, seen.now, matchers)

    def _of_all(self, question: Question, present: _Present) -> Summing:
        window = looks.window_of(present.agents)
        return Summing(question, present.now, window, matchers=self._matchers)

    def _question(self) -> AbstractAsyncContextManager[Question]:
        return self._server.question(looks.MOST_BYTES)


def _known(host: str, parts: list[str]) -> list[str]:
    if not parts:
        raise Unanswerable(f'there is no host "{host[:200]}" in the fleet.', 404)
    return parts
