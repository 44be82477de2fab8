"""What is asked of a server, and what its answers come to; real ones are in tests/sinks."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from certificates import Authority
from manual_clock import ManualClock
from servers.process import free_ports
from snapshots import a_journal
from tidegauge.app import history_of, past_of
from tidegauge.config import Options
from tidegauge.errors import ConfigError, HistoryError
from tidegauge.history import prometheus_server
from tidegauge.history.options import HistoryOptions
from tidegauge.history.prometheus import PrometheusHistory, prometheus_history
from tidegauge.history.prometheus_series import METRICS, families_of
from tidegauge.history.prometheus_server import POINTS, PrometheusServer
from tidegauge.history.rows import Known, Query
from tidegauge.metrics import CATALOGUE, Identity

NOW = 1_780_005_600.0
WEB: Identity = ("container", "local", "web")
MEMORY = Query(WEB, ("container.memory.usage",), NOW - 60, NOW, 10)

Form = Mapping[str, str]
Asked = list[tuple[str, Form]]
Answering = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


class Then(ManualClock):
    """A clock that stands still."""

    def now(self) -> float:
        return NOW


@asynccontextmanager
async def serving(answer: Answering) -> AsyncIterator[str]:
    """A server on loopback; gives its URL."""
    runner = web.ServerRunner(web.Server(answer), shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def a_history(url: str, **options: object) -> PrometheusHistory:
    """One of these options, now being `NOW`."""
    return prometheus_history(HistoryOptions(prometheus=url, **options), Then())


def result(*series: Mapping[str, object]) -> web.Response:
    """A good answer."""
    return web.json_response({"status": "success", "data": {"result": [*series]}})


def answering(asked: Asked, *rules: tuple[str, list[Mapping[str, object]]]) -> Answering:
    """Answers with the series of the first rule whose text is in the query."""

    async def answer(request: web.BaseRequest) -> web.Response:
        form = {name: str(value) for name, value in (await request.post()).items()}
        asked.append((request.path, form))
        return result(*next((found for text, found in rules if text in form["query"]), []))

    return answer


async def refused(status: int, body: str = "", **headers: str) -> str:
    """The sentence for such an answer, without the server's address."""

    async def answer(_: web.BaseRequest) -> web.Response:
        return web.Response(status=status, text=body, headers=headers)

    async with serving(answer) as url:
        return await trouble(url)


async def trouble(url: str, **options: object) -> str:
    """Why a question was not answered; in each of the four kinds alike."""
    history = a_history(url, **options)
    sentences = set[str]()
    for question in (
        history.series(MEMORY),
        history.entities(NOW - 60, NOW),
        history.events(NOW - 60, NOW),
        history.extent(),
    ):
        with pytest.raises(HistoryError) as caught:
            await question
        sentences.add(str(caught.value).replace(url, "URL"))
    (sentence,) = sentences
    return sentence


@pytest.mark.parametrize(
    ("status", "body", "sentence"),
    [
        (
            401,
            "Unauthorized\n",
            "history.prometheus, URL, answered 401 Unauthorized: check history.username and"
            " history.password, or history.token.",
        ),
        (
            403,
            "<html>",
            "history.prometheus, URL, answered 403 Forbidden: check history.username and"
            " history.password, or history.token; whose it is must be allowed to read.",
        ),
        (
            404,
            "404 page not found",
            "history.prometheus, URL, answered 404 Not Found: set history.prometheus to what comes"
            " before /api/v1/query.",
        ),
        (
            422,
            '{"status":"error","errorType":"execution","error":"too many\\nsamples"}',
            "history.prometheus, URL, answered 422 Unprocessable Entity, saying"
            ' "too many samples": ask for a shorter range, or larger steps.',
        ),
        (
            503,
            '{"error": "' + "x" * 300 + '"}',
            'history.prometheus, URL, answered 503 Service Unavailable, saying "'
            "…" + "x" * 200 + '": see its log.',
        ),
        (
            200,
            "<html>Grafana</html>",
            "what answers at history.prometheus, URL, is no Prometheus; set it to what comes before"
            " /api/v1/query.",
        ),
        (
            200,
            '{"data": {"result": [{"metric": {}, "value": [1, "many"]}]}}',
            "what answers at history.prometheus, URL, is no Prometheus; set it to what comes before"
            " /api/v1/query.",
        ),
    ],
)
async def test_a_refusal_is_one_sentence(status, body, sentence):
    """It names the option, what the server said, and what to do."""
    assert await refused(status, body) == sentence


