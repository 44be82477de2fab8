"""A program called ssh that goes no further than a unix socket of this machine."""

import json
import os
import shlex
import sys
from pathlib import Path

import pytest

_RELAY = """#!{python} -SEs
import json, os, selectors, socket, sys
open({log!r}, "a").write(json.dumps([os.getpid(), sys.argv[1:]]) + "\\n")
inner = socket.socket(socket.AF_UNIX)
inner.connect({socket!r})
ready = selectors.DefaultSelector()
ready.register(0, selectors.EVENT_READ, lambda: (os.read(0, 65536), inner.sendall))
ready.register(
    inner, selectors.EVENT_READ, lambda: (inner.recv(65536), lambda data: os.write(1, data))
)
while True:
    for key, _ in ready.select():
        data, send = key.data()
        if not data:
            sys.stderr.write({words!r})
            sys.exit(255 if {words!r} else 0)
        send(data)
"""


class FakeSsh:
    """Stands on the PATH before the real one; ``calls`` are its processes and their words."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        folder.mkdir()
        self._program, self._log = folder / "ssh", folder / "log"
        monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")

    def relay(self, socket: Path, words: str = "") -> None:
        """Join every call with the socket, as `docker system dial-stdio` does.

        With ``words`` the end of the connection is a failure of ssh's own.
        """
        source = _RELAY.format(
            python=sys.executable, log=str(self._log), socket=str(socket), words=words
        )
        self._write(source)

    def fail(self, code: int, *lines: str) -> None:
        """Say these lines and end, as ssh does when it cannot."""
        said = "\n".join(f"echo {shlex.quote(line)} >&2" for line in lines)
        self._write(f"#!/bin/sh\n{said}\nexit {code}\n")

    def hang(self) -> None:
        """Say nothing, and refuse to end when asked politely."""
        log = shlex.quote(str(self._log))
        self._write(
            f"#!/bin/sh\ntrap '' TERM\necho \"[$$, []]\" >> {log}\nwhile :; do sleep 0.1; done\n"
        )

    def _write(self, source: str) -> None:
        self._program.write_text(source, encoding="utf-8")
        self._program.chmod(0o755)

    @property
    def calls(self) -> list[tuple[int, list[str]]]:
        if not self._log.exists():
            return []
        return [json.loads(line) for line in self._log.read_text("utf-8").splitlines()]

    def alive(self) -> list[int]:
        """Its processes that have not ended, or that nobody collected."""
        return [pid for pid, _ in self.calls if Path(f"/proc/{pid}").exists()]
