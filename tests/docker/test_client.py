"""The Engine API's client against scripted bytes: negotiation, refusals, broken streams."""

import asyncio
import os
import socket
from contextlib import contextmanager

import msgspec
import pytest

from frames_of import frames_of
from recorded import RECORDINGS
from tidegauge.docker.client import EngineClient
from tidegauge.docker.endpoint import parse_endpoint
from tidegauge.docker.frames import ListedContainer
from tidegauge.docker.transport import HttpTransport
from tidegauge.errors import (
    ConnectionLost,
    EngineError,
    EngineForbidden,
    EngineUnreachable,
    NoSuchContainer,
    NotAnEngine,
    RequestRefused,
)

FRAMES = (RECORDINGS / "docker-20.10.24-cgroup1/lifecycle-stream.ndjson").read_bytes().splitlines()


def ignore(_data, _error):
    return None


@pytest.fixture
async def client(engine):
    made = client_of(engine.host)
    yield made
    await made.close()


def client_of(host):
    return EngineClient("local", HttpTransport(parse_endpoint(host)))


async def read(client, container):
    async with frames_of(client, container, ignore) as frames:
        return [frame async for frame in frames]


async def test_the_newest_version_both_know_is_spoken(engine, client):
    """An engine of API 1.41 is asked under /v1.41."""
    found = await client.connect()
    await client.containers()

    assert (found.name, found.kind, found.version) == ("local", "docker", "20.10.24")
    assert engine.requests == ["/_ping", "/v1.41/version", "/v1.41/containers/json"]


async def test_a_newer_engine_is_asked_in_our_newest_version(engine, client):
    """An engine of the future is not asked for what we do not know."""
    engine.replies["/_ping"] = lambda c: c.body(b"OK", headers="Api-Version: 1.99\r\n")

    await client.connect()

    assert engine.requests[1] == "/v1.55/version"


async def test_a_refused_version_is_taken_from_the_refusal(engine, client):
    """Behind a proxy that pings for another engine, the engine's own limit is used."""
    said = b'{"message":"client version 1.41 is too new. Maximum supported API version is 1.40"}'

    async def version(connection):
        if "1.41" in connection.path:
            await connection.body(said, 400)
        else:
            await connection.json({"Version": "19.03"})

    engine.replies["/version"] = version

    assert (await client.connect()).version == "19.03"
    assert engine.requests[-1] == "/v1.40/version"


async def test_an_ancient_engine_is_told_apart(engine, client):
    """Older than API 1.24 is said in words."""
    engine.replies["/_ping"] = lambda c: c.body(b"OK", headers="Api-Version: 1.18\r\n")

    with pytest.raises(EngineError, match=r"speaks API 1\.18; Tidegauge needs 1\.24"):
        await client.connect()


async def test_podman_is_known_by_its_components(engine, client):
    """Its numbers mean other things, so its kind is kept."""
    engine.replies["/version"] = lambda c: c.json(
        {"Version": "5.4.2", "Components": [{"Name": "Podman Engine"}]}
    )

    assert (await client.connect()).kind == "podman"


@pytest.mark.parametrize(
    ("status", "body"),
    [(200, b"<html>It works!</html>"), (404, b"not found"), (400, b"")],
)
async def test_another_web_server_is_no_engine(engine, client, status, body):
    """An answer without an API version is something else."""
    engine.replies["/_ping"] = lambda c: c.body(body, status)

    with pytest.raises(NotAnEngine, match="is no container engine"):
        await client.connect()


async def test_a_tls_port_is_told_apart(engine, client):
    """The words of Go's server on a TLS port lead to a sentence about TLS."""
    said = b"Client sent an HTTP request to an HTTPS server.\n"
    engine.replies["/_ping"] = lambda c: c.body(said, 400)

    with pytest.raises(NotAnEngine, match="expects TLS"):
        await client.connect()


async def test_a_server_that_does_not_speak_http_is_no_engine(engine, client):
    """A line of another protocol is not taken for a lost engine."""
    engine.replies["/_ping"] = lambda c: c.raw(b"220 mail.example ESMTP ready\r\n\r\n")

    with pytest.raises(NotAnEngine, match="does not speak HTTP"):
        await client.connect()


async def test_a_missing_socket_is_said_with_what_to_do(tmp_path):
    """No such socket: the path, and how Docker is started."""
    client = client_of(f"unix://{tmp_path}/none.sock")

    with pytest.raises(EngineUnreachable, match=r"none\.sock: there is no such socket\. Is Docker"):
        await client.connect()
    await client.close()


async def test_a_refused_port_is_said(unused_tcp_port):
    """Nobody listens: address and reason."""
    client = client_of(f"tcp://127.0.0.1:{unused_tcp_port}")

    with pytest.raises(EngineUnreachable, match=rf"127\.0\.0\.1:{unused_tcp_port}: .*refused"):
        await client.connect()
    await client.close()


@contextmanager
def as_nobody():
    """Root may use every socket, so it is somebody else for a moment."""
    before = os.geteuid()
    if before == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(before)


