"""Ways to an engine through ssh: one process for each connection, as the docker CLI does it.

The user's own ssh configuration counts: keys, jump hosts, shared connections.
"""

import asyncio
import contextlib
import os
import shlex
import socket
from asyncio.subprocess import Process
from io import BufferedRandom
from typing import Self

from tidegauge.docker.endpoint import SshHost
from tidegauge.errors import EngineUnreachable

GRACE_SECONDS = 1.0

_OPTIONS = (
    *("-o", "BatchMode=yes"),  # nobody is there to type a password
    *("-o", "ConnectTimeout=5"),
    # A dead network is noticed within a minute, as on our own TCP connections.
    *("-o", "ServerAliveInterval=20"),
    *("-o", "ServerAliveCountMax=3"),
    "-T",
)


def ssh_words(host: SshHost) -> list[str]:
    """The words of ssh up to the remote command; ``--`` keeps a host from being an option."""
    return ["ssh", *_OPTIONS, *_destination(host)]


def by_hand(host: SshHost) -> str:
    """What a user can type to see whether it works."""
    at = [f"--host=unix://{host.socket}"] if host.socket else []
    return shlex.join(["ssh", *_destination(host), "docker", *at, "version"])


def _destination(host: SshHost) -> list[str]:
    user = ["-l", host.user] if host.user else []
    port = ["-p", str(host.port)] if host.port else []
    return [*user, *port, "--", host.host]


def remote_command(host: SshHost) -> str:
    """What runs there, for its shell: joins the engine's socket with its input and output."""
    at = [f"--host=unix://{host.socket}"] if host.socket else []
    return shlex.join(["docker", *at, "system", "dial-stdio"])


class Tunnel:
    """One ssh process; what goes into its socket comes out of the engine's."""

    def __init__(self, process: Process, errors: BufferedRandom) -> None:
        self._process, self._errors = process, errors
        self._ended_by_us = False

    @classmethod
    async def open(cls, host: SshHost) -> tuple[Self, socket.socket]:
        """Start ssh; the socket is its input and output. Raises `EngineUnreachable`."""
        ours, theirs = socket.socketpair()
        # Not a pipe: a process that ssh leaves behind for shared connections would keep it open.
        errors = os.fdopen(os.memfd_create("ssh"), "w+b")
        try:
            process = await asyncio.create_subprocess_exec(
                *ssh_words(host),
                remote_command(host),
                stdin=theirs.fileno(),
                stdout=theirs.fileno(),
                stderr=errors,
                start_new_session=True,  # Ctrl-C is for us; we end it in order
            )
        except BaseException as error:
            ours.close()
            errors.close()
            if isinstance(error, OSError):
                raise EngineUnreachable(
                    f"cannot run ssh: {(error.strerror or str(error)).lower()}; is it installed"
                    " (Debian: openssh-client)?"
                ) from error
            raise
        finally:
            theirs.close()
        return cls(process, errors), ours

    def terminate(self) -> None:
        """Ask it to end; `ended` must follow."""
        self._ended_by_us = True
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()

    async def ended(self) -> str:
        """Return when the process is gone; its last words if it failed by itself."""
        for end in (self.terminate, self._process.kill):
            try:
                async with asyncio.timeout(GRACE_SECONDS):
                    await self._process.wait()
                    break
            except TimeoutError:
                with contextlib.suppress(ProcessLookupError):
                    end()
        failed = await self._process.wait() != 0 and not self._ended_by_us
        with self._errors as errors:
            return self._last_words(errors) if failed else ""

    @staticmethod
    def _last_words(errors: BufferedRandom) -> str:
        errors.seek(0)
        lines = errors.read().decode(errors="replace").splitlines()
        said = next((line.strip() for line in reversed(lines) if line.strip()), "nothing")
        said = said.removeprefix("ssh: ").rstrip(".")
        return "".join(sign if sign.isprintable() else "?" for sign in said)
