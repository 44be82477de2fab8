"""``demo://`` where an engine's address is wanted."""

import pytest

from tidegauge.app import engine_client
from tidegauge.config import EngineOptions, load
from tidegauge.docker.endpoint import Simulated, parse_endpoint
from tidegauge.docker.frames import Engine
from tidegauge.simulation.engine import SimulatedEngine


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("demo://", Simulated(18, 1)),
        ("demo://?containers=200", Simulated(200, 1)),
        ("demo://?seed=7&containers=1", Simulated(1, 7)),
    ],
)
def test_it_says_how_many_and_which(text: str, wanted: Simulated) -> None:
    """Without more, the usual eighteen."""
    assert parse_endpoint(text).simulated == wanted


@pytest.mark.parametrize(
    "text",
    [
        *("demo://here", "demo:///", "demo://?containers=0", "demo://?containers=5001"),
        *("demo://?containers=", "demo://?containers=x", "demo://?boats=1", "demo://#a"),
        *("demo://?containers=1&containers=2", f"demo://?containers={'9' * 5000}"),
    ],
)
def test_what_means_nothing_is_refused(text: str) -> None:
    """With an example of what would do."""
    with pytest.raises(ValueError, match="must be demo://, or demo://[?]containers=200 for up to"):
        parse_endpoint(text)


async def test_every_command_can_use_it() -> None:
    """It is an engine like any other in a configuration, or where DOCKER_HOST says."""
    variables = {"TIDEGAUGE_ENGINES": "a=demo://,b=demo://?containers=2&seed=3"}
    configured = load(None, variables).options.engines

    clients = [engine_client(each, {}) for each in configured]
    clients.append(engine_client(EngineOptions(), {"DOCKER_HOST": "demo://"}))
    assert [await each.connect() for each in clients] == [
        Engine(name, "docker", "26.1.5") for name in ("a", "b", "local")
    ]
    assert [len(await each.containers(stopped=True)) >= 2 for each in clients] == [True] * 3
    assert len(await clients[1].containers(stopped=True)) == 2


def test_more_containers_are_more_projects_on_a_larger_machine() -> None:
    """All with names of their own; fewer are the first of the usual ones."""
    many = SimulatedEngine(Simulated(200), 1.8e9)
    names = [each.name for each in many.instances]

    assert len({*names}) == 200
    assert names[:2] == ["shop-traefik-1", "shop-web-1"]
    assert {"shop-11-redis-1", "shop-12-web-1", "hopeful_wozniak_11", "blog-2-mariadb-1"} <= {
        *names
    }
    assert many.cpus == 12 * 8
    assert sum(many.cores(each, 1.8e9) for each in many.instances) < many.cpus
    assert [each.name for each in SimulatedEngine(Simulated(2), 1.8e9).instances] == names[:2]
