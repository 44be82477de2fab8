"""Engines through ssh: one process a connection, its words when it fails, and none left behind."""

import asyncio
import os
import signal

import pytest

from fakes.ssh import FakeSsh
from fakes.stats import frame, streaming
from frames_of import frames_of
from tidegauge.docker.client import EngineClient
from tidegauge.docker.endpoint import SshHost, parse_endpoint
from tidegauge.docker.ssh import remote_command, ssh_words
from tidegauge.docker.transport import HttpTransport
from tidegauge.errors import ConnectionLost, EngineForbidden, EngineUnreachable
from waiting import wait_until_async


def ignore(_data, _error):
    return None


@pytest.fixture
def ssh(tmp_path, monkeypatch, engine):
    fake = FakeSsh(tmp_path / "bin", monkeypatch)
    fake.relay(engine.socket)
    return fake


def client_of(address="ssh://me@far:2222"):
    return EngineClient("far", HttpTransport(parse_endpoint(address)))


@pytest.fixture
async def client(ssh):
    made = client_of()
    yield made
    await made.close()


@pytest.mark.parametrize(
    ("host", "end"),
    [
        (SshHost("far"), ["--", "far"]),
        (SshHost("far", "me", 2222), ["-l", "me", "-p", "2222", "--", "far"]),
        (SshHost("far", "-oX=y"), ["-l", "-oX=y", "--", "far"]),
    ],
)
def test_no_part_of_an_address_is_an_option(host, end):
    """A user is the value of -l whatever it looks like; the host stands behind --."""
    words = ssh_words(host)

    assert words[-len(end) :] == end
    assert words[: words.index("-T") + 1][-1] == "-T"
    assert "BatchMode=yes" in words


@pytest.mark.parametrize(
    ("socket", "command"),
    [
        ("", "docker system dial-stdio"),
        ("/s/d.sock", "docker --host=unix:///s/d.sock system dial-stdio"),
        ("/a b;id", "docker '--host=unix:///a b;id' system dial-stdio"),
    ],
)
def test_the_remote_shell_takes_the_socket_as_one_word(socket, command):
    """What it is told is that of the docker CLI."""
    assert remote_command(SshHost("far", socket=socket)) == command


async def test_an_engine_is_asked_and_streams_through_ssh(engine, ssh, client):
    """As on its socket; an idle connection is used again, and a stream has one of its own."""
    container = engine.add("web", streaming(frame(1), frame(2)))

    assert (await client.connect()).version == "20.10.24"
    assert await client.containers()
    async with frames_of(client, container, ignore) as frames, client.events(ignore):
        assert [(await anext(frames)).read.second for _ in range(2)] == [1, 2]

    assert len(ssh.calls) == 2
    assert ssh.calls[0][1][-5:] == ["-p", "2222", "--", "far", "docker system dial-stdio"]


async def test_processes_end_with_their_connections(engine, ssh, client):
    """A stream that is closed ends its process at once, closing the client all of them."""
    container = engine.add("web", streaming(frame(1)))
    await client.connect()
    async with frames_of(client, container, ignore) as frames, client.events(ignore):
        await anext(frames)
        assert len(ssh.alive()) == 2
    await wait_until_async(lambda: not ssh.alive(), 5, "processes of closed streams gone")
    await client.connect()
    assert len(ssh.alive()) == 1

    await client.close()

    assert ssh.alive() == []


async def test_cancelled_streams_leave_no_process(engine, ssh, client):
    """Also when the engine was not yet reached."""
    container = engine.add("web", streaming(frame(1)))

    async def watch():
        async with frames_of(client, container, ignore) as frames:
            async for _ in frames:
                pass

    watching = [asyncio.create_task(watch()) for _ in range(12)]
    await wait_until_async(lambda: len(ssh.calls) > 2, 10, "some processes")
    for each in watching:
        each.cancel()
    await asyncio.wait(watching)
    await client.close()

    assert ssh.alive() == []


