"""Which engine is meant: the order is that of the docker CLI, tried with version 28.2."""

import hashlib
import json
from pathlib import Path

import pytest

from tidegauge.docker.endpoint import Tls
from tidegauge.docker.finding import find_endpoint
from tidegauge.errors import ConfigError

VERIFY = {"DOCKER_TLS_VERIFY": "1"}


class CliFolder:
    """A folder such as ~/.docker, with contexts as the docker CLI writes them."""

    def __init__(self, path: Path, authority: bytes) -> None:
        self.path, self._authority = path, authority
        path.mkdir()

    def context(self, name, host, *, skip=False, certificates=False):
        identity = hashlib.sha256(name.encode()).hexdigest()
        docker = {"Host": host, "SkipTLSVerify": skip}
        meta = self.path / "contexts/meta" / identity / "meta.json"
        meta.parent.mkdir(parents=True)
        meta.write_text(json.dumps({"Name": name, "Metadata": {}, "Endpoints": {"docker": docker}}))
        if certificates:
            folder = self.path / "contexts/tls" / identity / "docker"
            folder.mkdir(parents=True)
            (folder / "ca.pem").write_bytes(self._authority)
            return str(folder / "ca.pem")
        return ""

    def use(self, name):
        (self.path / "config.json").write_text(json.dumps({"auths": {}, "currentContext": name}))


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    from certificates import Authority

    return Authority(tmp_path_factory.mktemp("ca")).ca.read_bytes()


@pytest.fixture
def folder(tmp_path, authority):
    made = CliFolder(tmp_path / "docker", authority)
    made.context("far", "tcp://far:1")
    made.context("current", "tcp://current:1")
    made.use("current")
    return made


def found(folder, environ, host="", context="", tls=None):
    environ = {"DOCKER_CONFIG": str(folder.path)} | environ
    return find_endpoint(host, context, tls or Tls(), environ)


@pytest.mark.parametrize(
    ("configured", "environ", "text"),
    [
        ({"host": "tcp://conf:1"}, {"DOCKER_HOST": "tcp://env:1"}, "tcp://conf:1"),
        ({"context": "far"}, {"DOCKER_HOST": "tcp://env:1"}, "tcp://far:1"),
        ({"context": "default"}, {}, "unix:///var/run/docker.sock"),
        ({}, {"DOCKER_HOST": "tcp://env:1"}, "tcp://env:1"),
        ({}, {"DOCKER_HOST": " env:1 "}, "tcp://env:1"),
        ({}, {"DOCKER_HOST": "tcp://env:1", "DOCKER_CONTEXT": "far"}, "tcp://env:1"),
        ({}, {"DOCKER_HOST": "tcp://env:1", "DOCKER_CONTEXT": "none"}, "tcp://env:1"),
        ({}, {"DOCKER_HOST": "", "DOCKER_CONTEXT": "far"}, "tcp://far:1"),
        ({}, {"DOCKER_CONTEXT": "far"}, "tcp://far:1"),
        ({}, {"DOCKER_CONTEXT": "default"}, "unix:///var/run/docker.sock"),
        ({}, {"DOCKER_CONTEXT": ""}, "tcp://current:1"),
        ({}, VERIFY, "tcp://current:1"),
        ({}, {}, "tcp://current:1"),
    ],
)
def test_the_first_of_these_counts(folder, configured, environ, text):
    """Configured, DOCKER_HOST, DOCKER_CONTEXT, the current context."""
    assert found(folder, environ, **configured).text == text


def test_without_anything_it_is_the_default_socket(folder, tmp_path):
    """No folder, no current context, the default one, or a user without a home."""
    for environ in ({"DOCKER_CONFIG": str(tmp_path / "none")}, {"HOME": str(tmp_path)}):
        assert find_endpoint("", "", Tls(), environ).text == "unix:///var/run/docker.sock"
    folder.use("default")
    assert found(folder, {}).text == "unix:///var/run/docker.sock"


def test_a_user_without_a_home_has_no_contexts(monkeypatch):
    """In a container with any user id there is no home to be had."""
    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.setattr(Path, "home", lambda: (_ for _ in ()).throw(RuntimeError("no home")))

    assert find_endpoint("", "", Tls(), {}).text == "unix:///var/run/docker.sock"
    with pytest.raises(ConfigError, match='no Docker context "far" in a home directory'):
        find_endpoint("", "far", Tls(), {})


def test_the_folder_is_in_the_home(tmp_path, authority):
    """Unless DOCKER_CONFIG says otherwise."""
    CliFolder(tmp_path / ".docker", authority).context("far", "tcp://far:1")

    environ = {"HOME": str(tmp_path), "DOCKER_CONTEXT": "far"}
    assert find_endpoint("", "", Tls(), environ).text == "tcp://far:1"


