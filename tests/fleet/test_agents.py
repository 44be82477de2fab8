"""Who is silent, from the times of samples alone."""

import pytest

from tidegauge.fleet.agents import Agent, Agents, Place, interval_of
from tidegauge.fleet.hosts import NodeSums, hosts_of
from tidegauge.fleet.machines import Machines, Node, same_engines
from tidegauge.fleet.sums import Sums
from tidegauge.history.prometheus_server import Found

NOW = 1_000_000_000


def samples(*times: int, host: str = "a", ahead: int = 0) -> Found:
    """Of an agent that writes, at these milliseconds before now."""
    at = [NOW - each for each in sorted(times, reverse=True)]
    return Found({"host": host}, at, [(each + ahead) / 1000 for each in at])


def one(found: Found, agents: Agents | None = None, now: int = NOW, moment: float = 0.0) -> Agent:
    """What is told of it."""
    (agent,) = (agents or Agents()).look([found], [], now, moment)
    return agent


@pytest.mark.parametrize(
    ("interval", "patience"),
    [(1000, 15_000), (5000, 15_000), (10_000, 22_000), (15_000, 33_000), (60_000, 132_000)],
)
def test_who_misses_more_than_two_of_its_own_intervals_is_silent(interval, patience):
    """And 15 seconds at least."""
    for age, silent in ((patience - 1, False), (patience, False), (patience + 1, True)):
        times = [age + interval * n for n in range(3)]
        assert one(samples(*times)).silent is silent, (interval, age)


def test_an_interval_is_what_mostly_passes():
    """An outage is none, and neither are samples of another agent in between."""
    assert interval_of([0, 10, 10_000, 10_010, 20_000, 20_010, 90_000, 90_010]) == 10_000 - 10
    assert interval_of([5]) == 0


def test_samples_that_stop_are_silent_although_the_clock_is_ahead():
    """By our own clock then: the server's would say so a minute late."""
    agents = Agents()
    ahead = samples(-60_000, -50_000, -40_000)

    assert not one(ahead, agents).silent
    assert not one(ahead, agents, NOW + 20_000, 20.0).silent
    assert one(ahead, agents, NOW + 23_000, 23.0).silent


def test_what_comes_late_is_not_silent_while_it_goes_on():
    """From the second look on, when it is seen to."""
    agents = Agents()

    assert one(samples(100_000, 110_000, 120_000), agents).silent
    late = one(samples(90_000, 100_000, 110_000), agents, NOW + 10_000, 10.0)
    assert (late.silent, late.off, late.late) == (False, -100_000, 100_000)
    assert one(samples(90_000, 100_000), agents, NOW + 40_000, 40.0).silent


def test_a_former_agent_is_listed_with_its_last_time():
    """It has no sample among the newest."""
    older = Found({"host": "gone"}, [NOW], [NOW / 1000 - 5000])

    (agent,) = Agents().look([], [older], NOW, 0.0)

    assert (agent.name, agent.silent, agent.last) == ("gone", True, NOW - 5_000_000)


def test_engines_that_share_containers_are_one():
    """Through a third one, too."""
    a, b, c, other = (Node(Place("", each, "j"), "local") for each in "abcd")

    def row(node: Node, leader: Node) -> Found:
        picked = "\n".join((*leader.place, leader.engine))
        return Found({**node.place._asdict(), "engine": "local", "leader": picked}, [0], [1.0])

    found = [row(a, a), row(b, a), row(b, c), row(c, c), row(other, other)]
    assert same_engines(found) == (frozenset({a, b, c}),)


def test_who_sends_speaks_for_an_engine_and_then_who_sees_most():
    """The others are left out of sums."""
    silent, few, most = (
        Agent("box", Place("box", each, "j"), NOW - 99, NOW, 1000, each == "s", None)
        for each in "sfm"
    )
    nodes = {each: Node(each.place._replace(host=""), "local") for each in (silent, few, most)}
    machines = Machines([silent, few, most], [frozenset(nodes.values())])

    doubles = machines.doubles({nodes[silent]: 9.0, nodes[few]: 1.0, nodes[most]: 5.0})

    assert doubles == {nodes[silent], nodes[few]}


def test_an_agent_with_another_name_at_the_same_address_has_its_series():
    """A container made anew is called by its new id; the former name owns nothing."""
    place = {"instance": "10.0.0.5:8470", "job": "tg"}
    former = Found({"host": "3f2a", **place}, [NOW], [NOW / 1000 - 600])
    times = [NOW - 20_000, NOW - 10_000, NOW]
    present = Found({"host": "web-1", **place}, times, [each / 1000 for each in times])
    machines = Machines(Agents().look([present], [former], NOW, 0.0), ())
    node = Node(Place("", "10.0.0.5:8470", "tg"), "local")

    hosts = {
        each.name: each
        for each in hosts_of(machines, NodeSums({node: Sums(running=12.0)}, {}, 0), NOW)
    }

    assert (hosts["web-1"].sums.running, hosts["web-1"].silent) == (12.0, False)
    assert (hosts["3f2a"].sums.running, hosts["3f2a"].silent) == (None, True)


def test_what_a_silent_machine_had_is_known_to_be_left_out():
    """As long as the server has sums of it."""
    times = [NOW - 100_000, NOW - 90_000]
    silent = Found({"host": "a"}, times, [each / 1000 for each in times])
    sends = Found({"host": "b"}, [NOW - 10_000, NOW], [NOW / 1000 - 10, NOW / 1000])
    machines = Machines(Agents().look([silent, sends], [], NOW, 0.0), ())
    nodes = [Node(Place(name, "", ""), "local") for name in ("a", "b", "unknown")]

    sums = NodeSums({node: Sums(running=1.0) for node in nodes}, {}, 0)

    assert sums.silent(machines) == {nodes[0]}