async def test_many_streams_dial_few_at_a_time(engine, ssh, client):
    """sshd turns away clients when too many have not yet logged in; all get through in the end."""
    asked = asyncio.Event()
    waiting = []

    async def slow(connection):
        waiting.append(connection)
        await asked.wait()
        await streaming(frame(1))(connection)

    containers = [engine.add(f"web-{n}", slow) for n in range(12)]

    async def first(container):
        async with frames_of(client, container, ignore) as frames:
            return await anext(frames)

    streams = [asyncio.create_task(first(each)) for each in containers]
    await wait_until_async(lambda: len(waiting) == 5, 10, "five dials")
    assert len(ssh.calls) == 5
    asked.set()

    assert len(await asyncio.gather(*streams)) == 12


async def test_a_process_that_ignores_us_is_killed(ssh, client):
    """Asked to end it has a second; then it is gone."""
    ssh.hang()
    connecting = asyncio.create_task(client.connect())
    await wait_until_async(lambda: ssh.calls, 10, "a process")

    connecting.cancel()
    await asyncio.wait([connecting])
    await client.close()

    assert ssh.alive() == []


@pytest.mark.parametrize(
    ("kind", "words", "lines"),
    [
        (
            EngineUnreachable,
            "Could not resolve hostname far: Name or service not known",
            ["ssh: Could not resolve hostname far: Name or service not known"],
        ),
        (
            EngineForbidden,
            "me@far: Permission denied (publickey)",
            ["Warning: added it", "me@far: Permission denied (publickey).", ""],
        ),
        (
            EngineUnreachable,
            "bash: line 1: docker: command not found",
            ["bash: line 1: docker: command not found"],
        ),
        (EngineUnreachable, "nothing", []),
        (EngineUnreachable, "?[31mred", ["\x1b[31mred"]),
    ],
)
async def test_the_last_words_of_ssh_are_the_reason(ssh, client, kind, words, lines):
    """With the command that shows the same by hand."""
    ssh.fail(255, *lines)

    with pytest.raises(kind) as error:
        await client.connect()

    assert str(error.value) == (
        f"no engine at ssh://me@far:2222: ssh says: {words}. See that this works without a"
        ' question: "ssh -l me -p 2222 -- far docker version".'
    )


async def test_a_stream_that_breaks_off_is_a_lost_engine(engine, ssh, client):
    """ssh ends in the middle of a reply."""

    async def broken(connection):
        await connection.begin_chunks()
        await connection.chunk(frame(1) + b"\n")
        connection.break_off()

    container = engine.add("web", broken)
    async with frames_of(client, container, ignore) as frames:
        await anext(frames)
        with pytest.raises(ConnectionLost):
            await anext(frames)


async def test_what_ssh_says_of_a_stream_that_breaks_off_is_told(engine, ssh, client):
    """The network went away: ssh knows why."""
    ssh.relay(engine.socket, "Timeout, server far not responding.")

    async def broken(connection):
        await connection.begin_chunks()
        await connection.chunk(frame(1) + b"\n")
        connection.break_off()

    container = engine.add("web", broken)
    async with frames_of(client, container, ignore) as frames:
        await anext(frames)
        with pytest.raises(ConnectionLost) as error:
            await anext(frames)

    assert str(error.value) == (
        "no engine at ssh://me@far:2222: ssh says: Timeout, server far not responding. See that"
        ' this works without a question: "ssh -l me -p 2222 -- far docker version".'
    )


async def test_an_idle_connection_that_is_gone_is_replaced(engine, ssh, client):
    """The next request opens another one, and nobody notices."""
    await client.connect()
    (pid,) = ssh.alive()
    os.kill(pid, signal.SIGKILL)

    assert await client.containers() == []


async def test_without_ssh_it_is_said(tmp_path, monkeypatch):
    """The program, and the package that has it."""
    monkeypatch.setenv("PATH", str(tmp_path))
    client = client_of()

    with pytest.raises(EngineUnreachable) as error:
        await client.connect()
    await client.close()

    assert str(error.value) == (
        "cannot run ssh: no such file or directory; is it installed (Debian: openssh-client)?"
    )
