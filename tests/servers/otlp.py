"""Real receivers of OTLP over HTTP: rotel, which tells all it gets, and oteltap, which is picky."""

import importlib.util
import json
import os
import re
import shutil
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from servers.process import Process, Stopped, free_ports
from waiting import wait_until

_START_S = 20.0  # half a second on an idle machine


class Point(NamedTuple):
    """A data point with all that stands above it; times are Unix nanoseconds, 0 if not given."""

    resource: Mapping[str, str]
    metric: str
    unit: str
    kind: str
    monotonic: bool
    cumulative: bool
    attributes: Mapping[str, str]
    start: int
    time: int
    value: float
    buckets: tuple[int, ...] = ()


class Receiver(Stopped):
    """A process that takes OTLP at `url` and writes what it understood into its log."""

    package = ""

    @classmethod
    def missing(cls) -> str:
        """What this machine lacks to run it, in words; empty when nothing is."""
        if not shutil.which("setpriv"):
            return "missing packages: util-linux"
        return "" if importlib.util.find_spec(cls.package) else f"{cls.package} is not installed"

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix=f"{self.package}-"))
        self._log = self.folder / "log"
        self.port, *others = free_ports(2)
        self.url = f"http://127.0.0.1:{self.port}/v1/metrics"
        self._process = Process(self._command(*others), os.environ, self._log)
        try:
            wait_until(self._answers, _START_S, f"an answer of {self.package}")
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End it and remove its folder."""
        self._process.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def log(self) -> str:
        """What it wrote so far."""
        return self._log.read_text(encoding="utf-8", errors="replace")

    def _command(self, port: int) -> list[str]:
        raise NotImplementedError

    def _answers(self) -> bool:
        self._process.check()
        try:
            urllib.request.urlopen(self.url, timeout=5).close()
        except urllib.error.HTTPError as refusal:  # it takes no GET, but is there
            refusal.close()
        except OSError:
            return False
        return True


class Oteltap(Receiver):
    """Takes uncompressed protobuf only; it tells nothing of resources."""

    package = "oteltap"

    def points(self) -> list[Point]:
        """Every data point so far, in order of arrival."""
        lines = [line for line in self.log().splitlines() if line.startswith("{")]
        return [point for line in lines for point in _points_of(json.loads(line))]

    def _command(self, port: int) -> list[str]:
        return [sys.executable, "-u", "-m", "oteltap", "--port", str(self.port)]


class Rotel(Receiver):
    """Takes gzip too, and tells of resources."""

    package = "rotel"

    def points(self) -> list[Point]:
        """Every data point so far, in order of arrival."""
        blocks = self.log().split("\nResourceMetrics #")[1:]
        return [point for block in blocks for point in _of(block)]

    def _command(self, port: int) -> list[str]:
        found = importlib.util.find_spec("rotel")
        assert found is not None
        assert found.origin is not None
        return [
            *(str(Path(found.origin).with_name("rotel-agent")), "start"),
            *("--otlp-http-endpoint", f"127.0.0.1:{self.port}"),
            *("--otlp-grpc-endpoint", f"127.0.0.1:{port}"),
            *("--exporter", "blackhole"),
            *("--debug-log", "metrics", "--debug-log-verbosity", "detailed"),
        ]


def _points_of(metric: dict[str, Any]) -> Iterator[Point]:
    """Of one line of oteltap."""
    kind = next(name for name in ("sum", "gauge", "histogram") if name in metric)
    for point in metric[kind]["dataPoints"]:
        yield Point(
            {},
            metric["name"],
            metric["unit"],
            kind,
            monotonic=metric[kind].get("isMonotonic", False),
            cumulative=metric[kind].get("aggregationTemporality") == 2,
            attributes={each["key"]: each["value"]["stringValue"] for each in point["attributes"]},
            start=int(point["startTimeUnixNano"]),
            time=int(point["timeUnixNano"]),
            value=float(next(point[key] for key in ("asInt", "asDouble", "sum") if key in point)),
            buckets=tuple(map(int, point.get("bucketCounts", ()))),
        )


_ATTRIBUTE = re.compile(r"^     -> ([^:]+): (?:Str\((.*)\)|Slice\((.*)\))$", re.MULTILINE)
_ITEM = re.compile(r"^ *(?:-> )?([\w ]+?)(?: #\d+, Count)?: (.+)$", re.MULTILINE)


def _of(block: str) -> Iterator[Point]:
    """Of one resource of rotel's log; it may be writing the last point."""
    head, *metrics = re.split(r"^Metric #\d+\n", block, flags=re.MULTILINE)
    resource = _attributes(head)
    for metric in metrics:
        about, *points = re.split(r"^\w+DataPoints #\d+\n", metric, flags=re.MULTILINE)
        told = dict(_ITEM.findall(about))
        for text in points:
            items = _ITEM.findall(_ATTRIBUTE.sub("", text))
            point = dict(items)
            if not point.keys() & {"Value", "Sum"}:
                return
            yield Point(
                resource,
                told["Name"],
                told["Unit"],
                told["DataType"].lower(),
                monotonic=told.get("IsMonotonic") == "true",
                cumulative=told.get("AggregationTemporality", "").endswith("_CUMULATIVE"),
                attributes=_attributes(text),
                start=int(point["StartTimestamp"]),
                time=int(point["Timestamp"]),
                value=float(point["Value"] if "Value" in point else point["Sum"]),
                buckets=tuple(int(count) for name, count in items if name == "Buckets"),
            )


def _attributes(text: str) -> Mapping[str, str]:
    return {key: one or many for key, one, many in _ATTRIBUTE.findall(text)}
