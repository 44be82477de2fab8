"""``tidegauge demo`` as a process: something to see at once, and nothing left behind."""

import asyncio
import re
import signal
import urllib.request
from pathlib import Path

import pytest

from command import Run, ended, running
from tidegauge.config import Options
from tidegauge.demo import demo_options, invitation
from waiting import wait_until_async

pytestmark = pytest.mark.program

ADDRESS = re.compile(r"http://(127\.0\.0\.1:\d+)")


async def page(process: Run, path: str) -> str:
    """A page of the program's web server; empty while it does not answer."""
    found = ADDRESS.search(process.log)
    assert found, process.log
    return await asyncio.to_thread(_read, f"http://{found[1]}{path}")


def _read(url: str) -> str:
    with urllib.request.urlopen(url, timeout=5) as reply:
        return reply.read().decode()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_it_shows_containers_and_ends(number: signal.Signals, tmp_path: Path) -> None:
    """The address is told, samples are there, a signal ends it; its folder is removed."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    demo = ("demo", "--listen", "127.0.0.1:0")
    given = {"TMPDIR": str(folder), "TIDEGAUGE_HISTORY_ENABLED": "true"}
    async with running(tmp_path / "log", *demo, **given) as process:
        await process.says("http://127.0.0.1:")
        assert await page(process, "/healthz") == "alive\n"

        async def sampled() -> bool:
            metrics = await page(process, "/metrics")
            return 'container_cpu_usage{engine="demo",container="shop-web-3"' in metrics

        await wait_until_async(sampled, 15, "a sample of shop-web-3")
        assert await process.stop(number) == 0

    assert "a made-up engine; Ctrl-C ends the demo" in process.log
    assert "event=watching engine=demo containers=1" in process.log
    assert "level=warning" not in process.log
    assert "Traceback" not in process.log
    assert [*folder.iterdir()] == []


def test_it_says_where_to_look() -> None:
    """At the dashboard, if there is one at a port that is known."""
    for listen, where in (("127.0.0.1:8470", "; look at http://127.0.0.1:8470/"), ("", "")):
        options = demo_options(Options(), listen, 18, Path("history.db"))
        assert invitation(options) == f"a made-up engine{where}; Ctrl-C ends the demo"


async def test_there_can_be_any_number_of_containers(tmp_path: Path) -> None:
    """For screens full of them."""
    async with running(tmp_path / "log", "demo", "--containers", "3") as process:
        await process.says("event=watching engine=demo containers=3")
        assert await process.stop() == 0


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        (("--listen", "here"), '--listen must be an address such as "127.0.0.1:8470"'),
        (
            ("--listen", "0.0.0.0:8470"),
            'TIDEGAUGE_WEB_TOKEN must be set, because --listen ("0.0.0.0:8470") lets other',
        ),
        (("--containers", "0"), "argument --containers: must be a number from 1 to 5000, not 0"),
        (("-c", "x.toml"), "unknown argument -c"),
    ],
)
async def test_a_mistake_is_one_sentence(typed: tuple[str, ...], sentence: str) -> None:
    """Before anything starts: exit code 2."""
    result = await ended("demo", *typed)

    assert result.code == 2
    assert result.err.startswith(f"tidegauge: {sentence}")
    assert result.err.count("\n") == 1
