"""The stack for a Swarm on three real engines, as an administrator deploys it."""

import subprocess

import pytest

from servers.compose import DEPLOY
from servers.engine import PATH
from servers.swarm import NODES, Swarm
from waiting import wait_until

from .images import build_into, containers, group_of_socket

pytestmark = [pytest.mark.engine, pytest.mark.timeout(600)]

TOKEN = "a-secret"


@pytest.fixture(scope="module")
def swarm(require):
    require(Swarm)
    with Swarm() as swarm:
        for engine in swarm.nodes.values():
            build_into(engine)
        yield swarm


def deploy(swarm):
    """What the first lines of the file say."""
    manager = swarm.manager
    env = {"PATH": PATH, "DOCKER_HOST": manager.host, "DOCKER_GID": group_of_socket(manager)}
    for command, given in (
        (("secret", "create", "tidegauge-token", "-"), TOKEN),
        (("stack", "deploy", "--resolve-image=never", "-c", "swarm.yml", "tidegauge"), ""),
    ):
        done = subprocess.run(
            ["docker", *command],
            env=env,
            cwd=DEPLOY,
            input=given,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr


def test_each_node_watches_its_containers_and_all_are_watched(swarm):
    """One on each node, found by the network of the stack, and no container of any is missing."""
    names = {name: [f"{name}-busy", f"{name}-idle"] for name in NODES}
    for name, engine in swarm.nodes.items():
        for alias in names[name]:
            engine.run(alias, "sleep", "100000")
    deploy(swarm)

    def seen(name, address):
        """Names of containers with a sample, of the task itself without its number."""
        shown = containers(swarm.nodes[name], TOKEN, address)
        sampled = [alias for alias, each in shown.items() if each["values"].get("cpu") is not None]
        return {alias.partition(".")[0] for alias in sampled}

    for name, address in NODES.items():
        expected = {*names[name], "tidegauge_tidegauge"}
        wait_until(lambda a=name, b=address, c=expected: seen(a, b) == c, 90, f"all of {name}")
        # Published by the node itself: each answers to the others, who know the token.
        assert seen("node1", address) == expected

    listed = swarm.manager.docker("service", "ps", "--format", "{{.Node}}", "tidegauge_tidegauge")
    assert sorted(listed.split()) == sorted(NODES)
    swarm.manager.docker("stack", "rm", "tidegauge")
    for engine in swarm.nodes.values():
        wait_until(lambda e=engine: "tidegauge" not in e.docker("ps"), 60, "the tasks' end")
