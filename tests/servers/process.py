"""A server as a child process: it logs to a file, has free ports, and ends with the tests."""

import signal
import socket
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self


class ServerError(Exception):
    """A real server did not do its part; the text carries the end of its log."""


class Stopped(ABC):
    """Runs from its making on, and is stopped at the end of a ``with``."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @abstractmethod
    def stop(self) -> None:
        """End it."""


class Process:
    """One process of a server, ended by `stop` or, if the tests are killed, by the kernel."""

    def __init__(self, command: Sequence[str], env: Mapping[str, str], log: Path) -> None:
        self._log = log
        with log.open("ab") as out:
            # Orphans would hold their ports and files for ever: let them die with their parent.
            self._child = subprocess.Popen(
                ["setpriv", "--pdeathsig", "TERM", *command],
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
            )

    def check(self) -> None:
        """Raise `ServerError` if the process has ended by itself."""
        if (code := self._child.poll()) is not None:
            raise ServerError(f"ended with {code}:\n{self.log()}")

    def log(self) -> str:
        """The last lines of its output."""
        return last_lines(self._log)

    def stop(self) -> None:
        """End it: politely, and after five seconds for certain."""
        end_child(self._child, 5)


def end_child(child: "subprocess.Popen[bytes]", seconds: float) -> None:
    """SIGTERM, so many seconds to obey, then SIGKILL; returns once it is gone."""
    child.send_signal(signal.SIGTERM)
    try:
        child.wait(seconds)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def last_lines(path: Path, count: int = 20) -> str:
    """The end of a text file; nothing if there is none."""
    if not path.exists():
        return ""
    return "\n".join(path.read_text(encoding="utf-8", errors="replace").splitlines()[-count:])


def free_ports(count: int, kind: socket.SocketKind = socket.SOCK_STREAM) -> list[int]:
    """So many different ports of 127.0.0.1 on which nobody listens at this moment."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket(type=kind)) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
