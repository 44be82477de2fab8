"""The image and the stacks as users start them, without a registry, on an engine of their own."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from command import ended
from servers.compose import Compose
from servers.engine import PATH, DockerEngine
from servers.process import ServerError
from servers.proxy import SocketProxy
from tidegauge import __version__
from tidegauge.dashboards.writing import files
from waiting import wait_until

from .images import IMAGE, answer, build_into, containers, group_of_socket

pytestmark = [pytest.mark.engine, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def engine(require):
    require(DockerEngine)
    with DockerEngine("deployed") as engine:
        build_into(engine)
        yield engine


@pytest.fixture
def other(engine):
    """A container to be watched."""
    engine.burn("other")
    yield "other"
    engine.docker("rm", "--force", "other")


def used(engine, alias, **how):
    """Has it a sample of this container?"""
    shown = containers(engine, **how).get(alias)
    return shown and shown["values"].get("cpu") is not None


def test_it_is_small_and_says_what_it_is(engine):
    """At most 60 MB, no root, a health check, its version."""
    (image,) = json.loads(engine.docker("image", "inspect", IMAGE))

    assert image["Size"] <= 60e6
    assert image["Config"]["User"] == "8470:8470"
    assert image["Config"]["Healthcheck"]["Test"] == ["CMD", "tidegauge", "health"]
    assert image["Config"]["Labels"]["org.opencontainers.image.version"] == __version__
    assert engine.docker("run", "--rm", IMAGE, "--version") == f"tidegauge {__version__}"


def test_it_watches_without_any_right_but_the_sockets_group(engine, other):
    """Read-only, without capabilities, not as root: healthy, and it sees itself among others."""
    os.chown(engine.socket, 0, 4711)
    engine.docker(
        *("run", "--detach", "--name", "gauge", "--network", "host", "--read-only"),
        *("--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--group-add", "4711"),
        *("--volume", f"{engine.socket}:/var/run/docker.sock:ro", "--health-interval", "1s", IMAGE),
    )
    key = engine.inspect("gauge")["Id"]
    wait_until(lambda: used(engine, other) and used(engine, "gauge"), 60, "samples")
    wait_until(
        lambda: engine.inspect("gauge")["State"]["Health"]["Status"] == "healthy", 60, "health"
    )
    process = Path(f"/proc/{engine.pids(key)[0]}/status").read_text()
    with pytest.raises(ServerError, match="executable file not found"):
        engine.docker("exec", "gauge", "sh")
    rows = json.loads(engine.docker("exec", "gauge", "tidegauge", "once", "--json"))
    engine.docker("stop", "gauge")
    log = subprocess.run(
        ["docker", "logs", "gauge"],
        env={"PATH": PATH, "DOCKER_HOST": engine.host},
        capture_output=True,
        check=True,
    ).stderr.decode()
    code = engine.inspect("gauge")["State"]["ExitCode"]
    engine.docker("rm", "--volumes", "gauge")

    assert re.search(r"^Uid:\t8470\t8470\t8470\t8470$", process, re.MULTILINE)
    assert re.findall(r"^Cap(?:Eff|Prm|Bnd):\t(\w+)$", process, re.MULTILINE) == ["0" * 16] * 3
    assert {row["alias"] for row in rows} == {"gauge", other}
    assert 'event="history is kept" file=/var/lib/tidegauge/history.db' in log
    assert "level=warning" not in log
    assert code == 0


def test_what_its_container_lacks_is_said_with_the_remedy(engine):
    """No socket, one it may not use, and one that is read-only for safety, each in a sentence."""
    os.chown(engine.socket, 0, 4711)
    at = "unix:///var/run/docker.sock"
    mounted = ("--volume", f"{engine.socket}:/var/run/docker.sock:ro")
    with pytest.raises(
        ServerError,
        match=f"no engine at {at}: there is no such socket; mount that of the machine, with"
        " --volume /var/run/docker.sock:/var/run/docker.sock",
    ):
        engine.docker("run", "--rm", IMAGE, "check")
    with pytest.raises(
        ServerError,
        match=f"no permission to use {at}: give the container the group that owns the socket, with"
        " --group-add 4711 ",
    ):
        engine.docker("run", "--rm", *mounted, IMAGE, "check")
    told = engine.docker("run", "--rm", "--group-add", "4711", *mounted, IMAGE, "doctor")

    assert (
        "note     socket: it is mounted read-only, which keeps nobody from giving orders through"
        " it. A proxy that lets GET requests through does; see docs/deploy.md.\n"
    ) in told


def test_it_has_what_else_the_program_may_need(engine):
    """Optional parts are in it; what looks up names and trusts authorities, too."""
    given = "TIDEGAUGE_ENGINES=a=demo://", "TIDEGAUGE_EXPORTERS_OTLP_URL=https://localhost:1"
    variables = [word for each in given for word in ("--env", each)]
    write = "TIDEGAUGE_EXPORTERS_REMOTE_WRITE_URL=http://localhost:1"

    told = engine.docker("run", "--rm", *variables, "--env", write, IMAGE, "check")
    with pytest.raises(ServerError, match="top needs a terminal"):
        engine.docker("run", "--rm", IMAGE, "top")

    assert "Metrics go to OTLP at https://localhost:1" in told
    assert "Metrics go to Prometheus remote write at http://localhost:1" in told


@pytest.fixture
def started(engine, require):
    """Stacks by their files, ended with all they made."""
    require(Compose)
    variables = {"DOCKER_GID": group_of_socket(engine), "TIDEGAUGE_WEB_TOKEN": "a-secret"}
    stacks = []

    def start(files, *command):
        stacks.append(Compose(files, variables, engine.host))
        stacks[-1].run(*command)

    yield start
    for stack in stacks:
        stack.run("down", "--volumes")


def test_compose_starts_it(engine, other, started):
    """Its port is on loopback only, and answers to those who know the token."""
    started(["compose.yml"], "up", "--detach")
    wait_until(lambda: used(engine, other, token="a-secret"), 60, "samples")

    assert answer(engine, "/healthz") != ""
    assert containers(engine, token="wrong") == {}
    (port,) = json.loads(engine.docker("inspect", "tidegauge-tidegauge-1"))[0]["HostConfig"][
        "PortBindings"
    ].values()
    assert port == [{"HostIp": "127.0.0.1", "HostPort": "8470"}]
    assert "deployed" in answer(engine, "/api/v1/status?token=a-secret")


def test_grafana_is_given_the_dashboards(engine, started):
    """They are written by the image as it is, into the volume that Grafana reads."""
    started(["compose.yml", "compose.grafana.yml"], "run", "--rm", "dashboards")
    folder = engine.docker(
        "volume", "inspect", "--format", "{{.Mountpoint}}", "tidegauge_dashboards"
    )
    reader = [*engine.inside("--mount"), "tar", "--create", "--directory", folder, "."]
    archive = subprocess.run(reader, capture_output=True, check=True).stdout
    listed = subprocess.run(["tar", "--list"], input=archive, capture_output=True, check=True)

    found = {name[2:] for name in listed.stdout.decode().split() if not name.endswith("/")}
    assert found == {*files(["prometheus", "statsd"])}


ASKED = (
    *(
        "/_ping",
        "/version",
        "/v1.41/info",
        "/v1.41/system/df?type=volume",
        "/containers/json?all=1",
    ),
    *("/v1.41/containers/other/json", "/v1.41/containers/other/stats?stream=0&one-shot=1"),
)

NOT_ASKED = (
    *(("POST", path) for path in ("/containers/other/stop", "/containers/create", "/version")),
    *(("DELETE", "/containers/other"), ("PUT", "/containers/other/archive?path=/")),
    *(
        ("GET", path)
        for path in (
            *(
                "/containers/other/logs?stdout=1",
                "/containers/other/archive?path=/",
                "/images/json",
            ),
            *(
                "/v1.41/secrets",
                "/containers/other%2Flogs",
                "/info/../images/json",
                "//images/json",
            ),
            *("/containers/other/export?/json", "/containers/other/logs%3F/json", "/"),
        )
    ),
)


async def test_the_proxy_lets_pass_what_is_asked_and_nothing_else(engine, other, require, tmp_path):
    """Tidegauge works through it; whatever changes something or shows more is refused."""
    require(SocketProxy)
    tape = str(tmp_path / "tape")
    with SocketProxy(engine.socket) as proxy:
        host = f"tcp://127.0.0.1:{proxy.port}"
        passed = [proxy.status("GET", path) for path in ASKED]
        refused = [proxy.status(*each) for each in NOT_ASKED]
        recorded = await ended("record", tape, "--seconds", "4", DOCKER_HOST=host)
    played = await ended("replay", tape, "--speed", "max")

    assert passed == [200] * len(ASKED)
    assert refused == [403] * len(NOT_ASKED)
    assert recorded.code == 0, recorded.err
    assert "warning" not in recorded.err
    assert re.search(r"^other +", played.out, re.MULTILINE)
    assert engine.inspect(other)["State"]["Running"]
