"""The programs that are compared: Tidegauge as users start it, and what else shows containers."""

import os
import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
CLIENTS = Path(__file__).with_name("clients")
PEERS = ROOT / ".cache/bench"
"""Environments of peers, one for each: what one needs must not speed another up."""

CONFIG = """
[[engines]]
host = "{host}"
source = "{source}"
interval = "{interval}s"
[history]
enabled = {history}
path = "{folder}/history.db"
[limits]
series = 2000000
[web]
listen = "127.0.0.1:{port}"
"""


class Start(NamedTuple):
    """A command, the variables it is started with, and how its log is called."""

    command: Sequence[str]
    env: dict[str, str]


class Program(NamedTuple):
    """A name for tables, what it lacks here in words, and how it is started on an engine."""

    name: str
    missing: str
    start: Callable[[str, Path], Start]
    follows: bool = True
    """Whether it holds a stream of each container, as the Engine API is meant to be used."""


def environment(**more: str) -> dict[str, str]:
    """Nothing of the user's own but where programs are."""
    return {"PATH": os.environ["PATH"], "TZ": "UTC", "LANG": "C.UTF-8", **more}


def tidegauge(
    port: int, *, name: str = "tidegauge", history: bool = False, more: str = ""
) -> Program:
    """Our program on the API, its dashboard on a free port; ``more`` is added to its options."""
    return _tidegauge(name, port, "api", 1.0, history=history, more=more)


def tidegauge_direct(port: int, interval: float, pid: int) -> Program:
    """Our program on the host's own files, without a history, beside the engine of this process.

    So it sees the engine's network, as a program does where an engine is installed.
    """
    beside = ("nsenter", "--target", str(pid), "--net", "--")
    return _tidegauge(f"direct, each {interval:g} s", port, "cgroup", interval, before=beside)


def nothing() -> Program:
    """A program that asks for nothing: what the engine takes without any."""
    return Program("nothing", "", lambda *_: Start(("sleep", "1000000"), environment()), False)


def _tidegauge(
    name: str,
    port: int,
    source: str,
    interval: float,
    *,
    history: bool = False,
    more: str = "",
    before: tuple[str, ...] = (),
) -> Program:

    def start(host: str, folder: Path) -> Start:
        file = folder / "tidegauge.toml"
        known = {"host": host, "folder": folder, "port": port, "source": source}
        text = CONFIG.format(**known, interval=interval, history=str(history).lower())
        file.write_text(text + more, encoding="utf-8")
        command = (*before, sys.executable, "-m", "tidegauge", "run", "-c", str(file))
        return Start(command, environment(PYTHONPATH=str(ROOT / "src"), HOME=str(folder)))

    return Program(name, "", start, follows=source == "api")


def docker_stats() -> Program:
    """The ``docker`` command that is found first, all columns, names in full."""

    def start(host: str, folder: Path) -> Start:
        # TERM lets it draw, as it does on a terminal; it does so into a file, too.
        command = ("docker", "--host", host, "stats", "--no-trunc")
        return Start(command, environment(HOME=str(folder), TERM="xterm"))

    lack = "" if shutil.which("docker") else "there is no docker command"
    return Program("docker stats", lack, start)


def docker_py() -> Program:
    """A thread for each stream."""
    return _client("docker-py", "docker_py.py")


def aiodocker() -> Program:
    """A task for each stream; no more than 100 get a connection."""
    return _client("aiodocker", "aiodocker_streams.py")


def drain(streams: int | None = None) -> Program:
    """The least a client can do: reads, and throws away; of all containers, or of so many."""

    def start(host: str, folder: Path) -> Start:
        words = () if streams is None else (str(streams),)
        command = (sys.executable, str(CLIENTS / "drain.py"), host, *words)
        return Start(command, environment(HOME=str(folder)))

    return Program("raw drain", "", start)


def glances() -> Program:
    """Its view of containers alone, every two seconds as by default."""
    program = PEERS / "glances/bin/glances"
    only = ("--disable-plugin", "all", "--enable-plugin", "containers", "--time", "2")

    def start(host: str, folder: Path) -> Start:
        command = (str(program), "--stdout", "containers", *only)
        return Start(command, environment(HOME=str(folder), DOCKER_HOST=host))

    return Program("Glances", "" if program.exists() else "Glances is not installed", start)


def _client(name: str, script: str) -> Program:
    python = PEERS / name / "bin/python"

    def start(host: str, folder: Path) -> Start:
        command = (str(python), str(CLIENTS / script), host)
        return Start(command, environment(HOME=str(folder)))

    return Program(name, "" if python.exists() else f"{name} is not installed", start)
