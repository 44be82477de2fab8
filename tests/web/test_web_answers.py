"""What all answers have in common: errors, headers, caching, compression, and who is let in."""

import asyncio
import gzip
import json
from types import SimpleNamespace

import pytest
from served import Served, asked, serving
from yarl import URL

from tidegauge.exporters.backlog import Amount
from tidegauge.exporters.delivery import DeliveryState
from tidegauge.web import answers
from tidegauge.web.answers import HEADERS

PATHS = ("/", "/api/v1/containers", "/api/v1/nope", "/metrics", "/healthz", "/openapi.json")


@pytest.mark.parametrize("path", PATHS)
async def test_browsers_are_kept_in_bounds(path: str) -> None:
    """The same headers with every answer, errors too; nothing for other origins."""
    async with (
        serving(Served()) as client,
        client.get(path, headers={"Origin": "http://evil.example"}) as reply,
    ):
        assert {name: reply.headers[name] for name in HEADERS} == dict(HEADERS)
        assert not [name for name in reply.headers if name.lower().startswith("access-control")]
    assert "unsafe" not in HEADERS["Content-Security-Policy"]


async def test_what_did_not_change_is_not_sent_again() -> None:
    """304 for who has it already, whether it was packed or not; a new body has a new tag."""
    async with serving(Served()) as client:
        for encoding in ("gzip", "identity"):
            headers = {"Accept-Encoding": encoding}
            async with client.get("/api/v1/metrics", headers=headers) as reply:
                tag = reply.headers["ETag"]
                assert reply.headers["Vary"] == "Accept-Encoding"
                assert reply.headers["Cache-Control"] == "no-cache"
            for known in (tag, f'"a", {tag}', tag.removeprefix("W/"), "*"):
                sent = headers | {"If-None-Match": known}
                async with client.get("/api/v1/metrics", headers=sent) as reply:
                    assert (reply.status, await reply.read()) == (304, b"")
                    assert reply.headers["ETag"] == tag
            async with client.get("/api/v1/metrics", headers={"If-None-Match": '"a"'}) as reply:
                assert reply.status == 200
        async with client.get("/openapi.json") as reply:
            assert reply.headers["ETag"] != tag


async def test_large_answers_are_packed() -> None:
    """Also those packed in a thread; small ones are not, nor what nobody unpacks."""
    served = Served()
    for n in range(300):
        await served.see_recording(count=1, alias=f"web-{n}", id=str(n))
    async with serving(served) as client:
        for path, packed in (("/api/v1/containers", True), ("/openapi.json", True)):
            async with client.get(path) as reply:
                body = await reply.read()
                assert (reply.headers.get("Content-Encoding") == "gzip") == packed
                assert int(reply.headers["Content-Length"]) == len(body)
            async with client.get(path, headers={"Accept-Encoding": "identity"}) as reply:
                assert (
                    json.loads(await reply.read()).keys()
                    == json.loads(gzip.decompress(body)).keys()
                )
        async with client.get("/api/v1/nope") as reply:
            assert "Content-Encoding" not in reply.headers


async def test_heads_are_answered_without_a_body() -> None:
    """With the length it would have."""
    served = Served()
    await served.see_recording()
    async with serving(served) as client:
        for path in PATHS:
            async with client.head(path) as head, client.get(path) as reply:
                assert (head.status, await head.read()) == (reply.status, b"")
                assert head.headers["Content-Length"] == reply.headers["Content-Length"]


@pytest.mark.parametrize(
    "method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND"]
)
async def test_nothing_is_changed_from_here(method: str) -> None:
    """405 in JSON."""
    async with (
        serving(Served()) as client,
        client.request(method, "/api/v1/containers") as reply,
    ):
        assert reply.status == 405
        assert await reply.json() == {
            "error": "nothing here is changed; it is read with GET or HEAD."
        }


@pytest.mark.parametrize(
    ("path", "headers", "body", "status", "sentence"),
    [
        ("/" + "a" * 9000, {}, None, 414, "the address is longer than 8190 bytes; ask for less."),
        (
            "/api/v1/series?" + "metric=a&" * 1000,
            *({}, None, 414, "the address is longer than 8190 bytes; ask for less."),
        ),
        (
            *("/healthz", {"Cookie": "a" * 9000}, None, 431),
            "the headers are longer than 8190 bytes; send fewer.",
        ),
        (
            *("/healthz", {f"X-{n}": "a" * 200 for n in range(60)}, None, 431),
            "the headers are longer than 8190 bytes; send fewer.",
        ),
        ("/healthz", {}, b"x", 413, "no request here has a body; leave it out."),
        ("/healthz", {}, b"x" * 500_000, 413, "no request here has a body; leave it out."),
    ],
)
async def test_too_much_is_refused(path, headers, body, status, sentence) -> None:
    """In JSON, with the limit."""
    async with serving(Served()) as client:
        async with client.get(path, headers=headers, data=body) as reply:
            assert reply.status == status
            assert await reply.json() == {"error": sentence}
        async with client.get("/healthz") as reply:
            assert reply.status == 200


