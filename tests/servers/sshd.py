"""A real OpenSSH server on loopback, with keys of its own, and an ssh that knows the way to it."""

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

from servers.process import Process, ServerError, Stopped, free_ports
from waiting import wait_until

_PATH = "/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin:/usr/local/bin"
_NEEDS = {"sshd": "openssh-server", "ssh": "openssh-client", "ssh-keygen": "openssh-client"}

_SERVER = """
Port {port}
ListenAddress 127.0.0.1
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/user_key.pub
PidFile none
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin yes
StrictModes no
SetEnv DOCKER_HOST={engine}
"""

_CLIENT = """
Host engine
  HostName 127.0.0.1
  Port {port}
  User root
Host *
  IdentityFile {folder}/user_key
  IdentitiesOnly yes
  IdentityAgent none
  UserKnownHostsFile {folder}/known_hosts
  GlobalKnownHostsFile none
  StrictHostKeyChecking yes
"""


class Sshd(Stopped):
    """Started on construction; who logs in finds the docker command set to ``engine``.

    ``folder`` goes first on the PATH: the ssh in it reads our configuration, where ``engine`` is
    the name of the server, and no user's.
    """

    @staticmethod
    def missing() -> str:
        """What this machine lacks to run it, in words; empty when nothing is."""
        if os.geteuid() != 0:
            return "only root can start an ssh server that lets root in"
        packages = {_NEEDS[name] for name in _NEEDS if not shutil.which(name, path=_PATH)}
        return f"missing packages: {' '.join(sorted(packages))}" if packages else ""

    def __init__(self, engine: str) -> None:
        self._base = Path(tempfile.mkdtemp(prefix="sshd-"))
        self.folder = self._base / "bin"
        (self.port,) = free_ports(1)
        self._lay_out(engine)
        Path("/run/sshd").mkdir(exist_ok=True)  # it wants to be shut in there
        program = shutil.which("sshd", path=_PATH) or "sshd"
        self._process = Process(
            [program, "-D", "-e", "-f", str(self._base / "sshd_config")],
            {"PATH": _PATH},
            self._base / "log",
        )
        try:
            wait_until(self._listens, 10, "sshd listens")
        except BaseException:
            self.stop()
            raise

    def log(self) -> str:
        """The last lines of its output."""
        return self._process.log()

    def stop(self) -> None:
        """End it and remove its files."""
        self._process.stop()
        shutil.rmtree(self._base)

    def _lay_out(self, engine: str) -> None:
        for name in ("host_key", "user_key"):
            command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(self._base / name)]
            made = subprocess.run(command, capture_output=True, text=True, check=False, timeout=10)
            if made.returncode != 0:
                raise ServerError(f"ssh-keygen: {made.stderr}")
        host_key = (self._base / "host_key.pub").read_text("ascii")
        (self._base / "known_hosts").write_text(f"[127.0.0.1]:{self.port} {host_key}", "ascii")
        values = {"port": self.port, "folder": self._base, "engine": engine}
        (self._base / "sshd_config").write_text(_SERVER.format(**values), "utf-8")
        (self._base / "ssh_config").write_text(_CLIENT.format(**values), "utf-8")
        self.folder.mkdir()
        ssh = self.folder / "ssh"
        real = shutil.which("ssh", path=_PATH)
        ssh.write_text(f'#!/bin/sh\nexec {real} -F {self._base}/ssh_config "$@"\n', "utf-8")
        ssh.chmod(0o755)

    def _listens(self) -> bool:
        self._process.check()
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
            return True
        return False
