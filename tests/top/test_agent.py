"""What an agent sends becomes states; what it does not send any more is told, and asked again."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import msgspec
import pytest
from aiohttp import web as server
from msgspec.structs import replace
from seen import Seen

from manual_clock import ManualClock
from servers.process import free_ports
from tidegauge.clock import SystemClock
from tidegauge.docker.frames import Container
from tidegauge.docker.lives import Condition, LifeEvent
from tidegauge.errors import AgentError, ConfigError
from tidegauge.history.rows import Event
from tidegauge.top.agent import Agent, address_of
from tidegauge.web.live import message
from waiting import wait_until_async
from web.served import ENGINE, Served, serving

OVERVIEW = {"at": 5.0, "containers": [], "engines": [], "hosts": []}


@asynccontextmanager
async def following(url: str, token: str = "") -> AsyncIterator[Seen]:
    seen = Seen()
    agent = Agent(url, token, SystemClock(), lambda: 0.0)
    running = asyncio.create_task(agent.run(seen.states.append))
    try:
        yield seen
    finally:
        running.cancel()
        await asyncio.wait([running])


@asynccontextmanager
async def answering(port: int = 0, **pages: Callable) -> AsyncIterator[str]:
    """A server with these handlers for ``containers`` and ``live``; its address."""
    application = server.Application()
    for name, handler in pages.items():
        application.router.add_get(f"/api/v1/{name}", handler)
    runner = server.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    site = server.TCPSite(runner, "127.0.0.1", port)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def nothing_moves(request: server.Request) -> server.StreamResponse:
    response = server.StreamResponse()
    await response.prepare(request)
    await response.write(b"retry: 2000\n\n: keep-alive\n\n")
    await asyncio.Event().wait()
    return response


async def empty(_request: server.Request) -> server.Response:
    return server.json_response(OVERVIEW)


def container(alias: str) -> Container:
    return Container(ENGINE, f"{alias}-id", alias, alias)


async def test_a_real_agent_is_followed() -> None:
    """Its list with sparks, then what moves; a container that is new or started is asked for."""
    served = Served(clock=SystemClock())
    async with serving(served):
        await served.see_recording(count=2)
        async with following(served.url) as seen:
            first = await seen.until(lambda state: state.containers, "the list")
            web = first.containers["e/web"]
            assert (web.state, web.id) == ("running", "c0ffee")
            sparks = seen.states[0].containers["e/web"].sparks
            assert sparks["cpu"][-1] == web.values.cpu > 0

            await served.see(Condition(container("db"), "created"))
            await seen.until(lambda state: len(state.containers) == 2, "a new one")
            await served.see(Condition(container("db"), "running", "starting"))
            await seen.until(lambda state: state.containers["e/db"].health == "starting", "health")
            await served.see(Condition(container("db"), "", gone=True))
            await seen.until(lambda state: [*state.containers] == ["e/web"], "one is gone")
            served.watcher.trouble = "no engine at unix:///x."
            await seen.until(lambda state: state.trouble == "no engine at unix:///x.", "trouble")


async def test_facts_of_one_that_started_are_asked_for_again() -> None:
    """When it started, for one, is not in what is sent each second."""
    served = Served(clock=SystemClock())
    async with serving(served):
        await served.see_recording(count=2)
        async with following(served.url) as seen:
            first = await seen.until(lambda state: state.containers, "the list")
            assert first.containers["e/web"].started_at is None
            started = served.recent.of(container("web")).interval.now.read
            again = replace(container("web"), started_at=started)
            await served.see(Condition(again, "running"), LifeEvent(again, "start", started))
            await seen.until(lambda state: state.containers["e/web"].started_at, "its start")


async def test_events_come_from_its_history() -> None:
    """Of one container; without a history, what was sent while it was watched."""
    served = Served(clock=SystemClock())
    now = round(served.clock.now() * 1000)
    for alias, kind in (("web", "oom"), ("db", "die")):
        served.history.happened.append(Event(("container", "e", alias), now - 1000, kind))
    async with serving(served):
        agent = Agent(served.url, "", SystemClock(), lambda: 0.0)
        assert [each.kind for each in await agent.events("e/web")] == ["oom"]
        served.history.trouble = "the disk is full."
        assert await agent.events("e/web") == []
        running = asyncio.create_task(agent.run(lambda _: None))
        await wait_until_async(lambda: served.live.viewers, 10, "it watches")
        await served.see(LifeEvent(container("web"), "oom", datetime.fromtimestamp(9, UTC)))
        (event,) = await wait_until_async(lambda: agent.events("e/web"), 10, "it happened")
        assert (event.kind, event.at) == ("oom", 9.0)
        running.cancel()
        await asyncio.wait([running])


async def test_a_token_is_sent_and_its_lack_is_told() -> None:
    """With the name of the variable it is taken from."""
    served = Served("secret")
    async with serving(served):
        await Agent(served.url, "secret", SystemClock(), lambda: 0.0).probe(5.0)
        for token in ("", "wrong"):
            with pytest.raises(AgentError, match=r"asks for its token; set .*TIDEGAUGE_WEB_TOKEN"):
                await Agent(served.url, token, SystemClock(), lambda: 0.0).probe(5.0)


async def test_a_lost_agent_is_told_and_comes_back() -> None:
    """Meanwhile no value is shown; with it the view is as before."""
    (port,) = free_ports(1)
    some = Served()
    await some.see_recording()
    body = msgspec.json.encode(some.now.overview(0))

    async def listed(_request: server.Request) -> server.Response:
        return server.Response(body=body)

    async def breaks_off(request: server.Request) -> server.StreamResponse:
        response = server.StreamResponse()
        await response.prepare(request)
        await response.write(b": keep-alive\n\n")
        await asyncio.sleep(0.2)
        return response

    async with following(f"http://127.0.0.1:{port}") as seen:
        lost = await seen.until(lambda state: state.trouble, "nobody there")
        assert lost.trouble == f"no answer of agent at 127.0.0.1:{port}: connection refused."
        async with answering(port, containers=listed, live=breaks_off):
            await seen.until(lambda state: state.containers and not state.trouble, "it is there")
            lost = await seen.until(lambda state: state.trouble, "it breaks off")
            assert lost.trouble == f"agent at 127.0.0.1:{port} has ended."
            assert lost.containers["e/web"].state == "unknown"
            assert lost.containers["e/web"].values.cpu is None
            await seen.until(lambda state: not state.trouble, "it is there again")
        lost = await seen.until(lambda state: "refused" in state.trouble, "nobody there")
        assert [*lost.containers] == ["e/web"]


async def test_many_starts_cost_one_question_a_second() -> None:
    """What has changed more than is sent is asked for with the next second."""
    asked = 0
    start = {"at": 1.0, "entity": "container:e/web", "kind": "start", "facts": {}}

    async def listed(request: server.Request) -> server.Response:
        nonlocal asked
        asked += 1
        return await empty(request)

    async def live(request: server.Request) -> server.StreamResponse:
        response = server.StreamResponse()
        await response.prepare(request)
        for at in (6.0, 7.0):
            for _ in range(50):
                await response.write(message("happened", start))
            await response.write(message("overview", {"at": at, "containers": {}, "gone": []}))
        await response.write(message("overview", {"at": 8.0, "containers": {}, "gone": []}))
        await asyncio.Event().wait()
        return response

    async with answering(containers=listed, live=live) as url, following(url) as seen:
        await seen.until(lambda state: state.at == 8.0, "the last second")
    assert asked == 3


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (lambda: server.Response(status=404), "is no Tidegauge, or an old one (HTTP status 404)."),
        (lambda: server.Response(status=302, headers={"Location": "/x"}), "(HTTP status 302)."),
        (lambda: server.json_response({"error": "too many."}, status=503), " says: too many."),
        (lambda: server.Response(text="<html>"), "sends is no answer of Tidegauge."),
        (lambda: server.json_response({"at": 1}), "sends is no answer of Tidegauge."),
        (lambda: server.Response(body=b"\xff\xfe{"), "sends is no answer of Tidegauge."),
        (
            lambda: server.Response(body=b"{}", headers={"Content-Encoding": "gzip"}),
            "Can not decode content-encoding: gzip.",
        ),
    ],
)
async def test_what_is_no_agent_is_told(answer, sentence) -> None:
    """In a sentence that names the address."""

    async def odd(_request: server.Request) -> server.Response:
        return answer()

    async with answering(containers=odd) as url:
        with pytest.raises(AgentError) as raised:
            await Agent(url, "", SystemClock(), lambda: 0.0).probe(5.0)

    assert url.removeprefix("http://") in str(raised.value)
    assert sentence.lower() in str(raised.value).lower()


async def test_an_agent_that_hangs_is_given_up() -> None:
    """In the time that a look for one may take."""

    async def hangs(_request: server.Request) -> server.Response:
        await asyncio.Event().wait()
        raise AssertionError

    async with answering(containers=hangs) as url:
        with pytest.raises(AgentError, match="does not answer in time"):
            await Agent(url, "", SystemClock(), lambda: 0.0).probe(0.1)


@pytest.mark.parametrize(
    "message",
    [
        b"event: overview\ndata: {\n\n",
        b"event: overview\ndata: []\n\n",
        b"event: happened\ndata: 1\n\n",
        b"event: status\n\n",
        b"event: overview\n\n",
    ],
)
async def test_garbage_ends_a_connection_and_not_the_view(message: bytes) -> None:
    """It is told, and asked again."""

    async def live(request: server.Request) -> server.StreamResponse:
        response = server.StreamResponse()
        await response.prepare(request)
        await response.write(message)
        await asyncio.Event().wait()
        return response

    async with answering(containers=empty, live=live) as url, following(url) as seen:
        await seen.until(lambda state: "no answer of Tidegauge" in state.trouble, "trouble")
        await wait_until_async(
            lambda: sum(not state.trouble for state in seen.states) > 1, 10, "a second try"
        )


async def test_messages_come_in_any_pieces() -> None:
    """Bytes are bytes; what is unknown or a comment is passed over."""
    moves = {"at": 7.5, "containers": {}, "gone": []}
    text = b": hello\n\nevent: new\ndata: x\n\nevent: overview\ndata: %s\n\n"

    async def live(request: server.Request) -> server.StreamResponse:
        response = server.StreamResponse()
        await response.prepare(request)
        for byte in text % json.dumps(moves).encode():
            await response.write(bytes([byte]))
        await asyncio.Event().wait()
        return response

    async with answering(containers=empty, live=live) as url, following(url) as seen:
        await seen.until(lambda state: state.at == 7.5, "the state")
        assert [state.at for state in seen.states] == [5.0, 7.5]


@pytest.mark.parametrize(
    "text",
    [
        *("", "web-1", "web-1:8470", "ftp://x", "http://", "http://x:y", "http://[::1"),
        *("http://x:0", "http://u:p@x", "http://x?a=b", "http://x#a", "unix:///x"),
    ],
)
def test_addresses_that_are_none(text: str) -> None:
    """One sentence with one that would be right."""
    with pytest.raises(ConfigError, match=r'--connect must be an address such as "http://127'):
        address_of(text)


@pytest.mark.parametrize("text", ["http://x", "https://x:1/under/", "http://[::1]:8470"])
def test_addresses(text: str) -> None:
    """Also below a path, where a proxy has it."""
    assert address_of(text) == text.rstrip("/")


def test_its_title() -> None:
    """The address without what everybody knows."""
    assert Agent("http://web-1:8470", "", ManualClock(), lambda: 0.0).title == "agent at web-1:8470"
