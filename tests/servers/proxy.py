"""nginx with the configuration of the stack with a proxy, before an engine's socket."""

import http.client
import os
import shutil
import tempfile
from pathlib import Path

from servers.compose import DEPLOY
from servers.engine import PATH
from servers.process import Process, Stopped, free_ports
from waiting import wait_until

_START_S = 20.0


class SocketProxy(Stopped):
    """On a free port of 127.0.0.1; only the places in its configuration are others."""

    @staticmethod
    def missing() -> str:
        """What this machine lacks to run it, in words; empty when nothing is."""
        return "" if shutil.which("nginx", path=PATH) else "missing packages: nginx-light"

    def __init__(self, socket: Path) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="proxy-"))
        (self.port,) = free_ports(1)
        config = self._folder / "nginx.conf"
        text = (DEPLOY / "proxy/nginx.conf").read_text(encoding="utf-8")
        text = text.replace("/tmp/", f"{self._folder}/")
        text = text.replace("unix:/var/run/docker.sock", f"unix:{socket}")
        text = text.replace("listen 2375;", f"listen 127.0.0.1:{self.port};")
        # Started by root it would take another user, who may not use the socket.
        config.write_text(f"user root;\n{text}", encoding="utf-8")
        command = [str(shutil.which("nginx", path=PATH)), "-c", str(config)]
        self._process = Process(command, os.environ, self._folder / "log")
        try:
            wait_until(self._answers, _START_S, "an answer of the proxy")
        except BaseException:
            self.stop()
            raise

    def status(self, method: str, path: str) -> int:
        """The status of the answer to a request, whose path is sent as it is."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request(method, path)
            return connection.getresponse().status
        finally:
            connection.close()

    def stop(self) -> None:
        """End it and remove its folder."""
        self._process.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _answers(self) -> bool:
        self._process.check()
        try:
            return self.status("GET", "/_ping") == http.client.OK
        except OSError:
            return False
