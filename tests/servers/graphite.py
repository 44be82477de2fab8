"""A real Graphite: carbon-cache takes lines, graphite-web answers queries; one-second points."""

import ctypes.util
import http.client
import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

from servers.process import Process, ServerError, Stopped, free_ports, last_lines
from waiting import wait_until

Point = tuple[int, float]  # Unix time in seconds, value

_VENV = Path(__file__).parents[2] / ".cache/graphite"
_START_S = 40.0  # 2-3 s on an idle machine
_RETRY_S = 3.0

_CARBON = """\
[cache]
USER =
ENABLE_LOGROTATION = False
ENABLE_TAGS = False
LOG_UPDATES = False
LOG_CACHE_HITS = False
MAX_CACHE_SIZE = inf
MAX_CREATES_PER_MINUTE = inf
MAX_UPDATES_PER_SECOND = 5000
LINE_RECEIVER_INTERFACE = 127.0.0.1
LINE_RECEIVER_PORT = {port}
PICKLE_RECEIVER_INTERFACE = 127.0.0.1
PICKLE_RECEIVER_PORT = {pickle_port}
CACHE_QUERY_INTERFACE = 127.0.0.1
CACHE_QUERY_PORT = {query_port}
"""

_SCHEMAS = """\
[all]
pattern = .*
retentions = {step}s:1h
"""

_AGGREGATION = """\
[sum]
pattern = \\.(sum|count)$
xFilesFactor = 0
aggregationMethod = sum
[all]
pattern = .*
xFilesFactor = 0
aggregationMethod = average
"""

_WEB = """\
SECRET_KEY = "only for tests"
TIME_ZONE = "UTC"
ALLOWED_HOSTS = ["*"]
CARBONLINK_HOSTS = ["127.0.0.1:{query_port}:a"]
STORAGE_DIR = "{folder}"
LOG_DIR = "{folder}"
CONF_DIR = "{folder}"
DATABASES = {{"default": {{"ENGINE": "django.db.backends.sqlite3", "NAME": "{folder}/web.db"}}}}
"""


class Graphite(Stopped):
    """carbon-cache and graphite-web on free ports of 127.0.0.1; `port` takes plain lines."""

    @staticmethod
    def missing() -> str:
        """What this machine lacks to run Graphite, in words; empty when nothing is."""
        if not shutil.which("setpriv"):
            return "missing packages: util-linux"
        if not ctypes.util.find_library("cairo"):  # it wants to draw, if asked or not
            return "missing packages: libcairo2"
        return "" if (_VENV / "bin/gunicorn").exists() else "Graphite is not in .cache/graphite"

    def __init__(self, step: int = 1) -> None:
        """Start both; it keeps a point for each so many seconds."""
        self.folder = Path(tempfile.mkdtemp(prefix="graphite-"))
        self.port, pickle_port, query_port, self.web_port = free_ports(4)
        self.url = f"http://127.0.0.1:{self.web_port}"
        settings = {
            "folder": self.folder,
            "port": self.port,
            "pickle_port": pickle_port,
            "query_port": query_port,
        }
        for name, text in {
            "carbon.conf": _CARBON.format_map(settings),
            "storage-schemas.conf": _SCHEMAS.format(step=step),
            "storage-aggregation.conf": _AGGREGATION,
            "local_settings.py": _WEB.format_map(settings),
        }.items():
            (self.folder / name).write_text(text, encoding="utf-8")
        (self.folder / "whisper").mkdir()  # or graphite-web, started first, would not look there
        self._env = os.environ | {
            "HOME": str(self.folder),
            "GRAPHITE_ROOT": str(self.folder),
            "GRAPHITE_CONF_DIR": str(self.folder),
            "GRAPHITE_STORAGE_DIR": str(self.folder),
            # Without these two graphite-web quietly takes its defaults.
            "GRAPHITE_SETTINGS_MODULE": "local_settings",
            "PYTHONPATH": f"{self.folder}:{_VENV}/webapp",
            "DJANGO_SETTINGS_MODULE": "graphite.settings",
        }
        self._processes: list[Process] = []
        try:
            self._start()
        except BaseException:
            self.stop()
            raise

    def render(self, target: str, seconds: int = 60) -> list[Point]:
        """The points of one series in the last so many seconds; none if it is not there."""
        found = self.series(target, seconds)
        if len(found) > 1:
            raise ValueError(f"{target} matches {len(found)} series")
        return next(iter(found.values()), [])

    def series(self, target: str, seconds: int = 60) -> dict[str, list[Point]]:
        """The points of every series a target gives, by the series' name in the answer."""
        answer = self._get(
            "render", target=target, format="json", noNullPoints="1", **{"from": f"-{seconds}s"}
        )
        return {one["target"]: [(at, value) for value, at in one["datapoints"]] for one in answer}

    def find(self, query: str) -> list[str]:
        """The paths one level of the tree has, such as ``stats.timers.*``: sorted."""
        return sorted(node["id"] for node in self._get("metrics/find", query=query))

    def stop(self) -> None:
        """End both processes and remove the folder."""
        for process in reversed(self._processes):
            process.stop()
        self._processes.clear()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _start(self) -> None:
        python = str(_VENV / "bin/python")
        migrated = subprocess.run(
            [python, "-m", "django", "migrate", "--run-syncdb", "--verbosity=0"],
            env=self._env,
            capture_output=True,
            text=True,
            timeout=_START_S,
            check=False,
        )
        if migrated.returncode != 0:
            raise ServerError(f"graphite-web's database: {migrated.stderr}")
        carbon = [python, str(_VENV / "bin/carbon-cache.py"), "--nodaemon"]
        files = [f"--config={self.folder}/carbon.conf", f"--pidfile={self.folder}/carbon.pid"]
        self._run([*carbon, *files, "start"], "carbon")
        gunicorn = [python, str(_VENV / "bin/gunicorn"), "--workers=1"]
        self._run([*gunicorn, f"--bind=127.0.0.1:{self.web_port}", "graphite.wsgi"], "web")
        wait_until(self._answers, _START_S, "an answer of Graphite")

    def _run(self, command: list[str], name: str) -> None:
        self._processes.append(Process(command, self._env, self.folder / f"{name}.out"))

    def _answers(self) -> bool:
        for process in self._processes:
            process.check()
        try:
            socket.create_connection(("127.0.0.1", self.port), 5).close()
            self.find("*")
        except OSError:
            return False
        return True

    def _get(self, page: str, **query: str) -> Any:
        url = f"{self.url}/{page}?{urllib.parse.urlencode(query)}"
        end = time.monotonic() + _RETRY_S
        while True:
            try:
                with urllib.request.urlopen(url, timeout=20) as reply:
                    return json.load(reply)
            except urllib.error.HTTPError as error:
                error.close()
                # It stumbles over a file that carbon is making at this very moment.
                if error.code != http.client.INTERNAL_SERVER_ERROR or time.monotonic() > end:
                    log = last_lines(self.folder / "exception.log")
                    raise ServerError(f"{url}: {error.code}\n{log}") from None
            time.sleep(0.05)
