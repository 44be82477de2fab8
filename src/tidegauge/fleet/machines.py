"""Machines made of agents: which agent speaks for which engine, so that nothing is counted twice.

Two agents are of one machine, or of one engine, if containers of both have the same ids. A name
alone does not tell: an agent that is started anew is scraped under another address, and two
machines may have one name.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from msgspec import Struct

from tidegauge.fleet.agents import Agent, Place
from tidegauge.history.prometheus_server import Found

LEADER = "leader"
"""The label that has which engine was picked of those that see a container."""


class Node(Struct, frozen=True, order=True):
    """An engine as one agent tells of it; ``place`` is that of the series of its containers."""

    place: Place
    engine: str

    @classmethod
    def of(cls, labels: Mapping[str, str]) -> "Node":
        """That of a series."""
        return cls(Place.of(labels), labels.get("engine", ""))


class Machine(Struct, frozen=True):
    """A machine under a name that no other has; the first of its agents speaks for it."""

    name: str
    agents: tuple[Agent, ...]

    @property
    def silent(self) -> bool:
        """Does no agent of it send?"""
        return all(each.silent for each in self.agents)

    @property
    def last(self) -> int:
        """When there was its last sample, in milliseconds."""
        return max(each.last for each in self.agents)


class Machines:
    """All of them, and which of them a series is of."""

    def __init__(self, agents: Sequence[Agent], same: Sequence[frozenset[Node]]) -> None:
        self._same = same
        by_name: dict[str, list[Agent]] = defaultdict(list)
        self._by_place: dict[Place, Agent] = {}
        for each in agents:
            by_name[each.name].append(each)
            self._by_place[each.place] = each
        # Series of containers have no host where the scrape puts none. An address may have had
        # another agent before, so that who sends comes first.
        for each in sorted(agents, key=lambda each: (each.silent, -each.last)):
            if each.place.instance:
                self._by_place.setdefault(each.place._replace(host=""), each)
        self._alike = [self._places(each) for each in same]
        self.all = sorted(
            (each for name, of_name in by_name.items() for each in self._of(name, of_name)),
            key=lambda each: each.name,
        )
        self._machines = {agent.place: machine for machine in self.all for agent in machine.agents}

    def agent(self, place: Place) -> Agent | None:
        """Whose series of containers are there."""
        return self._by_place.get(place)

    def machine(self, place: Place) -> Machine | None:
        """The same, of machines."""
        agent = self.agent(place)
        return None if agent is None else self._machines.get(agent.place)

    def named(self, name: str) -> Machine | None:
        """The one of this name."""
        return next((each for each in self.all if each.name == name), None)

    def doubles(self, running: Mapping[Node, float]) -> frozenset[Node]:
        """All for whom another one speaks: that which sends, and sees most ``running``."""

        def rank(node: Node) -> tuple[bool, float, Node]:
            agent = self.agent(node.place)
            return agent is not None and agent.silent, -running.get(node, 0.0), node

        return frozenset(node for group in self._same for node in sorted(group, key=rank)[1:])

    def speaking(self, node: Node, doubles: frozenset[Node]) -> Iterator[Machine]:
        """Those of whom others of the same engine as this are, and who are no doubles."""
        for group in self._same:
            for each in group - doubles if node in group else ():
                if (machine := self.machine(each.place)) is not None:
                    yield machine

    def _of(self, name: str, agents: Sequence[Agent]) -> list[Machine]:
        live = _newest([each for each in agents if not each.silent])
        if not live:
            newest = sorted(agents, key=lambda each: -each.last)
            return [Machine(name, tuple(newest))]
        groups = self._grouped(live)
        replaced = tuple(each for each in agents if each not in live)
        if len(groups) == 1:
            return [Machine(name, (*groups[0], *replaced))]
        named = [Machine(f"{name} ({_where(each[0].place)})", tuple(each)) for each in groups]
        return [*named, *(Machine(f"{name} ({_where(each.place)})", (each,)) for each in replaced)]

    def _grouped(self, agents: Sequence[Agent]) -> list[list[Agent]]:
        """Those together who see the same containers."""
        groups: list[list[Agent]] = []
        for agent in agents:
            found = next((each for each in groups if self._linked(each, agent)), None)
            if found is None:
                groups.append([agent])
            else:
                found.append(agent)
        return groups

    def _linked(self, group: Sequence[Agent], agent: Agent) -> bool:
        return any(
            agent.place in places and any(each.place in places for each in group)
            for places in self._alike
        )

    def _places(self, nodes: Iterable[Node]) -> set[Place]:
        known = (self.agent(each.place) for each in nodes)
        return {each.place for each in known if each is not None}


def same_engines(found: Iterable[Found]) -> tuple[frozenset[Node], ...]:
    """Engines of several agents, from series of engines that see containers of the same leader."""
    by_leader: dict[str, set[Node]] = defaultdict(set)
    for each in found:
        by_leader[each.labels.get(LEADER, "")].add(Node.of(each.labels))
    groups: list[set[Node]] = []
    for nodes in {frozenset(each) for each in by_leader.values() if len(each) > 1}:
        apart = [each for each in groups if not each & nodes]
        joined = set(nodes).union(*(each for each in groups if each & nodes))
        groups = [*apart, joined]
    return tuple(frozenset(each) for each in groups)


def _newest(live: Sequence[Agent]) -> list[Agent]:
    """Without those who ended before the newest began: it was started in their place."""
    if not live:
        return []
    began = max(live, key=lambda each: each.last).first
    return [each for each in live if each.last >= began]


def _where(place: Place) -> str:
    return place.instance or place.job or "written"
