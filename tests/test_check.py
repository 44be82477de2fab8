"""``tidegauge check``: what would be watched and why, and where metrics would go."""

import asyncio
import os
import shutil
import socket
from pathlib import Path

import pytest

from command import ended
from fakes.engine import FakeEngine
from fakes.stats import streaming
from snapshots import a_journal
from tidegauge.check import check
from tidegauge.config import EngineOptions, ExportersOptions, FilterOptions, Options
from tidegauge.exporters.statsd import StatsdOptions
from tidegauge.web.options import WebOptions

NOWHERE = "Metrics go nowhere: add a table such as [exporters.statsd].\n"
UNPRIVILEGED = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")


@pytest.fixture
async def engine(tmp_path: Path):
    async with FakeEngine(tmp_path / "s") as fake:
        yield fake


def options(*engines: FakeEngine, **more) -> Options:
    """These engines, named a, b and so on, and no web server."""
    named = zip("abc", engines, strict=False)
    known = {"web": WebOptions(listen="")} | more
    return Options(
        engines=tuple(EngineOptions(name=name, host=each.host) for name, each in named), **known
    )


async def report(some: Options) -> str:
    """The report of engines that all answer."""
    journal, sentences = a_journal()
    text, troubles = await check(some, {}, journal)
    assert troubles == sentences == []
    return text


async def test_every_container_is_listed_with_its_reason(engine: FakeEngine) -> None:
    """By name: taken or not, under which alias, and why."""
    for name in ("web", "noise", "db", "other"):
        engine.add(name, streaming())
    engine.add("old", streaming(), state="exited")
    some = options(
        engine,
        containers={"db": "shop-db"},
        filters=FilterOptions(include=("web", "old"), exclude=("noi*",)),
    )

    assert await report(some) == (
        "Engine a: Docker 20.10.24, 2 of 5 containers would be watched now.\n"
        "watched as  container  state    why\n"
        'shop-db     db         running  named in the configuration as "db"\n'
        '-           noise      running  excluded by "noi*"\n'
        'old         old        exited   included by "old"; watched when it runs\n'
        "-           other      running  not named in the configuration, and no filter"
        " includes it\n"
        'web         web        running  included by "web"\n'
        "Samples of 2 would come by its API, because the engine tells no process of it.\n"
        f"\n{NOWHERE}"
    )


async def test_what_is_not_there_is_said(engine: FakeEngine) -> None:
    """A container that does not exist is no error: it may come."""
    engine.add("web", streaming())
    some = options(engine, containers={"web": "web", "late": "late"})

    assert '\nThere is no container "late" yet; it is watched as soon as it appears.\n' in (
        await report(some)
    )


async def test_an_alias_taken_twice_shows_the_name_that_is_used(engine: FakeEngine) -> None:
    """Values never mix, and the report says how they are told apart."""
    engine.add("b", streaming())
    engine.add("a", streaming())
    text = await report(options(engine, containers={"a": "b"}, filters=FilterOptions()))

    assert (
        'b-000000000000  a          running  named in the configuration as "a";'
        " its id is added because another has that name\n"
    ) in text


async def test_tasks_of_a_swarm_are_called_by_their_place(engine: FakeEngine) -> None:
    """One that was replaced is not waited for."""
    for task, state in (("new", "running"), ("old", "exited")):
        engine.add(f"web.1.{task}", streaming(), state=state)
        engine.listed[-1]["Labels"] = {
            "com.docker.swarm.service.name": "web",
            "com.docker.swarm.task.id": task,
        }

    assert (
        "watched as  container  state    why\n"
        'web.1       web.1.new  running  included by "**"\n'
        "-           web.1.old  exited   another task of its Swarm has taken its place\n"
    ) in await report(options(engine))


async def test_a_network_that_is_shared_is_said(engine: FakeEngine) -> None:
    """Who has no traffic of its own in the metrics, and whose it is."""
    owner = engine.add("web", streaming())
    engine.add("proxy", streaming())
    engine.listed[1]["HostConfig"] = {"NetworkMode": f"container:{owner}"}

    assert (
        'proxy       proxy      running  included by "**"; its traffic counts at web, whose network'
        " it shares\n"
    ) in await report(options(engine))


async def test_an_engine_without_containers(engine: FakeEngine) -> None:
    """No empty table."""
    assert await report(options(engine)) == (
        f"Engine a: Docker 20.10.24, 0 of 0 containers would be watched now.\n\n{NOWHERE}"
    )


async def test_several_engines(engine: FakeEngine, tmp_path: Path) -> None:
    """Each has its table; what one of them has is not missing."""
    engine.add("web", streaming())
    async with FakeEngine(tmp_path / "t") as other:
        other.add("db", streaming())
        text = await report(options(engine, other, containers={"db": "db", "web": "web"}))

    assert text.count("1 of 1 containers would be watched now.\n") == 2
    assert text.index("Engine a:") < text.index("Engine b:")
    assert "There is no container" not in text


