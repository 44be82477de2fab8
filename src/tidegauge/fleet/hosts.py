"""Hosts as users see them: what the server has of a machine's agents, put together."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from tidegauge.fleet.agents import Agent, Place
from tidegauge.fleet.choosing import matchers_of_node
from tidegauge.fleet.looks import About
from tidegauge.fleet.machines import Machine, Machines, Node
from tidegauge.fleet.sums import Sums
from tidegauge.prometheus.names import escaped, label_text


class HostSeen(Struct, frozen=True):
    """A machine, of whose ``agent`` the server may know nothing but its containers.

    ``last`` is the server's time of its newest sample in milliseconds. ``elsewhere`` are names of
    those who speak for its engines.
    """

    name: str
    agent: Agent | None
    agents: int
    silent: bool
    last: int
    sums: Sums
    engines: Sequence[str]
    about: About
    elsewhere: Sequence[str]


class NodeSums(Struct, frozen=True):
    """What is summed up by engine, and what machines tell of themselves."""

    nodes: Mapping[Node, Sums]
    about: Mapping[Place, About]
    left_out: int

    @property
    def running(self) -> Mapping[Node, float]:
        """How many containers of each engine run."""
        return {node: each.running or 0.0 for node, each in self.nodes.items()}

    def silent(self, machines: Machines) -> frozenset[Node]:
        """Those of machines that send no more, as long as there are sums of them."""
        return frozenset(
            node
            for node in self.nodes
            if (machine := machines.machine(node.place)) is not None and machine.silent
        )

    def unrated(self, machines: Machines) -> frozenset[Node]:
        """Those whose counters are written by two agents."""
        return frozenset(
            node
            for node in self.nodes
            if (agent := machines.agent(node.place)) is not None
            and agent.place in self.about
            and self.about[agent.place].twice
        )


def hosts_of(machines: Machines, sums: NodeSums, now: int) -> list[HostSeen]:
    """All hosts by name, each engine counted once."""
    doubles = machines.doubles(sums.running)
    nodes: dict[str, list[Node]] = defaultdict(list)
    for node in sums.nodes:
        if (machine := machines.machine(node.place)) is not None:
            nodes[machine.name].append(node)
    known = (_host(machines, each, nodes[each.name], sums, doubles) for each in machines.all)
    return sorted([*known, *_unknown(machines, sums, now)], key=lambda each: each.name)


def _host(
    machines: Machines,
    machine: Machine,
    nodes: Sequence[Node],
    sums: NodeSums,
    doubles: frozenset[Node],
) -> HostSeen:
    whole, engines, elsewhere = Sums(), set[str](), set[str]()
    agent = machine.agents[0]
    about = About() if machine.silent else sums.about.get(agent.place, About())
    for node in () if machine.silent else nodes:
        if node in doubles:
            elsewhere |= {
                other.name for other in machines.speaking(node, doubles) if other is not machine
            }
        else:
            each = sums.nodes[node]
            whole.add(replace(each, rx=None, tx=None) if about.twice else each)
            engines.add(node.engine)
    return HostSeen(
        machine.name,
        agent,
        sum(not each.silent for each in machine.agents),
        machine.silent,
        machine.last,
        whole,
        sorted(engines),
        about,
        sorted(elsewhere),
    )


def _unknown(machines: Machines, sums: NodeSums, now: int) -> Iterable[HostSeen]:
    """Hosts of whose agents nothing is known but the containers."""
    whole: dict[str, Sums] = {}
    engines: dict[str, set[str]] = {}
    for node, each in sums.nodes.items():
        if machines.machine(node.place) is None:
            name = host_of(machines, node)
            whole.setdefault(name, Sums()).add(each)
            engines.setdefault(name, set()).add(node.engine)
    for name, each in whole.items():
        yield HostSeen(name, None, 1, False, now, each, sorted(engines[name]), About(), ())


def host_of(machines: Machines, node: Node) -> str:
    """The name of the host that a node is of."""
    machine = machines.machine(node.place)
    return machine.name if machine else node.place.host or node.place.instance or node.engine


def selectors(name: str, machines: Machines, nodes: Iterable[Node]) -> list[str]:
    """What selects the containers of a host, of each of its agents; nothing for no such host."""
    machine = machines.named(name)
    if machine is None:
        found = (node for node in nodes if machines.machine(node.place) is None)
        return [matchers_of_node(each) for each in found if host_of(machines, each) == name]
    live = [each for each in machine.agents if not each.silent]
    return [selector([each]) for each in live or machine.agents]


def selector(agents: Sequence[Agent]) -> str:
    """What selects the series of the first, and of others that are scraped or write as it does.

    Where containers have no host, the address that was scraped tells of whom they are.
    """
    first = agents[0].place
    if not first.instance:
        return label_text((("host", first.host), ("instance", ""), ("job", first.job)))
    alike = {each.place.instance for each in agents if each.place.job == first.job}
    values = "|".join(re.escape(each) for each in sorted(alike - {""}))
    host = f"{re.escape(first.host)}|"  # or none
    rest = label_text((("job", first.job),))
    return f'{rest},instance=~"{escaped(values)}",host=~"{escaped(host)}"'


def is_of(agent: Agent, place: Place) -> bool:
    """Is that where series of an agent's containers are?"""
    return place in {agent.place, agent.place._replace(host="")}