def test_a_context_brings_its_certificates(folder):
    """And none but its own; without any it is plain, unless it skips their check."""
    ca = folder.context("safe", "tcp://safe:1", certificates=True)
    folder.context("lax", "tcp://lax:1", skip=True)
    folder.context("socket", "unix:///s", skip=True)

    assert found(folder, VERIFY, context="safe").tls == Tls(ca=ca)
    assert found(folder, VERIFY, context="far").tls is None
    assert found(folder, {}, context="lax").tls == Tls(verify=False)
    assert found(folder, {}, context="socket").tls is None


def test_the_environments_certificates_are_for_hosts(folder, tmp_path, authority):
    """DOCKER_TLS_VERIFY with DOCKER_CERT_PATH, or the folder of the CLI."""
    (tmp_path / "ca.pem").write_bytes(authority)
    (folder.path / "ca.pem").write_bytes(authority)
    elsewhere = VERIFY | {"DOCKER_CERT_PATH": str(tmp_path)}
    host = {"DOCKER_HOST": "tcp://env:1"}

    assert found(folder, host | elsewhere).tls == Tls(ca=str(tmp_path / "ca.pem"))
    assert found(folder, host | VERIFY).tls == Tls(ca=str(folder.path / "ca.pem"))
    assert found(folder, elsewhere, "tcp://conf:1").tls == Tls(ca=str(tmp_path / "ca.pem"))
    assert found(folder, host | {"DOCKER_TLS_VERIFY": ""}).tls is None
    lax = found(folder, host | {"DOCKER_TLS": "1"}).tls
    assert lax == Tls(ca=str(folder.path / "ca.pem"), verify=False)
    assert found(folder, VERIFY | {"DOCKER_HOST": "unix:///s"}).tls is None


def test_tls_alone_is_the_tls_port_of_this_machine(folder):
    """As the docker CLI has it."""
    folder.use("")
    (folder.path / "ca.pem").write_bytes(folder._authority)

    assert found(folder, VERIFY).base == "https://localhost:2376"


def test_configured_certificates_beat_the_environments(folder, tmp_path, authority):
    """All of them, or none."""
    (tmp_path / "mine.pem").write_bytes(authority)
    tls = Tls(ca=str(tmp_path / "mine.pem"))

    assert found(folder, VERIFY, "tcp://conf:1", tls=tls).tls == tls


def test_a_context_that_is_not_there_is_named(folder):
    """With its folder, and how to list what there is."""
    for environ, context in (({}, "none"), ({"DOCKER_CONTEXT": "none"}, "")):
        with pytest.raises(ConfigError) as error:
            found(folder, environ, context=context)
        assert str(error.value) == (
            f'there is no Docker context "none" in {folder.path}; "docker context ls" lists what'
            " there is."
        )


def test_what_nobody_can_use_is_named(folder, tmp_path):
    """Addresses of DOCKER_HOST and contexts, and certificates, with where they are from."""
    folder.context("pipe", "npipe:////./pipe/docker_engine")
    (tmp_path / "ca.pem").write_text("junk")
    cases = [
        ({"DOCKER_HOST": "ftp://h"}, "", r'DOCKER_HOST must begin with .*, not "ftp://h"\.$'),
        ({}, "pipe", r'the host of Docker context "pipe" must begin with unix://'),
        (
            VERIFY | {"DOCKER_HOST": "tcp://h:1"},
            "",
            r"no TLS to tcp://h:1: ca \(.*/docker/ca.pem\) cannot be read: no such file or"
            r" directory; DOCKER_CERT_PATH names the folder of ca.pem, cert.pem and key.pem\.$",
        ),
        (
            VERIFY | {"DOCKER_HOST": "tcp://h:1", "DOCKER_CERT_PATH": str(tmp_path)},
            "",
            r"no TLS to tcp://h:1: ca \(.*/ca.pem\) holds no certificate",
        ),
    ]
    for environ, context, words in cases:
        with pytest.raises(ConfigError, match=words):
            found(folder, environ, context=context)


def test_broken_certificates_of_a_context_are_named(folder):
    """Which file, and of which context."""
    ca = folder.context("broken", "tcp://h:1", certificates=True)
    Path(ca).write_text("junk")

    with pytest.raises(ConfigError, match=rf'\({ca}\) holds no .* of Docker context "broken"\.$'):
        found(folder, {}, context="broken")


@pytest.mark.parametrize("content", ["{bad", "[]", '{"currentContext": 1}'])
def test_a_broken_file_of_the_cli_is_named(folder, content):
    """Watching another engine than the one that is meant would be worse."""
    path = folder.path / "config.json"
    path.write_text(content)

    with pytest.raises(
        ConfigError, match=rf"^{path} is not as Docker writes it: .* DOCKER_HOST\.$"
    ):
        found(folder, {})
    assert found(folder, {"DOCKER_HOST": "tcp://env:1"}).text == "tcp://env:1"


def test_a_file_of_the_cli_that_cannot_be_read_is_named(folder):
    """The reason, and the way around it."""
    path = folder.path / "config.json"
    path.unlink()
    path.mkdir()

    with pytest.raises(ConfigError, match=f"^cannot read {path}: is a directory. To go without"):
        found(folder, {})
