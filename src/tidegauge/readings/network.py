"""Network: cumulative counts per interface.

Interface errors are passed on as sent. Docker on Linux never fills them (libnetwork's
``osl/interface_linux.go``), so there they are always 0; the original dashboard asks for them.
"""

from msgspec import Struct

from tidegauge.docker.frames import Container, NetworkStats, StatsFrame
from tidegauge.docker.intervals import Interval, Life

PODMAN_4_SUM = "network"
"""Podman before 5 sends one entry of this name, seen from the host: rx and tx swapped.

It fills in the bytes only, and sends zeros for a container without a network of its own.
"""


class InterfaceTraffic(Struct, frozen=True, gc=False):
    """One interface, seen from inside the container."""

    name: str
    stats: NetworkStats


class NetworkReading(Struct, frozen=True, gc=False):
    """All interfaces of a container, at the end of an interval."""

    container: Container
    life: Life
    interfaces: tuple[InterfaceTraffic, ...]


def network(interval: Interval) -> NetworkReading | None:
    """Traffic of a container; ``None`` where it has no network of its own.

    That is so with host networking, with none, and with another watched container's, whose
    counters it would repeat.
    """
    seen = interfaces(interval.container, interval.now)
    return NetworkReading(interval.container, interval.life, seen) if seen else None


def interfaces(container: Container, frame: StatsFrame) -> tuple[InterfaceTraffic, ...]:
    """The interfaces whose traffic is this container's own."""
    networks = frame.networks
    if not networks or container.network_of:
        return ()
    if container.engine.kind == "podman" and frame.source == "api":
        networks = {name: _from_inside(name, stats) for name, stats in networks.items()}
    return tuple([InterfaceTraffic(name, n) for name, n in networks.items() if n is not None])


def received(container: Container, frame: StatsFrame) -> int | None:
    """Bytes received over all interfaces so far; ``None`` where there is no traffic of its own."""
    if container.engine.kind == "podman" or container.network_of or not frame.networks:
        counts = [each.stats.rx_bytes for each in interfaces(container, frame)]
    else:
        counts = [each.rx_bytes for each in frame.networks.values() if each is not None]
    known = [count for count in counts if count is not None]
    return sum(known) if known else None


def _from_inside(name: str, stats: NetworkStats | None) -> NetworkStats | None:
    if stats is None or name != PODMAN_4_SUM:
        return stats
    if not stats.rx_bytes and not stats.tx_bytes:
        return None
    return NetworkStats(rx_bytes=stats.tx_bytes, tx_bytes=stats.rx_bytes)
