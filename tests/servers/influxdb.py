"""A real InfluxDB 1.6: takes lines over HTTP and UDP, answers InfluxQL."""

import base64
import json
import os
import shutil
import socket
import tempfile
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

from servers.process import Process, ServerError, Stopped, free_ports
from waiting import wait_until

Row = dict[str, Any]
"""A point: ``time`` in nanoseconds, tags and fields by name."""

UDP_DATABASE = "udp"

_START_S = 20.0  # half a second on an idle machine

_CONFIGURATION = """\
reporting-disabled = true
bind-address = "127.0.0.1:{rpc_port}"
[meta]
  dir = "{folder}/meta"
[data]
  dir = "{folder}/data"
  wal-dir = "{folder}/wal"
[http]
  bind-address = "127.0.0.1:{port}"
  auth-enabled = {auth}
[[udp]]
  enabled = true
  bind-address = "127.0.0.1:{udp_port}"
  database = "{udp_database}"
  batch-size = 1
  batch-timeout = "200ms"
"""


class InfluxDb(Stopped):
    """On free ports of 127.0.0.1; `url` for HTTP, `udp_port` for datagrams to `UDP_DATABASE`."""

    @staticmethod
    def missing() -> str:
        """What this machine lacks to run it, in words; empty when nothing is."""
        return "" if shutil.which("influxd") else "missing packages: influxdb"

    def __init__(self, admin: str = "") -> None:
        """Start it; with an ``admin``, ``name:password``, it asks who writes."""
        self.folder = Path(tempfile.mkdtemp(prefix="influxdb-"))
        port, rpc_port = free_ports(2)
        (self.udp_port,) = free_ports(1, socket.SOCK_DGRAM)
        self.url = f"http://127.0.0.1:{port}"
        self._admin = admin
        settings = {"port": port, "rpc_port": rpc_port, "udp_port": self.udp_port}
        auth, udp = "true" if admin else "false", UDP_DATABASE
        file = self.folder / "influxdb.conf"
        file.write_text(
            _CONFIGURATION.format(folder=self.folder, auth=auth, udp_database=udp, **settings),
            encoding="utf-8",
        )
        environ = os.environ | {"HOME": str(self.folder)}
        self._process = Process(
            ["influxd", "run", "-config", str(file)], environ, self.folder / "log"
        )
        try:
            wait_until(self._answers, _START_S, "an answer of InfluxDB")
            self._make_admin()
            self.create(UDP_DATABASE)
        except BaseException:
            self.stop()
            raise

    def create(self, database: str) -> None:
        """Make a database."""
        self._ask(f"CREATE DATABASE {quoted(database)}")

    def rows(self, database: str, query: str) -> list[Row]:
        """What a SELECT answers, rows of all its series; tags of GROUP BY are in each."""
        series = self._ask(query, db=database, epoch="ns").get("series", [])
        return [
            dict(zip(one["columns"], values, strict=True)) | one.get("tags", {})
            for one in series
            for values in one["values"]
        ]

    def stop(self) -> None:
        """End it and remove its folder."""
        self._process.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _make_admin(self) -> None:
        if self._admin:
            name, _, password = self._admin.partition(":")
            self._ask(f"CREATE USER {quoted(name)} WITH PASSWORD '{password}' WITH ALL PRIVILEGES")

    def _answers(self) -> bool:
        self._process.check()
        try:
            with urllib.request.urlopen(f"{self.url}/ping", timeout=5):
                return True
        except OSError:
            return False

    def _ask(self, query: str, **parameters: str) -> Any:
        body = urllib.parse.urlencode({"q": query, **parameters}).encode()
        request = urllib.request.Request(f"{self.url}/query", body)
        if self._admin:
            who = base64.b64encode(self._admin.encode()).decode()
            request.add_header("Authorization", f"Basic {who}")
        with urllib.request.urlopen(request, timeout=20) as reply:
            (answer,) = json.load(reply)["results"]
        if "error" in answer:
            raise ServerError(f"{query}: {answer['error']}")
        return answer


def quoted(name: str) -> str:
    """A name in InfluxQL."""
    escaped = name.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
