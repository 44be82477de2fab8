"""Real engines behind TLS and ssh, with each refusal in the words a user reads."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from certificates import Authority
from command import ended
from frames_of import frames_of
from servers.engine import DockerEngine
from servers.sshd import Sshd
from tidegauge.docker.client import EngineClient
from tidegauge.docker.endpoint import parse_endpoint
from tidegauge.docker.transport import HttpTransport

pytestmark = [pytest.mark.engine, pytest.mark.timeout(180)]

ADDRESS = "tcp://127.0.0.1:2376"
STREAMS = 15
"""More than sshd lets wait for their login (10), and than one connection may hold (10)."""


class TlsEngine:
    """A dockerd that wants TLS in its own network, and commands that run there."""

    def __init__(self, folder: Path) -> None:
        self.authority = Authority(folder / "site")
        self.stranger = Authority(folder / "elsewhere", "other-ca")
        self.mine = self.authority.signed("monitor")
        server = self.authority.signed("engine", ["localhost", "127.0.0.1"])
        options = (
            *("-H", ADDRESS, "--tlsverify", "--tlscacert", str(self.authority.ca)),
            *("--tlscert", str(server.cert), "--tlskey", str(server.key)),
        )
        self.engine = DockerEngine("tls", options=options)
        self._folder = folder

    def configuration(self, host=ADDRESS, **files) -> str:
        written = {"ca": self.authority.ca, "cert": self.mine.cert, "key": self.mine.key} | files
        tls = ", ".join(f'{name} = "{path}"' for name, path in written.items() if path)
        path = self._folder / "tidegauge.toml"
        path.write_text(f'[[engines]]\nhost = "{host}"\ntls = {{ {tls} }}\n', encoding="utf-8")
        return str(path)

    async def ended(self, *arguments: str, **variables: str):
        return await ended(*arguments, before=self.engine.inside("--net"), **variables)

    async def refused(self, **files) -> str:
        """What `check` says when it fails for an engine's sake."""
        checked = await self.ended("check", "-c", self.configuration(**files))
        assert checked.code == 1
        return checked.err.removeprefix("tidegauge: ").rstrip("\n")


@pytest.fixture(scope="module")
def site(docker_engine, tmp_path_factory):
    made = TlsEngine(tmp_path_factory.mktemp("tls"))
    with made.engine as engine:
        engine.run("tls-web", "sleep", "1000")
        yield made


async def test_containers_are_listed_and_streamed_over_tls(site):
    """By certificates of the configuration and of the environment alike."""
    folder = site.mine.cert.parent
    for name in ("cert", "key"):
        (folder / f"{name}.pem").write_bytes((folder / f"monitor-{name}.pem").read_bytes())
    variables = {
        "DOCKER_HOST": ADDRESS,
        "DOCKER_TLS_VERIFY": "1",
        "DOCKER_CERT_PATH": str(folder),
    }

    checked = await site.ended("check", **variables)
    once = await site.ended("once", "--json", "-c", site.configuration())

    assert (checked.code, checked.err) == (0, "")
    assert "1 of 1 containers would be watched now" in checked.out
    (row,) = json.loads(once.out)
    assert row["name"] == "tls-web"
    assert row["cpu_cores"] is not None


@pytest.fixture
def cli_folder(site, tmp_path):
    """A folder of the docker command, in which that made a context."""
    mine = site.mine
    docker = f"host={ADDRESS},ca={site.authority.ca},cert={mine.cert},key={mine.key}"
    subprocess.run(
        ["docker", "context", "create", "far", "--docker", docker],
        env={"PATH": os.environ["PATH"], "DOCKER_CONFIG": str(tmp_path)},
        check=True,
        capture_output=True,
        timeout=30,
    )
    return tmp_path


async def test_a_context_of_the_docker_command_is_found(site, cli_folder):
    """With its certificates; one that is not there is a mistake of the user's."""
    variables = {"DOCKER_CONFIG": str(cli_folder)}

    found = await site.ended("check", DOCKER_CONTEXT="far", **variables)
    missing = await site.ended("check", DOCKER_CONTEXT="near", **variables)

    assert "1 of 1 containers" in found.out
    assert (missing.code, missing.err) == (
        2,
        f'tidegauge: there is no Docker context "near" in {cli_folder}; "docker context ls" lists'
        " what there is.\n",
    )


