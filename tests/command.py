"""The command line as a process: what a user types, and what comes back."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

from waiting import wait_until_async

TIDEGAUGE = (sys.executable, "-m", "tidegauge")


class Ended(NamedTuple):
    """How a command ended, and what it printed."""

    code: int
    out: str
    err: str


def environment(**variables: str) -> dict[str, str]:
    """Nothing of the machine's own but where programs are; times are in UTC, no port is taken.

    It is no container, wherever the tests run.
    """
    usual = {"PATH": os.environ["PATH"], "TZ": "UTC", "LANG": "C.UTF-8", "container": ""}
    return usual | {"TIDEGAUGE_WEB_LISTEN": "", "TIDEGAUGE_HISTORY_ENABLED": "false"} | variables


async def ended(*arguments: str, before: tuple[str, ...] = (), **variables: str) -> Ended:
    """Run a command to its end; ``before`` is typed before it."""
    child = await asyncio.create_subprocess_exec(
        *before,
        *TIDEGAUGE,
        *arguments,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=environment(**variables),
    )
    out, err = await child.communicate()
    return Ended(child.returncode or 0, out.decode(), err.decode())


class Run:
    """A command at work; its log is in a file."""

    def __init__(self, child: asyncio.subprocess.Process, log: Path) -> None:
        self._child, self._log = child, log

    @property
    def log(self) -> str:
        return self._log.read_text(encoding="utf-8")

    async def says(self, text: str, times: int = 1) -> None:
        """Return once the log holds the text so often."""
        await wait_until_async(
            lambda: self.log.count(text) >= times, 20, f"{text!r} in\n{self.log}"
        )

    @property
    def pid(self) -> int:
        return self._child.pid

    def send(self, number: int) -> None:
        self._child.send_signal(number)

    async def end(self, seconds: float = 15) -> int:
        """The exit code, once it has ended."""
        async with asyncio.timeout(seconds):
            return await self._child.wait()

    async def stop(self, number: int = signal.SIGTERM) -> int:
        self.send(number)
        return await self.end()


@contextlib.asynccontextmanager
async def running(log: Path, *arguments: str, **variables: str) -> AsyncIterator[Run]:
    """Start a command; whatever happens, it has ended afterwards."""
    with log.open("wb") as err:
        child = await asyncio.create_subprocess_exec(
            *TIDEGAUGE,
            *arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=err,
            stderr=err,
            env=environment(**variables),
        )
    try:
        yield Run(child, log)
    finally:
        if child.returncode is None:
            child.kill()
        await child.wait()