async def test_a_socket_without_permission_is_said_with_the_remedy(engine, client):
    """Permission denied names the group to join."""
    engine.socket.chmod(0)

    with (
        as_nobody(),
        pytest.raises(EngineForbidden, match="no permission to use unix://.*usermod -aG docker"),
    ):
        await client.connect()


async def test_a_reply_of_the_wrong_shape_is_no_engine(engine, client):
    """A list where an object should be is not passed on as a parser's error."""
    await client.connect()
    engine.replies["/containers/json"] = lambda c: c.json({"not": "a list"})

    with pytest.raises(NotAnEngine, match="answered /containers/json with something else"):
        await client.containers()


async def test_a_refusal_carries_the_engines_words(engine, client):
    """The message of an error reply is shown with its status."""
    await client.connect()
    engine.replies["/containers/json"] = lambda c: c.json({"message": "no list today."}, 500)

    with pytest.raises(RequestRefused, match=r"status 500: no list today\.$") as error:
        await client.containers()
    assert error.value.status == 500


async def test_an_unknown_container_is_its_own_error(engine, client):
    """404 for a container, with or without a body (Podman 4 sends none)."""
    await client.connect()
    engine.replies["/containers/empty/stats"] = lambda c: c.body(b"", 404)

    for name in ("none", "empty"):
        with pytest.raises(NoSuchContainer, match=f"has no container {name}"):
            await read(client, name)


async def test_a_clean_end_is_the_end_of_the_stream(engine, client):
    """Frames in odd chunks come out whole, and the last chunk ends the iteration."""

    async def stats(connection):
        await connection.begin_chunks()
        data = FRAMES[0] + b"\n" + FRAMES[1] + b"\n"
        for start in range(0, len(data), 700):
            await connection.chunk(data[start : start + 700])
        await connection.end_chunks()

    container = engine.add("web", stats)
    await client.connect()

    assert len(await read(client, container)) == 2


async def test_an_error_within_a_good_answer_is_no_garbage(engine, client):
    """Podman 5 says so that a container does not run; anything else is told as garbage."""

    async def stats(connection):
        await connection.begin_chunks()
        why = b"container is stopped"
        await connection.chunk(b'{"cause":"%b","message":"%b","response":500}\n{}\n' % (why, why))
        await connection.end_chunks()

    container, garbage = engine.add("web", stats), []
    await client.connect()
    async with frames_of(client, container, lambda data, _: garbage.append(data)) as frames:
        assert [frame async for frame in frames] == []

    assert garbage == [b"{}"]


async def test_a_broken_off_stream_is_a_lost_connection(engine, client):
    """EOF without the last chunk is a lost engine, not a finished stream."""

    async def stats(connection):
        await connection.begin_chunks()
        await connection.chunk(FRAMES[0] + b"\n")
        connection.break_off()

    container = engine.add("web", stats)
    await client.connect()

    with pytest.raises(ConnectionLost):
        await read(client, container)


async def test_an_inspection_gives_the_time_of_birth(engine, client):
    """Years of 1 and nanoseconds are read."""
    container = engine.add("web", None)
    await client.connect()

    assert (await client.inspect(container)).state.started_at.year == 2020


async def test_more_streams_than_any_default_limit_all_deliver(engine, client):
    """Of 300 streams every one gives its sample, and a list still answers."""

    async def stats(connection):
        await connection.begin_chunks()
        await connection.chunk(FRAMES[0] + b"\n")
        await asyncio.Event().wait()

    containers = [engine.add(f"c{n}", stats) for n in range(300)]
    await client.connect()

    async def first(container):
        async with frames_of(client, container, ignore) as frames:
            frame = await anext(frames)
            arrived.append(frame)
            await done.wait()

    arrived, done = [], asyncio.Event()
    async with asyncio.timeout(20), asyncio.TaskGroup() as tasks:
        for container in containers:
            tasks.create_task(first(container))
        while len(arrived) < 300:
            await asyncio.sleep(0.01)
        assert len(await client.containers()) == 300
        done.set()


async def test_events_ask_for_containers_lives_only(engine, client):
    """Health checks cause three events each; they are filtered out at the engine."""
    await client.connect()
    async with client.events(ignore) as events:
        while not engine.listeners:
            await asyncio.sleep(0)
        await engine.ring("start", "abc")
        event = await anext(events)

    assert (event.action, event.actor.id) == ("start", "abc")
    asked = engine.requests[-1]
    assert "filters=" in asked
    assert "exec_" not in asked


@pytest.fixture
def unused_tcp_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def test_a_recorded_list_is_read():
    """Names, images, states and labels of a real engine's list."""
    recorded = (RECORDINGS / "docker-20.10.24-cgroup1/containers.json").read_bytes()

    listed = {c.name: c for c in msgspec.json.decode(recorded, type=list[ListedContainer])}

    assert listed["loop"].state == "restarting"
    assert listed["idle"].image == "busybox:local"
    assert listed["idle"].labels["com.docker.compose.project"] == "shop"
