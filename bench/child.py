"""A program as a child process that never outlives the measurements."""

import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import processes
from processes import Usage

POLITE_S = 10.0


class ProgramError(Exception):
    """A program did not do its part; the text carries the end of its log."""


class Child:
    """One process, ended by its id when its block is left, or with this process by the kernel."""

    def __init__(self, command: Sequence[str], env: Mapping[str, str], log: Path) -> None:
        """Start it; what it prints goes to ``log``."""
        self._log, self._name = log, Path(command[0]).name
        with log.open("ab") as out:
            self._process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", *command],
                env=dict(env),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is for us; we end it in order
            )
        self.pid = self._process.pid

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def usage(self) -> Usage:
        """What it and all its children have taken so far."""
        return processes.usage(processes.tree(self.pid))

    def check(self) -> None:
        """Raise `ProgramError` if it has ended by itself."""
        if (code := self._process.poll()) is not None:
            raise ProgramError(f"{self._name} ended with {code}:\n{self.said()}")

    def said(self) -> str:
        """The last lines of what it printed."""
        text = self._log.read_bytes()[-100_000:].decode(errors="replace")
        return "\n".join(text.splitlines()[-20:])

    def until(
        self, condition: Callable[[], bool], seconds: float, what: str, pause: float = 0.1
    ) -> None:
        """Wait for it; raises `ProgramError` if the child ends first, or too much time passes."""
        end = time.monotonic() + seconds
        while not condition():
            self.check()
            if time.monotonic() > end:
                raise ProgramError(f"{self._name}: after {seconds:g} s still not: {what}")
            time.sleep(pause)

    def stop(self) -> None:
        """SIGTERM, ten seconds to obey, then SIGKILL; returns once it is gone."""
        if self._process.poll() is not None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(POLITE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
