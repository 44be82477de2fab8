"""The program on its simulated engine, for all tests that only look."""

import asyncio
import json
import os
import sys
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from servers.chromium import Chromium
from servers.process import Process, free_ports
from waiting import wait_until


class Demo:
    """`tidegauge demo` on a free port, with so many containers."""

    def __init__(self, folder: Path, containers: int) -> None:
        (port,) = free_ports(1)
        self.url = f"http://127.0.0.1:{port}/"
        command = [sys.executable, "-m", "tidegauge", "demo", "--listen", f"127.0.0.1:{port}"]
        given = {"PATH": os.environ["PATH"], "TZ": "UTC", "TMPDIR": str(folder)}
        arguments = ["--containers", str(containers)]
        self._process = Process([*command, *arguments], given, folder / "log")
        wait_until(self._ready, 30, "the demo is ready")

    def get(self, path: str) -> Any:
        """What the API answers."""
        with urllib.request.urlopen(f"{self.url}api/v1/{path}", timeout=10) as reply:
            return json.load(reply)

    async def ask(self, path: str) -> Any:
        """The same, beside a page that goes on."""
        return await asyncio.to_thread(self.get, path)

    def stop(self) -> None:
        self._process.stop()

    def _ready(self) -> bool:
        self._process.check()
        try:
            found = self.get("containers")["containers"]
        except OSError:
            return False
        return any("cpu" in each["values"] for each in found)


@contextmanager
def _demo(factory: pytest.TempPathFactory, containers: int) -> Iterator[Demo]:
    demo = Demo(factory.mktemp("demo"), containers)
    try:
        yield demo
    finally:
        demo.stop()


@pytest.fixture(autouse=True)
def _chromium(require: Callable[[type], None]) -> None:
    """All tests here need it."""
    require(Chromium)


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """18 containers on which things happen."""
    with _demo(tmp_path_factory, 18) as demo:
        yield demo


@pytest.fixture(scope="session")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """200 containers."""
    with _demo(tmp_path_factory, 200) as demo:
        yield demo