async def test_a_redirect_is_not_followed():
    """Another host must not get the credentials."""
    sentence = await refused(302, Location="http://elsewhere/")
    assert sentence.endswith("answered 302 Found: set it to where the server has moved to.")


async def test_nobody_there():
    """The reason is the system's."""
    (port,) = free_ports(1)
    assert await trouble(f"http://127.0.0.1:{port}") == (
        "history.prometheus, URL, cannot be reached: connection refused; check the address, and"
        " that the server runs."
    )
    assert "its host name is not known" in await trouble("http://nowhere.invalid:9090")


async def test_somebody_else_there():
    """One that speaks no HTTP, or hangs up."""

    async def garble(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"SSH-2.0-OpenSSH_9.2\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(garble, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        assert await trouble(f"http://127.0.0.1:{port}") == (
            "history.prometheus, URL, broke the connection off, or does not answer in HTTP; check"
            " the address."
        )


async def test_a_server_that_is_not_to_be_trusted(tmp_path):
    """Or that speaks no TLS where it should."""
    pair = Authority(tmp_path).signed("prometheus", ["127.0.0.1"])
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(pair.cert, pair.key)
    async with await asyncio.start_server(hang_up, "127.0.0.1", 0, ssl=context) as server:
        port = server.sockets[0].getsockname()[1]
        assert await trouble(f"https://127.0.0.1:{port}") == (
            "history.prometheus, URL, has a certificate that is not one to trust; renew it, or add"
            " the authority that signed it to those this machine trusts."
        )
    async with serving(answering([])) as url:
        assert await trouble(url.replace("http:", "https:")) == (
            "history.prometheus, URL, speaks no TLS; set it to http://, or to the port that it has"
            " for TLS."
        )


async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


async def test_a_server_that_hangs_is_not_waited_for():
    """The option says how long."""
    forever = asyncio.Event()

    async def answer(_: web.BaseRequest) -> web.Response:
        await forever.wait()
        return web.Response()

    async with serving(answer) as url:
        sentence = await trouble(url, timeout=0.05)
        forever.set()
    assert sentence == (
        "history.prometheus, URL, took longer than 0.05 s; ask for a shorter range, or raise"
        " history.timeout."
    )


async def test_an_answer_beyond_bounds_is_given_up(monkeypatch):
    """As soon as it is, wherever it would end, and compressed or not."""
    monkeypatch.setattr(prometheus_server, "ANSWER_BYTES", 2**20)

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse()
        response.enable_compression()
        await response.prepare(request)
        while True:
            await response.write(b" " * 65536)

    async with serving(answer) as url:
        assert await trouble(url) == (
            "the answer of history.prometheus, URL, has more than 1 MiB; ask for less: a shorter"
            " range, larger steps, or by history.labels fewer machines."
        )


async def test_ranges_are_asked_for_in_parts():
    """Of as many points as Prometheus gives; each time is asked for once."""
    asked: Asked = []
    counted = {"metric": {}, "values": [[NOW - 10, "1"]]}
    async with serving(answering(asked, ("count_over_time", [counted]))) as url:
        query = Query(WEB, ("container.pids.count",), NOW - 20 * POINTS, NOW, 1)
        assert await a_history(url).series(query) == []
    spans = [
        (float(form["start"]), float(form["end"]), float(form["step"]))
        for path, form in asked
        if path == "/api/v1/query_range"
    ]
    assert len(spans) == 20
    assert spans[0][0] == NOW - 20 * POINTS + 1
    assert spans[-1][1] == NOW
    assert all((end - start) / step == POINTS - 1 for start, end, step in spans)
    assert [start for start, _, _ in spans[1:]] == [end + 1 for _, end, _ in spans[:-1]]


