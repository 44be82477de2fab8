"""Whom the command asks, and what it says where it cannot."""

import asyncio
import sys
from pathlib import Path

import pytest

from command import ended
from fakes.engine import FakeEngine
from servers.process import free_ports
from snapshots import a_journal
from tidegauge.cli import main
from tidegauge.clock import SystemClock
from tidegauge.config import EngineOptions, Options
from tidegauge.errors import ConfigError
from tidegauge.top.command import Wanted, source_of, top
from tidegauge.web.options import WebOptions
from web.served import Served, serving

DEMO = EngineOptions(name="demo", host="demo://")


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """An agent that is there is waited for; where none is, the machine says so at once."""
    monkeypatch.setattr("tidegauge.top.command.PROBE_SECONDS", 10.0)


async def asked(wanted: Wanted, listen: str, token: str = "") -> tuple[str, list[str]]:
    """The title of what is asked, and what is told."""
    options = Options(engines=(DEMO,), web=WebOptions(listen=listen, token=token))
    journal, sentences = a_journal()
    source = await source_of(wanted, options, {}, journal, SystemClock())
    return source.title, sentences


async def test_an_agent_on_this_machine_is_preferred() -> None:
    """The engine is not asked twice for everything."""
    served = Served()
    async with serving(served):
        address = served.url.removeprefix("http://")
        assert await asked(Wanted(), address) == (f"agent at {address}", [])
        everywhere = address.replace("127.0.0.1", "0.0.0.0")
        assert await asked(Wanted(), everywhere) == (f"agent at {address}", [])
        assert await asked(Wanted(alone=True), address) == ("engine demo", [])


async def test_without_an_agent_the_engines_are_asked() -> None:
    """Which is usual, and not worth a word."""
    (port,) = free_ports(1)

    assert await asked(Wanted(), f"127.0.0.1:{port}") == ("engine demo", [])
    assert await asked(Wanted(), "") == ("engine demo", [])


async def test_an_agent_that_lets_nobody_in_is_told() -> None:
    """The engines are asked, and afterwards the log says why."""
    served = Served("secret")
    async with serving(served):
        address = served.url.removeprefix("http://")
        title, sentences = await asked(Wanted(), address)
        assert title == "engine demo"
        assert sentences == (
            [f"agent at {address} asks for its token; set it in TIDEGAUGE_WEB_TOKEN."]
        )
        assert await asked(Wanted(), address, "secret") == (f"agent at {address}", [])


async def test_a_named_agent_is_asked_even_if_it_does_not_answer_yet() -> None:
    """It may come."""
    wanted = Wanted("http://127.0.0.1:1")

    assert await asked(wanted, "") == ("agent at 127.0.0.1:1", [])


async def test_without_a_terminal_another_command_is_named(tmp_path: Path) -> None:
    """Nothing is opened, and nothing written where a program reads."""
    async with FakeEngine(tmp_path / "s") as engine:
        result = await ended("top", DOCKER_HOST=engine.host)
        assert engine.requests == []

    assert (result.code, result.out) == (2, "")
    assert result.err == (
        "tidegauge: top needs a terminal, for input and output; tidegauge once prints one sample"
        " anywhere.\n"
    )


def test_without_textual_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """In one sentence, before anything is asked."""
    monkeypatch.setitem(sys.modules, "textual", None)
    for module in ("view", "table", "screens"):
        monkeypatch.delitem(sys.modules, f"tidegauge.top.{module}", raising=False)
    for stream in ("stdin", "stdout", "stderr"):
        monkeypatch.setattr(f"sys.{stream}.isatty", lambda: True, raising=False)

    with pytest.raises(ConfigError, match=r"textual; install it with pip install 'tidegauge\[tui"):
        asyncio.run(top(Wanted(), Options(engines=(DEMO,)), {}))


async def test_no_other_command_imports_it() -> None:
    """It takes half a second."""
    code = "import sys, tidegauge.cli; sys.exit('textual' in sys.modules)"
    child = await asyncio.create_subprocess_exec(sys.executable, "-c", code)

    assert await child.wait() == 0


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (("--connect", "x"), '--connect must be an address such as "http://127.0.0.1:8470", not'),
        (("--connect", "http://x", "-c", "f"), "--connect asks an agent and -c engines; keep one"),
        (("--sort", "size"), "argument --sort: invalid choice: 'size'"),
        (("web",), "unknown argument web; see tidegauge top --help."),
    ],
)
def test_mistakes(
    given: tuple[str, ...], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """One sentence, exit code 2."""
    assert main(["top", *given]) == 2
    assert capsys.readouterr().err.startswith(f"tidegauge: {sentence}")
