"""The description of the API is true: held against the program, and asked at random."""

import asyncio
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import hypothesis
import msgspec
import pytest
import schemathesis
from hypothesis import given
from hypothesis import strategies as st
from served import Served, serving
from test_web_past import CPU, WEB, points

from fakes.fleet_store import FakeHost, FleetStore, serving_fleet
from tidegauge.clock import SystemClock
from tidegauge.fleet.fleet import Fleet
from tidegauge.history.prometheus_server import PrometheusServer
from tidegauge.history.rows import Event
from tidegauge.web.openapi import ROUTES, document
from tidegauge.web.views import ErrorView

LIVE = "/api/v1/live"


class Background:
    """A server in a thread, for clients that know no event loop."""

    def __init__(self) -> None:
        self._store = serving_fleet(FleetStore([FakeHost("a"), FakeHost("b", silent_for=60)]))
        server = PrometheusServer(self._store.__enter__().url, {}, 10)
        fleet = Fleet(server, {}, SystemClock())
        self.served = Served(clock=SystemClock(), fleet=fleet)
        self.served.history.points = [points(CPU, 10.0, 20.0)]
        self.served.history.happened = [Event(WEB, 500_000, "die", {"exit_code": 1})]
        self._loop, self._over = asyncio.new_event_loop(), asyncio.Event()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> str:
        self._thread.start()
        assert self._ready.wait(10)
        return self.served.url

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join(10)
        self._store.__exit__(None, None, None)

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        await self.served.see_recording()
        async with serving(self.served):
            self._ready.set()
            await self._over.wait()


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with Background() as address:
        yield address


def test_every_route_is_described_and_every_described_one_is_there() -> None:
    """The table of routes and the program's."""
    application = asyncio.run(routes())
    assert application == {route.path for route in ROUTES}


async def routes() -> set[str]:
    application = Served().server._application()
    found = {resource.canonical for resource in application.router.resources()}
    return {path for path in found if path.startswith("/api/")}


def test_the_document_refers_to_nothing_that_is_not_there() -> None:
    """Every reference, every view."""
    text = json.dumps(document())
    described = document()["components"]["schemas"]
    parts = text.split('"$ref": "#/components/schemas/')[1:]
    assert {part.partition('"')[0] for part in parts} <= described.keys()


@pytest.mark.timeout(120)
def test_no_request_of_the_description_is_answered_otherwise(url: str) -> None:
    """Generated requests, right ones and wrong ones: no 5xx, and every body is as described."""
    schema = schemathesis.openapi.from_url(f"{url}/openapi.json")
    checks = (
        schemathesis.checks.not_a_server_error,
        schemathesis.checks.response_schema_conformance,
        schemathesis.checks.status_code_conformance,
        schemathesis.checks.content_type_conformance,
    )
    for route in ROUTES:
        if route.path == LIVE:
            continue  # it never ends

        @hypothesis.settings(
            max_examples=100,
            deadline=None,
            database=None,
            derandomize=True,
            suppress_health_check=list(hypothesis.HealthCheck),
        )
        @given(case=schema[route.path]["GET"].as_strategy())
        def holds(case) -> None:
            case.call_and_validate(checks=checks)

        holds()


NAMES = (
    *("entity", "metric", "start", "stop", "step", "points", "sparks", "token", "container", "x"),
    *("host", "project", "service"),
)
VALUES = st.one_of(
    st.text(max_size=30),
    st.sampled_from(
        ["container:e/web", "host:h", CPU, "-15m", "now", "auto", "0", "-1", "1e9", "9" * 12, "NaN"]
    ),
    st.integers().map(str),
    st.floats().map(str),
)
QUERIES = st.lists(st.tuples(st.sampled_from(NAMES) | st.text(max_size=5), VALUES), max_size=6)


@pytest.mark.timeout(120)
def test_whatever_is_asked_there_is_an_answer() -> None:
    """200, or a 4xx that says in a sentence why; never an error of ours."""

    @hypothesis.settings(max_examples=300, deadline=None, database=None)
    @given(
        path=st.sampled_from([route.path for route in ROUTES if route.path != LIVE])
        | st.text(max_size=20).map(lambda text: f"/api/v1/containers/{quote(text)}/x"),
        query=QUERIES,
    )
    def holds(path: str, query: list[tuple[str, str]]) -> None:
        pairs = "&".join(
            f"{quote(name, errors='replace')}={quote(value, errors='replace')}"
            for name, value in query
        )
        status, body = runner.run(get(f"{path}?{pairs}"))
        assert status in {200, 400, 404, 414}
        if status != 200:
            assert msgspec.json.decode(body, type=ErrorView).error

    async def begin() -> None:
        await served.see_recording()
        runner.get_loop().server = serving(served)  # type: ignore[attr-defined]
        clients.append(await runner.get_loop().server.__aenter__())  # type: ignore[attr-defined]

    async def get(target: str) -> tuple[int, bytes]:
        headers = {"Accept-Encoding": "identity"}
        async with clients[0].get(target, headers=headers) as reply:
            return reply.status, await reply.read()

    served, clients = Served(), []
    served.history.points = [points(CPU, 10.0)]
    with asyncio.Runner() as runner:
        runner.run(begin())
        holds()
        runner.run(runner.get_loop().server.__aexit__(None, None, None))  # type: ignore[attr-defined]


def test_the_page_of_the_api_shows_the_description() -> None:
    """docs/api.md has every route and parameter; renew it with ``python tests/web/api_page.py``."""
    from api_page import PAGE, renewed

    text = PAGE.read_text(encoding="utf-8")
    assert text == renewed(text)
    assert Path("docs/api.md").name == PAGE.name