async def test_many_samples_are_left_to_the_server():
    """Then four statistics are asked for; they come back at the times at which buckets begin."""
    asked: Asked = []
    of = {"engine": "local", "container": "web", "instance": "a:8470", "job": "tidegauge"}
    in_all = {"metric": of, "values": [[NOW - 600 * n, "600"] for n in (99, 98, 1)]}
    values = [[NOW - 600 * n, "7"] for n in (99, 98, 1)]
    last = [[NOW - 60_000, "5"]]
    async with serving(
        answering(
            asked,
            ("count_over_time", [{**in_all, "values": [*in_all["values"], *last]}]),
            ("quantile", [{"metric": of, "values": [*values[:2], [NOW - 600, "NaN"]]}]),
            ("_over_time", [{"metric": of, "values": values}]),
        )
    ) as url:
        history = PrometheusHistory(PrometheusServer(url, {}, 5.0), (), Then(), samples=1000)
        query = Query(WEB, ("container.memory.usage",), NOW - 60_600, NOW, 600)
        (found,) = await history.series(query)
    assert [(NOW - at) / 600 for at in found.times] == [101, 100, 99, 98, 2]
    assert found.mean == [None, 7.0, 7.0, None, 7.0]
    assert found.p95 == [None, 7.0, 7.0, None, None]
    assert [path for path, _ in asked] == ["/api/v1/query_range"] * 5


@pytest.mark.parametrize(
    ("metric", "names", "over"),
    [
        (
            "container.cpu.time",
            ["container_cpu_time_seconds_total", "container_cpu_mode_time_seconds_total"],
            (),
        ),
        ("container.network.io", ["container_network_io_bytes_total"], ()),
        ("container.network.io.sum", ["container_network_io_bytes_total"], ("interface",)),
        ("container.disk.operations.sum", ["container_disk_operations_total"], ("device",)),
        ("container.pids.count", ["container_pids"], ()),
        ("system.cpu.time", ["system_cpu_time_seconds_total"], ()),
    ],
)
def test_where_a_metric_is(metric, names, over):
    """Sums over parts are summed from the parts, for these are all there is."""
    found = families_of(METRICS[metric])
    assert [each.name for each in found] == names
    assert {each.over for each in found} == {over}


@pytest.mark.parametrize("metric", CATALOGUE, ids=lambda each: each.name)
def test_every_metric_is_somewhere(metric):
    """Under one name, or two."""
    assert 1 <= len(families_of(metric)) <= 2


async def test_who_is_asked_for_and_with_what():
    """The matchers name the entity, as it is written, and the labels of the options."""
    asked: Asked = []
    async with serving(answering(asked)) as url:
        history = a_history(url + "/prefix/", labels={"host": 'a"b'})
        for who in (("container", "e\\", 'a"\n'), ("engine", "local", ""), ("host", "dock", "")):
            await history.series(Query(who, ("engine.images.size",), NOW - 60, NOW, 10))
    assert {path for path, _ in asked} == {"/prefix/api/v1/query_range"}
    assert [form["query"] for _, form in asked] == [
        f"count_over_time(engine_images_size_bytes{{{of}}}[10000ms] offset 1ms)"
        for of in (
            'engine="e\\\\",container="a\\"\\n",host="a\\"b"',
            'engine="local",host="a\\"b"',
            'host="dock",host="a\\"b"',
        )
    ]


@pytest.mark.parametrize(
    ("options", "authorization"),
    [
        ({}, None),
        ({"username": "reader", "password": "pä:ss"}, "Basic cmVhZGVyOnDDpDpzcw=="),
        ({"token": "t0ken"}, "Bearer t0ken"),
    ],
)
async def test_credentials_are_sent(options, authorization):
    """In the header, with every request."""
    seen = set[str | None]()

    async def answer(request: web.BaseRequest) -> web.Response:
        seen.add(request.headers.get("Authorization"))
        return result()

    async with serving(answer) as url:
        history = a_history(url, **options)
        assert await history.series(MEMORY) == []
        assert await history.entities(0, NOW) == []
        assert await history.events(0, 1e11) == []
    assert seen == {authorization}


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"prometheus": "prometheus:9090"}, "history.prometheus must be like http://HOST:PORT"),
        ({"prometheus": "http://u:secret@h"}, "credentials go into history.username"),
        ({"prometheus": "http://h:port"}, "history.prometheus must be like"),
        ({"prometheus": "http://h/?token=x"}, "history.prometheus must be like"),
        ({"username": "u", "token": "t"}, "history has a username and a token"),
        ({"password": "p"}, "history.password needs history.username"),
        ({"token": "a\nb"}, "history.token must be one line"),
        ({"labels": {"__name__": "x"}}, 'history.labels: "__name__" is no name of a'),
        ({"labels": {"a-b": "x"}}, 'history.labels: "a-b" is no name of a'),
    ],
)
def test_options_that_cannot_be(options, sentence):
    """Each names its key; nothing secret is repeated."""
    with pytest.raises(ConfigError) as caught:
        prometheus_history(HistoryOptions(**{"prometheus": "http://h", **options}), Then())
    assert sentence in str(caught.value)
    assert "secret" not in str(caught.value)