@pytest.mark.parametrize(
    ("host", "listen", "status"),
    [
        ("localhost", "127.0.0.1:0", 200),
        ("LOCALHOST:1234", "127.0.0.1:0", 200),
        ("127.0.0.1:80", "127.0.0.1:0", 200),
        ("[::1]:8470", "127.0.0.1:0", 200),
        ("127.0.0.2:8470", "127.0.0.2:0", 200),
        ("127.0.0.2:8470", "127.0.0.1:0", 403),
        ("evil.example", "127.0.0.1:0", 403),
        ("evil.example:8470", "127.0.0.1:0", 403),
        ("localhost.evil.example", "127.0.0.1:0", 403),
        ("127.0.0.1@evil.example", "127.0.0.1:0", 403),
        ("localhost:80:80", "127.0.0.1:0", 403),
        ("[::1", "127.0.0.1:0", 403),
    ],
)
async def test_only_names_of_this_machine_are_answered_to(host, listen, status) -> None:
    """A page in the user's browser cannot reach us under a name of its own (DNS rebinding)."""
    async with serving(Served(listen=listen)) as client:
        for path in ("/", "/metrics", "/api/v1/status"):
            async with client.get(path, headers={"Host": host}) as reply:
                assert reply.status == status
                if status == 403:
                    assert (await reply.json())["error"].startswith("without web.token only ")
        async with client.get("/healthz", headers={"Host": host}) as reply:
            assert reply.status == 200


async def test_who_knows_the_token_may_use_any_name() -> None:
    """As behind a proxy that passes its own name on."""
    served = Served("s3cret")
    assert (await asked(served, "/api/v1/status?token=s3cret", Host="x.example"))[0] == 200


@pytest.mark.parametrize(
    "path",
    [
        "/static/../pages.py",
        "/static/%2e%2e/pages.py",
        "/static/..%2fpages.py",
        "/static/%2e%2e%2f%2e%2e%2fcli.py",
        "/static//etc/passwd",
        "/static/%2fetc%2fpasswd",
        "/static/..\\pages.py",
        "/static/index.html%00",
        "/static/",
        "/static/vendor",
        "//etc/passwd",
        "/static/%ff",
    ],
)
async def test_only_files_of_the_dashboard_are_served(path: str, tmp_path) -> None:
    """No way leads out of its folder."""
    inside = tmp_path / "static"
    (inside / "vendor").mkdir(parents=True)
    (inside / "index.html").write_text("<!doctype html>", encoding="utf-8")
    (tmp_path / "pages.py").write_text("secret", encoding="utf-8")
    served = Served(files=inside)
    async with serving(served) as client:
        reader, writer = await asyncio.open_connection(*served.url[7:].split(":"))
        writer.write(
            f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()
        )
        answer = await reader.read()
        writer.close()
        assert b"secret" not in answer
        assert b"root:" not in answer
        assert answer.startswith((b"HTTP/1.1 404", b"HTTP/1.1 400"))
        async with client.get("/") as reply:
            assert await reply.text() == "<!doctype html>"


async def test_files_come_packed_and_once(tmp_path) -> None:
    """With their kind, a tag, and asked for anew each time; those of unknown kinds do not."""
    script = "let tide = 1;\n" * 1000
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "a.js").write_text(script, encoding="utf-8")
    (tmp_path / "notes.py").write_text("x", encoding="utf-8")
    async with serving(Served(files=tmp_path)) as client:
        async with client.get("/static/parts/a.js") as reply:
            assert gzip.decompress(await reply.read()).decode() == script
            assert reply.headers["Content-Type"] == "text/javascript; charset=utf-8"
            assert reply.headers["Cache-Control"] == "no-cache"
            tag = reply.headers["ETag"]
        async with client.get("/static/parts/a.js", headers={"If-None-Match": tag}) as reply:
            assert reply.status == 304
        headers = {"Accept-Encoding": "identity"}
        async with client.get("/static/parts/a.js", headers=headers) as reply:
            assert await reply.text() == script
            assert reply.headers["ETag"] == tag
        for path in ("/static/notes.py", "/"):
            async with client.get(path) as reply:
                assert reply.status == 404


async def test_a_bug_costs_one_answer() -> None:
    """500 without a trace, which is in the log; counted."""
    served = Served()
    served.now.overview = lambda _: 1 / 0
    async with serving(served) as client:
        async with client.get("/api/v1/containers") as reply:
            assert reply.status == 500
            assert await reply.json() == {
                "error": "this page has a bug; the log of Tidegauge has its trace."
            }
        async with client.get("/api/v1/status") as reply:
            assert (await reply.json())["dropped"] == {answers.FAILED: 1}
    assert served.sentences[1:] == ["a web page failed: ZeroDivisionError('division by zero')."]


@pytest.mark.parametrize(
    "query", ["%", "%zz", "%ff=%fe", "sparks=%ff", "a=b;c", "&&&", "=", "%00=1"]
)
async def test_bad_percent_encoding_is_no_trouble(query: str) -> None:
    """It is what nobody knows, or nothing."""
    async with serving(Served()) as client:
        url = URL(f"{client._base_url}/api/v1/containers?{query}", encoded=True)
        async with client.get(url) as reply:
            assert reply.status in {200, 400}


async def test_the_status_knows_the_exporters() -> None:
    """Records that went out, tries that failed, what is dropped and what waits."""
    exporter = SimpleNamespace(name="graphite", destination="10.0.0.1:2003")
    state = DeliveryState(
        Amount(2, 70, 900), 3, {"backlog full": 4, "x": 1}, Amount(1, 9, 77), "no."
    )
    served = Served(deliveries=[SimpleNamespace(exporter=exporter, state=state)])
    _, answer = await asked(served, "/api/v1/status")

    assert answer["exporters"] == [
        {
            "name": "graphite",
            "destination": "10.0.0.1:2003",
            "sent": 70,
            "failed": 3,
            "dropped": 5,
            "backlog_bytes": 77,
            "last_error": "no.",
        }
    ]
    assert (answer["host"], answer["started_at"], answer["uptime"]) == ("box", 900.0, 100.0)
    assert answer["history"]["oldest"] == 500.0
