"""A real Prometheus: scrapes what it is given, takes remote write, answers PromQL."""

import json
import os
import shutil
import tempfile
import urllib.parse
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from servers.process import Process, Stopped, free_ports
from waiting import wait_until

Found = list[tuple[dict[str, str], float]]
"""Labels and value of each series."""

_START_S = 40.0  # 1-2 s on an idle machine


class Prometheus(Stopped):
    """On a free port of 127.0.0.1; scrapes ``HOST:PORT`` or ``HOST:PORT/PATH`` every second."""

    @staticmethod
    def missing() -> str:
        """What this machine lacks to run it, in words; empty when nothing is."""
        found = shutil.which("prometheus") and shutil.which("promtool")
        return "" if found else "missing packages: prometheus"

    def __init__(self, *targets: str) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="prometheus-"))
        (port,) = free_ports(1)
        self.url = f"http://127.0.0.1:{port}"
        config = self.folder / "prometheus.yml"
        config.write_text(json.dumps(_settings(targets)), encoding="utf-8")  # JSON is YAML
        self._process = Process(
            [
                "prometheus",
                f"--config.file={config}",
                f"--storage.tsdb.path={self.folder}/data",
                f"--web.listen-address=127.0.0.1:{port}",
                "--web.enable-remote-write-receiver",
                "--log.level=warn",
            ],
            os.environ,
            self.folder / "log",
        )
        try:
            wait_until(self._answers, _START_S, "an answer of Prometheus")
        except BaseException:
            self.stop()
            raise

    @property
    def log(self) -> str:
        """The last lines of its log."""
        return self._process.log()

    def query(self, promql: str) -> Found:
        """What an instant query answers now."""
        found = self._get("api/v1/query", query=promql)["data"]["result"]
        return [(one["metric"], float(one["value"][1])) for one in found]

    def targets(self) -> Sequence[dict[str, Any]]:
        """What it scrapes, with ``health`` and ``lastError`` of each."""
        found: list[dict[str, Any]] = self._get("api/v1/targets")["data"]["activeTargets"]
        return found

    def stop(self) -> None:
        """End it and remove its folder."""
        self._process.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _answers(self) -> bool:
        self._process.check()
        try:
            return "Ready" in self._text("-/ready")
        except OSError:
            return False

    def _get(self, page: str, **query: str) -> Any:
        return json.loads(self._text(page, **query))

    def _text(self, page: str, **query: str) -> str:
        url = f"{self.url}/{page}?{urllib.parse.urlencode(query)}"
        with urllib.request.urlopen(url, timeout=10) as reply:
            return reply.read().decode()


def _settings(targets: Sequence[str]) -> dict[str, Any]:
    by_path: dict[str, list[str]] = {}
    for target in targets:
        address, _, path = target.partition("/")
        by_path.setdefault(f"/{path or 'metrics'}", []).append(address)
    jobs = [_job(path, addresses) for path, addresses in by_path.items()]
    return {"global": {"scrape_interval": "1s"}, "scrape_configs": jobs}


def _job(path: str, addresses: Sequence[str]) -> dict[str, Any]:
    """A job for each path, named by it."""
    return {"job_name": path, "metrics_path": path, "static_configs": [{"targets": addresses}]}