def test_with_a_server_nothing_is_kept_here():
    """But what is switched off is off."""
    options = Options(history=HistoryOptions(prometheus="http://h:9090", path="/nowhere/h.db"))
    assert history_of(options, {}, a_journal()[0], Then()) is None
    past = past_of(options, Then(), None)
    assert past is not None
    assert past.path == "http://h:9090"
    assert isinstance(past.history, PrometheusHistory)
    off = Options(history=HistoryOptions(enabled=False, prometheus="http://h:9090"))
    assert past_of(off, Then(), None) is None


async def test_entities_are_made_of_labels():
    """Those of a container are of its newest series; its engine is known by it."""
    asked: Asked = []
    first, last = NOW - 600, NOW - 60
    info = {
        "engine": "local",
        "container": "web",
        "id": "f00d",
        "name": "shop_web_1",
        "image": "nginx",
        "image_id": "sha256:1",
        "runtime": "docker",
        "runtime_version": "26.1.5",
        "instance": "a:8470",
        "job": "tidegauge",
        "host": "a",
        "project": "shop",
        "tag_name": "n",
        "tag_own": "o",
        "site": "north",
    }
    older = {**info, "id": "beef", "team": "gone"}
    foreign = {"container": "web", "pod": "x"}

    def of(function: str, metric: str, *series: tuple[Mapping[str, str], float]):
        found = [{"metric": each, "value": [NOW, str(at)]} for each, at in series]
        return f"{function}_over_time(timestamp({metric}", found

    rules = (
        of("min", "container_info", (info, first), (older, first - 900), (foreign, first)),
        of("max", "container_info", (older, first), (info, last), (foreign, last)),
        of("min", "engine_containers", ({"engine": "local", "host": "a"}, first - 100)),
        of("max", "engine_containers", ({"engine": "local", "host": "a"}, last + 5)),
        of("min", "system_memory", ({"host": "a", "instance": "a:8470"}, first)),
        of("max", "system_memory", ({"host": "a", "instance": "a:8470"}, last)),
    )
    async with serving(answering(asked, *rules)) as url:
        found = await a_history(url, labels={"site": "north"}).entities(NOW - 3600, NOW)
    assert found == [
        Known(
            WEB,
            {
                "id": "f00d",
                "name": "shop_web_1",
                "image": "nginx",
                "image_id": "sha256:1",
                "tag:project": "shop",
                "tag:name": "n",
                "tag:tag_own": "o",
            },
            first - 900,
            last,
        ),
        Known(
            ("engine", "local", ""),
            {"kind": "docker", "version": "26.1.5"},
            first - 900,
            last + 5,
        ),
        Known(("host", "a", ""), {}, first, last),
    ]


async def test_a_long_past_is_looked_into_now_and_then():
    """A thousand times, in its last year."""
    asked: Asked = []
    async with serving(answering(asked)) as url:
        assert await a_history(url).entities(0.0, 1e11) == []
        assert await a_history(url).entities(NOW, NOW - 1) == []
    assert {form["time"] for _, form in asked} == {f"{NOW + 60:.3f}"}
    ranges = {form["query"].partition("[")[2] for _, form in asked}
    (looks,) = ranges
    length, step = (int(each.rstrip("ms])")) for each in looks.split(":"))
    assert 366 * 86_400_000 <= length <= 367 * 86_400_000
    assert step % 60_000 == 0
    assert 990 <= length / step <= 1001


async def test_what_is_no_number_is_unknown():
    """Neither a stale marker nor an infinity is a value."""
    asked: Asked = []
    of = {"engine": "local", "container": "web"}
    values = [[NOW - 5, "1"], [NOW - 4, "NaN"], [NOW - 3, "+Inf"], [NOW - 2.5, "3"]]
    rules = (
        ("count_over_time", [{"metric": of, "values": [[NOW, "4"]]}]),
        ("", [{"metric": of, "values": values}]),
    )
    async with serving(answering(asked, *rules)) as url:
        query = Query(WEB, ("container.memory.usage", "no.metric"), NOW - 60, NOW, 0)
        (found,) = await a_history(url).series(query)
    assert (found.times, found.mean) == ([NOW - 5, NOW - 2.5], [1.0, 3.0])
    assert json.loads(json.dumps(found.times)) == found.times
