"""Pages over real HTTP: formats, compression, the token, errors in JSON."""

import gzip

import pytest
from served import BURN, ENGINE, Served, serving

from recorded import frames
from tidegauge.docker.frames import Container, Sample
from tidegauge.docker.lives import Condition
from tidegauge.prometheus.text import OPENMETRICS, TEXT

STATE = b'container_state{engine="e",container="web",state="running"} 1\n'


async def served_web(token: str = "") -> Served:
    """A container without samples."""
    served = Served(token)
    await served.see(Condition(Container(ENGINE, "c0ffee", "web", "web"), "running"))
    return served


async def test_metrics_come_in_the_format_asked_for() -> None:
    """Text for everybody, OpenMetrics for those who prefer it; told apart for caches."""
    async with serving(await served_web()) as client:
        for accept, kind, end in (("*/*", TEXT, b"\n"), (OPENMETRICS, OPENMETRICS, b"\n# EOF\n")):
            async with client.get(
                "/metrics", headers={"Accept": accept, "Accept-Encoding": "identity"}
            ) as reply:
                body = await reply.read()
            assert reply.status == 200
            assert reply.headers["Content-Type"] == kind
            assert reply.headers["Vary"] == "Accept, Accept-Encoding"
            assert "Content-Encoding" not in reply.headers
            assert STATE in body
            assert body.endswith(end)
        async with client.get("/metrics/cadvisor") as reply:
            assert reply.status == 200


@pytest.mark.parametrize(
    ("encoding", "packed"),
    [
        ("gzip", True),
        ("br;q=1.0, GZIP;q=0.8, *;q=0.1", True),
        ("gzip; q=0", False),
        ("deflate", False),
        ("", False),
    ],
)
async def test_pages_are_packed_for_those_who_take_it(encoding: str, packed: bool) -> None:
    """With gzip, and only with that; small ones are not worth it."""
    headers = {"Accept-Encoding": encoding}
    served = await served_web()
    await served.see_recording()
    async with serving(served) as client:
        async with client.get("/metrics", headers=headers) as reply:
            body = await reply.read()
        async with client.get("/healthz", headers=headers) as small:
            assert "Content-Encoding" not in small.headers

    assert (reply.headers.get("Content-Encoding") == "gzip") == packed
    assert STATE in (gzip.decompress(body) if packed else body)


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/metrics", {}, 401),
        ("/", {}, 200),
        ("/static/nowhere.js", {}, 404),
        ("/api/v1/status", {}, 401),
        ("/api/v1/live", {}, 401),
        ("/openapi.json", {}, 401),
        ("/readyz", {}, 401),
        ("/nowhere", {}, 401),
        ("/healthz", {}, 200),
        ("/metrics", {"Authorization": "Bearer s3cret ü"}, 200),
        ("/metrics", {"Authorization": "bearer  s3cret ü"}, 200),
        ("/metrics", {"Authorization": "Bearer s3cre"}, 401),
        ("/metrics", {"Authorization": "Basic s3cret ü"}, 401),
        ("/metrics?token=s3cret%20%C3%BC", {}, 200),
        ("/metrics?token=", {}, 401),
        ("/metrics?token=%FF%00", {}, 401),
    ],
)
async def test_with_a_token_only_who_knows_it_is_answered(
    path: str, headers: dict[str, str], status: int
) -> None:
    """As Bearer or in the query; the dashboard's files and that we are alive are no secret."""
    async with (
        serving(Served("s3cret ü")) as client,
        client.get(path, headers=headers) as reply,
    ):
        assert reply.status == status
        if status == 401:
            assert reply.headers["WWW-Authenticate"] == "Bearer"
            assert await reply.json() == {"error": "the token is missing or wrong"}


async def test_health_and_readiness() -> None:
    """Alive as long as it answers; not ready is 503 with the reason."""
    served = Served()
    async with serving(served) as client:
        async with client.get("/healthz") as reply:
            assert (reply.status, await reply.text()) == (200, "alive\n")
        async with client.get("/readyz") as reply:
            assert (reply.status, await reply.text()) == (200, "ready\n")
        served.unready = "no engine answers."
        async with client.get("/readyz") as reply:
            assert (reply.status, await reply.json()) == (503, {"error": "no engine answers."})


async def test_what_is_not_there_is_said_in_json() -> None:
    """A wrong path, and a method nobody serves."""
    async with serving(await served_web()) as client:
        async with client.get("/nowhere") as reply:
            assert reply.status == 404
            assert await reply.json() == {
                "error": "there is nothing at this path; /openapi.json lists what there is."
            }
        async with client.post("/metrics") as reply:
            assert reply.status == 405
            assert await reply.json() == {
                "error": "nothing here is changed; it is read with GET or HEAD."
            }
            assert reply.headers["Allow"] == "GET,HEAD"


@pytest.mark.parametrize("path", ["/metrics", "/api/v1/containers"])
async def test_what_waited_is_recorded_before_an_answer(path):
    """Who asks is told of all that was read so far."""
    served = Served()
    web = Container(ENGINE, "c0ffee", "web", "web")
    served.waiting = [Condition(web, "running"), *(Sample(web, one) for one in frames(BURN)[:3])]

    plain = {"Accept-Encoding": "identity"}
    async with serving(served) as client, client.get(path, headers=plain) as reply:
        assert b"web" in await reply.read()
