"""A real VictoriaMetrics: takes remote write, Influx lines and Graphite lines, answers PromQL."""

import io
import json
import os
import re
import shutil
import subprocess
import tarfile
import tempfile
import urllib.parse
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from servers.engine import DockerEngine
from servers.process import Process, Stopped, free_ports
from waiting import wait_until

Found = list[tuple[dict[str, str], float]]
"""Labels and value of each series."""

_START_S = 20.0  # half a second on an idle machine


class VictoriaMetrics(Stopped):
    """On free ports of 127.0.0.1; `url` for HTTP, `graphite_port` for plain lines.

    Scrapes ``HOST:PORT`` every second.
    """

    @staticmethod
    def missing() -> str:
        """What this machine lacks to run it, in words; empty when nothing is."""
        return "" if shutil.which("victoria-metrics") else "missing packages: victoria-metrics"

    def __init__(self, *targets: str) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="victoria-metrics-"))
        port, self.graphite_port = free_ports(2)
        self.url = f"http://127.0.0.1:{port}"
        scraping = self.folder / "scraping.yml"
        scraping.write_text(json.dumps(_settings(targets)), encoding="utf-8")  # JSON is YAML
        self._process = Process(
            [
                "victoria-metrics",
                f"-storageDataPath={self.folder}/data",
                f"-httpListenAddr=127.0.0.1:{port}",
                f"-graphiteListenAddr=127.0.0.1:{self.graphite_port}",
                f"-promscrape.config={scraping}",
                "-retentionPeriod=1y",
                "-search.latencyOffset=0s",  # or the newest half minute is not answered
                "-search.disableCache",  # the tests look at what has just come in
                "-memory.allowedBytes=64MB",
            ],
            os.environ,
            self.folder / "log",
        )
        try:
            wait_until(self._answers, _START_S, "an answer of VictoriaMetrics")
        except BaseException:
            self.stop()
            raise

    def query(self, promql: str) -> Found:
        """What an instant query answers now."""
        found = self._get("api/v1/query", query=promql)["data"]["result"]
        return [(one["metric"], float(one["value"][1])) for one in found]

    def samples(self, selector: str) -> list[tuple[dict[str, str], list[float], list[int]]]:
        """Everything stored of each series: its labels, values, and times in milliseconds."""
        text = self._text("api/v1/export", **{"match[]": selector})
        lines = [json.loads(line) for line in text.splitlines()]
        return [(one["metric"], one["values"], one["timestamps"]) for one in lines]

    def stop(self) -> None:
        """End it and remove its folder."""
        self._process.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _answers(self) -> bool:
        self._process.check()
        try:
            return self._text("health") == "OK"
        except OSError:
            return False

    def _get(self, page: str, **query: str) -> Any:
        return json.loads(self._text(page, **query))

    def _text(self, page: str, **query: str) -> str:
        url = f"{self.url}/{page}?{urllib.parse.urlencode(query)}"
        with urllib.request.urlopen(url, timeout=10) as reply:
            return reply.read().decode()


def _settings(targets: Sequence[str]) -> dict[str, Any]:
    jobs = [{"job_name": "/metrics", "static_configs": [{"targets": [*targets]}]}]
    return {"global": {"scrape_interval": "1s"}, "scrape_configs": jobs if targets else []}


def load_into(engine: DockerEngine, image: str) -> None:
    """An image like that of its makers, of the program of this machine and its libraries."""
    program = shutil.which("victoria-metrics") or ""
    told = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
    files = io.BytesIO()
    with tarfile.open(fileobj=files, mode="w", dereference=True) as tar:
        tar.add(program, "victoria-metrics-prod")
        for library in re.findall(r"/[^ :]+", told):
            tar.add(library, library)
    engine.load(image, files.getvalue(), 'ENTRYPOINT ["/victoria-metrics-prod"]')
