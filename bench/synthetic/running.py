"""The engine as a process of a benchmark or a test: it ends with whoever started it."""

import http.client
import json
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Literal, NotRequired, Self, TypedDict, cast

from synthetic.building import built, missing
from synthetic.templates import Shape, template

Pace = Literal["spread", "burst", "moby", "flood"]

_START_S = 10.0  # a hundredth of it on an idle machine


class CycleSeconds(TypedDict):
    """From the beginning of one sweep to that of the next; 0 before there were two."""

    median: float
    max: float


class StreamTruth(TypedDict):
    """One open stream: events, events, bytes, bytes."""

    id: str
    sent: int
    skipped: int
    backlog: int
    backlog_max: int


class Truth(TypedDict):
    """What the engine did since its start.

    ``sent`` counts events whose last byte the kernel took, of closed streams too; ``skipped`` those
    for which a queue had no room; ``bytes`` the bodies of stats streams with their framing.
    ``backlog_max`` is the most that ever waited for one reader, in the queue and in the kernel,
    which on unix sockets counts its bookkeeping too.
    """

    sent: int
    skipped: int
    bytes: int
    streams_open: int
    requests: int
    cycles: int
    cycle_seconds: CycleSeconds
    backlog_max: int
    cpu_seconds: float
    streams: NotRequired[list[StreamTruth]]


class EngineFailed(Exception):
    """The engine ended by itself, or did not answer; the text has its own words."""


class SyntheticEngine:
    """One engine on a unix socket, and with ``tcp`` on a free port of 127.0.0.1 too.

    ``rate`` is events a second of each stream, ``sweep_cost`` and ``penalty`` are milliseconds,
    ``queue`` samples, ``active`` percent of the containers, ``seconds`` the longest it runs.
    ``churn`` is the text of a script, with lines of ``SECONDS ACTION CONTAINER``.

    Raises `CannotBuild` without a C compiler, `EngineFailed` when it does not start.
    """

    @staticmethod
    def missing() -> str:
        """What this machine lacks to build it, in words; empty when nothing is."""
        return missing()

    def __init__(
        self,
        containers: int = 100,
        *,
        rate: float = 1.0,
        pace: Pace = "spread",
        shape: Shape = "v1",
        cpus: int = 8,
        active: int = 100,
        seed: int = 0,
        sweep_cost: float = 3.5,
        queue: int = 1024,
        penalty: float = 100.0,
        seconds: float = 3600.0,
        churn: str = "",
        api: str = "1.41",
        release: str = "20.10.24",
        tcp: bool = False,
    ) -> None:
        program = built()
        self.folder = Path(tempfile.mkdtemp(prefix="synthetic-"))
        self.socket = self.folder / "docker.sock"
        self.host = f"unix://{self.socket}"
        self.port = _free_port() if tcp else 0
        options: dict[str, object] = {
            "unix": self.socket,
            "templates": self._file("template", template(shape, cpus)),
            "containers": containers,
            "rate": rate,
            "pace": pace,
            "active": active,
            "seed": seed,
            "sweep-cost": sweep_cost,
            "queue": queue,
            "penalty": penalty,
            "seconds": seconds,
            "api": api,
            "release": release,
        }
        if churn:
            options["churn"] = self._file("churn", churn)
        if tcp:
            options["tcp"] = f"127.0.0.1:{self.port}"
        words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
        self._process = subprocess.Popen(
            [str(program), *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._last: Truth | None = None
        try:
            self._wait()
        except BaseException:
            self._end()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    @property
    def pid(self) -> int:
        """Of its process."""
        return self._process.pid

    def truth(self, *, streams: bool = False) -> Truth:
        """What it did so far; with ``streams`` also of each open one."""
        return cast("Truth", self._ask("/_truth?streams=1" if streams else "/_truth"))

    def do(self, action: str, container: int | str) -> bool:
        """What a line of a churn script does, now; false when there was nothing to do."""
        return bool(self._ask(f"/_do/{action}/{container}")["done"])

    def stop(self) -> Truth:
        """End it; the truth at its end, also when it has ended before.

        Raises `EngineFailed` when it broke.
        """
        out, words = self._end()
        if out:
            self._last = cast("Truth", json.loads(out))
        if self._last is None:
            raise EngineFailed(words.strip() or f"ended with {self._process.returncode}")
        return self._last

    def _end(self) -> tuple[str, str]:
        shutil.rmtree(self.folder, ignore_errors=True)
        if self._process.stdout and self._process.stdout.closed:
            return "", ""
        self._process.send_signal(signal.SIGTERM)
        try:
            return self._process.communicate(timeout=5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.communicate()

    def _wait(self) -> None:
        end = time.monotonic() + _START_S
        while True:
            try:
                self.truth()
            except OSError:
                if self._process.poll() is not None or time.monotonic() > end:
                    words = self._end()[1].strip()
                    raise EngineFailed(words or "the synthetic engine does not answer.") from None
                time.sleep(0.01)
            else:
                return

    def _ask(self, path: str) -> dict[str, object]:
        connection = _UnixConnection(self.socket)
        try:
            connection.request("GET", path)
            return cast("dict[str, object]", json.loads(connection.getresponse().read()))
        finally:
            connection.close()

    def _file(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return path


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("docker", timeout=10)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port
