"""No more of a reply goes to a file than the program reads."""

import json
from pathlib import Path

import msgspec
import pytest

from fakes.engine import FakeEngine
from recorded import RECORDINGS
from tidegauge.docker.client import EngineClient, InspectedContainer
from tidegauge.docker.endpoint import parse_endpoint
from tidegauge.docker.frames import ListedContainer
from tidegauge.docker.redacting import about, plain, redacted
from tidegauge.docker.transport import HttpTransport

INSPECT = "/v1.41/containers/abc/json"


def kept(path: str, document: object, status: int = 200) -> object:
    return json.loads(redacted(path, status, json.dumps(document).encode()))


def test_an_inspected_container_loses_its_environment_and_all_else_that_is_not_read():
    """Environment, arguments, mounts, health logs: gone; what is read stays as it was sent."""
    sent = {
        "Id": "abc",
        "Path": "sh",
        "Args": ["-c", "SECRET"],
        "Config": {"Env": ["PASSWORD=SECRET"], "Cmd": ["SECRET"], "Labels": {"a": "b"}},
        "HostConfig": {"Binds": ["/SECRET:/x"], "NetworkMode": "default", "Memory": 4096},
        "State": {
            "Status": "running",
            "StartedAt": "2026-11-22T10:00:00.123456789Z",
            "Health": {"Status": "healthy", "Log": [{"Output": "SECRET"}]},
        },
        "RestartCount": 3,
    }

    left = kept(INSPECT, sent)

    assert "SECRET" not in json.dumps(left)
    assert left == {
        "Id": "abc",
        "State": {
            "Status": "running",
            "StartedAt": "2026-11-22T10:00:00.123456789Z",
            "Health": {"Status": "healthy"},
        },
        "HostConfig": {"NetworkMode": "default", "Memory": 4096},
        "RestartCount": 3,
    }


def test_a_list_loses_command_lines_and_mounts():
    """Names, image, state and labels stay: the choice is made by them."""
    listed = (RECORDINGS / "docker-20.10.24-cgroup1/containers.json").read_bytes()

    left = redacted("/v1.41/containers/json", 200, listed)

    assert b"Command" not in left
    assert b"busybox" in left
    assert b"dd if=" not in left
    kind = list[ListedContainer]
    assert msgspec.json.decode(left, type=kind) == msgspec.json.decode(listed, type=kind)


@pytest.mark.parametrize(
    "odd",
    [
        {"Id": {"Env": ["SECRET"]}, "State": ["SECRET"]},
        {"State": {"Health": "SECRET"}},
        ["SECRET"],
        "SECRET",
    ],
)
def test_what_is_not_of_the_known_shape_is_not_kept(odd):
    """A secret in an unexpected place stays out."""
    left = redacted(INSPECT, 200, json.dumps(odd).encode())

    assert b"SECRET" not in left or odd == "SECRET" or "Health" in json.dumps(odd)


def test_what_is_no_json_is_not_kept():
    """The reader of the recording finds no JSON either."""
    assert redacted(INSPECT, 200, b"Env: SECRET") == b"(no JSON)"


def test_errors_and_harmless_replies_are_kept_whole_and_unknown_ones_not_at_all():
    """An engine's own words are needed; a page nobody knows might hold anything."""
    assert redacted(INSPECT, 404, b'{"message":"no"}') == b'{"message":"no"}'
    assert redacted("/_ping", 200, b"OK") == b"OK"
    assert redacted("/v1.41/version", 200, b'{"Version":"1"}') == b'{"Version":"1"}'
    assert redacted("/v1.41/info", 200, b'{"HttpProxy":"SECRET"}') == b"{}"
    assert redacted("/v1.41/secrets", 200, b'{"Spec":"SECRET"}') == b""


def test_a_path_without_version_and_query():
    """What a request is about does not hang on the version that was agreed on."""
    assert plain("/v1.41/containers/json?all=1") == "/containers/json"
    assert plain("/_ping") == "/_ping"
    assert plain("/v1x/y") == "/v1x/y"


def test_what_a_recorded_request_is_about():
    """A list with sizes is another thing than one without; other parameters are the recorder's."""
    assert about("/v1.41/containers/json?all=1") == about("/v1.52/containers/json")
    assert about("/v1.41/containers/json?all=1&size=1") == "/containers/json?size=1"
    assert about("/v1.41/system/df?type=image&verbose=1") == "/system/df"
    assert about("/containers/json?size=10") == "/containers/json"


async def test_of_every_reply_the_client_asks_for_something_is_kept(tmp_path: Path):
    """A new request of the client needs a line in the table of kinds."""
    bodies: list[bytes] = []

    class Redacting(HttpTransport):
        async def get(self, path, query, seconds=None):
            reply = await super().get(path, query, seconds)
            bodies.append(redacted(path, reply.status, reply.body))
            return reply

    async with FakeEngine(tmp_path / "s") as engine:
        container = engine.add("web", lambda c: c.json({}))
        client = EngineClient("local", Redacting(parse_endpoint(engine.host)))
        await client.connect()
        await client.containers(stopped=True)
        await client.inspect(container)
        engine.replies |= dict.fromkeys(("/info", "/system/df"), lambda c: c.json({"Images": None}))
        await client.info()
        await client.sizes()
        await client.disk_use()
        await client.close()

    assert len(bodies) == 7
    assert all(bodies)
    msgspec.json.decode(bodies[3], type=InspectedContainer)
