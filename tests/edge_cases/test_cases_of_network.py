"""Edge cases of networks: containers that have none, or another's."""

import json

import msgspec
import pytest

from edge_cases.chain import ABSENT, Chain, all_edited, chained, edited, side_by_side
from recorded import RECORDINGS, a_container, lines, streams
from tidegauge.docker.choice import Choice
from tidegauge.docker.frames import Container, Engine, ListedContainer
from tidegauge.docker.roster import present
from tidegauge.metrics import CATALOGUE

SHARED = "docker-20.10.24-cgroup1-network"
BURN = lines("docker-20.10.24-cgroup1/stats-stream-burn")


def network_series(chain: Chain) -> set[str]:
    return {name for name in chain.names() if name.startswith("network.")}


def listed() -> list[ListedContainer]:
    """The recorded list of an owner, two containers of their own, and one that shares."""
    raw = (RECORDINGS / SHARED / "containers.json").read_bytes()
    return msgspec.json.decode(raw, type=list[ListedContainer])


def containers(some: list[ListedContainer], choice: Choice | None = None) -> dict[str, Container]:
    found = present(Engine("e"), choice or Choice({}, ["**"], []), some, {})
    return {each.container.name: each.container for each in found}


def recorded_together(*several: Container) -> Chain:
    """The recorded streams of these containers, line by line in turn."""
    pairs = [
        (container, line)
        for container in several
        for line in lines(f"{SHARED}/stats-stream-{container.name}")[:8]
    ]
    return side_by_side(sorted(pairs, key=lambda pair: json.loads(pair[1])["read"]))


@pytest.mark.parametrize(
    ("engine", "stream"),
    [
        ("docker-20.10.24-cgroup1", "hostnet"),
        ("docker-20.10.24-cgroup1", "nonet"),
        ("podman-4.3.1-cgroup1", "hostnet"),
        ("podman-4.3.1-cgroup1", "nonet"),
        ("podman-5.4.2-cgroup1", "hostnet"),
        ("podman-5.4.2-cgroup1", "nonet"),
    ],
)
def test_case_10_without_a_network_of_its_own_there_is_no_traffic(engine: str, stream: str) -> None:
    """On the host's network, or on none, traffic is absent, not 0; all else is told.

    Recorded: Docker leaves ``networks`` out, Podman 4 sends zeros.
    """
    chain = chained(lines(f"{engine}/stats-stream-{stream}"), a_container(engine))

    assert network_series(chain) == set()
    assert chain.names() >= {"cpu.usage", "memory.usage", "pids.count"}


def test_case_11_the_single_network_of_engines_before_2015_is_passed_over() -> None:
    """``network`` instead of ``networks`` (API before 1.21) is older than any engine we talk to.

    Recorded lines, edited by hand: traffic is then absent, and nothing else is lost.
    """
    inner = json.loads(BURN[0])["networks"]["eth0"]
    old = [edited(line, networks=ABSENT, network=inner) for line in BURN]

    chain = chained(old)

    assert chain.garbage == []
    assert network_series(chain) == set()
    assert chain.names() == chained(BURN).names() - network_series(chained(BURN))


def test_case_12a_traffic_of_a_shared_network_counts_once() -> None:
    """Two containers report the counters of one network: only its owner's are recorded.

    Recorded: the list and the streams of both; 3 MB were sent.
    """
    known = containers(listed())
    owner, sharer = known["owner"], known["sharer"]
    assert (owner.network_of, sharer.network_of) == ("", owner.id)

    chain = recorded_together(owner, sharer)

    for way in ("receive", "transmit"):
        alone = recorded_together(owner)
        assert chain.samples("network.io.sum", way) == alone.samples("network.io.sum", way)
    assert sum(chain.samples("network.io.sum", "transmit")) == 3005721
    assert not chain.series("network.io.sum", "transmit", alias="sharer")
    assert chain.samples("memory.usage", alias="sharer")


def test_case_12b_where_the_owner_is_not_watched_one_who_shares_counts() -> None:
    """Traffic is not lost because its owner was filtered out, and still not counted twice.

    Recorded: the list, the entry of the one that shares repeated by hand under another name.
    """
    some = listed()
    sharer = next(one for one in some if one.name == "sharer")
    again = msgspec.structs.replace(sharer, id="f" * 64, names=["/again"])

    known = containers([*some, again], Choice({}, ["**"], ["owner"]))
    chain = recorded_together(known["sharer"])

    assert (known["sharer"].network_of, known["again"].network_of) == ("", sharer.id)
    assert sum(chain.samples("network.io.sum", "transmit")) == 3005763


def test_case_12c_a_list_without_network_modes_is_taken_as_it_is() -> None:
    """Podman tells no modes: then each container counts what it reports.

    Recorded: the list of Docker, the modes taken out by hand.
    """
    raw = json.loads((RECORDINGS / SHARED / "containers.json").read_bytes())
    for one in raw:
        del one["HostConfig"]

    known = containers(msgspec.convert(raw, list[ListedContainer]))

    assert {container.network_of for container in known.values()} == {""}


@pytest.mark.parametrize(
    "path",
    [path for path in streams() if path.parent.name.startswith("docker")],
    ids=lambda path: f"{path.parent.name}/{path.stem}",
)
def test_case_14_interface_errors_are_told_as_docker_sends_them_and_named_for_what_they_are(
    path,
) -> None:
    """Docker on Linux always sends 0; the original's dashboards ask for it, so 0 is what they get.

    The metric's help says so. Recorded: every stream of every Docker.
    """
    chain = chained(path.read_text(encoding="utf-8").splitlines())

    for way in ("receive", "transmit"):
        assert set(chain.samples("network.errors.sum", way)) <= {0}
    told = next(metric for metric in CATALOGUE if metric.name == "container.network.errors")
    assert "0 on Docker for Linux" in told.help


def test_case_14b_interface_errors_that_an_engine_does_send_are_told() -> None:
    """Nothing is thrown away. Recorded lines, the counter edited by hand."""
    some = [
        edited(line, networks__eth0__rx_errors=errors)
        for line, errors in zip(BURN, (1, 4, 4), strict=False)
    ]

    assert chained(some).samples("network.errors.sum", "receive") == [3, 0]
    assert chained(all_edited(BURN, networks={})).samples("network.errors.sum", "receive") == []
