"""Posting over HTTP, against a small server on loopback: each answer, and what comes of it."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from certificates import Authority
from tidegauge import __version__
from tidegauge.errors import BackendUnavailable, BatchTooLarge, ConfigError, ExportError
from tidegauge.exporters.http import HttpSender, retry_after, shown_url

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def serving(handler: Handler, tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """A server whose every answer is the handler's; gives ``HOST:PORT``."""
    runner = web.ServerRunner(web.Server(handler), shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
        await site.start()
        yield f"127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def sender(url: str, headers: dict[str, str] | None = None, seconds: float = 5):
    one = HttpSender(url, headers or {}, seconds, "Influx at here")
    try:
        yield one
    finally:
        await one.close()


def answering(
    status: int, text: str = "", headers: dict[str, str] | None = None, reason: str | None = None
) -> Handler:
    async def handler(request: web.Request) -> web.Response:
        await request.read()
        return web.Response(status=status, text=text, headers=headers, reason=reason)

    return handler


async def refused(handler: Handler, url: str = "http://{}/write", **more) -> ExportError:
    """The error that this server's answer comes to."""
    async with serving(handler) as where, sender(url.format(where), **more) as to:
        with pytest.raises(ExportError) as caught:
            await to.post(b"x")
    return caught.value


async def test_a_body_arrives_with_its_headers_and_the_answer_comes_back() -> None:
    """Nothing is added but who we are; the basic authorization of the URL leaves it."""
    seen: list[tuple[str, str, dict[str, str], bytes]] = []

    async def handler(request: web.Request) -> web.Response:
        seen.append((request.method, request.raw_path, {**request.headers}, await request.read()))
        return web.Response(status=204 if len(seen) == 1 else 200, body=b"" if seen[1:] else None)

    async with serving(handler) as where:
        url = f"http://me:s%20ecret@{where}/api/v2/write?bucket=a%26b"
        async with sender(url, {"Content-Type": "text/plain"}) as to:
            assert await to.post(b"one") == b""
            assert await to.post(b"") == b""

    (method, path, headers, body), (*_, empty) = seen
    assert (method, path, body, empty) == ("POST", "/api/v2/write?bucket=a%26b", b"one", b"")
    assert headers.pop("Host") == where
    assert headers == {
        "User-Agent": f"tidegauge/{__version__}",
        "Accept": "*/*",
        "Accept-Encoding": "identity",
        "Authorization": "Basic bWU6cyBlY3JldA==",
        "Content-Type": "text/plain",
        "Content-Length": "3",
    }


async def test_headers_of_the_exporter_win_over_the_url() -> None:
    """A token given as a header is what is sent, whatever the URL says."""
    seen: list[str] = []

    async def handler(request: web.Request) -> web.Response:
        seen.append(request.headers["authorization"])
        return web.Response(text="partial success")

    headers = {"authorization": "Token abc"}
    async with serving(handler) as where, sender(f"http://me:no@{where}", headers) as to:
        assert await to.post(b"x") == b"partial success"

    assert seen == ["Token abc"]


@pytest.mark.parametrize(
    ("status", "text", "sentence"),
    [
        (400, "bad\n  line  1", 'Influx at here answered 400 Bad Request, saying "bad line 1".'),
        (
            401,
            '{"message":"no"}',
            'Influx at here answered 401 Unauthorized, saying "{"message":"no"}":'
            " check its user and password, or its token.",
        ),
        (
            403,
            "",
            "Influx at here answered 403 Forbidden: give its user or token the right to write"
            " there.",
        ),
        (
            404,
            "<html>nothing here</html>",
            "Influx at here answered 404 Not Found: check the path of its address, and what it"
            " names.",
        ),
        (422, "\x1b[31m\0", 'Influx at here answered 422 Unprocessable Entity, saying "[31m".'),
    ],
)
async def test_a_refusal_for_good_says_why_and_what_to_do(
    status: int, text: str, sentence: str
) -> None:
    """It is no error to try again; the backend's own words are quoted without harm."""
    error = await refused(answering(status, text))

    assert type(error) is ExportError
    assert str(error) == sentence


async def test_too_large_asks_for_halves() -> None:
    """413 is its own error."""
    error = await refused(answering(413))

    assert isinstance(error, BatchTooLarge)
    assert str(error) == "Influx at here answered 413 Request Entity Too Large."


@pytest.mark.parametrize(
    ("status", "headers", "after"),
    [
        (408, {}, None),
        (429, {"Retry-After": "17"}, 17),
        (429, {"Retry-After": "soon"}, None),
        (500, {}, None),
        (502, {"Retry-After": "-4"}, None),
        (503, {"Retry-After": "120"}, 120),
        (504, {}, None),
        (507, {}, None),
    ],
)
async def test_who_cannot_now_is_asked_again(
    status: int, headers: dict[str, str], after: float | None
) -> None:
    """The answer says how long to wait, or nothing."""
    error = await refused(answering(status, "later", headers, "Not Now"))

    assert isinstance(error, BackendUnavailable)
    assert str(error) == f'Influx at here answered {status} Not Now, saying "later".'
    assert error.after == after


async def test_retry_after_as_a_date_is_by_the_backends_own_clock() -> None:
    """A backend whose clock is years off still means the same number of seconds."""
    headers = {
        "Date": "Tue, 29 Oct 2019 16:56:32 GMT",
        "Retry-After": "Tue, 29 Oct 2019 16:58:02 GMT",
    }
    error = await refused(answering(429, headers=headers))

    assert isinstance(error, BackendUnavailable)
    assert error.after == 90
    assert retry_after({"Retry-After": headers["Date"], "Date": headers["Retry-After"]}) == 0
    assert retry_after({"Retry-After": headers["Date"]}) is None
    assert retry_after({"Retry-After": headers["Date"], "Date": "yesterday"}) is None
    assert retry_after({"Retry-After": headers["Date"], "Date": "29 Oct 2019 16:56:32"}) is None
    assert retry_after({"Retry-After": "9" * 5000}) is None
    assert retry_after({}) is None


@pytest.mark.parametrize(
    ("location", "told"),
    [
        ("https://me:pw@other.example/write?token=x", "https://other.example/write"),
        ("/login", "/login"),
    ],
)
async def test_a_redirect_is_not_followed(location: str, told: str) -> None:
    """Credentials stay where they were meant to go; the new place is named."""
    error = await refused(answering(308, headers={"Location": location}))

    assert type(error) is ExportError
    assert str(error) == (
        f"Influx at here answered 308 Permanent Redirect: it has moved to {told};"
        " set that as its address."
    )


async def test_no_answer_in_time() -> None:
    """The timeout is of the whole request."""
    silent = asyncio.Event()

    async def handler(_: web.Request) -> web.Response:
        await silent.wait()
        raise NotImplementedError

    error = await refused(handler, seconds=0.05)

    assert isinstance(error, BackendUnavailable)
    assert str(error) == "Influx at here took longer than 0.05 s."


async def test_nobody_there() -> None:
    """Refused, unknown, or without a route: in words, and to be tried again."""
    async with serving(answering(204)) as where:
        pass
    for url, sentence in (
        (f"http://{where}", "connection refused"),
        ("http://nowhere.invalid", "its host name is not known"),
        (f"http://{'a' * 64}.example", "its host name is not known"),
        (f"https://{where}", "connection refused"),
    ):
        async with sender(url) as to:
            with pytest.raises(BackendUnavailable) as caught:
                await to.post(b"x")
            assert str(caught.value) == f"Influx at here cannot be reached: {sentence}."


async def test_tls_to_a_plain_port() -> None:
    """The remedy is named."""
    error = await refused(answering(204), "https://{}/")

    assert isinstance(error, BackendUnavailable)
    assert str(error) == (
        "Influx at here cannot be reached over TLS: what listens there speaks no TLS;"
        " use http://, or the port that it has for TLS."
    )


async def test_a_certificate_nobody_vouches_for(tmp_path: Path) -> None:
    """Nothing is sent to it, and the sentence says which check failed."""
    pair = Authority(tmp_path).signed("server", ["127.0.0.1"])
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(pair.cert, pair.key)
    asyncio.get_running_loop().set_exception_handler(lambda *_: None)  # the server's own complaint
    async with serving(answering(204), tls) as where, sender(f"https://{where}") as to:
        with pytest.raises(BackendUnavailable) as caught:
            await to.post(b"x")

    assert str(caught.value) == (
        "Influx at here cannot be reached over TLS: its certificate is not one to trust (unable to"
        " get local issuer certificate); renew it, or add the authority that signed it to those"
        " this machine trusts."
    )


@pytest.mark.parametrize("status", [200, 400, 503])
async def test_a_body_without_end_is_left_alone(status: int) -> None:
    """At most 4 kB of it are read; the status has told what there is to know."""
    taken = 0

    async def handler(request: web.Request) -> web.StreamResponse:
        nonlocal taken
        endless = web.StreamResponse(status=status)
        await endless.prepare(request)
        while True:  # until the other side hangs up
            await endless.write(b"a" * 65536)
            taken += 65536

    async with serving(handler) as where, sender(f"http://{where}") as to:
        if status == 200:
            assert await to.post(b"x") == b"a" * 4096
        else:
            with pytest.raises(ExportError) as caught:
                await to.post(b"x")
            assert str(caught.value).endswith(f'saying "{"a" * 199}…".')
    assert taken < 16 * 1024 * 1024


async def test_a_body_that_hangs_does_not_undo_a_success() -> None:
    """It was taken; to send it again would be to send it twice."""
    hanging = asyncio.Event()

    async def handler(request: web.Request) -> web.StreamResponse:
        endless = web.StreamResponse()
        await endless.prepare(request)
        await endless.write(b"fine")
        await hanging.wait()
        raise NotImplementedError

    async with serving(handler) as where, sender(f"http://{where}", seconds=0.1) as to:
        assert await to.post(b"x") == b"fine"


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (b"", "broke the connection off"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "does not answer in HTTP"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"a" * 100_000 + b"\r\n\r\n", "does not answer in HTTP"),
    ],
)
async def test_what_is_no_web_server(answer: bytes, sentence: str) -> None:
    """Whatever comes, it is one sentence."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.close()

    async with await asyncio.start_server(talk, "127.0.0.1") as server:
        port = server.sockets[0].getsockname()[1]
        async with sender(f"http://127.0.0.1:{port}") as to:
            with pytest.raises(BackendUnavailable, match=f"^Influx at here {sentence}.$"):
                await to.post(b"x")


async def test_secrets_are_not_quoted() -> None:
    """A backend that repeats what it was given does not put it into the log."""

    async def echo(request: web.Request) -> web.Response:
        return web.Response(status=401, text=f"{request.headers['Authorization']} or s%2Fcret")

    error = await refused(echo, "http://me:s%2Fcret@{}/write")
    other = await refused(echo, headers={"Authorization": "Token abcdefgh"})

    async def cut(_: web.Request) -> web.Response:
        return web.Response(status=401, text="-" * 190 + "abcdefghijklmnop")

    long = await refused(cut, headers={"X-Key": "abcdefghijklmnop"})

    assert f'saying "{"-" * 190}***"' in str(long)
    assert 'saying "Basic *** or ***"' in str(error)
    assert 'saying "Token *** or s%2Fcret"' in str(other)
    assert shown_url("https://me:pw@h.example:1/w?token=x") == "https://h.example:1/w"
    for wrong in (
        "http://[me:pw@h",
        "me:pw@h:1/",
        "http:///me:pw@h",
        "http:/me:pw@h",
        "ht tp://me:pw@h",
    ):
        assert shown_url(wrong) == "an unreadable address"


@pytest.mark.parametrize(
    "url", ["", "localhost:8086", "ftp://h/", "http://", "http://h:x/", "http://[::1", "http://h:0"]
)
def test_an_address_nobody_can_post_to_is_a_mistake_of_the_configuration(url: str) -> None:
    """It is told before anything is opened."""
    with pytest.raises(ConfigError) as caught:
        HttpSender(url, {}, 1, "exporters.x.url")

    assert str(caught.value) == (
        "exporters.x.url: its address must be like http://HOST:PORT/PATH or https://HOST."
    )
