"""Values to a StatsD server, formatted and sent, against the package ``statsd`` from PyPI.

The server is a socket of loopback that nobody reads: what does not fit into it the kernel drops.
"""

import asyncio
import re
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import installed
from made_up import a_journal
from pairs import Measurement, Stopwatch
from recorded_registry import recorded

from tidegauge.clock import SystemClock
from tidegauge.exporters.delivery import Agent
from tidegauge.exporters.statsd import StatsdOptions, statsd
from tidegauge.metrics import Snapshot

VALUES = 30
LARGEST = 1432
"""Bytes of a datagram that fits an Ethernet frame, as the package has it, too."""

SAMPLES = 10
"""Of each series: what a tick has unless the configuration says otherwise."""

MEASUREMENT = re.compile(rb"\|ms(?:\|@([\d.]+))?")


def measurements(quick: bool) -> list[Measurement]:
    """Against a pipeline and against single calls; and how full the datagrams are."""
    containers = 100 if quick else 1000
    sender = Sender(containers)
    fill = Measurement(
        "T12 StatsD: unused part of datagrams",
        *("share", sender.unused, lambda: 0.0, "difference", 0.1),
    )
    if lacks():
        return [fill]
    name = f"T12 StatsD: format and send {VALUES} values"
    return [
        Measurement(
            f"{name} / statsd's pipeline",
            *(f"us/{VALUES} values", sender.ours, sender.pipeline, "ratio", 1 / 6),
        ),
        Measurement(
            f"{name} / statsd's gauge()",
            *(f"us/{VALUES} values", sender.ours, sender.gauges, "ratio", 1 / 14),
        ),
        fill,
    ]


def lacks() -> str:
    """What is not measured, and why."""
    return installed.missing("statsd")


class Sender:
    """One tick of many containers, sent in three ways."""

    def __init__(self, containers: int) -> None:
        self._snapshot, self._rows = asyncio.run(_snapshot(containers)), 100

    def ours(self) -> float:
        """Microseconds of CPU for thirty values."""
        return asyncio.run(self._ours())

    async def _ours(self) -> float:
        with _server() as port:
            options = StatsdOptions(port=port, max_packet_size=LARGEST)
            agent = Agent("web-1", several_engines=False, clock=SystemClock(), journal=a_journal())
            exporter = statsd(options, agent)
            exporter.encode(self._snapshot)  # gives the containers their names
            watch = Stopwatch()
            datagrams = exporter.encode(self._snapshot)
            await exporter.send(datagrams)
            spent = watch.per(1)
            await exporter.close()
        return spent / _values(datagrams) * VALUES

    def unused(self) -> float:
        """Share of all datagrams but the last that is empty; 1 if one is too large."""
        options = StatsdOptions(max_packet_size=LARGEST)
        agent = Agent("web-1", several_engines=False, clock=SystemClock(), journal=a_journal())
        *full, _last = map(len, statsd(options, agent).encode(self._snapshot))
        return 1.0 if max(full) > LARGEST else 1 - sum(full) / len(full) / LARGEST

    def pipeline(self) -> float:
        """The package's own way to send many."""
        from statsd import StatsClient  # noqa: PLC0415 (not everywhere)

        with _server() as port:
            client = StatsClient("127.0.0.1", port, maxudpsize=LARGEST)
            watch = Stopwatch()
            for row in range(self._rows):
                with client.pipeline() as pipe:
                    for value in range(VALUES):
                        pipe.gauge(_key(row, value), value * 1000.5)
            spent = watch.per(self._rows)
            client.close()
        return spent

    def gauges(self) -> float:
        """The package's usual way."""
        from statsd import StatsClient  # noqa: PLC0415 (not everywhere)

        with _server() as port:
            client = StatsClient("127.0.0.1", port)
            watch = Stopwatch()
            for row in range(self._rows):
                for value in range(VALUES):
                    client.gauge(_key(row, value), value * 1000.5)
            spent = watch.per(self._rows)
            client.close()
        return spent


def _key(row: int, value: int) -> str:
    return f"kamon.web-1.docker-cpu.web-{row}.metric-{value}"


async def _snapshot(containers: int) -> Snapshot:
    return (await recorded(containers, SAMPLES)).collect(10.0)


def _values(datagrams: Sequence[bytes]) -> int:
    """A measurement with a sample rate stands for as many values as its inverse."""
    rates = [float(rate or 1) for rate in MEASUREMENT.findall(b"\n".join(datagrams))]
    return sum(round(1 / rate) for rate in rates)


@contextmanager
def _server() -> Iterator[int]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        yield server.getsockname()[1]