async def test_the_ways_out_are_named(engine: FakeEngine) -> None:
    """With the interval that holds, which is never shorter than the tick."""
    statsd = StatsdOptions(host="stats.example", port=8126, flush_interval=30.0)
    exporters = ExportersOptions(statsd=statsd)

    assert (await report(options(engine, exporters=exporters))).endswith(
        "\nMetrics go to StatsD at stats.example:8126, every 30 s.\n"
    )


async def test_an_engine_that_fails_leaves_the_report_of_the_others(engine: FakeEngine) -> None:
    """One is down: the rest is printed, one line for it on stderr, exit code 1."""
    engine.add("web", streaming())
    none = f"unix://{engine.socket}-none"
    result = await ended("check", TIDEGAUGE_ENGINES=f"a={engine.host},b={none}")

    assert result.code == 1
    assert result.out.startswith("Engine a: Docker 20.10.24, 1 of 1 containers")
    assert result.out.endswith(NOWHERE)
    assert result.err == (
        f"tidegauge: no engine at {none}: there is no such socket."
        ' Is Docker running ("sudo systemctl start docker")?\n'
    )


async def test_a_check_that_finds_all_ends_with_0(engine: FakeEngine) -> None:
    """The engine of DOCKER_HOST, without any configuration."""
    engine.add("web", streaming())
    result = await ended("check", DOCKER_HOST=engine.host)

    assert (result.code, result.err) == (0, "")
    assert 'web         web        running  included by "**"\n' in result.out


async def test_a_socket_nobody_listens_on(tmp_path: Path) -> None:
    """What a daemon that was killed leaves behind is told from one that was never there."""
    left = tmp_path / "left.sock"
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(left))
        result = await ended("check", DOCKER_HOST=f"unix://{left}")

    assert result.code == 1
    assert result.err == (
        f"tidegauge: no engine at unix://{left}: nobody listens on that socket."
        ' Is Docker running ("sudo systemctl start docker")?\n'
    )


@pytest.fixture
def open_folder(tmp_path: Path):
    """Made passable for everybody, up to where it is."""
    changed = [one for one in (tmp_path, *tmp_path.parents) if not one.stat().st_mode & 0o001]
    modes = [(one, one.stat().st_mode) for one in changed]
    for one, mode in modes:
        one.chmod(mode | 0o011)
    yield tmp_path
    for one, mode in modes:
        one.chmod(mode)


async def test_a_socket_without_permission(open_folder: Path) -> None:
    """As another user, on a socket that is the owner's alone: the remedy is said."""
    async with FakeEngine(open_folder / "s") as engine:
        engine.socket.chmod(0o600)
        if os.geteuid() != 0:
            engine.socket.chmod(0)
        before = UNPRIVILEGED if os.geteuid() == 0 else ()
        assert shutil.which("setpriv") or not before
        result = await ended("check", before=before, DOCKER_HOST=engine.host)

    assert result.code == 1
    assert result.err == (
        f"tidegauge: no permission to use {engine.host}: it is for user {os.geteuid()} alone;"
        " run as that, or as root.\n"
    )


OTHERS = {
    "a web server": (
        b"",
        b"HTTP/1.1 404 Not Found\r\nContent-Length: 5\r\n\r\nhello",
        (
            "what answers at {} is no container engine: GET /_ping gave status 404 without an API"
            " version. Check the address."
        ),
    ),
    "a mail server": (
        b"220 mail.example ESMTP\r\n",
        b"",
        "what listens at {} does not speak HTTP as an engine does.",
    ),
    "one that hangs up": (b"", b"", "the engine at {} broke the connection off."),
}


@pytest.mark.parametrize(("banner", "reply", "sentence"), OTHERS.values(), ids=OTHERS)
async def test_what_is_no_engine_is_said(banner: bytes, reply: bytes, sentence: str) -> None:
    """A port mistaken for an engine's: one line that names it, exit code 1."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(banner)
        await reader.read(1000)
        writer.write(reply)
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        address = f"tcp://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        result = await ended("check", DOCKER_HOST=address)

    assert result.code == 1
    assert result.out == NOWHERE
    assert result.err == f"tidegauge: {sentence.format(address)}\n"


async def test_where_metrics_are_served_is_said(engine: FakeEngine) -> None:
    """Also where nothing else takes them; then they do not go nowhere."""
    text = await report(options(engine, web=WebOptions()))
    assert text.endswith("\nMetrics are served at http://127.0.0.1:8470/metrics.\n")
