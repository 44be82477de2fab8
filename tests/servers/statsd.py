"""A real StatsD, set up as for Kamon, that flushes to a real Graphite."""

import json
import os
import re
import shutil
import socket
import tempfile
from pathlib import Path

from servers.graphite import Graphite
from servers.process import Process, Stopped, free_ports
from waiting import wait_until

_STATS_JS = Path(__file__).parents[2] / ".cache/statsd/node_modules/statsd/stats.js"
_START_S = 20.0  # half a second on an idle machine
# A line of node's inspector: `'web.cpu': 3,`, or `web: [ 1, 2 ]` for a timer.
_ENTRY = re.compile(r"(?:'([^']*)'|(\w+)): (\[[^\]]*\]|[-+.\de]+)")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e[-+]?\d+)?")


class Statsd(Stopped):
    """StatsD on free ports of 127.0.0.1; `port` takes datagrams."""

    @staticmethod
    def missing() -> str:
        """What this machine lacks to run StatsD, in words; empty when nothing is."""
        if not shutil.which("node"):
            return "missing packages: nodejs"
        return "" if _STATS_JS.exists() else "StatsD is not in .cache/statsd"

    def __init__(self, graphite: Graphite, flush_ms: int = 1000) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="statsd-"))
        (self.port,) = free_ports(1, socket.SOCK_DGRAM)
        (self.management_port,) = free_ports(1)
        config = self.folder / "config.js"
        settings = {
            "address": "127.0.0.1",
            "port": self.port,
            "mgmt_address": "127.0.0.1",
            "mgmt_port": self.management_port,
            "backends": ["./backends/graphite"],
            "graphiteHost": "127.0.0.1",
            "graphitePort": graphite.port,
            "graphite": {"legacyNamespace": False},
            "flushInterval": flush_ms,
            "percentThreshold": [50, 75, 90, 95, 98, 99],
        }
        config.write_text(json.dumps(settings), encoding="utf-8")
        self._process = Process(
            ["node", str(_STATS_JS), str(config)], os.environ, self.folder / "out"
        )
        try:
            wait_until(self._answers, _START_S, "an answer of StatsD")
        except BaseException:
            self.stop()
            raise

    def send(self, datagram: str) -> None:
        """Send one datagram, as an exporter would."""
        with socket.socket(type=socket.SOCK_DGRAM) as sender:
            sender.sendto(datagram.encode(), ("127.0.0.1", self.port))

    def counters(self) -> dict[str, float]:
        """The counters of the flush under way; each flush sets them to 0."""
        return {name: values[0] for name, values in self._entries("counters")}

    def timers(self) -> dict[str, list[float]]:
        """The values of the flush under way, up to 100 a timer; each flush empties them."""
        return dict(self._entries("timers"))

    def bad_lines(self) -> int:
        """How many lines StatsD could not read since its start."""
        found = re.search(r"^messages\.bad_lines_seen: (\d+)$", self._ask("stats"), re.MULTILINE)
        assert found is not None, "StatsD tells no count of bad lines"
        return int(found[1])

    def stop(self) -> None:
        """End it and remove its folder."""
        self._process.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _answers(self) -> bool:
        self._process.check()
        try:
            return "bad_lines_seen" in self._ask("stats")
        except OSError:
            return False

    def _entries(self, kind: str) -> list[tuple[str, list[float]]]:
        return [
            (quoted or bare, [float(number) for number in _NUMBER.findall(values)])
            for quoted, bare, values in _ENTRY.findall(self._ask(kind))
        ]

    def _ask(self, command: str) -> str:
        with (
            socket.create_connection(("127.0.0.1", self.management_port), 5) as connection,
            connection.makefile("r", encoding="utf-8") as answer,
        ):
            connection.sendall(f"{command}\n".encode())
            lines: list[str] = []
            for line in answer:
                if line == "END\n":
                    break
                lines.append(line)
            return "".join(lines)
