"""``tidegauge top`` as a process in a terminal of its own."""

import asyncio
import fcntl
import os
import pty
import re
import signal
import struct
import termios
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from command import TIDEGAUGE, environment
from fakes.engine import FakeEngine
from fakes.stats import frame, streaming
from waiting import wait_until_async

pytestmark = pytest.mark.program

SEQUENCE = re.compile(rb"\x1b(\[[0-9;?<>=]*[A-Za-z]|[()][A-Z0-9]|[=>])")
ALTERNATE, USUAL = b"\x1b[?1049h", b"\x1b[?1049l"


class Terminal:
    """A terminal with the command in it."""

    def __init__(self, child: asyncio.subprocess.Process, screen: int) -> None:
        self._child, self._screen = child, screen
        self.written = b""
        asyncio.get_running_loop().add_reader(screen, self._read)

    def _read(self) -> None:
        with suppress(OSError):  # the other side has closed
            self.written += os.read(self._screen, 65536)
            return
        asyncio.get_running_loop().remove_reader(self._screen)

    @property
    def text(self) -> str:
        """All that was ever written, without the terminal's own language."""
        return SEQUENCE.sub(b"", self.written).decode(errors="replace")

    async def shows(self, text: str, seconds: float = 10) -> None:
        await wait_until_async(
            lambda: text in self.text, seconds, f"{text!r} in {self.text[-3000:]}"
        )

    def type(self, keys: bytes) -> None:
        os.write(self._screen, keys)

    def send(self, number: int) -> None:
        self._child.send_signal(number)

    def close(self) -> None:
        """The connection breaks, and no signal says so."""
        if self._screen >= 0:
            asyncio.get_running_loop().remove_reader(self._screen)
            os.close(self._screen)
            self._screen = -1

    async def end(self) -> int:
        async with asyncio.timeout(10):
            return await self._child.wait()


@asynccontextmanager
async def terminal(
    *arguments: str, size: tuple[int, int] = (24, 80), **variables: str
) -> AsyncIterator[Terminal]:
    screen, inside = pty.openpty()
    fcntl.ioctl(inside, termios.TIOCSWINSZ, struct.pack("HHHH", *size, 0, 0))
    child = await asyncio.create_subprocess_exec(
        *TIDEGAUGE,
        *("top", *arguments),
        stdin=inside,
        stdout=inside,
        stderr=inside,
        start_new_session=True,
        env=environment(TERM="xterm-256color", **variables),
    )
    os.close(inside)
    shown = Terminal(child, screen)
    try:
        yield shown
    finally:
        if child.returncode is None:
            child.kill()
        await child.wait()
        shown.close()


@pytest.mark.parametrize("size", [(24, 80), (12, 40)])
async def test_it_shows_containers_and_ends_with_q(size: tuple[int, int]) -> None:
    """On a simulated engine; the screen is as it was before, with exit code 0."""
    async with terminal(size=size, DOCKER_HOST="demo://") as shown:
        await shown.shows("shop-", seconds=20)
        await shown.shows("engine local")
        shown.type(b"q")

        assert await shown.end() == 0
    assert shown.written.index(ALTERNATE) < shown.written.rindex(USUAL)
    assert "Traceback" not in shown.text


@pytest.mark.parametrize("how", ["ctrl-c", signal.SIGINT, signal.SIGTERM])
async def test_it_ends_in_good_order(how: str | signal.Signals) -> None:
    """However it is asked to, and also while it waits for an engine."""
    async with terminal(DOCKER_HOST="unix:///none") as shown:
        await shown.shows("no engine at unix:///none")
        if isinstance(how, str):
            shown.type(b"\x03")
        else:
            shown.send(how)

        assert await shown.end() == 0
    after = shown.written.rpartition(USUAL)[2]
    assert b"no engine at unix:///none" in after
    assert b"Traceback" not in after


async def test_it_ends_with_its_terminal() -> None:
    """Nothing is left running behind a connection that broke."""
    async with terminal(DOCKER_HOST="demo://") as shown:
        await shown.shows("shop-")
        shown.close()

        assert await shown.end() == 0


async def test_no_colours_where_none_are_wanted(tmp_path: Path) -> None:
    """``NO_COLOR``: shades of grey only."""
    async with FakeEngine(tmp_path / "s") as engine:
        engine.add("web", streaming(frame(1), frame(2)))
        given = {"DOCKER_HOST": engine.host, "COLORTERM": "truecolor"}
        for more, coloured in ((given, True), (given | {"NO_COLOR": "1"}, False)):
            async with terminal(**more) as shown:
                await shown.shows("running")
                shown.type(b"q")
                assert await shown.end() == 0
            colours = re.findall(rb"[34]8;2;(\d+);(\d+);(\d+)", shown.written)

            assert any(len({*colour}) > 1 for colour in colours) is coloured


async def test_names_reach_no_terminal_as_commands(tmp_path: Path) -> None:
    """A name that would clear the screen is written out."""
    async with FakeEngine(tmp_path / "s") as engine:
        engine.add("x\x1b[2J\x07\u202e", streaming(frame(1), frame(2)))
        async with terminal(DOCKER_HOST=engine.host) as shown:
            await shown.shows("x\\x1b[2J\\x07\\u202e")
            shown.type(b"\r")
            await shown.shows("of a core")
            shown.type(b"q")
            assert await shown.end() == 0

    assert b"\x1b[2J" not in shown.written
    assert "\u202e" not in shown.text