async def test_each_refusal_has_its_words(site):
    """Server not trusted, no client certificate, a foreign one, no TLS where it is needed."""
    foreign = site.stranger.signed("monitor")
    other = site.stranger.ca

    assert await site.refused(ca=other) == (
        f'the certificate of the engine at {ADDRESS} ("engine", issued by "engine-ca") is not'
        f" signed by the authority in {other}; put that authority into {other}."
    )
    assert await site.refused(cert="", key="") == (
        f"the engine at {ADDRESS} wants a client certificate and got none; give tls.cert and"
        " tls.key, or cert.pem and key.pem in DOCKER_CERT_PATH."
    )
    assert await site.refused(cert=foreign.cert, key=foreign.key) == (
        f'the engine at {ADDRESS} refuses the client certificate {foreign.cert} ("monitor", issued'
        ' by "other-ca"); use one that its authority has signed.'
    )
    plain = await site.ended("check", DOCKER_HOST=ADDRESS)
    assert (plain.code, plain.err) == (
        1,
        f"tidegauge: the engine at {ADDRESS} expects TLS: give its certificates as engines.tls, or"
        " in DOCKER_CERT_PATH with DOCKER_TLS_VERIFY=1.\n",
    )


@pytest.fixture(scope="module")
def sshd(docker_engine, require):
    require(Sshd)
    with Sshd(docker_engine.host) as server:
        yield server


@pytest.fixture
def through_ssh(sshd, monkeypatch):
    monkeypatch.setenv("PATH", f"{sshd.folder}:{os.environ['PATH']}")
    return sshd


async def test_containers_are_listed_and_streamed_through_ssh(docker_engine, through_ssh):
    """By a name of ssh's configuration; the socket is docker's default there, or is given."""
    container = docker_engine.run("ssh-web", "sleep", "1000")
    try:
        for host in ("ssh://engine", f"ssh://engine{docker_engine.socket}"):
            once = await ended("once", "--json", DOCKER_HOST=host)
            assert once.err == ""
            row = next(row for row in json.loads(once.out) if row["id"] == container)
            assert row["cpu_cores"] is not None
    finally:
        docker_engine.docker("rm", "--force", container)


async def test_many_streams_get_through_ssh_and_leave_nothing(docker_engine, through_ssh):
    """None is turned away, and all processes end with the client."""
    container = docker_engine.run("ssh-streams", "sleep", "1000")
    client = EngineClient("far", HttpTransport(parse_endpoint("ssh://engine")))
    all_open = asyncio.Barrier(STREAMS)

    async def first():
        async with frames_of(client, container, lambda *_: None) as frames:
            frame = await anext(frames)
            await all_open.wait()
            return frame

    try:
        await client.connect()
        frames = await asyncio.gather(*(first() for _ in range(STREAMS)))
        assert all(each.running for each in frames)
    finally:
        await client.close()
        docker_engine.docker("rm", "--force", container)
    assert "ssh" not in children()


@pytest.mark.parametrize(
    ("host", "words"),
    [
        ("ssh://no-such-host.invalid", "Could not resolve hostname no-such-host.invalid: "),
        ("ssh://nobody-here@engine", "nobody-here@127.0.0.1: Permission denied (publickey)"),
        ("ssh://engine:1", "connect to host 127.0.0.1 port 1: Connection refused"),
        ("ssh://localhost:{port}", "Host key verification failed"),
        ("ssh://engine/none.sock", "dial unix /none.sock: connect: no such file or directory"),
    ],
)
async def test_what_ssh_cannot_do_is_said_in_its_words(through_ssh, host, words):
    """One sentence with the reason, and the command that shows the same."""
    host = host.format(port=through_ssh.port)

    checked = await ended("check", DOCKER_HOST=host)

    assert checked.code == 1
    assert checked.err.startswith(f"tidegauge: no engine at {host}: ssh says: ")
    assert words in checked.err
    assert checked.err.count("\n") == 1


def test_a_dead_peer_is_noticed_on_a_silent_stream(docker_engine):
    """TCP's keepalive finds it, here hastened from a minute to seconds, behind a firewall."""
    script = Path(__file__).with_name("dead_peer.py")
    folders = os.pathsep.join(each for each in sys.path if each)
    done = subprocess.run(
        ["unshare", "--net", sys.executable, script],
        env=os.environ | {"PYTHONPATH": folders},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.stdout.startswith("ConnectionLost"), done.stderr


def children() -> list[str]:
    """The programs that this process has started and not yet collected."""
    own = f"/proc/{os.getpid()}/task/{os.getpid()}/children"
    pids = Path(own).read_text("ascii").split()
    comms = (Path(f"/proc/{pid}/comm") for pid in pids)
    return [comm.read_text("ascii").strip() for comm in comms if comm.exists()]
